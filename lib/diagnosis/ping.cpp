#include "wgscope/diagnosis/ping.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/statistics.hpp"
#include "wgscope/diagnosis/text.hpp"

#include "ping_parts.hpp"

namespace wgscope::diagnosis {
namespace {

using enum CheckKind;

// --- outside ---

/// Loss outside is the path's where the tunnel loses as well. Else it may be a limit for pings.
Status status_of_outer(const PingFacts& facts) {
  if (share(outer_lost(facts) + facts.outer_refused, facts.outer.sent) < kNotableShare)
    return Status::ok;
  return share(unanswered(facts), facts.inner.sent) < kNotableShare ? Status::unknown
                                                                    : Status::warning;
}

Check outer_check(const PingFacts& facts) {
  Check check = make_check(ping_outer, Status::unknown, Text());
  check.target = text("{}", facts.gateway.address);
  const auto outer = statistics(facts.outer.round_trips);
  const auto inner = statistics(facts.inner.round_trips);
  if (outer) {
    check.status = status_of_outer(facts);
    check.summary =
        text("{} of {} pings answered outside the tunnel", outer->count, facts.outer.sent);
    if (outer_lost(facts) > 0)
      check.summary.add(text(", {} lost", percentage(outer_lost(facts), facts.outer.sent)));
    check.summary.add(text(", round trip {}", middle_of(*outer)));
    if (!facts.outer_icmp.empty()) check.summary.add("; ").add(outer_errors(facts));
    if (inner && inner->median > outer->median)
      check.summary.add(text("; the tunnel adds {}", inner->median - outer->median));
    if (check.status == Status::unknown && facts.inner.sent > 0 && facts.outer_refused == 0)
      check.summary.add(
          "; the tunnel does not lose as many, so most likely a host limits how many pings it "
          "answers");
  } else if (facts.outer_failure) {
    check.summary = text("{}", Name{*facts.outer_failure});
  } else if (facts.outer.sent == 0) {
    check.summary = "the time was over before a ping could be answered";
  } else {
    check.summary = text(
        "none of {} pings was answered outside the tunnel; {}", facts.outer.sent,
        facts.outer_icmp.empty() ? Text("many hosts do not answer pings") : outer_errors(facts));
  }
  return check;
}

/// What the answers would have told.
Check without_answers(CheckKind kind, const PingFacts& facts, const Check& reply) {
  if (reply.finding) return skipped(kind, reply.finding->id);
  if (facts.interrupted) return interrupted(kind);
  return make_check(kind, Status::skipped,
                    facts.obstacle ? Words("nothing was pinged") : Words("there were no answers"));
}

}  // namespace

Text percentage_of(double ratio) {
  const double percent = 100 * ratio;
  if (percent > 0 && percent < 0.05) return "under 0.1 %";
  return text("{} %", decimal(percent, percent < 9.95 && percent > 0 ? 1 : 0));
}

Text percentage(std::uint64_t count, std::uint64_t of) { return percentage_of(share(count, of)); }

std::vector<Check> diagnose(const PingFacts& facts) {
  std::vector<Check> checks{reply_check(facts)};
  if (!facts.inner.round_trips.empty()) {
    add_loss(facts, checks);
    checks.push_back(duplicates_check(facts));
    checks.push_back(order_check(facts));
  } else {
    const Check reply = checks.front();
    for (const CheckKind kind : std::span(kPingChecks).subspan<1>())
      checks.push_back(without_answers(kind, facts, reply));
  }
  if (!facts.obstacle) checks.insert(checks.begin(), outer_check(facts));
  return checks;
}

void measure(const PingFacts& facts, Report& report) {
  if (facts.outer.sent > 0)
    add_sent(
        {.target = text("{}", facts.gateway.address),
         .what = "pings",
         .count = facts.outer.sent,
         .line = text("{} ICMP {} to {}, outside the tunnel. WireGuard does not see them",
                      facts.outer.sent, word(facts.outer.sent, "echo request", "echo requests"),
                      facts.gateway.address)},
        report);
  constexpr std::string_view kRtt = "wireguard_probe_rtt_seconds";
  constexpr std::string_view kLoss = "wireguard_probe_loss_ratio";
  if (!facts.inner.round_trips.empty())
    report.distributions.push_back({kRtt, {{"layer", "inner"}}, facts.inner.round_trips});
  if (!facts.outer.round_trips.empty())
    report.distributions.push_back({kRtt, {{"layer", "outer"}}, facts.outer.round_trips});
  if (facts.inner.sent == 0) return;
  const auto add = [&](Words direction, std::size_t lost, std::size_t of) {
    report.measurements.push_back({kLoss, {{"direction", direction}}, share(lost, of)});
  };
  add("round_trip", unanswered(facts), facts.inner.sent);
  const PingLoss loss = loss_of(facts);
  if (facts.inner.round_trips.empty() || loss.unknown_direction > 0) return;
  add("forward", loss.forward, facts.inner.sent);
  add("backward", loss.backward, answers_sent(facts));
}

Text success(const PingFacts& facts) {
  const auto times = statistics(facts.inner.round_trips);
  if (!times || !facts.target) return {};
  Text sentence = text("{} answers through the tunnel after {}", *facts.target, times->median);
  if (times->count > 1) sentence.add(text(" (median of {})", times->count));
  const std::size_t lost = unanswered(facts);
  if (lost > 0) sentence.add(text(", {} lost", percentage(lost, facts.inner.sent)));
  return sentence;
}

}  // namespace wgscope::diagnosis
