#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/handshake.hpp"
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
//
// Hosts and firewalls that drop large pings are common. So that larger pings get no reply proves
// nothing of the path by itself: a router's report or UDP of that size has to confirm it.

namespace wgscope::diagnosis {

/// A reply that was not the equal of its echo request. Sizes are bytes of whole IP packets.
struct ChangedReply {
  std::size_t request = 0;
  std::size_t reply = 0;  ///< the same size: it carried other bytes

  friend bool operator==(const ChangedReply&, const ChangedReply&) = default;
};

struct OuterFacts {
  std::string host;  ///< the name or address that the user gave
  /// The address that `host` stands for; nothing: `error` says why.
  std::optional<Endpoint> host_address;
  std::optional<RouteFacts> route;  ///< to it
  std::optional<Error> error;       ///< why there is no address, or no socket
  std::size_t tunnel_mtu = 0;       ///< the tunnel's that is to fit: bytes of inner packets
  bool tunnel_mtu_known = false;    ///< from a configuration; else it is the usual one
  std::size_t overhead = 0;         ///< what WireGuard, UDP and IP add: 60 or 80
  bool ipv6_inside = false;         ///< which needs 1280
  std::optional<Nanoseconds> round_trip;

  bool udp_answers = false;   ///< the host answers UDP to closed ports with ICMP errors
  bool udp_rations = false;   ///< it answers only some of the datagrams that arrive at once
  bool echo_answers = false;  ///< the host answers echo requests
  std::optional<std::string> echo_refused;  ///< why this host cannot send echo requests
  std::optional<std::string> mark_refused;  ///< why packets went without the configuration's mark

  /// Measured by UDP; nothing: not needed, or not answered.
  std::optional<path::MtuResult> forward;
  /// Measured by echo requests; nothing: not answered. With `changed_reply` it is only the largest
  /// size of which an equal came back.
  std::optional<path::MtuResult> both_ways;
  /// Which echo requests arrived, where not all replies were their equals; nothing: all were.
  std::optional<path::MtuResult> forward_echo;
  std::optional<ChangedReply> changed_reply;
  // Where larger packets are dropped, as each witness shows; nothing: not looked for.
  std::optional<path::HopSearchResult> forward_drop;
  std::optional<path::HopSearchResult> echo_drop;
  /// Whether UDP of the size that is lost among pings gets to `echo_drop->first`. Nothing: not
  /// asked, or unknown.
  std::optional<bool> udp_gets_past;
  std::size_t udp_sent = 0;         ///< datagrams that left this host
  std::size_t echo_sent = 0;        ///< echo requests that left it
  std::size_t strange_replies = 0;  ///< replies that carried too little of any request
  // Where nothing answers: why.
  std::optional<int> send_errno;          ///< this host could not send
  std::optional<IcmpReport> unreachable;  ///< somebody reported that packets cannot get there
  /// Bytes of the largest fragment of a reply; nothing: none came.
  std::optional<std::size_t> largest_fragment;
  bool interrupted = false;  ///< the user ended the measurement early
  bool time_over = false;    ///< the limit ended the measurement early
};

/// The largest size that is proven to arrive at the far end. Nothing: unknown.
std::optional<std::size_t> proven_forward(const OuterFacts& facts);
/// Which echo requests were answered, by whatever reply.
const std::optional<path::MtuResult>& found_by_echo(const OuterFacts& facts);
/// Whether everything passes that this host's own interface takes, so that the path may take more.
bool is_limited_here(const path::MtuResult& direction);
/// The largest MTU that a tunnel there can have: in both directions, or forward only where no more
/// is known. Nothing: unknown.
std::optional<std::size_t> fitting_mtu(const OuterFacts& facts);

/// Pure: the same facts give the same checks.
std::vector<Check> diagnose(const OuterFacts& facts);

/// Adds the metrics of the path's MTU in the directions that are known.
void measure(const OuterFacts& facts, Report& report);

/// For Report::success: "the path to 192.0.2.1 takes 1500 bytes both ways: …".
Text success(const OuterFacts& facts);

}  // namespace wgscope::diagnosis
