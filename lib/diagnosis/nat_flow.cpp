#include "wgscope/diagnosis/nat_flow.hpp"

#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/route.hpp"
#include "wgscope/diagnosis/session.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/path/flow_lifetime.hpp"
#include "wgscope/path/keepalive.hpp"

#include "keepalive.hpp"

namespace wgscope::diagnosis {
namespace {

using enum CheckKind;

using path::FlowEnd;
using path::FlowLifetime;
using std::chrono::seconds;

Text caller_of(const FlowFacts& facts) {
  if (facts.method == FlowMethod::twin) return text("the second peer {}", facts.caller.address);
  return text("the service {}", facts.caller);
}

Text describe(const FlowLifetime& found) {
  if (found.alive_after && found.gone_after)
    return text("the tunnel's flow lives for {} to {} s of silence", found.alive_after->count(),
                found.gone_after->count());
  if (found.alive_after)
    return text("the tunnel's flow lives for more than {} s of silence",
                found.alive_after->count());
  return text("the tunnel's flow lives for less than {} s of silence", found.gone_after->count());
}

Text words_of(const path::SilenceTried& tried) {
  const auto whole = [](Nanoseconds time) { return std::chrono::round<seconds>(time).count(); };
  const auto least = whole(tried.least);
  const auto most = whole(tried.most);
  if (tried.alive) return text("after {} s of silence packets came in", least);
  const Text length = most != least ? text("{} to {} s", least, most) : text("{} s", least);
  return text("after {} of silence nothing came in, until this host had sent again", length);
}

std::vector<Text> evidence_of(const FlowFacts& facts) {
  // With TCP it is the host that sends again, or gives up incomplete packets.
  Text caller =
      facts.method == FlowMethod::tcp ? text("the host of {}", caller_of(facts)) : caller_of(facts);
  std::vector<Text> lines{caller.add(" sent packets after silences:")};
  for (const path::SilenceTried& tried : facts.found.tried) {
    if (tried.alive && tried.least < seconds(1)) continue;
    lines.push_back(words_of(tried));
  }
  return lines;
}

bool is_disputed(const FlowFacts& facts) { return facts.taken || facts.sessions_lost > 0; }

// --- do calls come in at all ---

Check not_forwarded(const FlowFacts& facts) {
  Finding finding{
      .id = FindingId::twin_not_forwarded,
      .cause =
          text("the gateway does not forward packets of {} to {}", caller_of(facts), facts.ours),
      .evidence = {text("{} packets sent right after packets of this host: none arrived",
                        facts.found.calls)},
      .hypotheses = {{"the gateway does not forward packets",
                      "on the gateway: sysctl net.ipv4.ip_forward"},
                     {"a firewall on the gateway blocks traffic between peers",
                      "on the gateway: nft list ruleset; iptables -S FORWARD"},
                     {"the gateway's allowed IPs give this host's address to another peer",
                      "on the gateway: wg show INTERFACE allowed-ips"}},
      .fix = {"let the gateway forward between the two probe peers, or name a TCP service inside "
              "the tunnel: --tcp ADDRESS:PORT"}};
  if (facts.rejected_by)
    finding.evidence.push_back(text("{} rejects the packets by ICMP", *facts.rejected_by));
  return make_check(nat_calls, Status::unknown, "packets of the second peer do not arrive",
                    std::move(finding));
}

Words words_of(ServiceFault fault) {
  switch (fault) {
    case ServiceFault::silent: return "does not answer";
    case ServiceFault::refused: return "refuses connections";
    case ServiceFault::no_data:
      return "accepts the connection, but sends nothing, not even when asked by HTTP";
    case ServiceFault::gave_up: return "stopped sending before anything was known";
    case ServiceFault::none: break;
  }
  return "";
}

Check unsuitable(const FlowFacts& facts) {
  return make_check(
      nat_calls, Status::unknown, text("{} {}", caller_of(facts), words_of(facts.fault)),
      {.id = FindingId::service_unsuitable,
       .cause =
           text("{} cannot be used to measure: it {}", caller_of(facts), words_of(facts.fault)),
       .evidence = {text("{} packets were sent to it", facts.found.calls)},
       .fix = {"name a TCP service inside the tunnel that sends first, as SSH does, or answers "
               "HTTP: --tcp ADDRESS:PORT; or a second peer of the gateway: --second-peer FILE"}});
}

Check check_calls(const FlowFacts& facts) {
  if (facts.fault != ServiceFault::none) return unsuitable(facts);
  if (facts.found.end == FlowEnd::no_service && is_disputed(facts))
    return make_check(nat_calls, Status::unknown,
                      text("packets of {} do not arrive; the gateway lost this probe's session "
                           "meanwhile (see \"use of the key\")",
                           caller_of(facts)));
  if (facts.found.end == FlowEnd::no_service) return not_forwarded(facts);
  if (facts.interrupted && facts.found.tried.empty()) return interrupted(nat_calls);
  return make_check(nat_calls, Status::ok,
                    text("packets of {} arrive through the gateway", caller_of(facts)));
}

// --- the lifetime ---

/// What came in after a silence proves that it was survived, whoever else uses the key. What did
/// not come in proves nothing then.
Check disputed_lifetime(const FlowFacts& facts) {
  Text summary = facts.found.alive_after ? describe(facts.found).add("; longer silences could not")
                                         : Text("silences could not");
  const Words why = facts.taken ? Words("another device takes this probe's session")
                    : facts.sessions_lost >= kAgainAndAgain
                        ? Words("the gateway lost this probe's session again and again")
                        : Words("the gateway lost this probe's session meanwhile");
  summary.add(text(" be measured: {} (see \"use of the key\")", why));
  return make_check(nat_flow_lifetime, Status::unknown, std::move(summary));
}

Check check_lifetime(const FlowFacts& facts) {
  const FlowLifetime& found = facts.found;
  if (found.end == FlowEnd::disturbed) {
    const auto by_itself = std::chrono::round<seconds>(*found.broken_after).count();
    return make_check(nat_flow_lifetime, Status::unknown,
                      text("the gateway sends by itself after {} s of silence", by_itself),
                      {.id = FindingId::gateway_speaks,
                       .cause = text("the gateway sends by itself after {} s of silence, so longer "
                                     "silences cannot be measured",
                                     by_itself),
                       .evidence = {text("the gateway broke {} silences", found.broken_silences)},
                       .fix = {"on the gateway, while measuring: wg set INTERFACE peer OUR-KEY "
                               "persistent-keepalive off"}});
  }
  if (is_disputed(facts)) return disputed_lifetime(facts);
  const bool known = found.alive_after || found.gone_after;
  if (found.end == FlowEnd::path_gone) {
    const Text so_far = known ? text("; until then: {}", describe(found)) : Text();
    return make_check(nat_flow_lifetime, Status::unknown,
                      text("the tunnel fell silent while it was measured{}", so_far));
  }
  Text ended = known ? describe(found) : Text();
  if (found.end == FlowEnd::time_over) ended.add("; then the time for measuring was over");
  if (known) return make_check(nat_flow_lifetime, Status::ok, std::move(ended));
  if (facts.interrupted) return interrupted(nat_flow_lifetime);
  return make_check(nat_flow_lifetime, Status::unknown, "nothing was measured");
}

/// What a second run can do about an interval that is within the bracket.
Words how_to_narrow(const FlowFacts& facts) {
  if (facts.method == FlowMethod::twin) return "or let the measurement finish";
  return "or look into the gap, with a number N of seconds that lies in it: wgscope nat --config "
         "FILE --tcp ADDRESS:PORT --keepalive N --longest N; or to the second, with a second peer "
         "of the gateway: wgscope nat --config FILE --second-peer FILE";
}

Check check_keepalive(const FlowFacts& facts) {
  const FlowLifetime& found = facts.found;
  const LifetimeBracket bracket{found.alive_after, found.gone_after};
  return judge_keepalive(nat_flow_keepalive, {.interval = facts.keepalive.value_or(seconds(0)),
                                              .verdict = found.keepalive,
                                              .survived = found.trials,
                                              .own = bracket,
                                              .longest_silence = facts.longest_silence,
                                              .finished = found.end == FlowEnd::done,
                                              .to_narrow = how_to_narrow(facts),
                                              .evidence = evidence_of(facts)});
}

std::vector<Check> flow_checks(const FlowFacts& facts) {
  std::vector<Check> checks{check_calls(facts)};
  const FlowLifetime& found = facts.found;
  const bool known = found.alive_after || found.gone_after;
  if (checks.front().status != Status::ok && !known) return checks;
  const bool wanted = facts.longest_silence > seconds(0);
  if (wanted) checks.push_back(check_lifetime(facts));
  if (!wanted) {
    checks.push_back(make_check(nat_flow_lifetime, Status::skipped, "not measured (--quick)"));
    checks.back().essential = false;
  }
  if (known && (wanted || facts.keepalive)) checks.push_back(check_keepalive(facts));
  return checks;
}

}  // namespace

std::vector<Check> diagnose(const FlowFacts& facts) {
  std::vector<Check> checks = flow_checks(facts);
  mark_way(facts.through, checks);
  return checks;
}

void measure(const FlowFacts& /*facts*/, Report& /*report*/) {}

Text success(const FlowFacts& facts) {
  const FlowLifetime& found = facts.found;
  if (facts.longest_silence == seconds(0) && check_calls(facts).status == Status::ok)
    return text(
        "packets of {} arrive; neither the lifetime nor the keepalive was measured (--quick)",
        caller_of(facts));
  if (!found.alive_after && !found.gone_after) return {};
  Text made = way_prefix(facts.through).add(describe(found));
  if (found.keepalive == path::KeepaliveVerdict::enough && facts.keepalive)
    made.add(", PersistentKeepalive of ").add(facts.keepalive->count()).add(" s is often enough");
  return made;
}

}  // namespace wgscope::diagnosis
