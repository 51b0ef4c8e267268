#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "wgscope/base/random.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/os/udp_socket.hpp"

#include "checks/nat/nat_sockets.hpp"

namespace wgscope::checks {

/// Asks around where initiations meet silence, while those go on:
///
///   a closed port, a few plain bytes            a host that is up reports "port unreachable"
///   a closed port, what looks like an initiation   … unless something on the path filters it
///   WireGuard's own port, a few plain bytes      "port unreachable" here: nothing listens
///   the own port, a few bytes with TTL 1, 2, 3 …    how far the path is known
///
/// WireGuard drops the plain bytes without a word in its log.
///
/// Each question is asked up to three times, a second apart, as hosts limit how often they say
/// "unreachable" (RFC 1812 §4.3.2.8; Linux: one a second to each address, six at once). That is
/// kMostDatagrams of at most 148 bytes, in about four seconds.
class SilenceProbe {
 public:
  static constexpr std::size_t kHops = 24;
  static constexpr std::size_t kKnocks = 3;  ///< as in SilenceFacts
  static constexpr std::size_t kRounds = 3;
  static constexpr std::size_t kMostDatagrams = kHops + kKnocks * kRounds;

  /// Begins at once. @param run  outlives the probe. @returns as os::UdpSocket::open().
  static Result<std::unique_ptr<SilenceProbe>> start(Run& run, Random& random,
                                                     const Endpoint& endpoint,
                                                     std::optional<std::uint32_t> mark);

  /// Nothing more is asked or awaited.
  [[nodiscard]] bool done() const;
  /// What is known so far.
  [[nodiscard]] diagnosis::SilenceFacts facts() const;

 private:
  enum class What : std::uint8_t { plain_neighbour, wireguard_neighbour, plain_same_port };

  SilenceProbe(Run& run, Random& random, const Endpoint& endpoint,
               std::optional<std::uint32_t> mark);
  Result<> open();
  void step();
  void knock(What what);
  void climb();
  void take_error(std::size_t place, const os::SocketError& error);
  [[nodiscard]] bool asks_on(What what) const;

  Run& run_;
  Random& random_;
  Endpoint endpoint_;
  Endpoint neighbour_;
  std::array<diagnosis::Knock, kKnocks> knocks_;
  std::array<diagnosis::Hop, kHops> hops_;
  std::size_t steps_ = 0;
  std::size_t hop_probes_ = 0;
  std::optional<Instant> next_step_;
  NatSockets sockets_;  ///< one for each knock, then one for each hop
  os::PollLoop::Watch timer_;
};

}  // namespace wgscope::checks
