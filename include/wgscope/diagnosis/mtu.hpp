#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/hop_search.hpp"

// What the search for a path's MTU has shown in each direction, and what that means for the
// tunnel's. checks::mtu() sees; diagnose() knows. All sizes are bytes of whole IP packets.

namespace wgscope::diagnosis {

enum class MtuVerdict : std::uint8_t {
  ok,             ///< datagrams of a full tunnel packet pass
  refused_here,   ///< this host's own interface does not take them
  ptb_reported,   ///< they do not, and a router says so
  black_hole,     ///< they do not, and nobody says so
  loss_not_size,  ///< datagrams are lost, but not for their size
  inconclusive,
};

/// A size that was tried.
struct SizeTried {
  std::size_t size = 0;
  std::size_t sent = 0;
  std::size_t answered = 0;
  bool reported = false;  ///< as too big, by a router
  bool refused = false;   ///< by this host's own interface
};

/// One direction, as datagrams that must not be cut into fragments see it.
struct MtuDirection {
  MtuVerdict verdict = MtuVerdict::inconclusive;
  std::optional<std::size_t> mtu;        ///< the largest that passed
  std::optional<std::size_t> not_above;  ///< the path's MTU is `mtu` … this; nothing: as large as
                                         ///< was tried, or not searched to the end
  bool exact = false;                    ///< the search came to its end
  bool path_changed = false;             ///< while it was searched
  std::optional<std::size_t> own_limit;  ///< of this host's interface, where something was above it
  std::optional<IpAddress> hop;          ///< who reported it, rightly
  std::optional<IpAddress> liar;         ///< who reported an MTU that larger datagrams refuted
  std::optional<std::size_t> lie;        ///< the MTU that was claimed then
  std::size_t probes = 0;
  std::size_t controls = 0;
  std::size_t controls_lost = 0;
  std::vector<SizeTried> tried;
  /// Where larger datagrams are dropped; nothing: not looked for.
  std::optional<path::HopSearchResult> place;
};

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
  bool answered = false;             ///< with a SYN-ACK
  bool refused = false;              ///< or with a reset
  std::optional<std::uint16_t> mss;  ///< as the SYN-ACK says; nothing: it says nothing
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

  std::optional<MtuDirection> forward;   ///< to the gateway; nothing: not tried
  std::optional<MtuDirection> backward;  ///< from it
  /// Where full datagrams do not pass forward whole: whether they do in fragments.
  std::optional<bool> fragments_pass;
  std::optional<std::size_t> largest_fragment;  ///< of the gateway's datagrams that came in some
  bool inner_fragments = false;  ///< the gateway's tunnel has a smaller MTU than ours
  MtuBackward method = MtuBackward::replies;
  std::optional<Endpoint> seen_as;  ///< where our datagrams come from, as the gateway sees it
  std::optional<MtuCutting> cutting;
  std::optional<MtuTcp> tcp;  ///< nothing: not asked
  bool interrupted = false;   ///< by the user
};

/// The tunnel's MTU that is proven to pass, in both directions; nothing where that is not known.
std::optional<std::size_t> fitting_mtu(const MtuFacts& facts);
/// A larger one that may pass too, as the way back is known in steps only; nothing where there is
/// none.
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
