// What else is seen of datagrams: whether the gateway lets its own be cut, which decides what
// becomes of too large ones, and where ours come from.

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
  if (cutting.read) return "read in their headers";
  return cutting.dont_fragment
             ? "as large ones were lost first and came in fragments later"
             : "as large ones came in fragments at once, unless it had learnt the MTU before";
}

}  // namespace

std::optional<Check> seen_as_check(const MtuFacts& facts) {
  if (!facts.seen_as) return std::nullopt;
  return make_check(CheckKind::mtu_seen_as, Status::ok,
                    text("our datagrams reach the gateway from {}", *facts.seen_as));
}

std::optional<Check> cutting_check(const MtuFacts& facts) {
  if (!facts.cutting) return std::nullopt;
  return make_check(
      CheckKind::mtu_cutting, Status::ok,
      facts.cutting->dont_fragment
          ? text("the gateway's datagrams must not be cut (DF is set), {}", by(*facts.cutting))
          : text("the gateway's datagrams may be cut (DF is not set), {}", by(*facts.cutting)));
}

Text cutting_evidence(const MtuFacts& facts) {
  if (facts.gateway.address.family == Family::v6)
    return "over IPv6 no router cuts: what is too large is lost unless the gateway learns of it";
  if (!facts.cutting)
    return "whether the gateway's datagrams may be cut (DF) was not seen: that takes CAP_NET_RAW";
  return facts.cutting->dont_fragment
             ? text(
                   "the gateway's datagrams must not be cut (DF is set, {}): too large ones are "
                   "lost until a router's report reaches it",
                   by(*facts.cutting))
             : text(
                   "the gateway's datagrams may be cut (DF is not set, {}): too large ones go in "
                   "fragments, which is what arrives or is lost",
                   by(*facts.cutting));
}

}  // namespace wgscope::diagnosis
