#include <cstddef>
#include <optional>
#include <vector>

#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/nat.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/nat_behaviour.hpp"
#include "wgscope/path/router_query.hpp"

#include "nat_parts.hpp"

// What the next router says of itself, and what follows from that. Routers say untrue things:
// 0.0.0.0 while their line is down, addresses of long ago, their own inner address. So what it
// says is compared with what servers saw, and alone proves nothing but an address that cannot
// be the outermost.

namespace wgscope::diagnosis {
namespace {

using enum CheckKind;

/// Whether a router can have it on its outer side at all.
bool may_be_outer(const IpAddress& address, const RouterFacts& router) {
  const auto first = std::to_integer<unsigned>(address.bytes[0]);
  const bool special = first == 0 || first == 127 || first >= 224;  // RFC 6890
  return address.family == Family::v4 && !special && address != router.address;
}

std::vector<Words> protocols_of(const RouterFacts& router) {
  std::vector<Words> spoken;
  // Words are made of literals at compile time, which emplace_back() cannot do.
  // NOLINTBEGIN(modernize-use-emplace)
  if (router.query.pcp) spoken.push_back("PCP");
  if (router.query.nat_pmp) spoken.push_back("NAT-PMP");
  if (router.upnp.found) spoken.push_back("UPnP");
  // NOLINTEND(modernize-use-emplace)
  return spoken;
}

Text spoken_by(const RouterFacts& router) {
  const std::vector<Words> spoken = protocols_of(router);
  if (spoken.empty()) return "the router speaks none of PCP, NAT-PMP and UPnP";
  Text made = "the router speaks ";
  for (std::size_t i = 0; i < spoken.size(); ++i) {
    if (i > 0) made.add(either(i + 1 == spoken.size(), " and ", ", "));
    made.add(spoken[i]);
  }
  return made;
}

std::vector<Text> router_evidence(const NatFacts& facts) {
  const RouterFacts& router = *facts.router;
  std::vector<Text> lines{text("the router is {}", *router.address)};
  if (router.query.outer) lines.push_back(text("by NAT-PMP it reports {}", *router.query.outer));
  if (router.query.nat_pmp_error)
    lines.push_back(text("by NAT-PMP it reports error {}", *router.query.nat_pmp_error));
  if (router.query.nat_before_router)
    lines.emplace_back("by PCP it reports that a NAT is between it and this host");
  else if (router.query.pcp_error)
    lines.push_back(text("by PCP it reports error {}", *router.query.pcp_error));
  if (router.upnp.outer) lines.push_back(text("by UPnP it reports {}", *router.upnp.outer));
  if (router.upnp.error) lines.push_back(text("{}", Name{router.upnp.error->context}));
  if (router.query.not_understood > 0)
    lines.push_back(text("{} datagrams from it were not answers", router.query.not_understood));
  return lines;
}

Finding another_nat(const NatFacts& facts, const IpAddress& outer) {
  Finding finding{
      .id = FindingId::nat_beyond_router,
      .cause =
          text("the router reports the outer address {}, which is private: if that is right, there "
               "is another NAT beyond it",
               outer),
      .evidence = router_evidence(facts),
      .fix = {"forward the port on both routers, or make the outer one a bridge",
              "or let this host begin the tunnel, with PersistentKeepalive"}};
  const auto mapped = mapped_address(facts);
  if (mapped) finding.evidence.push_back(text("servers see {}", *mapped));
  if (path::is_inner_address(outer)) return finding;
  finding.cause =
      text("the router reports the outer address {}, but servers see {}", outer, *mapped);
  finding.hypotheses = {
      {"another NAT beyond the router translates the address again",
       "traceroute -n to a server shows private addresses"},
      {"the router has several uplinks, or a VPN leads to the servers", "the router's status page"},
      {"the address that the router reports is outdated or wrong", "the router's status page"}};
  return finding;
}

}  // namespace

std::optional<IpAddress> mapped_address(const NatFacts& facts) {
  if (!facts.behaviour) return std::nullopt;
  for (const path::StunServerSeen& server : facts.behaviour->servers)
    if (server.mapped) return server.mapped->address;
  return std::nullopt;
}

std::optional<IpAddress> router_outer(const NatFacts& facts) {
  if (!facts.router) return std::nullopt;
  std::optional<IpAddress> outer;
  const auto mapped = mapped_address(facts);
  for (const auto& said : {facts.router->query.outer, facts.router->upnp.outer}) {
    if (!said || !may_be_outer(*said, *facts.router)) continue;
    // Of two, the one that somebody else confirms.
    if (!outer || said == mapped) outer = said;
  }
  return outer;
}

std::optional<Check> check_router(const NatFacts& facts) {
  if (!facts.router) return std::nullopt;
  const RouterFacts& router = *facts.router;
  Check check = make_check(nat_router, Status::ok, spoken_by(router));
  check.essential = false;
  if (router.error || !router.address) {
    check.status = Status::unknown;
    check.summary = router.error ? text("{}", Name{router.error->context})
                                 : Text("no router on the path is known");
    return check;
  }
  if (facts.interrupted && protocols_of(router).empty()) return interrupted(nat_router);
  if (protocols_of(router).empty()) return check;
  const auto outer = router_outer(facts);
  if (!outer) {
    check.summary.add("; it reports no usable outer address");
    return check;
  }
  check.summary.add(text("; it reports the outer address {}", *outer));
  const bool translated = !facts.behaviour || facts.behaviour->mapping != path::NatMapping::none;
  const path::NatSigns signs = path::nat_signs({.local = facts.local.value_or(IpAddress{}),
                                                .mapped = mapped_address(facts),
                                                .router_outer = outer});
  if (!signs.double_nat || signs.carrier_grade || !translated) return check;
  check.status = Status::warning;
  check.finding = another_nat(facts, *outer);
  return check;
}

}  // namespace wgscope::diagnosis
