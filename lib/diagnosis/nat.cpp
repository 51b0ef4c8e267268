#include "wgscope/diagnosis/nat.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/route.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/nat_behaviour.hpp"

#include "nat_parts.hpp"

namespace wgscope::diagnosis {
namespace {

using enum CheckKind;

using path::NatBehaviourResult;
using path::NatFiltering;
using path::NatMapping;
using path::OtherAddress;

Words words_of(NatMapping mapping) {
  switch (mapping) {
    case NatMapping::none: return "no NAT";
    case NatMapping::endpoint_independent: return "endpoint-independent mapping";
    case NatMapping::same_as_ports_are_kept:
      return "one mapping for all destinations, as ports are kept";
    case NatMapping::endpoint_dependent: return "destination-dependent mapping";
    case NatMapping::address_dependent: return "address-dependent mapping";
    case NatMapping::address_and_port_dependent: return "address- and port-dependent mapping";
    case NatMapping::not_known: return "mapping unknown";
  }
  return "";
}

Words words_of(NatFiltering filtering) {
  switch (filtering) {
    case NatFiltering::endpoint_independent: return "endpoint-independent filtering";
    case NatFiltering::address_dependent: return "address-dependent filtering";
    case NatFiltering::address_and_port_dependent: return "address- and port-dependent filtering";
    case NatFiltering::not_known: return "filtering unknown";
  }
  return "";
}

Words words_of(OtherAddress other) {
  switch (other) {
    case OtherAddress::none: return "names no other address";
    case OtherAddress::same: return "names as its other address the one that was asked";
    case OtherAddress::silent: return "names another address where nothing answers";
    case OtherAddress::ignored: return "does not answer from its other address when asked to";
    case OtherAddress::refused: return "refuses to answer from its other address";
    case OtherAddress::unused: return "was not seen to answer from its other address";
    case OtherAddress::proven: return "answers from its other address";
  }
  return "";
}

bool answered(const NatFacts& facts) {
  return facts.behaviour && std::ranges::any_of(facts.behaviour->servers, [](const auto& server) {
           return server.mapped.has_value();
         });
}

std::vector<Text> server_evidence(const NatFacts& facts) {
  std::vector<Text> lines;
  for (const StunServerFacts& server : facts.servers)
    if (server.error)
      lines.push_back(text("{}: {}", Name{server.name.host}, Name{server.error->context}));
  if (!facts.behaviour) return lines;
  for (const path::StunServerSeen& server : facts.behaviour->servers) {
    if (server.mapped)
      lines.push_back(text("{} sees this host as {}; the server {}", server.server, *server.mapped,
                           words_of(server.other_is)));
    else if (server.error_code)
      lines.push_back(text("{} answers with error {}", server.server, *server.error_code));
    else if (server.untrue)
      lines.push_back(
          text("{} reports the address {}, which cannot be right", server.server, *server.untrue));
    else if (server.answers_others)
      lines.push_back(
          text("{} answers, but not what was asked: its STUN answers carry other "
               "transaction IDs",
               server.server));
    else
      lines.push_back(text("{} {}", server.server,
                           either(server.unreachable, "cannot be reached: an ICMP error arrived",
                                  "does not answer")));
  }
  return lines;
}

Check no_name_resolved(const NatFacts& facts, Finding finding) {
  finding.cause = facts.servers.size() == 1
                      ? text("the name of the STUN server could not be resolved: {}",
                             Name{facts.servers.front().error->context})
                      : text("none of the names of the {} STUN servers could be resolved",
                             facts.servers.size());
  finding.fix = {"check the name: getent ahosts NAME-OF-A-SERVER",
                 "or name a server by its address: wgscope nat --stun ADDRESS:PORT"};
  return make_check(nat_servers, Status::unknown, "no name could be resolved", std::move(finding));
}

Check no_route(Finding finding) {
  finding.cause = "this host has no route to the STUN servers, so NATs on the path are unknown";
  finding.fix = {"find what is missing: ip route get ADDRESS-OF-A-SERVER",
                 "or use servers of the other IP version: with --ipv6, or without"};
  return make_check(nat_servers, Status::unknown, "no route", std::move(finding));
}

Check no_gateway_answered(bool all_refused, Finding finding) {
  if (all_refused) {
    finding.cause =
        "nothing listens on the gateway's port (ICMP port unreachable), so NATs on the path are "
        "unknown";
    finding.fix = {"find out why first: wgscope handshake --config FILE"};
    return make_check(nat_servers, Status::unknown, "nothing listens", std::move(finding));
  }
  finding.cause =
      "the gateway does not answer STUN (ordinary WireGuard does not), so NATs on the path are "
      "unknown";
  finding.fix = {
      "name STUN servers: wgscope nat --stun HOST:PORT --stun HOST:PORT",
      "or measure through the tunnel: wgscope nat --config FILE with --second-peer FILE or "
      "--tcp ADDRESS:PORT",
      "or run an endpoint that answers STUN in place of the gateway, on its host: wgscope listen "
      "--stun --config GATEWAYS-FILE"};
  return make_check(nat_servers, Status::unknown, "no answer", std::move(finding));
}

Check no_answer(const NatFacts& facts, bool all_refused, Finding finding) {
  finding.fix = {"name servers that answer: wgscope nat --stun HOST:PORT --stun HOST:PORT"};
  if (facts.behaviour &&
      std::ranges::any_of(facts.behaviour->servers, &path::StunServerSeen::answers_others)) {
    finding.cause =
        "a STUN server answers, but with other transaction IDs than were sent, so its answers "
        "cannot be used";
    finding.hypotheses = {
        {"something on the path changes or makes up STUN answers", "run this from another network"},
        {"the server is broken", "try others: --stun HOST:PORT"}};
    return make_check(nat_servers, Status::unknown, "no usable answer", std::move(finding));
  }
  if (all_refused)
    finding.hypotheses = {{"nothing listens on that port", "use STUN's usual port, 3478"},
                          {"a firewall rejects UDP to it", "run this from another network"}};
  else
    finding.hypotheses = {
        {"a firewall drops UDP", "wgscope handshake --config FILE; run this from another network"},
        {"the servers are not STUN servers", "try others: --stun HOST:PORT"}};
  return make_check(nat_servers, Status::unknown, "no answer", std::move(finding));
}

Check check_servers(const NatFacts& facts) {
  if (answered(facts)) {
    const auto count = std::ranges::count_if(
        facts.behaviour->servers, [](const auto& server) { return server.mapped.has_value(); });
    return make_check(nat_servers, Status::ok,
                      text("{} of {} STUN servers answer", count, facts.servers.size()));
  }
  if (facts.interrupted) return interrupted(nat_servers);
  Finding finding{.id = FindingId::stun_silent,
                  .cause = "no STUN server answered, so NATs on the path are unknown",
                  .evidence = server_evidence(facts)};
  if (facts.error) finding.evidence.push_back(text("{}", Name{facts.error->context}));
  if (!facts.local && facts.error) return no_route(std::move(finding));
  const auto is_unresolved = [](const StunServerFacts& server) { return server.error.has_value(); };
  if (!facts.servers.empty() && std::ranges::all_of(facts.servers, is_unresolved))
    return no_name_resolved(facts, std::move(finding));
  const bool all_refused =
      facts.behaviour && !facts.behaviour->servers.empty() &&
      std::ranges::all_of(facts.behaviour->servers, &path::StunServerSeen::unreachable);
  if (facts.servers_are_gateways && facts.behaviour)
    return no_gateway_answered(all_refused, std::move(finding));
  return no_answer(facts, all_refused, std::move(finding));
}

/// Chosen: what is remembered for so long is not forgotten between two questions to a server.
constexpr std::chrono::seconds kFewSeconds{10};

std::vector<Hypothesis> why_unstable(const NatFacts& facts) {
  std::vector<Hypothesis> causes;
  const bool lives = facts.lifetime && facts.lifetime->one_way &&
                     facts.lifetime->one_way->alive_after >= kFewSeconds;
  if (!lives)
    causes.push_back(
        {"mappings live only for a few seconds", "the lifetimes that wgscope nat measures"});
  causes.push_back({"the NAT was restarted, or its table is full", "try again"});
  return causes;
}

Check check_mapping(const NatFacts& facts) {
  const NatBehaviourResult& seen = *facts.behaviour;
  std::vector<Text> evidence;
  for (const path::MappingSeen& mapping : seen.mappings)
    if (mapping.socket == path::NatSocket::main)
      evidence.push_back(text("{} sees this host as {}", mapping.destination, mapping.mapped));
  if (seen.changed_meanwhile)
    return make_check(
        nat_mapping, Status::unknown, "the mapping changed while it was measured",
        {.id = FindingId::nat_mapping_unstable,
         .cause = "the outer port changed while it was measured, so comparing ports proves nothing",
         .evidence = std::move(evidence),
         .hypotheses = why_unstable(facts),
         .fix = {"run this again"}});
  if (seen.mapping == NatMapping::not_known && facts.servers_are_gateways) {
    // The question was how long mappings live; the way to the gateway is all that matters for it.
    Check check =
        make_check(nat_mapping, Status::unknown,
                   "only one server address was asked; two are needed (--stun HOST:PORT)");
    check.essential = false;
    return check;
  }
  if (seen.mapping == NatMapping::not_known && facts.interrupted) return interrupted(nat_mapping);
  if (seen.mapping == NatMapping::not_known)
    return make_check(
        nat_mapping, Status::unknown, "only one server address answered; two are needed",
        {.id = FindingId::stun_not_enough,
         .cause = "two different server addresses must answer to compare mappings",
         .evidence = server_evidence(facts),
         .fix = {"name one more server: wgscope nat --stun HOST:PORT --stun HOST:PORT"}});
  if (is_dependent(seen.mapping))
    return make_check(
        nat_mapping, Status::ok,
        text("{}: peers behind other NATs cannot connect directly", words_of(seen.mapping)));
  return make_check(nat_mapping, Status::ok, text("{}", words_of(seen.mapping)));
}

Check check_filtering(const NatFacts& facts) {
  const NatBehaviourResult& seen = *facts.behaviour;
  Check check = make_check(nat_filtering, Status::ok, text("{}", words_of(seen.filtering)));
  check.essential = false;
  if (seen.filtering != NatFiltering::not_known) return check;
  check.status = Status::unknown;
  // Where the mapping depends on the destination nothing sent elsewhere could come in, so that is
  // no fault of the server's.
  const bool lies = std::ranges::any_of(seen.servers, [&](const path::StunServerSeen& server) {
    const bool is_seen_silent =
        server.other_is == OtherAddress::silent || server.other_is == OtherAddress::ignored;
    return server.other_is == OtherAddress::same || (is_seen_silent && !is_dependent(seen.mapping));
  });
  check.summary = "cannot tell: no server answers from another address";
  if (seen.nothing_let_in)
    check.summary =
        "cannot tell: nothing arrived from the server's other address, and perhaps nothing was "
        "sent";
  if (!lies) return check;
  check.finding = {.id = FindingId::stun_other_address_false,
                   .cause = "the STUN server's other address cannot be used to test filtering",
                   .evidence = server_evidence(facts),
                   .fix = {"name a server with two addresses of its own (RFC 5780)"}};
  return check;
}

Check check_ports(const NatFacts& facts) {
  using path::PortKeeping;
  switch (is_behind_nat(facts) ? facts.behaviour->ports : PortKeeping::not_known) {
    case PortKeeping::kept: return make_check(nat_ports, Status::ok, "the NAT keeps port numbers");
    case PortKeeping::changed:
      return make_check(nat_ports, Status::ok, "the NAT changes port numbers");
    case PortKeeping::mixed:
      return make_check(nat_ports, Status::ok, "the NAT keeps some port numbers");
    case PortKeeping::not_known: break;
  }
  Check check = make_check(nat_ports, Status::unknown, "cannot tell");
  check.essential = false;
  return check;
}

Check check_hairpin(const NatFacts& facts) {
  Check check = make_check(nat_hairpin, Status::ok, "");
  check.essential = false;
  const std::optional<bool> hairpin = facts.behaviour->hairpin;
  if (!hairpin || !is_behind_nat(facts)) {
    check.status = Status::unknown;
    check.summary = "cannot tell";
  } else {
    check.summary = *hairpin ? text("hosts inside reach the outer address")
                             : text("hosts inside do not reach the outer address");
  }
  return check;
}

std::optional<Check> check_signs(const NatFacts& facts) {
  if (!facts.local) return std::nullopt;
  const std::optional<IpAddress> mapped = mapped_address(facts);
  const std::optional<IpAddress> outer = router_outer(facts);
  if (!mapped && !outer) return std::nullopt;
  const path::NatSigns signs =
      path::nat_signs({.local = *facts.local, .mapped = mapped, .router_outer = outer});
  Finding finding{.id = FindingId::nat_of_carrier,
                  .cause = "",
                  .evidence = {text("this host sends from {}", *facts.local)},
                  .fix = {"connections from outside need IPv6, or a gateway with a public address",
                          "set PersistentKeepalive on this side"}};
  if (outer) finding.evidence.push_back(text("the router reports the outer address {}", *outer));
  if (mapped) finding.evidence.push_back(text("servers see this host as {}", *mapped));
  if (signs.local_shared) {
    finding.cause = "this host has an address of a carrier's NAT (100.64.0.0/10)";
    return make_check(nat_carrier, Status::warning, "behind a carrier's NAT", std::move(finding));
  }
  if (signs.carrier_grade) {
    finding.cause = "the router reports an outer address of a carrier's NAT (100.64.0.0/10)";
    return make_check(nat_carrier, Status::warning, "behind a carrier's NAT", std::move(finding));
  }
  if (signs.mapped_not_public && *mapped != *facts.local) {
    finding.cause = "the servers are behind a NAT themselves: they see a private address";
    return make_check(nat_carrier, Status::warning, "the servers see a private address",
                      std::move(finding));
  }
  if (!mapped) return std::nullopt;
  return make_check(nat_carrier, Status::ok,
                    outer == mapped
                        ? text("none: servers see the outer address that the router reports")
                        : text("no sign of a carrier's NAT"));
}

std::vector<Check> nat_checks(const NatFacts& facts) {
  std::vector<Check> checks{check_servers(facts)};
  const auto add = [&](std::optional<Check> check) {
    if (check) checks.push_back(std::move(*check));
  };
  if (!answered(facts)) {
    // What the router says of itself, it says without any server.
    if (router_outer(facts)) add(check_signs(facts));
    add(check_router(facts));
    return checks;
  }
  checks.push_back(check_mapping(facts));
  checks.push_back(check_filtering(facts));
  if (facts.behaviour->mapping != NatMapping::none) {
    checks.push_back(check_ports(facts));
    checks.push_back(check_hairpin(facts));
    add(check_signs(facts));
  }
  add(check_router(facts));
  for (Check& check : check_lifetime(facts)) checks.push_back(std::move(check));
  return checks;
}

}  // namespace

bool is_dependent(NatMapping mapping) {
  return mapping == NatMapping::endpoint_dependent || mapping == NatMapping::address_dependent ||
         mapping == NatMapping::address_and_port_dependent;
}

bool is_behind_nat(const NatFacts& facts) {
  if (!facts.behaviour || facts.behaviour->mapping == NatMapping::none) return false;
  const NatBehaviourResult& seen = *facts.behaviour;
  if (seen.mapping != NatMapping::not_known || seen.changed_meanwhile) return true;
  if (seen.ports == path::PortKeeping::changed || seen.ports == path::PortKeeping::mixed)
    return true;
  return std::ranges::any_of(seen.servers, [&](const path::StunServerSeen& server) {
    return server.mapped && server.mapped->address != facts.local;
  });
}

std::vector<Check> diagnose(const NatFacts& facts) {
  if (!facts.route) return nat_checks(facts);
  // What a server answers is no sign of whose address it has.
  std::vector<Check> checks{check_route(*facts.route, true)};
  if (is_astray(*facts.route)) {
    for (const CheckKind kind : {nat_servers, nat_mapping})
      checks.push_back(skipped(kind, FindingId::through_tunnel));
    return checks;
  }
  std::vector<Check> of_nat = nat_checks(facts);
  mark_way(accepted_tunnel(&*facts.route), of_nat);
  std::ranges::move(of_nat, std::back_inserter(checks));
  return checks;
}

Text success(const NatFacts& facts) {
  if (!facts.behaviour) return {};
  Text made = way_prefix(accepted_tunnel(facts.route ? &*facts.route : nullptr));
  made.add(
      text("{}, {}", words_of(facts.behaviour->mapping), words_of(facts.behaviour->filtering)));
  if (facts.lifetime && facts.lifetime->stream && facts.lifetime->stream->alive_after)
    made.add(", ").add(describe_lifetime(*facts.lifetime->stream));
  return made;
}

}  // namespace wgscope::diagnosis
