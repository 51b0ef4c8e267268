#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/check_kinds.hpp"
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
  replies,  ///< by echo replies, in steps of 16 bytes, and nothing above the setting
  answers,  ///< by answers of the gateway's measuring service, to the byte
};

/// Whether the gateway lets its IPv4 datagrams be cut into fragments.
struct MtuCutting {
  bool dont_fragment = false;  ///< it sets DF: they must not be cut
  bool read = false;           ///< in their headers; else by what came in fragments, and when
};

/// An inner TCP service, asked for the segments that it takes.
struct MtuTcp {
  Endpoint service;
  bool refused = false;  ///< it answered with a reset
  /// As its SYN-ACK says, or the default where that says nothing; nothing: no SYN-ACK came.
  std::optional<std::uint16_t> mss;
  bool announced = true;  ///< false: the SYN-ACK named none (RFC 9293 §3.7.1)
};

struct MtuFacts {
  Endpoint gateway;
  std::uint16_t local_port = 0;     ///< ours, of the flow that was searched
  std::optional<IpAddress> target;  ///< inside the tunnel
  bool target_guessed = false;
  std::size_t tunnel_mtu = 0;  ///< the setting: bytes of inner packets
  std::size_t overhead = 0;    ///< what WireGuard, UDP and IP add: 60 or 80
  bool ipv6_inside = false;    ///< which needs 1280
  std::optional<Nanoseconds> round_trip;

  // As datagrams that must not be fragmented see it; nothing: not tried.
  std::optional<path::MtuResult> forward;   ///< to the gateway
  std::optional<path::MtuResult> backward;  ///< from it
  /// Where larger ones are dropped on the way to the gateway; nothing: not looked for.
  std::optional<path::HopSearchResult> drop;
  /// Where full datagrams do not pass forward whole: whether they do in fragments.
  std::optional<bool> fragments_pass;
  std::optional<std::size_t> largest_fragment;  ///< of the gateway's datagrams that came in some
  bool inner_fragments = false;  ///< the gateway's tunnel has a smaller MTU than ours
  MtuBackward method = MtuBackward::replies;
  std::optional<Endpoint> seen_as;  ///< where our datagrams come from, as the gateway sees it
  std::optional<MtuCutting> cutting;
  std::optional<MtuTcp> tcp;  ///< nothing: not asked
  std::string through = {};   ///< accepted_tunnel() of the route to the gateway
  bool interrupted = false;   ///< by the user
};

/// The tunnel's MTU that is proven to pass, in both directions; nothing where that is not known.
std::optional<std::size_t> fitting_mtu(const MtuFacts& facts);
/// A larger one that may pass too, as the way back is known in steps only; nothing where
/// there is none.
std::optional<std::size_t> likely_mtu(const MtuFacts& facts);

/// Pure: the same facts give the same checks.
std::vector<Check> diagnose(const MtuFacts& facts);
/// What to skip() where no tunnel stands.
inline constexpr CheckKind kMtuChecks[] = {CheckKind::mtu_forward, CheckKind::mtu_backward};

/// Adds the path's MTU in both directions.
void measure(const MtuFacts& facts, Report& report);

/// "MTU 1420 fits: …": Report::success.
Text success(const MtuFacts& facts);

}  // namespace wgscope::diagnosis
