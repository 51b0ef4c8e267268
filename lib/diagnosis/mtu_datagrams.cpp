// What else is seen of datagrams: whether the gateway lets its own be fragmented, which decides
// what becomes of too large ones, and where ours come from.

#include <optional>

#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/mtu.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"

#include "mtu_parts.hpp"

namespace wgscope::diagnosis {
namespace {

/// How it is known.
Text by(const MtuCutting& cutting) {
  if (cutting.read) return "as their headers show";
  return cutting.dont_fragment
             ? Words("because large ones were lost at first and arrived in fragments later")
             : Words(
                   "because large ones arrived in fragments at once, unless the gateway had learnt "
                   "the MTU before");
}

}  // namespace

std::optional<Check> seen_as_check(const MtuFacts& facts) {
  if (!facts.seen_as) return std::nullopt;
  return make_check(CheckKind::mtu_seen_as, Status::ok,
                    text("the probe's datagrams reach the gateway from {}", *facts.seen_as));
}

std::optional<Check> cutting_check(const MtuFacts& facts) {
  if (!facts.cutting) return std::nullopt;
  return make_check(CheckKind::mtu_cutting, Status::ok,
                    facts.cutting->dont_fragment
                        ? text("routers must not fragment the gateway's datagrams (DF is set, {})",
                               by(*facts.cutting))
                        : text("routers may fragment the gateway's datagrams (DF is not set, {})",
                               by(*facts.cutting)));
}

Text cutting_evidence(const MtuFacts& facts) {
  if (facts.gateway.address.family == Family::v6)
    return "IPv6 routers do not fragment: packets that are too large are lost until the gateway "
           "learns the MTU";
  if (!facts.cutting)
    return "unknown whether routers may fragment the gateway's datagrams (DF): reading their "
           "headers needs CAP_NET_RAW";
  return facts.cutting->dont_fragment
             ? text(
                   "routers must not fragment the gateway's datagrams (DF is set, {}): datagrams "
                   "that are too large are lost until a router's report reaches the gateway",
                   by(*facts.cutting))
             : text(
                   "routers may fragment the gateway's datagrams (DF is not set, {}): datagrams "
                   "that are too large become fragments, which arrive or are lost",
                   by(*facts.cutting));
}

}  // namespace wgscope::diagnosis
