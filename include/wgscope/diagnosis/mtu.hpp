#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/hop_search.hpp"
#include "wgscope/path/mtu_search.hpp"

// What the search for a path's MTU has shown in each direction, and what that means for the
// tunnel's. checks::mtu() sees; diagnose() knows. All sizes are bytes of whole IP packets.

namespace wgscope::diagnosis {

/// How the way back was measured.
enum class MtuBackward : std::uint8_t {
  replies,  ///< by echo replies: in steps of 16 bytes, and nothing above the configured MTU
  answers,  ///< by answers of the gateway's measuring service: exact to the byte
};

/// Whether the gateway lets its IPv4 datagrams be cut into fragments.
struct MtuCutting {
  bool dont_fragment = false;  ///< the gateway sets DF, so routers must not cut them
  /// Known from the headers of its datagrams; else concluded from fragments that came in.
  bool read = false;
};

/// An inner TCP service, asked for the segments that it takes.
struct MtuTcp {
  Endpoint service;      ///< the address and port that were asked
  bool refused = false;  ///< the service answered with a reset
  /// The segment size that the SYN-ACK announces, or the default where it announces none. Nothing:
  /// no SYN-ACK came.
  std::optional<std::uint16_t> mss;
  bool announced = true;  ///< whether the SYN-ACK named a segment size (RFC 9293 §3.7.1)
};

struct MtuFacts {
  Endpoint gateway;
  std::uint16_t local_port = 0;  ///< this host's UDP port of the flow that was measured
  /// The host inside the tunnel that answered, or should have; nothing: none.
  std::optional<IpAddress> target;
  bool target_guessed = false;  ///< nobody named the target, so it may not answer anything
  std::size_t tunnel_mtu = 0;   ///< the configured MTU: bytes of packets inside the tunnel
  std::size_t overhead = 0;  ///< bytes that WireGuard, UDP and IP add: 60 over IPv4, 80 over IPv6
  bool ipv6_inside = false;  ///< the tunnel carries IPv6, which needs an MTU of 1280
  std::optional<Nanoseconds> round_trip;

  // As datagrams that must not be fragmented see it; nothing: not tried.
  std::optional<path::MtuResult> forward;   ///< from this host to the gateway
  std::optional<path::MtuResult> backward;  ///< from the gateway to this host
  /// Between which hops larger datagrams to the gateway are dropped. Nothing: not looked for.
  std::optional<path::HopSearchResult> drop;
  /// How far the session's data gets at all. Nothing: some of it was answered, or not looked for.
  std::optional<DataTrace> trace;
  /// Whether full datagrams to the gateway arrive when they may be fragmented. Nothing: not tried.
  std::optional<bool> fragments_pass;
  std::optional<std::size_t> largest_fragment;  ///< of the gateway's datagrams that came in some
  bool inner_fragments = false;  ///< the gateway's tunnel has a smaller MTU than ours
  /// Bytes of the largest packet inside the tunnel that `target` answers, where the gateway sent no
  /// reply to larger ones: the numbers of its packets have no gaps. Nothing: not so.
  std::optional<std::size_t> replies_end;
  MtuBackward method = MtuBackward::replies;
  /// Replies did not come, perhaps because the requests for them were lost.
  bool requests_may_be_lost = false;
  std::optional<Endpoint> seen_as;  ///< where our datagrams come from, as the gateway sees it
  std::optional<MtuCutting> cutting;
  std::optional<MtuTcp> tcp;  ///< nothing: not asked
  std::string through = {};   ///< accepted_tunnel() of the route to the gateway
  bool interrupted = false;   ///< by the user
};

/// The largest MTU of the tunnel that is proven to work in both directions. Nothing: unknown.
std::optional<std::size_t> fitting_mtu(const MtuFacts& facts);
/// An MTU above fitting_mtu() that may work too, because the reverse path is known in steps only.
/// Nothing: there is none.
std::optional<std::size_t> likely_mtu(const MtuFacts& facts);

/// Pure: the same facts give the same checks.
std::vector<Check> diagnose(const MtuFacts& facts);
/// The checks to skip() where there is no tunnel.
inline constexpr CheckKind kMtuChecks[] = {CheckKind::mtu_forward, CheckKind::mtu_backward};

/// Adds the metrics of the path's MTU in both directions.
void measure(const MtuFacts& facts, Report& report);

/// For Report::success: "MTU 1420 fits: …".
Text success(const MtuFacts& facts);

}  // namespace wgscope::diagnosis
