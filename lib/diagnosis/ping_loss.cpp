#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/icmp.hpp"
#include "wgscope/diagnosis/ping.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/session.hpp"
#include "wgscope/diagnosis/statistics.hpp"
#include "wgscope/diagnosis/text.hpp"

#include "ping_parts.hpp"

// Where pings got lost. What cannot be told is not called fine in either direction.

namespace wgscope::diagnosis {
namespace {

using enum CheckKind;

/// What chance does less often than this, something else did: worth to be named as a cause.
constexpr double kUnlikely = 1e-3;

Status status_of_loss(std::uint64_t lost, std::uint64_t of) {
  const double ratio = share(lost, of);
  if (ratio >= kSevereLoss) return Status::critical;
  return ratio >= kNotableShare ? Status::warning : Status::ok;
}

/// Pings between two answers of one session, of which the direction is known.
struct Told {
  std::uint64_t lost = 0;
  std::uint64_t of = 0;
};

Told told(const PingFacts& facts) {
  const std::uint64_t of = facts.inner.sent - std::min(facts.inner.sent, facts.back.tail);
  const std::uint64_t lost = unanswered(facts) - std::min(unanswered(facts), facts.back.tail);
  return {.lost = lost, .of = of};
}

/// Unanswered ones at the end of the run.
std::uint64_t last_tail(const PingFacts& facts) {
  std::uint64_t earlier = 0;
  for (const PingStretch& stretch : facts.stretches) earlier += stretch.tail;
  return facts.back.tail - std::min<std::uint64_t>(facts.back.tail, earlier);
}

bool outer_lost_none(const PingFacts& facts) {
  return outer_answers(facts) && facts.outer.round_trips.size() >= facts.outer.sent;
}

/// The pings outside lost nothing, though at the tunnel's rate of loss they had to.
bool only_the_tunnel_loses(const PingFacts& facts, std::size_t lost, std::size_t of) {
  return outer_lost_none(facts) &&
         std::pow(1 - share(lost, of), static_cast<double>(facts.outer.sent)) < kUnlikely;
}

/// The comparison comes first: loss outside as well is the path's, and decides what to do.
void add_outer(const PingFacts& facts, Finding& finding) {
  add_outer_errors(facts, finding);
  if (!outer_answers(facts)) return;
  finding.evidence.insert(finding.evidence.begin(), outer_evidence(facts));
  if (share(outer_lost(facts), facts.outer.sent) < kNotableShare) return;
  finding.cause.add(text(". The path loses {} of pings outside the tunnel too",
                         percentage(outer_lost(facts), facts.outer.sent)));
}

/// The loss outside is large enough to explain that of the tunnel.
bool outer_explains(const PingFacts& facts, std::size_t lost, std::size_t of) {
  const double outside = share(outer_lost(facts), facts.outer.sent);
  return outer_answers(facts) && outside >= kNotableShare && outside >= share(lost, of) / 2;
}

/// Causes of loss on one path, likeliest first.
std::vector<Hypothesis> causes_on(const PingFacts& facts, std::size_t lost, std::size_t of,
                                  Hypothesis network) {
  std::vector<Hypothesis> causes;
  if (outer_lost_none(facts))
    causes.push_back(
        {"only the tunnel's packets are lost: UDP is rate-limited, or the gateway's "
         "CPU is overloaded",
         text("compare at a lower rate: wgscope ping --config FILE -i 2s {}", *facts.target)});
  if (!only_the_tunnel_loses(facts, lost, of)) causes.insert(causes.begin(), std::move(network));
  return causes;
}

Finding refused_finding(const PingFacts& facts, std::size_t lost) {
  Finding finding{
      .id = FindingId::loss_forward,
      .cause = text("{} of {} pings ({}) lost on the forward path: ICMP errors say that {} of them "
                    "could not be delivered",
                    lost, facts.inner.sent, percentage(lost, facts.inner.sent),
                    std::min(facts.refused, lost)),
      .evidence = describe_errors(facts.session),
      .hypotheses = {{"the gateway, or the router that sent the ICMP error, did not accept the "
                      "tunnel's datagrams for a while",
                      "the check path.icmp names who sent the error, and what to look at there"}},
      .fix = {"fix what the check path.icmp names, then ping again"}};
  add_local(facts, finding);
  add_outer(facts, finding);
  return finding;
}

Finding forward_finding(const PingFacts& facts, std::size_t lost) {
  if (facts.refused > 0) return refused_finding(facts, lost);
  Finding finding{
      .id = FindingId::loss_forward,
      .cause = text("{} of {} pings ({}) lost on the forward path, or not answered by {}", lost,
                    facts.inner.sent, percentage(lost, facts.inner.sent), *facts.target),
      .evidence = {"the gateway's packet counters have no gap for the lost pings: the gateway sent "
                   "no answer to them"},
      .hypotheses =
          causes_on(facts, lost, facts.inner.sent,
                    {"the forward path loses packets: uploads fill it, a rate limit, or a bad link",
                     "ping again while nothing is uploaded"}),
      .fix = {text("find the hop that loses packets, on this host: mtr -u -P {} -n {}",
                   facts.gateway.port, facts.gateway.address),
              "shape uploads below the line's rate (tc qdisc … cake bandwidth)"},
  };
  if (!outer_explains(facts, lost, facts.inner.sent))
    finding.hypotheses.push_back(
        {text("{} limits how many pings it answers", *facts.target),
         text("ping at a lower rate: wgscope ping --config FILE -i 2s {}", *facts.target)});
  if (const IcmpReport* report = reports_unreachable(facts))
    finding.hypotheses.insert(
        finding.hypotheses.begin(),
        {text("{} inside the tunnel could not reach {} at times: {}", report->from, *facts.target,
              icmp_name(*report)),
         text("on {}: ip route get {}; ping {}", report->from, *facts.target, *facts.target)});
  if (facts.session.send_errno)
    finding.hypotheses.insert(finding.hypotheses.begin(), {"this host did not send all datagrams",
                                                           "path.send says what they ran into"});
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
      .hypotheses = causes_on(
          facts, lost, of,
          {"the reverse path loses packets: downloads fill it, a rate limit, or a bad link",
           "ping again while nothing is downloaded"}),
      .fix = {"find the hop that loses packets, on the gateway: mtr -u -n ADDRESS, with the "
              "address of this peer that wg show all endpoints shows there",
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

/// Why pings after which none was answered may be unanswered, likeliest first.
std::vector<Hypothesis> causes_of_silence(const PingFacts& facts) {
  std::vector<Hypothesis> causes;
  if (facts.session.taken.sessions > 0) return {another_device()};
  const Told before = told(facts);
  const std::size_t cut = sessions_cut(facts);
  if (!facts.session.lost.empty()) {
    // The flow was never idle, and the same flow carried the handshake: no NAT has forgotten it.
    causes.push_back(another_device());
    for (Hypothesis& other : session_lost_otherwise()) causes.push_back(std::move(other));
    if (facts.session.lost.size() == 1)
      causes.push_back(
          {text("the path was interrupted for {}, and came back just when the next "
                "handshake began",
                facts.session.lost.front().silent),
           text("ping for longer: wgscope ping --config FILE -c 100 {}", *facts.target)});
    return causes;
  }
  if (cut >= 2) causes.push_back(another_device());
  if (cut > 0)
    causes.push_back(
        {"something cuts the flow: a NAT that forgets it, or inspection",
         text("wgscope handshake --config FILE --hold 30s {} tries another source port",
              *facts.target)});
  if (cut == 1) causes.push_back(another_device());
  const std::uint64_t tail = last_tail(facts);
  if (cut > 0 || tail == 0) return causes;
  const double chance = chance_of_run(before.lost, before.of, tail);
  Hypothesis stopped{"the tunnel has stopped carrying data",
                     text("wgscope handshake --config FILE --hold 30s {}", *facts.target)};
  if (chance < kUnlikely) return {std::move(stopped)};
  causes.push_back(
      {before.lost == 0
           ? text("packet loss: none of the {} pings before them was lost, so the last "
                  "{} would be the first",
                  before.of, tail)
           : text("packet loss: {} of {} pings before them were lost; at that rate the "
                  "last {} are lost with a chance of {}",
                  before.lost, before.of, tail, percentage_of(chance)),
       text("ping for longer: wgscope ping --config FILE -c 100 -i 200ms {}", *facts.target)});
  causes.insert(chance < 0.05 ? causes.begin() : causes.end(), std::move(stopped));
  return causes;
}

Finding unknown_direction_finding(const PingFacts& facts, std::size_t lost) {
  Finding finding{
      .id = FindingId::loss,
      .cause = text("{} of {} pings ({}) lost; cannot tell in which direction", lost,
                    facts.inner.sent, percentage(lost, facts.inner.sent)),
      .evidence = {},
      .hypotheses = causes_of_silence(facts),
      .fix = {text("ping for longer: wgscope ping --config FILE -c 100 -i 200ms {}",
                   *facts.target)},
  };
  if (facts.session.taken.sessions > 0) {
    finding.cause.add(", because another device uses this key");
    finding.evidence.push_back(describe(facts.session.taken));
    finding.fix = {"give each device a key of its own, then ping again"};
  } else {
    if (facts.back.tail > 0)
      finding.evidence.emplace_back(
          "no packet of the gateway arrived after them in the same session, whose counter would "
          "tell the direction");
    for (const LostSession& session : facts.session.lost)
      finding.evidence.push_back(text("a session of this probe's: {}", describe(session)));
    if (const std::size_t cut = sessions_cut(facts); cut > 0 && facts.session.lost.empty())
      finding.evidence.push_back(text("{} worked, then stayed silent until a new handshake",
                                      text("{} {}", cut, word(cut, "session", "sessions"))));
    if (facts.back.unanswered_extra > 0)
      finding.evidence.push_back(text("{} more {} sent to learn the direction, and lost too",
                                      facts.back.unanswered_extra,
                                      word(facts.back.unanswered_extra, "ping was", "pings were")));
  }
  for (Text& line : describe_errors(facts.session)) finding.evidence.push_back(std::move(line));
  add_local(facts, finding);
  add_outer(facts, finding);
  return finding;
}

/// @param unknown  pings of which the direction is not known: they may belong here.
Check loss_check(CheckKind kind, std::size_t lost, std::size_t of, std::size_t unknown,
                 Words where) {
  if (lost == 0 && unknown > 0)
    return make_check(kind, Status::unknown,
                      text("unknown: {} {} lost, and may have been lost {}", unknown,
                           word(unknown, "ping was", "pings were"), where));
  Check check = make_check(kind, status_of_loss(lost, of), Text());
  if (lost == 0)
    check.summary.add("no packets lost ").add(where);
  else
    check.summary = text("{}{} of {} ({}) lost {}", either(unknown > 0, "at least ", ""), lost, of,
                         percentage(lost, of), where);
  return check;
}

void add(Finding finding, Check& check) {
  check.summary = finding.cause;
  check.finding = std::move(finding);
}

}  // namespace

std::size_t answers_sent(const PingFacts& facts) {
  return facts.inner.round_trips.size() + loss_of(facts).backward;
}

std::size_t sessions_cut(const PingFacts& facts) {
  const Told before = told(facts);
  return static_cast<std::size_t>(
      std::ranges::count_if(facts.stretches, [&](const PingStretch& stretch) {
        return stretch.answered > 0 &&
               chance_of_run(before.lost, before.of, stretch.tail) < kUnlikely;
      }));
}

void add_loss(const PingFacts& facts, std::vector<Check>& checks) {
  const PingLoss loss = loss_of(facts);
  const std::size_t sent = facts.inner.sent;
  Check forward = loss_check(ping_loss_forward, loss.forward, sent, loss.unknown_direction,
                             "on the forward path");
  if (forward.status >= Status::warning && loss.forward > 0)
    add(forward_finding(facts, loss.forward), forward);
  const std::size_t answers = answers_sent(facts);
  Check backward = loss_check(ping_loss_backward, loss.backward, answers, loss.unknown_direction,
                              "on the reverse path");
  if (backward.status >= Status::warning && loss.backward > 0)
    add(backward_finding(facts, loss.backward, answers), backward);
  checks.push_back(std::move(forward));
  checks.push_back(std::move(backward));
  if (loss.unknown_direction == 0) return;
  Check unknown = loss_check(ping_loss, loss.unknown_direction, sent, 0, "in an unknown direction");
  if (unknown.status != Status::ok)
    add(unknown_direction_finding(facts, loss.unknown_direction), unknown);
  checks.push_back(std::move(unknown));
}

PingLoss loss_of(const PingFacts& facts) {
  const std::size_t lost = unanswered(facts);
  if (facts.session.taken.sessions > 0)
    return {.forward = 0, .backward = 0, .unknown_direction = lost};
  // Nothing came after the tails, so that none of them is among the missing.
  std::size_t unknown = std::min(facts.back.tail, lost);
  const auto missing =
      static_cast<std::size_t>(std::min<std::uint64_t>(facts.back.missing, lost - unknown));
  std::size_t forward = lost - unknown - missing;
  // Extra pings that were lost may be among the missing, or not.
  const std::size_t extra = std::min(facts.back.unanswered_extra, missing);
  unknown += extra;
  // An error about a ping tells its direction, too.
  const std::size_t refused = std::min(unknown, facts.refused - std::min(facts.refused, forward));
  forward += refused;
  unknown -= refused;
  return {.forward = forward, .backward = missing - extra, .unknown_direction = unknown};
}

}  // namespace wgscope::diagnosis
