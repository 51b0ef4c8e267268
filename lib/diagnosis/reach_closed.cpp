// What must not answer. "Closed" is a claim that others build on, so it needs a proof: a refusal,
// or silence while the tunnel carries. A tunnel that is broken would make everything look closed.

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
  const Text last = describe(one.wanted, one.tries.back());
  return make_reach_check(
      scene, Status::critical, text("{}, but must not be reachable", last),
      {.id = FindingId::reachable_but_must_not,
       .cause = text("{} is reachable through the tunnel, but must not be", describe(one.wanted)),
       .evidence = evidence_of(one),
       .fix = {text("on the gateway: add a rule that drops packets of this peer to {}; find the "
                    "rule that lets them pass: nft list ruleset, iptables -S FORWARD",
                    *one.address)}});
}

Check not_told(const ReachScene& scene, const Text& summary, const Text& why, const Text& fix) {
  return make_reach_check(
      scene, Status::unknown, summary,
      {.id = FindingId::reach_not_told,
       .cause = text("cannot tell whether {} is closed: {}", describe(scene.one.wanted), why),
       .evidence = evidence_of(scene.one),
       .fix = {fix}});
}

Check unproven(const ReachScene& scene) {
  Check check = not_told(scene, "silent, but everything else that was asked is silent too",
                         "it is silent, and nothing else inside the tunnel answered after it",
                         "name a host inside the tunnel that answers, with --icmp or --tcp; "
                         "wgscope handshake shows why nothing answers");
  for (const IpAddress& control : scene.all.controls)
    check.finding->evidence.push_back(text("{} does not answer pings either", control));
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
      return make_reach_check(one.wanted, Status::ok,
                              text("closed: {} itself refuses", *one.address));
    case ReachOutcome::rejected:
      return make_reach_check(
          one.wanted, Status::ok,
          text("closed: {} reports {}", last.icmp->from, icmp_name(*last.icmp)));
    case ReachOutcome::not_sent:
      return not_told(scene, "not sent", text("nothing could be sent to it: {}", last.why),
                      "compare the target with Address under [Interface] of the configuration");
    case ReachOutcome::silent: break;
  }
  if (one.wanted.kind == ReachKind::udp)
    return not_told(scene, "silent: over UDP that proves nothing",
                    "a service may have received the datagram without answering",
                    text("on {}: tcpdump -ni any udp port {} shows whether it arrives",
                         *one.address, one.wanted.where.port));
  if (!one.tunnel_proven) return unproven(scene);
  return make_reach_check(
      one.wanted, Status::ok,
      text("closed: no answer, asked {}, while the tunnel works", times(one.tries.size())));
}

}  // namespace wgscope::diagnosis
