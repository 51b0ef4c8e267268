#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/icmp.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"

#include "handshake_parts.hpp"

// ICMP errors name who refuses, with one catch: what comes from the endpoint's own address may come
// from a NAT in front of it, which has that address.

namespace wgscope::diagnosis {
namespace {

using enum CheckKind;

std::optional<FindingId> finding_of(const IcmpReport& report, const Endpoint& endpoint) {
  const bool itself = report.from == endpoint.address;
  const bool here = report.from_this_host && !itself;  // not so where both are one host
  switch (meaning_of(report)) {
    case IcmpMeaning::port_unreachable:
      if (here) return FindingId::local_firewall;
      return itself ? FindingId::nothing_listens : FindingId::hop_rejects;
    case IcmpMeaning::prohibited:
      if (here) return FindingId::local_firewall;
      return itself ? FindingId::endpoint_rejects : FindingId::hop_rejects;
    case IcmpMeaning::unreachable:
    case IcmpMeaning::loop:
    case IcmpMeaning::too_long: return FindingId::hop_unreachable;
    case IcmpMeaning::other: return std::nullopt;
  }
  return std::nullopt;
}

Text evidence_of(const IcmpVerdict& verdict, const AttemptFacts& attempt) {
  if (verdict.of_initiations)
    return text("{} got {}", counted(attempt.initiations, "initiation", "initiations"),
                describe(verdict.report));
  return text("initiations got no response, but plain bytes to the same port got {}",
              describe(verdict.report));
}

Finding nothing_listens(const AttemptFacts& attempt) {
  const Endpoint& endpoint = attempt.endpoint;
  return {
      .id = FindingId::nothing_listens,
      .cause = text("nothing listens on {}", endpoint),
      .evidence = {},
      .hypotheses =
          {{"the gateway's WireGuard interface is down, or listens on another port",
            text("on the gateway: wg show all listen-port; ss -ulpn | grep {}", endpoint.port)},
           {text("a NAT in front of the gateway has the address {} and does not forward UDP {}",
                 endpoint.address, endpoint.port),
            text("on the gateway: tcpdump -ni any udp port {} shows nothing", endpoint.port)},
           {"a firewall rejects on behalf of the gateway: port unreachable is its default",
            "on the gateway or in front of it: nft list ruleset | grep reject; iptables -S | grep "
            "REJECT"}},
      .fix = {text("on the gateway: wg show; ss -ulpn | grep {}", endpoint.port),
              "bring the interface up: wg-quick up INTERFACE, or systemctl status "
              "wg-quick@INTERFACE; journalctl -u wg-quick@INTERFACE",
              text("or set its port: wg set INTERFACE listen-port {}", endpoint.port)}};
}

Finding endpoint_rejects(const AttemptFacts& attempt, const IcmpReport& report) {
  const Endpoint& endpoint = attempt.endpoint;
  return {
      .id = FindingId::endpoint_rejects,
      .cause = text("the firewall of {} rejects UDP {}: {}", endpoint.address, endpoint.port,
                    icmp_name(report)),
      .evidence = {},
      .hypotheses =
          {{"the gateway's own firewall has a rule that rejects",
            text("on the gateway: nft list ruleset | grep reject; {} -S INPUT",
                 iptables(endpoint.address))},
           {text("a NAT or firewall in front of the gateway has the address {}", endpoint.address),
            text("on the gateway: tcpdump -ni any udp port {} shows nothing", endpoint.port)}},
      .fix = {
          text("on the gateway, before the rule that rejects: nft insert rule inet filter input "
               "udp dport {} accept",
               endpoint.port),
          text("or: {} -I INPUT -p udp --dport {} -j ACCEPT", iptables(endpoint.address),
               endpoint.port)}};
}

/// Port unreachable is what a NAT without a forward says, and what firewalls say by default. The
/// other codes only a rule sends (RFC 1812 §5.2.7.1).
std::vector<Hypothesis> reasons_to_reject(const Endpoint& endpoint, const IcmpReport& report) {
  std::vector<Hypothesis> reasons;
  if (meaning_of(report) == IcmpMeaning::port_unreachable)
    reasons.push_back({text("{} is a NAT that does not forward UDP {} to the gateway", report.from,
                            endpoint.port),
                       text("look at its port forwards; traceroute -n {}", endpoint.address)});
  reasons.push_back({text("{} is a firewall with a rule against it", report.from),
                     "look for reject rules there: nft list ruleset; iptables -S FORWARD"});
  reasons.push_back({text("{} is another address of the gateway itself", report.from),
                     text("on the gateway: ip address show to {}", report.from)});
  return reasons;
}

Finding hop_rejects(const AttemptFacts& attempt, const IcmpReport& report) {
  const Endpoint& endpoint = attempt.endpoint;
  const bool port = meaning_of(report) == IcmpMeaning::port_unreachable;
  return {
      .id = FindingId::hop_rejects,
      .cause = text(
          "{}, on the path to {}, rejects UDP {}: {}", report.from, endpoint.address, endpoint.port,
          port ? Words("a NAT without a forward for the port, or a firewall") : icmp_name(report)),
      .evidence = {},
      .hypotheses = reasons_to_reject(endpoint, report),
      .fix = {
          text("on {}: let UDP {} through to {}", report.from, endpoint.port, endpoint.address)}};
}

Finding local_firewall(const AttemptFacts& attempt, const IcmpReport& report) {
  const Endpoint& endpoint = attempt.endpoint;
  return {.id = FindingId::local_firewall,
          .cause = text("cannot send to {}: a firewall on this host rejects it ({})", endpoint,
                        icmp_name(report)),
          .evidence = {},
          .fix = {text("let UDP to {} out: nft list ruleset | grep reject; {} -S OUTPUT", endpoint,
                       iptables(endpoint.address))}};
}

Text cause_of_unreachable(const AttemptFacts& attempt, const IcmpReport& report) {
  const IpAddress& endpoint = attempt.endpoint.address;
  switch (meaning_of(report)) {
    case IcmpMeaning::loop:
      return text("datagrams to {} run in a routing loop: {} reports that their time is exceeded",
                  endpoint, report.from);
    case IcmpMeaning::too_long:
      return text("{} reports that an initiation of 148 bytes is too large for its link to {}",
                  report.from, endpoint);
    default: break;
  }
  if (report.from_this_host)
    return text("no host on the link answers for {}, or for the router that leads to it", endpoint);
  if (report.from == endpoint)
    return text("{} cannot reach the host behind it: {}", endpoint, icmp_name(report));
  return text("{} cannot reach {}: {}", report.from, endpoint, icmp_name(report));
}

/// A closed port of the host is reported by the host, so it is up.
bool host_itself_answers(const AttemptFacts& attempt) {
  if (!attempt.silence) return false;
  return std::ranges::any_of(
      std::array{&attempt.silence->plain_neighbour, &attempt.silence->wireguard_neighbour},
      [&](const Knock* knock) {
        return knock->answer && knock->answer->from == attempt.endpoint.address;
      });
}

std::vector<Hypothesis> reasons_of_unreachable(const AttemptFacts& attempt,
                                               const IcmpReport& report) {
  const IpAddress& endpoint = attempt.endpoint.address;
  if (meaning_of(report) == IcmpMeaning::loop)
    return {{"two routers each route to the other",
             text("traceroute -n {} shows the same pair again and again", endpoint)}};
  if (report.from_this_host)
    return {{text("{} is on this link, and is down or has another address", endpoint),
             text("ip neighbour show; ip route get {}", endpoint)},
            {"the router of the route is down or does not answer",
             text("ip route get {}; ping -c3 ROUTER", endpoint)}};
  if (report.from == endpoint)
    return {{text("{} is a NAT that forwards to a host that is down", endpoint),
             "look where its port forward leads, and whether that host is up"}};
  std::vector<Hypothesis> reasons{
      {text("{} has no route to the gateway, or lost it", report.from),
       text("traceroute -n {}; ip route get {} on {}", endpoint, endpoint, report.from)},
      {"the endpoint's address is wrong or outdated",
       "compare Endpoint with the gateway's addresses: ip address"}};
  if (!host_itself_answers(attempt))
    reasons.insert(reasons.begin(),
                   {"the gateway is down, or no longer has that address",
                    text("ping -c3 {}; ask its console or its provider", endpoint)});
  return reasons;
}

Finding hop_unreachable(const AttemptFacts& attempt, const IcmpReport& report) {
  const IpAddress& endpoint = attempt.endpoint.address;
  return {.id = FindingId::hop_unreachable,
          .cause = cause_of_unreachable(attempt, report),
          .evidence = {},
          .hypotheses = reasons_of_unreachable(attempt, report),
          .fix = {text("find where the path ends: traceroute -n {}", endpoint),
                  "check that the gateway is up and has the address that Endpoint names"}};
}

Finding make_finding(const IcmpVerdict& verdict, const AttemptFacts& attempt) {
  switch (verdict.id) {
    case FindingId::local_firewall: return local_firewall(attempt, verdict.report);
    case FindingId::nothing_listens: return nothing_listens(attempt);
    case FindingId::endpoint_rejects: return endpoint_rejects(attempt, verdict.report);
    case FindingId::hop_rejects: return hop_rejects(attempt, verdict.report);
    default: return hop_unreachable(attempt, verdict.report);
  }
}

/// What somebody said of datagrams to another port of the host; nullptr: nobody did.
const IcmpReport* answer_of_closed_port(const AttemptFacts& attempt) {
  if (!attempt.silence) return nullptr;
  for (const Knock* knock :
       {&attempt.silence->plain_neighbour, &attempt.silence->wireguard_neighbour})
    if (knock->answer) return &*knock->answer;
  return nullptr;
}

Check nobody_said(const AttemptFacts& attempt) {
  const bool answered = gateway_answered(attempt);
  if (attempt.icmp.empty()) {
    if (answered) return make_check(path_icmp, Status::ok, "no ICMP error arrived");
    if (const IcmpReport* other = answer_of_closed_port(attempt))
      return make_check(path_icmp, Status::unknown,
                        text("no ICMP error about the initiations arrived, but one about a port "
                             "where nothing should listen did: {}",
                             describe(*other)));
    return make_check(path_icmp, Status::unknown,
                      "no ICMP error arrived; that proves nothing, as firewalls drop silently");
  }
  const Text first = describe(attempt.icmp.front());
  if (answered)
    return make_check(path_icmp, Status::ok,
                      text("the endpoint answered, in spite of an ICMP error: {}", first));
  return make_check(path_icmp, Status::unknown,
                    text("an ICMP error that does not explain the silence: {}", first));
}

}  // namespace

std::optional<IcmpVerdict> icmp_verdict(const AttemptFacts& attempt) {
  // Whoever answers is reached: errors are of an earlier time, or forged.
  if (gateway_answered(attempt)) return std::nullopt;
  std::optional<IcmpVerdict> best;
  const auto weigh = [&](const IcmpReport& report, bool of_initiations) {
    const auto id = finding_of(report, attempt.endpoint);
    if (id && (!best || *id < best->id)) best = IcmpVerdict{*id, report, of_initiations};
  };
  for (const IcmpReport& report : attempt.icmp) weigh(report, true);
  if (!best && attempt.silence && attempt.silence->plain_same_port.answer)
    weigh(*attempt.silence->plain_same_port.answer, false);
  return best;
}

Check check_icmp(const Scene& scene) {
  const auto verdict = icmp_verdict(scene.one);
  if (!verdict) return nobody_said(scene.one);
  Finding finding = make_finding(*verdict, scene.one);
  finding.evidence.push_back(evidence_of(*verdict, scene.one));
  for (const IcmpReport& report : scene.one.icmp) {
    const IcmpReport& told = verdict->report;
    if (report.from == told.from && report.type == told.type && report.code == told.code) continue;
    finding.evidence.push_back(text("another ICMP error: {}", describe(report)));
  }
  return make_check(path_icmp, Status::critical,
                    text("{} from {}", icmp_name(verdict->report), verdict->report.from),
                    std::move(finding));
}

}  // namespace wgscope::diagnosis
