#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/question.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/checks/tunnel.hpp"
#include "wgscope/diagnosis/mtu.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::checks {

struct MtuOptions {
  std::optional<IpAddress> target;  ///< inside; guessed where absent
  bool quick = false;  ///< only whether the setting in use fits, and what does where it does not
  std::optional<Instant> deadline;  ///< when all has to be over: what is known then is the result
  /// What an earlier search found each way: tried early, which is most of the search where nothing
  /// has changed.
  std::optional<std::size_t> expected_forward{};
  std::optional<std::size_t> expected_backward{};
  std::optional<std::uint16_t> tcp_port;  ///< of a service inside whose MSS is to be looked at
  std::optional<IpAddress> tcp_address;   ///< its address; absent: the target's
  bool read_headers = true;  ///< of arriving datagrams, for DF; takes CAP_NET_RAW, or is left out
};

/// The largest tunnel MTU that is tried: jumbo frames'.
inline constexpr std::uint16_t kLargestTunnelMtu = 8940;

/// Finds the MTU of the path that a tunnel's datagrams take, in both directions.
///
/// Forward with small echo requests that are padded behind their end, inside the encryption, to
/// datagrams of each size, which any peer answers with small replies: exact to the byte. Backward
/// with echo requests as large as the replies are to be, which peers pad to 16 bytes: exact to 16,
/// and to 8 where the gateway's datagrams come in fragments. Ours are sent unfragmented (DF); where
/// a full one does not pass, it is tried whether fragments do. Sends only through the tunnel.
/// @param session  stands.
diagnosis::MtuFacts mtu(Run& run, Session& session, const Target& target,
                        const MtuOptions& options);

/// Asked again, it begins with what it found before, which takes less where nothing has changed.
/// @param tunnel  outlives the question.
/// @param options its deadline and what is expected are not looked at.
/// @returns bad_value: an address that is not inside the tunnel.
Result<std::unique_ptr<Question>> mtu_question(Tunnel& tunnel, MtuOptions options,
                                               Shown<diagnosis::MtuFacts> shown = {});

}  // namespace wgscope::checks
