// What must not answer. "Closed" is a claim that others build on, so it needs a proof: a refusal,
// or silence while the tunnel carries. A tunnel that is broken would make everything look closed.

#include <algorithm>

#include "wgscope/config/expectations.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/icmp.hpp"
#include "wgscope/diagnosis/reach.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"

#include "reach_parts.hpp"

namespace wgscope::diagnosis {
namespace {

using config::ReachKind;

Check reachable(const ReachScene& scene) {
  const ReachResult& one = scene.one;
  const Text last = describe(one.expectation, one.tries.back());
  return make_reach_check(
      scene, Status::critical, text("{}, but must not be reachable", last),
      {.id = FindingId::reachable_but_must_not,
       .cause =
           text("{} is reachable through the tunnel, but must not be", describe(one.expectation)),
       .evidence = evidence_of(one),
       .fix = {text("on the gateway: add a rule that drops packets of this peer to {}; find the "
                    "rule that lets them pass: nft list ruleset, iptables -S FORWARD",
                    *one.address)}});
}

Check not_told(const ReachScene& scene, const Text& summary, const Text& why, const Text& fix) {
  return make_reach_check(
      scene, Status::unknown, summary,
      {.id = FindingId::reach_not_told,
       .cause = text("cannot tell whether {} is closed: {}", describe(scene.one.expectation), why),
       .evidence = evidence_of(scene.one),
       .fix = {fix}});
}

/// Whether a ping of that IP version is among the targets: then there is no use in asking for one.
bool pings_already(const ReachScene& scene) {
  return std::ranges::any_of(scene.all.results, [&](const ReachResult& other) {
    return other.expectation.kind == ReachKind::icmp && !other.expectation.closed &&
           other.address && other.address->family == scene.one.address->family;
  });
}

Text how_to_prove(const ReachScene& scene) {
  const Words version = either(scene.one.address->family == Family::v4, "IPv4", "IPv6");
  Text fix = pings_already(scene)
                 ? text(
                       "name another target inside the tunnel with an {} address that answers, "
                       "with --icmp or --tcp",
                       version)
                 : text(
                       "name a host inside the tunnel with an {} address that answers, with "
                       "--icmp or --tcp",
                       version);
  if (!scene.all.heard) fix.add("; find out why nothing answers: wgscope handshake --config FILE");
  return fix;
}

/// What keeps silence from being a proof: it is said as it was, for an answer may stand beside it.
Check unproven(const ReachScene& scene) {
  const ReachResult& one = scene.one;
  const auto tell = [&](const Text& summary, const Text& why) {
    return not_told(scene, summary, why, how_to_prove(scene));
  };
  Check check =
      one.heard_before
          ? tell(text("silent, but {} answered only before that", *one.heard_before),
                 text("it is silent, and {} answered before that but not after it: the tunnel may "
                      "have stopped working meanwhile",
                      *one.heard_before))
      : scene.all.heard
          ? tell("silent, and what answered was asked from another address of this peer",
                 text("it is silent, and {}, which answered, was asked from another inner address "
                      "of this peer: the gateway may allow one of them and not the other",
                      *scene.all.heard))
          : tell("silent, and everything else that was asked is silent too",
                 "it is silent, and nothing else inside the tunnel answered");
  for (const IpAddress& silent : silent_pings(scene.all))
    check.finding->evidence.push_back(text("{} does not answer pings either", silent));
  return check;
}

}  // namespace

Check check_closed(const ReachScene& scene) {
  const ReachResult& one = scene.one;
  if (one.resolve_error)
    return not_told(scene, "not looked up",
                    text("its name cannot be looked up: {}", Name{one.resolve_error->context}),
                    "give the address");
  if (one.not_allowed)
    return not_told(
        scene, "not in AllowedIPs, so nothing was sent",
        text("this configuration's AllowedIPs do not cover {}, so nothing was sent", *one.address),
        text("add {} to AllowedIPs under [Peer] of the configuration: what the gateway lets pass "
             "is the question",
             *one.address));
  const ReachTry& last = one.tries.back();
  switch (last.outcome) {
    case ReachOutcome::answered:
    case ReachOutcome::broken:
    case ReachOutcome::stalled: return reachable(scene);
    case ReachOutcome::refused:
      return make_reach_check(one.expectation, Status::ok,
                              text("closed: {} itself refuses", *one.address));
    case ReachOutcome::rejected:
      return make_reach_check(
          one.expectation, Status::ok,
          text("closed: {} reports {}", last.icmp->from, icmp_name(*last.icmp)));
    case ReachOutcome::not_sent:
      return not_told(scene, "not sent", text("nothing could be sent to it: {}", last.why),
                      "compare the target with Address under [Interface] of the configuration");
    case ReachOutcome::silent: break;
  }
  if (one.expectation.kind == ReachKind::udp)
    return not_told(scene, "silent: over UDP that proves nothing",
                    "a service may have received the datagram without answering",
                    text("on {}: tcpdump -ni any udp port {} shows whether it arrives",
                         *one.address, one.expectation.where.port));
  if (!one.tunnel_proven) return unproven(scene);
  return make_reach_check(
      one.expectation, Status::ok,
      text("closed: no answer, asked {}, while the tunnel works", times(one.tries.size())));
}

}  // namespace wgscope::diagnosis
