#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/route.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/hop_search.hpp"
#include "wgscope/path/mtu_search.hpp"

// What a path's MTU is without a tunnel, as two witnesses at its far end show, and what that means
// for a tunnel there. checks::outer() sees; diagnose() knows. Sizes are bytes of whole IP packets.
//
//   UDP to a closed port   answered by a small "port unreachable": the way there alone
//   echo requests          answered by replies of the same size: the way there and the way back

namespace wgscope::diagnosis {

struct OuterFacts {
  std::string host;  ///< as it was named
  std::optional<Endpoint> host_address;
  std::optional<RouteFacts> route;  ///< to it
  std::optional<Error> error;       ///< why there is no address, or no socket
  std::size_t tunnel_mtu = 0;       ///< the tunnel's that is to fit: bytes of inner packets
  bool tunnel_mtu_known = false;    ///< from a configuration; else it is the usual one
  std::size_t overhead = 0;         ///< what WireGuard, UDP and IP add: 60 or 80
  bool ipv6_inside = false;         ///< which needs 1280
  std::optional<Nanoseconds> round_trip;

  bool udp_answers = false;
  bool udp_rations = false;  ///< answers only some of what comes at once
  bool echo_answers = false;
  std::optional<std::string> echo_refused;  ///< why this host sends no echo requests
  std::optional<std::string> mark_refused;  ///< why packets went without the configuration's mark

  std::optional<path::MtuResult> forward;  ///< by UDP; nothing: not needed, or not answered
  std::optional<path::MtuResult> both;     ///< by echo
  // Where larger packets are dropped, as each witness shows; nothing: not looked for.
  std::optional<path::HopSearchResult> forward_drop;
  std::optional<path::HopSearchResult> both_drop;
  std::optional<std::size_t> largest_fragment;  ///< of replies that came in some
  bool interrupted = false;                     ///< by the user
};

/// The largest that is proven to arrive there.
std::optional<std::size_t> proven_forward(const OuterFacts& facts);
/// What is larger than `both` is dropped before the far end, so it is the way there that
/// takes no more.
bool is_dropped_before_end(const OuterFacts& facts);
/// All that this host's own interface takes passes.
bool is_limited_here(const path::MtuResult& direction);
/// The tunnel's MTU that fits, both ways where that is known and else the way there.
std::optional<std::size_t> fitting_mtu(const OuterFacts& facts);

/// Pure: the same facts give the same checks.
std::vector<Check> diagnose(const OuterFacts& facts);

/// Adds the path's MTU in the directions that are known.
void measure(const OuterFacts& facts, Report& report);

/// "the path to 192.0.2.1 takes 1500 bytes both ways: …": Report::success.
Text success(const OuterFacts& facts);

}  // namespace wgscope::diagnosis
