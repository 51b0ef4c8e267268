#include "keepalive.hpp"

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

using path::KeepaliveVerdict;
using std::chrono::seconds;

seconds needed(const KeepaliveSeen& seen) { return seen.interval + seen.slack; }

double ratio(seconds lifetime, seconds interval) {
  return static_cast<double>(lifetime.count()) / static_cast<double>(interval.count());
}

/// The lines to change. @param set_to  nothing: no interval would do.
std::vector<Text> what_to_set(std::optional<seconds> set_to) {
  if (!set_to) return {"no sensible interval is short enough: look at the NAT"};
  return {text("PersistentKeepalive = {}", set_to->count()),
          text("wg set INTERFACE peer PUBLIC-KEY persistent-keepalive {}", set_to->count())};
}

Finding make_finding(FindingId id, const KeepaliveSeen& seen) {
  const auto advice = path::advise_keepalive(seen.interval, seen.shortest.alive_after);
  Finding finding{
      .id = id, .cause = {}, .evidence = seen.evidence, .fix = what_to_set(advice.set_to)};
  // Before anything was survived nobody knows what is short enough.
  if (!seen.shortest.alive_after && !seen.finished)
    finding.fix = {"unknown yet which interval is short enough: let the measurement finish"};
  return finding;
}

Check judge_none(CheckKind kind, const KeepaliveSeen& seen) {
  const seconds alive = seen.own.alive_after.value_or(seconds(0));
  if (!seen.own.gone_after && !seen.behind_nat) {
    if (alive >= seen.longest)
      return make_check(kind, Status::ok,
                        text("persistent keepalive is off, and the flow survives {} s of silence "
                             "or more",
                             alive.count()));
    return make_check(kind, Status::unknown,
                      text("persistent keepalive is off, and only {} s of the {} s could be "
                           "measured",
                           alive.count(), seen.longest.count()));
  }
  Finding finding = make_finding(FindingId::keepalive_missing, seen);
  finding.cause =
      "persistent keepalive is off: the NAT forgets a silent tunnel, and the gateway cannot reach "
      "this host until this host sends again";
  return make_check(kind, Status::warning, "off, and a NAT forgets silent tunnels",
                    std::move(finding));
}

Check too_long(CheckKind kind, const KeepaliveSeen& seen) {
  Finding finding = make_finding(FindingId::keepalive_not_enough, seen);
  const auto advice = path::advise_keepalive(seen.interval, seen.shortest.alive_after);
  finding.cause =
      text("PersistentKeepalive of {} s is too long for the NAT{}", seen.interval.count(),
           advice.set_to ? text(": set {}", advice.set_to->count()) : Text());
  return make_check(
      kind, Status::critical,
      text("{} s: the NAT forgets the flow before the next keepalive", seen.interval.count()),
      std::move(finding));
}

/// "2.0 to 4.1 times": lifetime / interval.
Text margin_of(const LifetimeBracket& lifetime, seconds interval) {
  const Text least = decimal(ratio(lifetime.alive_after.value_or(seconds(0)), interval), 1);
  if (!lifetime.gone_after) return text("{} times or more", least);
  const Text most = decimal(ratio(*lifetime.gone_after, interval), 1);
  return least == most ? text("{} times", least) : text("{} to {} times", least, most);
}

Text survivals(const KeepaliveSeen& seen) {
  if (seen.survived == 0) return {};
  return text(", survived {} {} of {} s", seen.survived,
              either(seen.survived == 1, "silence", "silences"), needed(seen).count());
}

Check tight(CheckKind kind, const KeepaliveSeen& seen, bool survived) {
  Finding finding = make_finding(FindingId::keepalive_tight, seen);
  finding.cause = text("PersistentKeepalive of {} s has little margin", seen.interval.count());
  finding.evidence.push_back(
      text("the NAT remembers the flow for {} the interval; {} times or more are a margin",
           margin_of(seen.shortest, seen.interval), decimal(path::kEnoughMargin, 1)));
  return make_check(kind, Status::warning,
                    text("{} s: {}often enough, with little margin", seen.interval.count(),
                         either(survived, "", "perhaps ")),
                    std::move(finding));
}

/// The end of the bracket that counts is the lower one, unless the bracket is so wide that anything
/// may be within it.
bool may_have_margin(const KeepaliveSeen& seen) {
  const LifetimeBracket& lifetime = seen.shortest;
  if (!lifetime.alive_after || !lifetime.gone_after) return true;
  return *lifetime.gone_after - *lifetime.alive_after > seen.slack &&
         ratio(*lifetime.gone_after, seen.interval) >= path::kEnoughMargin;
}

}  // namespace

Check judge_keepalive(CheckKind kind, const KeepaliveSeen& seen) {
  if (seen.interval == seconds(0)) return judge_none(kind, seen);
  const bool enough = seen.verdict == KeepaliveVerdict::enough;
  const bool gone = seen.own.gone_after && *seen.own.gone_after <= needed(seen);
  if (seen.verdict == KeepaliveVerdict::not_enough || (gone && !enough))
    return too_long(kind, seen);
  const bool survived = enough || (seen.own.alive_after && *seen.own.alive_after >= needed(seen));
  if (!survived && !seen.own.gone_after)
    return make_check(kind, Status::unknown,
                      text("{} s: unknown whether that is often enough", seen.interval.count()));
  const auto& alive = seen.shortest.alive_after;
  if (alive && ratio(*alive, seen.interval) >= path::kEnoughMargin)
    return make_check(
        kind, Status::ok,
        text("{} s: often enough{}; the NAT remembers the flow for {} the interval",
             seen.interval.count(), survivals(seen), margin_of(seen.shortest, seen.interval)));
  if (!survived || !may_have_margin(seen)) return tight(kind, seen, survived);
  if (!seen.shortest.gone_after)
    return make_check(kind, Status::unknown,
                      text("{} s: often enough so far{}; longer silences were not measured to the "
                           "end, so the margin is unknown",
                           seen.interval.count(), survivals(seen)));
  return make_check(
      kind, Status::ok,
      text("{} s: often enough{}; unknown whether with a margin: the NAT remembers "
           "the flow for {} the interval",
           seen.interval.count(), survivals(seen), margin_of(seen.shortest, seen.interval)));
}

}  // namespace wgscope::diagnosis
