#include "keepalive.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/path/keepalive.hpp"

namespace wgscope::diagnosis {
namespace {

using path::KeepaliveFit;
using path::LostKeepalive;
using std::chrono::seconds;

/// What was survived in the state in which the flow is forgotten soonest: advice is proven for both.
std::optional<seconds> proven(const KeepaliveSeen& seen) {
  std::optional<seconds> least;
  for (const LifetimeBracket& flow : {seen.own, seen.new_flow}) {
    if (!flow.alive_after && !flow.gone_after) continue;
    const seconds alive = flow.alive_after.value_or(seconds(0));
    least = std::min(least.value_or(alive), alive);
  }
  // Trials count more than a lifetime that says otherwise.
  if (least && seen.verdict == path::KeepaliveVerdict::not_enough)
    least = std::min(*least, seen.interval - seconds(1));
  return least;
}

/// The shortest silence that was not survived, in either state.
std::optional<seconds> shortest_gone(const KeepaliveSeen& seen) {
  if (!seen.own.gone_after || !seen.new_flow.gone_after)
    return seen.own.gone_after ? seen.own.gone_after : seen.new_flow.gone_after;
  return std::min(*seen.own.gone_after, *seen.new_flow.gone_after);
}

/// Why no interval is advised: none would do, or none that is shorter was tried.
Text nothing_to_set(const KeepaliveSeen& seen) {
  const auto gone = shortest_gone(seen);
  if (gone && *gone <= path::late_keepalive(seconds(1)))
    return "no sensible interval is short enough: look at the NAT";
  return "unknown which interval is short enough, as no shorter silence was tried and survived; "
         "wgscope nat without --quick tries shorter ones";
}

/// The lines to change.
std::vector<Text> what_to_set(const KeepaliveSeen& seen) {
  const path::KeepaliveAdvice advice = path::advise_keepalive(proven(seen));
  if (!advice.set_to) return {nothing_to_set(seen)};
  std::vector<Text> lines{
      text("PersistentKeepalive = {}", advice.set_to->count()),
      text("wg set INTERFACE peer PUBLIC-KEY persistent-keepalive {}", advice.set_to->count())};
  if (advice.survives_a_loss && *advice.survives_a_loss < *advice.set_to)
    lines.push_back(text("with PersistentKeepalive = {} one lost keepalive costs nothing",
                         advice.survives_a_loss->count()));
  return lines;
}

Finding make_finding(FindingId id, const KeepaliveSeen& seen) {
  Finding finding{.id = id, .cause = {}, .evidence = seen.evidence, .fix = what_to_set(seen)};
  // Before anything was survived nobody knows what is short enough.
  if (!seen.own.alive_after && !seen.new_flow.alive_after && !seen.finished)
    finding.fix = {"unknown yet which interval is short enough: let the measurement finish"};
  return finding;
}

/// "survives 24 s of silence, and not 30 s".
Text survivals(const LifetimeBracket& flow) {
  const auto& [alive, gone] = flow;
  if (alive && gone)
    return text("survives {} s of silence, and not {} s", alive->count(), gone->count());
  if (alive) return text("survives {} s of silence", alive->count());
  return text("does not survive {} s of silence", gone.value_or(seconds(0)).count());
}

Check judge_none(CheckKind kind, const KeepaliveSeen& seen) {
  const seconds alive = seen.own.alive_after.value_or(seconds(0));
  if (!seen.own.gone_after && !seen.behind_nat) {
    if (alive >= seen.longest_silence)
      return make_check(kind, Status::ok,
                        text("persistent keepalive is off, and the flow survives {} s of silence "
                             "or more",
                             alive.count()));
    return make_check(kind, Status::unknown,
                      text("persistent keepalive is off, and only {} s of the {} s could be "
                           "measured",
                           alive.count(), seen.longest_silence.count()));
  }
  Finding finding = make_finding(FindingId::keepalive_missing, seen);
  finding.cause = text(
      "persistent keepalive is off: {} forgets a silent tunnel, and the gateway cannot reach "
      "this host until this host sends again",
      seen.forgets);
  return make_check(kind, Status::warning, text("off, and {} forgets silent tunnels", seen.forgets),
                    std::move(finding));
}

Check too_long(CheckKind kind, const KeepaliveSeen& seen) {
  Finding finding = make_finding(FindingId::keepalive_not_enough, seen);
  const auto advice = path::advise_keepalive(proven(seen));
  finding.cause = text(
      "PersistentKeepalive of {} s is too long: {} on the path forgets the flow before the "
      "next keepalive{}",
      seen.interval.count(), seen.forgets,
      advice.set_to ? text("; set {}", advice.set_to->count()) : Text());
  return make_check(kind, Status::critical,
                    text("{} s: {} forgets the flow before the next keepalive",
                         seen.interval.count(), seen.forgets),
                    std::move(finding));
}

Check only_if_exact(CheckKind kind, const KeepaliveSeen& seen) {
  Finding finding = make_finding(FindingId::keepalive_tight, seen);
  finding.cause =
      text("PersistentKeepalive of {} s is in time only if the timer is exact: the flow {}",
           seen.interval.count(), survivals(seen.own));
  finding.evidence.push_back(
      text("keepalives of wireguard-go come after {} s; keepalives of the Linux kernel come up to "
           "{} s late",
           seen.interval.count(), (path::late_keepalive(seen.interval) - seen.interval).count()));
  return make_check(kind, Status::warning,
                    text("{} s: often enough with exact timers, perhaps not with those of the "
                         "Linux kernel",
                         seen.interval.count()),
                    std::move(finding));
}

Check untried(CheckKind kind, const KeepaliveSeen& seen) {
  if (!seen.own.gone_after)
    return make_check(
        kind, Status::unknown,
        seen.own.alive_after
            ? text("{} s: unknown whether that is often enough: the longest silence that was "
                   "tried and survived is {} s",
                   seen.interval.count(), seen.own.alive_after->count())
            : text("{} s: unknown whether that is often enough", seen.interval.count()));
  Finding finding = make_finding(FindingId::keepalive_untried, seen);
  finding.cause = text(
      "unknown whether PersistentKeepalive of {} s is often enough: the flow {}, "
      "and {} s was not tried by itself",
      seen.interval.count(), survivals(seen.own), seen.interval.count());
  if (!seen.to_narrow.view().empty()) finding.fix.emplace_back(seen.to_narrow);
  return make_check(
      kind, Status::unknown,
      text("{} s: not tried by itself; the flow {}", seen.interval.count(), survivals(seen.own)),
      std::move(finding));
}

/// What one lost keepalive does to a flow.
Text after_a_loss(seconds interval, const LifetimeBracket& flow) {
  switch (path::lose_keepalive(interval, flow)) {
    case LostKeepalive::costs_nothing: return "costs nothing";
    case LostKeepalive::closes:
      return text("closes the flow for up to {} s, until the next keepalive opens it again",
                  path::longest_closed(interval, flow).count());
    case LostKeepalive::untried: break;
  }
  return text("may close the flow until the next keepalive: silences of {} s were not tried",
              (2 * path::late_keepalive(interval)).count());
}

Check enough(CheckKind kind, const KeepaliveSeen& seen, KeepaliveFit fit) {
  Text summary = text("{} s: often enough", seen.interval.count());
  if (seen.survived > 0)
    summary.add(text(", survived {} {} of that length or more", seen.survived,
                     either(seen.survived == 1, "silence", "silences")));
  if (fit == KeepaliveFit::in_time)
    summary.add(
        text("; unknown with a timer that is late, as the Linux kernel's: silences of {} s "
             "were not tried",
             path::late_keepalive(seen.interval).count()));
  summary.add("; one lost keepalive ").add(after_a_loss(seen.interval, seen.own));
  const bool differs = path::lose_keepalive(seen.interval, seen.new_flow) == LostKeepalive::closes;
  if (differs && path::lose_keepalive(seen.interval, seen.own) != LostKeepalive::closes)
    summary.add("; before the gateway has answered on a new mapping, it ")
        .add(after_a_loss(seen.interval, seen.new_flow));
  return make_check(kind, Status::ok, std::move(summary));
}

Check too_long_for_new_flows(CheckKind kind, const KeepaliveSeen& seen) {
  Finding finding = make_finding(FindingId::keepalive_tight, seen);
  finding.cause = text(
      "PersistentKeepalive of {} s keeps the tunnel open, but not a new mapping, as after a "
      "restart of the NAT: a flow in which nothing has come back yet {}",
      seen.interval.count(), survivals(seen.new_flow));
  return make_check(kind, Status::warning,
                    text("{} s: often enough, but not for a new mapping", seen.interval.count()),
                    std::move(finding));
}

}  // namespace

Check judge_keepalive(CheckKind kind, const KeepaliveSeen& seen) {
  if (seen.interval == seconds(0)) return judge_none(kind, seen);
  const KeepaliveFit fit = path::fit_keepalive(seen.interval, seen.own, seen.verdict);
  switch (fit) {
    case KeepaliveFit::too_long: return too_long(kind, seen);
    case KeepaliveFit::only_if_exact: return only_if_exact(kind, seen);
    case KeepaliveFit::untried: return untried(kind, seen);
    case KeepaliveFit::in_time:
    case KeepaliveFit::in_time_if_late: break;
  }
  const auto of_new = path::fit_keepalive(seen.interval, seen.new_flow, {});
  if (of_new == KeepaliveFit::too_long) return too_long_for_new_flows(kind, seen);
  return enough(kind, seen, fit);
}

}  // namespace wgscope::diagnosis
