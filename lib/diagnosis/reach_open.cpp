// What should answer. Silence has many causes, so they are ranked; an ICMP error has one, and names
// who said it.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "wgscope/config/expectations.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/icmp.hpp"
#include "wgscope/diagnosis/reach.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"

#include "reach_parts.hpp"

namespace wgscope::diagnosis {
namespace {

using config::ReachKind;

Check name_not_found(const ReachScene& scene) {
  const ReachResult& one = scene.one;
  const Name name{one.expectation.where.host};
  const Name why{one.resolve_error->context};
  Finding finding{.id = FindingId::lookup_failed,
                  .cause = text("{} cannot be looked up: {}", name, why),
                  .evidence = {}};
  if (one.name_server) {
    finding.evidence.push_back(
        text("the name server {} inside the tunnel was asked", *one.name_server));
    finding.fix = {text("dig @{} {} through the tunnel; or name another server with --dns-server",
                        *one.name_server, name)};
  } else {
    finding.evidence.emplace_back("this host's own name servers were asked");
    finding.fix = {"name the server inside the tunnel that knows this name, with --dns-server"};
  }
  return make_reach_check(scene, Status::critical, text("not looked up: {}", why),
                          std::move(finding));
}

Check not_carried(const ReachScene& scene) {
  const IpAddress& address = *scene.one.address;
  return make_reach_check(
      scene, Status::critical, "not in AllowedIPs, so nothing was sent",
      {.id = FindingId::not_reachable,
       .cause = text(
           "this configuration's AllowedIPs do not cover {}, so the tunnel carries nothing to it",
           address),
       .evidence = {"nothing was sent"},
       .fix = {text("add {} to AllowedIPs under [Peer] of the configuration", address)}});
}

Check not_sent(const ReachScene& scene) {
  const Text& why = scene.one.tries.back().why;
  return make_reach_check(
      scene, Status::critical, text("not sent: {}", why),
      {.id = FindingId::not_reachable,
       .cause = text("nothing could be sent to {}: {}", describe(scene.one.expectation), why),
       .evidence = evidence_of(scene.one),
       .fix = {"compare the target with Address under [Interface] of the configuration"}});
}

Check refused(const ReachScene& scene) {
  const ReachResult& one = scene.one;
  return make_reach_check(
      scene, Status::critical, "refused: nothing listens there",
      {.id = FindingId::refused,
       .cause = text("nothing listens on {} {}: {} refuses", words_of(one.expectation.kind),
                     target_of(one.expectation), *one.address),
       .evidence = evidence_of(one),
       .hypotheses = {{"the service is not running, or listens on another address",
                       text("on {}: ss -tulnp", *one.address)},
                      {text("a firewall rejects in the name of {}", *one.address),
                       text("on {} and on the gateway: nft list ruleset", *one.address)}},
       .fix = {text("on {}: ss -tulnp | grep :{}; start the service that should listen",
                    *one.address, one.expectation.where.port)}});
}

Text fix_of_rejection(const IcmpReport& icmp, const IpAddress& target) {
  switch (meaning_of(icmp)) {
    case IcmpMeaning::unreachable:
      return text("on {}: ip route get {}; is the host up: ip neighbour show {}", icmp.from, target,
                  target);
    case IcmpMeaning::loop:
      return text("on {}: ip route get {} shows a route that leads back", icmp.from, target);
    default:
      return text("on {}: find the rule that rejects: nft list ruleset; iptables -S", icmp.from);
  }
}

Check rejected(const ReachScene& scene, const IcmpReport& icmp) {
  const ReachResult& one = scene.one;
  return make_reach_check(scene, Status::critical,
                          text("{} reports: {}", icmp.from, icmp_name(icmp)),
                          {.id = FindingId::not_reachable,
                           .cause = text("{} reports that {} cannot be reached: {}", icmp.from,
                                         describe(one.expectation), icmp_name(icmp)),
                           .evidence = evidence_of(one),
                           .fix = {fix_of_rejection(icmp, *one.address)}});
}

/// Whether a try shows that its target's host is up and can answer this peer.
bool shows_host(const ReachTry& tried, const IpAddress& host) {
  switch (tried.outcome) {
    case ReachOutcome::answered:
    case ReachOutcome::refused:
    case ReachOutcome::broken:
    case ReachOutcome::stalled: return true;
    case ReachOutcome::rejected: return tried.icmp && tried.icmp->from == host;
    case ReachOutcome::silent:
    case ReachOutcome::not_sent: break;
  }
  return false;
}

struct AnswerOfHost {
  const ReachResult* target = nullptr;
  const ReachTry* tried = nullptr;
};

/// What the same host answered, to this target or to another one; a refusal only where there is
/// nothing better, for firewalls refuse in the name of hosts. Nothing: it was silent always.
std::optional<AnswerOfHost> answer_of_host(const ReachScene& scene) {
  const IpAddress& host = *scene.one.address;
  std::optional<AnswerOfHost> refusal;
  for (const auto* all : {&scene.all.results, &scene.all.pings}) {
    for (const ReachResult& other : *all) {
      if (other.address != host) continue;
      for (const ReachTry& tried : other.tries) {
        if (!shows_host(tried, host)) continue;
        if (tried.outcome != ReachOutcome::refused) return AnswerOfHost{&other, &tried};
        if (!refusal) refusal = AnswerOfHost{&other, &tried};
      }
    }
  }
  return refusal;
}

/// Systems begin at 64, 128 or 255 hops, and routers count down. A reply that arrives with all of
/// them passed no router, so it is the gateway's own.
std::optional<std::uint8_t> full_hop_limit(const ReachScene& scene) {
  for (const auto* all : {&scene.all.results, &scene.all.pings}) {
    for (const ReachResult& other : *all) {
      if (other.address != scene.one.address) continue;
      for (const ReachTry& tried : other.tries)
        if (tried.hop_limit == 64 || tried.hop_limit == 128 || tried.hop_limit == 255)
          return tried.hop_limit;
    }
  }
  return std::nullopt;
}

/// What shows the rules that a packet to the target meets.
Text where_rules_are(const ReachScene& scene) {
  const IpAddress& target = *scene.one.address;
  if (full_hop_limit(scene))
    return text("on the gateway, which {} belongs to: nft list ruleset; iptables -S INPUT", target);
  return text(
      "on the gateway: nft list ruleset; iptables -S FORWARD; on {}: nft list ruleset; "
      "iptables -S INPUT",
      target);
}

/// "TCP port 22"
Text port_of(const config::Expectation& expectation) {
  return text("{} port {}",
              either(expectation.kind == ReachKind::udp || expectation.kind == ReachKind::dns,
                     "UDP", "TCP"),
              expectation.where.port);
}

/// The host answers something else: it is there, it is reached, and it has a way back.
std::vector<Hypothesis> reasons_beside_an_answer(const ReachScene& scene, bool refusal) {
  const ReachResult& one = scene.one;
  if (one.expectation.kind == ReachKind::icmp)
    return {{"a rule drops pings to it, or it does not answer pings", where_rules_are(scene)}};
  std::vector<Hypothesis> reasons{
      {text("a firewall drops {} to {}", port_of(one.expectation), *one.address),
       where_rules_are(scene)}};
  if (one.expectation.kind == ReachKind::tcp || one.expectation.kind == ReachKind::http)
    reasons.push_back({"the service hangs: it listens, and accepts no connections",
                       text("on {}: ss -ltn 'sport = :{}' (Recv-Q above Send-Q: its queue is full)",
                            *one.address, one.expectation.where.port)});
  else
    reasons.push_back({"the service hangs, or does not answer such a request",
                       text("on {}: ss -lun 'sport = :{}'; the service's log", *one.address,
                            one.expectation.where.port)});
  if (refusal)
    reasons.push_back(
        {text("{} is down, and a firewall refuses other ports in its name", *one.address),
         text("on the gateway: ping {}", *one.address)});
  return reasons;
}

std::vector<Text> evidence_of_silence(const ReachScene& scene) {
  std::vector<Text> evidence = evidence_of(scene.one);
  if (const auto other = answer_of_host(scene); other && other->target != &scene.one)
    evidence.push_back(text("the same address answers otherwise: {}: {}",
                            describe(other->target->expectation),
                            describe(other->target->expectation, *other->tried)));
  for (const IpAddress& silent : silent_pings(scene.all))
    if (!scene.all.heard || silent == *scene.one.address)
      evidence.push_back(text("{} does not answer pings", silent));
  if (const auto limit = full_hop_limit(scene))
    evidence.push_back(
        text("{} is the gateway itself: its replies arrive with the full hop limit "
             "of {}, so no router forwards them",
             *scene.one.address, *limit));
  return evidence;
}

std::vector<Hypothesis> reasons_of_silence(const ReachScene& scene) {
  if (const auto other = answer_of_host(scene))
    return reasons_beside_an_answer(scene, other->tried->outcome == ReachOutcome::refused);
  const IpAddress& target = *scene.one.address;
  std::vector<Hypothesis> reasons{
      {"a firewall drops the packets, on the target, on the gateway or between them",
       text("on the gateway: nft list ruleset; iptables -S FORWARD; the same on {}", target)},
      {text("{} is down, or no host has that address", target),
       text("on the gateway: ping {}", target)},
      {"the gateway does not forward there",
       text("on the gateway: sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding; ip route get "
            "{}",
            target)},
      {text("{} has no route back to this peer's inner address", target),
       scene.one.source
           ? text("on {}: ip route get {}", target, *scene.one.source)
           : text("on {}: ip route get ADDRESS, with this peer's Address under [Interface]",
                  target)}};
  if (!scene.all.heard)
    reasons.insert(reasons.begin(), {"the tunnel itself does not carry data",
                                     "find out whether it does: wgscope handshake --config FILE"});
  if (scene.one.expectation.kind == ReachKind::icmp)
    reasons.push_back({text("{} does not answer pings", target), "ask one of its ports: --tcp"});
  return reasons;
}

bool was_anything_else_asked(const ReachScene& scene) {
  return !scene.all.controls.empty() || !scene.all.pings.empty() || scene.all.results.size() > 1;
}

Check silent(const ReachScene& scene) {
  const ReachResult& one = scene.one;
  Text cause = text("{} does not answer", describe(one.expectation));
  const auto answer = answer_of_host(scene);
  if (!scene.all.heard && was_anything_else_asked(scene))
    cause.add(", and nothing else inside the tunnel answers");
  if (answer && answer->target->expectation.kind == ReachKind::icmp &&
      one.expectation.kind != ReachKind::icmp)
    cause = text(
        "{} answers pings through the tunnel, but {} does not answer: this port is "
        "filtered, or its service hangs",
        *one.address, port_of(one.expectation));
  else if (answer)
    cause.add(either(one.expectation.kind == ReachKind::icmp,
                     ", but the same address answers otherwise",
                     ", but the same address answers otherwise: this port is filtered, or its "
                     "service hangs"));
  return make_reach_check(
      scene, Status::critical, text("no answer, asked {}", times(one.tries.size())),
      {.id = FindingId::not_reachable,
       .cause = std::move(cause),
       .evidence = evidence_of_silence(scene),
       .hypotheses = reasons_of_silence(scene),
       .fix = {text("on the gateway: tcpdump -ni any host {} shows how far the packets get",
                    *one.address)}});
}

/// A datagram's silence is that of a closed port behind a firewall, and that of a service that does
/// not care for what we sent.
Check silent_udp(const ReachScene& scene) {
  const ReachResult& one = scene.one;
  return make_reach_check(
      scene, Status::unknown,
      text("no answer, asked {}: over UDP that proves nothing", times(one.tries.size())),
      {.id = FindingId::reach_not_told,
       .cause = text("cannot tell whether {} is reachable: over UDP, a service that ignores "
                     "unknown requests and a firewall are both silent",
                     describe(one.expectation)),
       .evidence = evidence_of_silence(scene),
       .hypotheses = reasons_of_silence(scene),
       .fix = {text("on {}: tcpdump -ni any udp port {} shows whether it arrives", *one.address,
                    one.expectation.where.port),
               "use a request that the service answers: --dns for a name server"}});
}

Check wrong_dns(const ReachScene& scene, const DnsFacts& dns) {
  const config::Expectation& expectation = scene.one.expectation;
  const Name name{expectation.question};
  Text cause =
      text("{} is not found by the name server {}: {}", name, *scene.one.address, rcode_of(dns));
  Text summary = text("the answer is {}", rcode_of(dns));
  if (dns.rcode == "NOERROR" && dns.addresses.empty()) {
    cause = text("the name server {} has no {} address of {}", *scene.one.address,
                 either(expectation.family == Family::v4, "IPv4", "IPv6"), name);
    summary = "no address";
  } else if (dns.rcode == "NOERROR") {
    cause = text("{} has other addresses than expected", name);
    summary = "other addresses than expected";
  }
  Finding finding{.id = FindingId::lookup_failed,
                  .cause = std::move(cause),
                  .evidence = evidence_of(scene.one),
                  .fix = {text("compare with the zone: dig @{} {}", *scene.one.address, name)}};
  if (!expectation.answers.empty()) {
    Text expected = "expected:";
    for (const IpAddress& address : expectation.answers) expected.add(" ").add(address);
    finding.evidence.push_back(std::move(expected));
  }
  return make_reach_check(scene, Status::critical, std::move(summary), std::move(finding));
}

Check wrong_http(const ReachScene& scene, const Text& what) {
  const config::Expectation& expectation = scene.one.expectation;
  Finding finding{.id = FindingId::http_status,
                  .cause = text("{}: {}", target_of(expectation), what),
                  .evidence = evidence_of(scene.one),
                  .fix = {"the tunnel carries: look at the log of the HTTP server"}};
  if (expectation.status)
    finding.evidence.push_back(text("expected: status {}", *expectation.status));
  return make_reach_check(scene, Status::critical, what, std::move(finding));
}

Check unstable(const ReachScene& scene, std::size_t good) {
  const ReachResult& one = scene.one;
  return make_reach_check(
      scene, Status::warning, text("{} of {} tries", good, one.tries.size()),
      {.id = FindingId::reach_unstable,
       .cause = text("{} is reachable only sometimes: {} of {} tries", describe(one.expectation),
                     good, one.tries.size()),
       .evidence = evidence_of(one),
       .hypotheses = {{"packets are lost, in the tunnel or behind it",
                       "measure it: wgscope ping --config FILE"},
                      {"several hosts share the address, and not all of them answer",
                       "behind a load balancer, ask each host by itself"},
                      {"the service is overloaded, or a rule limits new connections",
                       "on the target: ss -s; nft list ruleset"}},
       .fix = {"run again with more --tries; measure the loss: wgscope ping --config FILE"}});
}

Check nothing_fits(const ReachScene& scene) {
  const ReachResult& one = scene.one;
  if (const ReachTry* answer = first_of(one, ReachOutcome::answered)) {
    if (answer->dns) return wrong_dns(scene, *answer->dns);
    if (answer->http_status) return wrong_http(scene, text("HTTP status {}", *answer->http_status));
  }
  if (first_of(one, ReachOutcome::refused) != nullptr) return refused(scene);
  if (const ReachTry* by_icmp = first_of(one, ReachOutcome::rejected))
    return rejected(scene, *by_icmp->icmp);
  if (const ReachTry* broken = first_of(one, ReachOutcome::broken))
    return wrong_http(scene, broken->why);
  if (first_of(one, ReachOutcome::stalled) != nullptr)
    return wrong_http(scene, "connected, but no HTTP answer arrived");
  if (one.tries.back().outcome == ReachOutcome::not_sent) return not_sent(scene);
  return one.expectation.kind == ReachKind::udp ? silent_udp(scene) : silent(scene);
}

}  // namespace

Check check_open(const ReachScene& scene) {
  const ReachResult& one = scene.one;
  if (one.resolve_error) return name_not_found(scene);
  if (one.not_allowed) return not_carried(scene);
  const auto good = static_cast<std::size_t>(std::ranges::count_if(
      one.tries, [&](const ReachTry& tried) { return is_as_wanted(one.expectation, tried); }));
  if (good == 0) return nothing_fits(scene);
  if (good < one.tries.size()) return unstable(scene, good);
  const Text answer = describe(one.expectation, one.tries.front());
  return make_reach_check(one.expectation, Status::ok,
                          good == 1 ? answer : text("{}, {} of {} tries", answer, good, good));
}

}  // namespace wgscope::diagnosis
