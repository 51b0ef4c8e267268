#include "wgscope/diagnosis/ping.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/icmp.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/statistics.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::diagnosis {
namespace {

using enum CheckKind;

double share(std::uint64_t count, std::uint64_t of) {
  return of == 0 ? 0 : static_cast<double>(count) / static_cast<double>(of);
}

Status status_of_loss(std::uint64_t lost, std::uint64_t of) {
  const double ratio = share(lost, of);
  if (ratio >= kSevereLoss) return Status::critical;
  return ratio >= kNotableShare ? Status::warning : Status::ok;
}

Words word(std::uint64_t count, Words one, Words many) { return either(count == 1, one, many); }

std::size_t unanswered(const PingFacts& facts) {
  return facts.inner.sent - std::min(facts.inner.sent, facts.inner.round_trips.size());
}

/// Answers that the gateway has sent: lost ones too, as far as that is known.
std::size_t answers_sent(const PingFacts& facts) {
  return facts.inner.round_trips.size() + loss_of(facts).backward;
}

// --- whether there are answers ---

Text obstacle_text(const PingFacts& facts) {
  switch (*facts.obstacle) {
    case PingObstacle::no_target:
      return "no address to ping: name an address inside the tunnel (wgscope ping ADDRESS)";
    case PingObstacle::outside_allowed_ips:
      return text(
          "{} is not in the gateway's AllowedIPs in this configuration, so the tunnel would not "
          "carry the pings",
          *facts.target);
    case PingObstacle::no_such_family:
      return text("{} cannot be pinged: [Interface] has no Address of that IP version",
                  *facts.target);
    case PingObstacle::own_address:
      return text("{} is this host's own address: name an address at the other end", *facts.target);
    case PingObstacle::too_large:
      return text("pings of {} bytes do not fit the tunnel's MTU of {}", facts.payload_size,
                  facts.mtu);
  }
  return {};
}

Text outer_evidence(const PingFacts& facts) {
  return text("outside the tunnel, {} answered {} of {} pings", facts.gateway.address,
              facts.outer.round_trips.size(), facts.outer.sent);
}

/// What speaks for loss on the forward path.
void add_local(const PingFacts& facts, Finding& finding) {
  if (facts.send_failure)
    finding.evidence.push_back(text("{} {} could not leave this host: {}", facts.unsent,
                                    word(facts.unsent, "datagram", "datagrams"),
                                    Name{*facts.send_failure}));
  if (facts.inner.damaged > 0)
    finding.evidence.push_back(
        text("{} answers had a different payload than the ping", facts.inner.damaged));
}

bool outer_answers(const PingFacts& facts) { return !facts.outer.round_trips.empty(); }

Finding no_reply(const PingFacts& facts) {
  Finding finding{
      .id = FindingId::no_reply,
      .cause =
          text("{} answered none of {} pings through the tunnel", *facts.target, facts.inner.sent),
      .evidence = {text("the handshake with {} works", facts.gateway)},
  };
  if (facts.target_guessed)
    finding.evidence.push_back(text("{} was guessed from the configuration", *facts.target));
  if (facts.icmp) finding.evidence.push_back(describe(*facts.icmp));
  if (facts.back.received > 0)
    finding.evidence.push_back(text("{} {} arrived from the gateway meanwhile", facts.back.received,
                                    word(facts.back.received, "other packet", "other packets")));
  add_local(facts, finding);
  if (outer_answers(facts)) finding.evidence.push_back(outer_evidence(facts));
  finding.hypotheses = {
      {"there is no such host, or it does not answer pings",
       text("on the gateway: ping {}", *facts.target)},
      {"the gateway drops what comes from this peer: AllowedIPs, forwarding, a firewall, rp_filter",
       "wgscope handshake watches the gateway's timers, which show it"},
      {"data is lost on the path, though handshakes are not", "wgscope handshake --hold 30s"},
  };
  if (facts.icmp) finding.hypotheses.pop_back();  // the tunnel carries both ways
  finding.fix = {"name an address that is known to answer: wgscope ping ADDRESS",
                 "wgscope handshake shows where data is dropped"};
  return finding;
}

Check reply_check(const PingFacts& facts) {
  Check check = make_check(ping_reply, Status::unknown, Text());
  const auto times = statistics(facts.inner.round_trips);
  if (facts.obstacle) {
    check.summary = obstacle_text(facts);
  } else if (facts.inner.sent == 0 && facts.interrupted) {
    check = interrupted(ping_reply);
  } else if (facts.inner.sent == 0) {
    check.summary = "the time was over before a ping could be answered";
  } else if (!times) {
    check.finding = no_reply(facts);
    check.summary = check.finding->cause;
    // Of a host that was guessed nobody knows whether it answers at all.
    check.status = facts.target_guessed ? Status::unknown : Status::critical;
  } else {
    check.status = Status::ok;
    check.target = text("{}", *facts.target);
    check.summary = text("{} of {} pings answered, round trip {} (median), {} to {}", times->count,
                         facts.inner.sent, times->median, times->min, times->max);
    if (const auto variation = jitter(facts.inner.round_trips))
      check.summary.add(text(", jitter {}", *variation));
  }
  return check;
}

// --- loss ---

void add_outer(const PingFacts& facts, Finding& finding) {
  if (!outer_answers(facts)) return;
  finding.evidence.push_back(outer_evidence(facts));
  if (facts.outer.round_trips.size() == facts.outer.sent)
    finding.hypotheses.push_back(
        {"only the tunnel's packets are lost: UDP is rate-limited, or the gateway's CPU is "
         "overloaded",
         "compare at a lower rate: wgscope ping -i 2"});
}

Finding forward_finding(const PingFacts& facts, std::size_t lost) {
  Finding finding{
      .id = FindingId::loss_forward,
      .cause = text("{} of {} pings ({}) lost on the forward path", lost, facts.inner.sent,
                    percentage(lost, facts.inner.sent)),
      .evidence = {"the gateway's packet counters have no gap for the lost pings: the gateway sent "
                   "no answer to them"},
      .hypotheses = {{"the forward path is congested or rate-limited: uploads fill it",
                      "ping again while nothing is uploaded"},
                     {text("{} limits how many pings it answers", *facts.target),
                      "ping at a lower rate: wgscope ping -i 2"}},
      .fix = {"find the hop that loses packets: mtr -u to the endpoint, and from the gateway to "
              "this host",
              "shape uploads below the line's rate (tc qdisc … cake bandwidth)"},
  };
  add_local(facts, finding);
  add_outer(facts, finding);
  return finding;
}

Finding backward_finding(const PingFacts& facts, std::size_t lost, std::size_t of) {
  Finding finding{
      .id = FindingId::loss_backward,
      .cause =
          text("{} of {} answers ({}) lost on the reverse path", lost, of, percentage(lost, of)),
      .evidence = {text("by the gateway's packet counters, {} packets arrived and {} did not",
                        facts.back.received, facts.back.missing)},
      .hypotheses = {{"the reverse path is congested or rate-limited: downloads fill it",
                      "ping again while nothing is downloaded"}},
      .fix = {"find the hop that loses packets: mtr -u on the gateway, to this host's address",
              "shape downloads below the line's rate (tc qdisc … cake bandwidth, on the gateway)"},
  };
  const std::size_t answers = facts.inner.round_trips.size() + facts.inner.duplicates;
  if (facts.back.received > answers)
    finding.evidence.push_back(text(
        "the gateway also sent {} {} that answered no ping; lost ones count here too",
        facts.back.received - answers, word(facts.back.received - answers, "packet", "packets")));
  add_outer(facts, finding);
  return finding;
}

Finding untold_finding(const PingFacts& facts, std::size_t lost) {
  Finding finding{
      .id = FindingId::loss,
      .cause = text("{} of {} pings ({}) lost; cannot tell in which direction", lost,
                    facts.inner.sent, percentage(lost, facts.inner.sent)),
      .evidence =
          {"no packet of the gateway arrived after them, whose counter would tell the direction"},
      .hypotheses = {{"the tunnel has stopped carrying data", "wgscope handshake --hold 30s"}},
      .fix = {"ping for longer: wgscope ping -c 100 -i 0.2"},
  };
  if (facts.back.tail == 0)
    finding.evidence = {text("{} more {} sent to learn the direction, and lost too",
                             facts.back.unanswered_extra,
                             word(facts.back.unanswered_extra, "ping was", "pings were"))};
  add_outer(facts, finding);
  return finding;
}

Check loss_check(CheckKind kind, std::size_t lost, std::size_t of, Words where) {
  Check check = make_check(kind, status_of_loss(lost, of), Text());
  if (lost == 0)
    check.summary.add("no packets lost ").add(where);
  else
    check.summary = text("{} of {} ({}) lost {}", lost, of, percentage(lost, of), where);
  return check;
}

void add(Finding finding, Check& check) {
  check.summary = finding.cause;
  check.finding = std::move(finding);
}

void add_loss(const PingFacts& facts, std::vector<Check>& checks) {
  const PingLoss loss = loss_of(facts);
  Check forward =
      loss_check(ping_loss_forward, loss.forward, facts.inner.sent, "on the forward path");
  if (forward.status != Status::ok) add(forward_finding(facts, loss.forward), forward);
  const std::size_t answers = answers_sent(facts);
  Check backward = loss_check(ping_loss_backward, loss.backward, answers, "on the reverse path");
  if (backward.status != Status::ok) add(backward_finding(facts, loss.backward, answers), backward);
  checks.push_back(std::move(forward));
  checks.push_back(std::move(backward));
  if (loss.untold == 0) return;
  Check untold = loss_check(ping_loss, loss.untold, facts.inner.sent, "in an unknown direction");
  if (untold.status != Status::ok) add(untold_finding(facts, loss.untold), untold);
  checks.push_back(std::move(untold));
}

// --- twice, and out of order ---

Check duplicates_check(const PingFacts& facts) {
  const std::uint64_t answers = facts.inner.duplicates;
  const std::uint64_t datagrams = facts.back.replayed;
  const std::uint64_t all = answers + datagrams;
  Check check = make_check(ping_duplicates, Status::ok, "no packet arrived twice");
  if (all == 0) return check;
  check.summary = text("{} {} twice ({})", all, word(all, "packet arrived", "packets arrived"),
                       percentage(all, facts.back.received + datagrams));
  if (share(all, facts.back.received + datagrams) < kNotableShare) return check;
  check.status = Status::warning;
  Finding finding{.id = FindingId::duplicates, .cause = check.summary, .evidence = {}};
  if (datagrams > 0)
    finding.evidence.push_back(
        text("{} {} of the gateway arrived twice, and the tunnel dropped the second: duplicated on "
             "the reverse path",
             datagrams, word(datagrams, "datagram", "datagrams")));
  if (answers > 0)
    finding.evidence.push_back(
        text("{} {} arrived twice inside the tunnel: duplicated behind the gateway, or sent by two "
             "hosts",
             answers, word(answers, "answer", "answers")));
  finding.hypotheses = {
      {"two routers or bridges forward the same packets", "tcpdump on the hops of that path"},
      {"two hosts have the same address", text("behind the gateway: arping -d {}", *facts.target)}};
  if (answers == 0) finding.hypotheses.pop_back();
  finding.fix = {"look for a bridge loop or a mirrored port on that path"};
  check.finding = std::move(finding);
  return check;
}

Check order_check(const PingFacts& facts) {
  // What is late on the reverse path makes its answer late too; the other late answers
  // were so before.
  const std::uint64_t backward = facts.back.reordered;
  const std::uint64_t forward =
      facts.inner.reordered - std::min<std::uint64_t>(facts.inner.reordered, backward);
  const std::uint64_t all = backward + forward;
  Check check = make_check(ping_order, Status::ok, "all packets arrived in order");
  if (all == 0) return check;
  check.summary =
      text("{} {} out of order ({})", all, word(all, "packet arrived", "packets arrived"),
           percentage(all, facts.back.received));
  if (share(all, facts.back.received) < kNotableShare) return check;
  check.status = Status::warning;
  Finding finding{.id = FindingId::reordered, .cause = check.summary, .evidence = {}};
  if (backward > 0)
    finding.evidence.push_back(
        text("{} of the gateway's {} arrived after one with a higher counter: reordered on the "
             "reverse path",
             backward, word(backward, "packets", "packets")));
  if (forward > 0)
    finding.evidence.push_back(
        text("{} {} in another order than the pings: reordered on the forward path, or behind the "
             "gateway",
             forward, word(forward, "answer was sent", "answers were sent")));
  finding.hypotheses = {
      {"packets of one flow are spread over several links or queues",
       "look for per-packet balancing (bonding mode balance-rr, ECMP) on the path"}};
  finding.fix = {"balance by flow instead of by packet"};
  check.finding = std::move(finding);
  return check;
}

// --- outside ---

Check outer_check(const PingFacts& facts) {
  Check check = make_check(ping_outer, Status::unknown, Text());
  check.target = text("{}", facts.gateway.address);
  const auto outer = statistics(facts.outer.round_trips);
  const auto inner = statistics(facts.inner.round_trips);
  if (outer) {
    check.status = Status::ok;
    check.summary = text("{} of {} pings answered outside the tunnel, round trip {} (median)",
                         outer->count, facts.outer.sent, outer->median);
    if (inner && inner->median > outer->median)
      check.summary.add(text("; the tunnel adds {}", inner->median - outer->median));
  } else if (facts.outer_failure) {
    check.summary = text("{}", Name{*facts.outer_failure});
  } else if (facts.outer.sent == 0) {
    check.summary = "the time was over before a ping could be answered";
  } else {
    check.summary =
        text("none of {} pings was answered outside the tunnel; many hosts do not answer pings",
             facts.outer.sent);
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

Text percentage(std::uint64_t count, std::uint64_t of) {
  const double percent = 100 * share(count, of);
  if (count > 0 && percent < 0.05) return "under 0.1 %";
  return text("{} %", decimal(percent, percent < 9.95 && count > 0 ? 1 : 0));
}

PingLoss loss_of(const PingFacts& facts) {
  const std::size_t lost = unanswered(facts);
  const auto missing = static_cast<std::size_t>(std::min<std::uint64_t>(facts.back.missing, lost));
  if (facts.back.tail > 0) {
    // Nothing came after these, so that none of them is among the missing.
    const std::size_t untold = std::min(facts.back.tail, lost);
    const std::size_t backward = std::min(missing, lost - untold);
    return {.forward = lost - untold - backward, .backward = backward, .untold = untold};
  }
  // Extra pings that were lost may be among the missing, or not.
  const std::size_t untold = std::min(facts.back.unanswered_extra, missing);
  return {.forward = lost - missing, .backward = missing - untold, .untold = untold};
}

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
  if (facts.inner.round_trips.empty() || loss.untold > 0) return;
  add("forward", loss.forward, facts.inner.sent);
  add("backward", loss.backward, answers_sent(facts));
}

Text success(const PingFacts& facts) {
  const auto times = statistics(facts.inner.round_trips);
  if (!times || !facts.target) return {};
  Text sentence = text("{} answers through the tunnel after {} (median of {})", *facts.target,
                       times->median, times->count);
  const std::size_t lost = unanswered(facts);
  if (lost > 0) sentence.add(text(", {} lost", percentage(lost, facts.inner.sent)));
  return sentence;
}

}  // namespace wgscope::diagnosis
