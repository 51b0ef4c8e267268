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
  std::optional<IpAddress> target;  ///< an address inside the tunnel; nothing: one is guessed
  /// Only finds out whether the MTU in use fits, and which one does where it does not.
  bool quick = false;
  std::optional<Instant> deadline;  ///< when the check must end: what is known then is the result
  /// The sizes that an earlier search found in each direction. They are tried early, so a search
  /// takes hardly longer than that where nothing has changed.
  std::optional<std::size_t> expected_forward{};
  std::optional<std::size_t> expected_backward{};
  /// Port of a service inside the tunnel whose MSS is to be read; nothing: none.
  std::optional<std::uint16_t> tcp_port;
  std::optional<IpAddress> tcp_address;  ///< address of that service; nothing: `target`
  /// Read DF in headers of arriving datagrams; left out without CAP_NET_RAW.
  bool read_headers = true;
};

/// The largest tunnel MTU that is tried: what fits a jumbo frame.
inline constexpr std::uint16_t kLargestTunnelMtu = 8940;

/// The most time that mtu() takes without a deadline, whatever the path loses.
inline constexpr Nanoseconds kMtuMost = std::chrono::seconds{60};

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
