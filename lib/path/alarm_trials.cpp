#include "wgscope/path/alarm_trials.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <variant>

#include "wgscope/base/time.hpp"
#include "wgscope/path/flow_lifetime.hpp"
#include "wgscope/path/keepalive.hpp"
#include "wgscope/path/silent_gateway.hpp"
#include "wgscope/path/stalled_line.hpp"

#include "scale.hpp"

// A trial, state by state:
//
//   open: questions, until the flow is a stream ──► pieces are sent ──► more questions
//     ▲                                                                   │
//     │ the alarm came in, or not, and the questions told why         hushing ──► silent
//     └───────────────────────────────────────────────────────────────────────────┘
//
// A prediction of the alarm only decides where the silence is put. What is concluded rests on when
// we sent and received, and on the gateway's numbers.

namespace wgscope::path {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Chosen: on any path that is in use an answer takes less.
constexpr Nanoseconds kNoAnswer = milliseconds(700);
/// Linux takes a flow for a stream, with a timer of its own, once packets both ways are more than 2
/// s apart (net/netfilter/nf_conntrack_proto_udp.c). Chosen: 0.3 s more for the way.
constexpr Nanoseconds kStreamAfter = milliseconds(2'300);
/// Half of that: questions at the beginning, in the middle and at the end are enough.
constexpr Nanoseconds kBetweenAsks = milliseconds(1'150);
/// Chosen: after the last question, so that its answer has come in before the silence begins.
constexpr Nanoseconds kQuiet = seconds(1);
/// SilentGateway repeats the last packet seven times, 50 ms apart.
constexpr Nanoseconds kHushing = milliseconds(350);
/// Chosen: what comes in so soon after our last packet was on its way already.
constexpr Nanoseconds kStillComing = seconds(1);

// --- where a silence is put

/// Chosen: an alarm that is known to a few milliseconds comes so long before the silence is too long
/// to tell, or so long after it is long enough. Round trips may vary by that much.
constexpr Nanoseconds kBelow = milliseconds(350);
constexpr Nanoseconds kAbove = milliseconds(300);
/// Chosen: the question goes out a little before the silence is too long to tell, because a program
/// may wake late.
constexpr Nanoseconds kBeforeTooLong = milliseconds(60);
/// Chosen: so long after a known alarm should have come in, it counts as missing.
constexpr Nanoseconds kMissing = milliseconds(400);

// --- when Linux' timers fire

/// Pieces arrive so long before the multiple of the granularity that the alarm is to fall on.
/// Chosen: longer than the way varies, and shorter than the finest granularity (0.5 s, HZ of 1000).
constexpr Nanoseconds kBeforeStep = milliseconds(150);
/// The granularity of timers of 5 to 32 s is 0.512 s with HZ of 1000, 0.64 s with 100, 1.707 s with
/// 300 and 2.048 s with 250; of timers of 41 to 109 s it is 4.096, 5.12, 1.707 and 2.048 s
/// (kernel/time/timer.c, the tables in its first comment). They divide these steps:
constexpr Nanoseconds kStep = milliseconds(10'240);
constexpr Nanoseconds kLongStep = milliseconds(20'480);
constexpr seconds kLongAlarm{32};

/// How late an alarm of such a length may be, if nothing is known of the host yet.
Nanoseconds lateness(seconds alarm) {
  return alarm < kLongAlarm ? milliseconds(2'050) : milliseconds(5'150);
}

Nanoseconds step(seconds alarm) { return alarm < kLongAlarm ? kStep : kLongStep; }

/// Chosen: beyond what timers of that length may be late (kMostLate), the alarm is waited for so
/// long.
constexpr Nanoseconds kRinging = seconds(2);
/// Chosen: twice, because a host that has a firewall for such errors never sends any.
constexpr int kMostUnrung = 2;
/// Chosen: as RetransmissionLadder; without an answer the trial goes on in the old session.
constexpr int kMostKeyings = 3;
/// Chosen: more than the trials of one run, which only such numbers of losses need.
constexpr std::uint32_t kMostTrials = 12;

}  // namespace

bool AlarmTrials::can_help(const AlarmConfig& config, const FlowLifetime& known) {
  return AlarmTrials(config, known, Instant{}, 0, Instant{}).choose().has_value();
}

AlarmTrials::AlarmTrials(const AlarmConfig& config, FlowLifetime known, Instant keyed,
                         std::uint64_t missing, Instant now)
    : config_(config),
      found_(std::move(known)),
      gateway_(keyed, missing),
      seen_(config.seen),
      asked_at_(now),
      silent_since_(now),
      ring_early_(now),
      ring_late_(now),
      hush_at_(now),
      check_at_(now) {
  open(now, std::nullopt);
}

FlowLifetime AlarmTrials::result() const {
  FlowLifetime result = found_;
  conclude(result, config_.interval, 1);
  return result;
}

std::optional<Nanoseconds> AlarmTrials::silence() const {
  const auto* const silent = std::get_if<Silent>(&state_);
  return silent != nullptr ? std::optional(ring_late_ - silent->since) : std::nullopt;
}

void AlarmTrials::send(Instant now, AlarmSend::Kind kind, std::uint32_t number) {
  silent_since_ = now;
  outbox_.push({.kind = kind, .number = number});
}

void AlarmTrials::finish(FlowEnd end) {
  found_.end = end;
  state_ = Done{};
  outbox_.clear();
}

// --- which silence next ---

std::optional<AlarmTrials::Aim> AlarmTrials::choose() const {
  const FlowLifetime known = result();
  const seconds interval = config_.interval;
  if (known.gone_after && *known.gone_after <= interval) return std::nullopt;
  if (const auto aim = choose_around(interval, known)) return aim;
  if (known.alive_after.value_or(seconds(0)) < interval) return std::nullopt;
  return choose_around(late_keepalive(interval), known);
}

/// Only between a silence that was survived and one that was not: beyond, longer ones tell more.
std::optional<AlarmTrials::Aim> AlarmTrials::choose_around(seconds at,
                                                           const FlowLifetime& known) const {
  const seconds alive = known.alive_after.value_or(seconds(0));
  if (!known.gone_after || alive >= at || *known.gone_after <= at) return std::nullopt;
  // Before the pieces are given up the flow has to be open again.
  if (at + kAbove + kHushing + kQuiet > config_.alarm) return std::nullopt;
  if (!rung_at_) return Aim{.at = at};
  const bool below = alive < at - seconds(1);
  const bool above = *known.gone_after > at + seconds(1);
  // The likelier answer is looked for: the flow lives for any time of the bracket.
  if (below && (!above || *known.gone_after - at <= at - alive + seconds(1))) return Aim{.at = at};
  if (above) return Aim{.at = at, .above = true};
  return std::nullopt;
}

// --- the flow is open ---

void AlarmTrials::open(Instant now, std::optional<Suspect> suspect) {
  Open opened;
  opened.ask_at = now;
  opened.suspect = suspect;
  if (suspect && armed_at_)
    opened.ring_by = *armed_at_ + times(config_.alarm, kMostLate) + delay() + kRinging;
  state_ = opened;
  ask(now);
}

void AlarmTrials::ask(Instant now) {
  auto& open = std::get<Open>(state_);
  ++open.unanswered;
  open.ask_at = now + kNoAnswer;
  asked_at_ = now;
  ++found_.calls;
  send(now, AlarmSend::Kind::ask, ++asked_);
}

void AlarmTrials::handle_time_in_open(Instant now, const Open& open) {
  if (arm_at_ && now >= *arm_at_) return arm(now);
  if (armed_at_ && !open.ring_by && now >= hush_at_) return begin_silence(now);
  if (now < open.ask_at) return;
  if (open.unanswered == kMostUnanswered)
    // A host that answers no pings is left alone, and what was known stays as it is.
    return finish(delay_ ? FlowEnd::path_gone : found_.end);
  ask(now);
}

/// An answer came in.
void AlarmTrials::go_on(Instant now) {
  auto& open = std::get<Open>(state_);
  open.unanswered = 0;
  open.ask_at = now + kBetweenAsks;
  if (armed_at_ && !open.ring_by && open.ask_at + kQuiet > hush_at_) open.ask_at = hush_at_;
  if (!open.since) open.since = now;
  if (now - *open.since < kStreamAfter) return;
  if (const auto suspect = std::exchange(open.suspect, std::nullopt);
      suspect && suspect->copies > 0) {
    judge(*suspect);
    gateway_.begin_silence();
    armed_at_.reset();
  }
  // Where nothing was sent in vain, the alarm is late, and tells when it comes.
  if (armed_at_ && open.ring_by && now >= *open.ring_by) {
    armed_at_.reset();
    if (++unrung_ == kMostUnrung || !rung_at_) return finish(found_.end);
  }
  if (armed_at_) return;
  open.ring_by.reset();
  if (!arm_at_) plan(now);
}

void AlarmTrials::judge(const Suspect& suspect) {
  Suspect all = suspect;
  if (pending_) {
    all.copies += pending_->copies;
    all.least = std::min(all.least, pending_->least);
    all.most = std::max(all.most, pending_->most);
  }
  if (is_no_chance(seen_, all.copies)) {
    found_.tried.push_back({.least = all.least, .most = all.most, .alive = false});
    pending_.reset();
  } else {
    pending_ = all;
  }
}

/// Plans when to send the pieces of the next trial.
void AlarmTrials::plan(Instant now) {
  const auto aim = pending_ ? std::optional(aim_) : choose();
  if (!aim || trial_ == kMostTrials) return finish(FlowEnd::done);
  aim_ = *aim;
  const Nanoseconds step = path::step(config_.alarm);
  const Nanoseconds until = config_.alarm + step + lateness(config_.alarm);
  if (now + config_.alarm + delay() >= config_.end) return finish(FlowEnd::time_over);
  if (gateway_.next_key()) return;
  if (!std::exchange(renewed_, true) && gateway_.outlasts_session(now, until)) {
    send(now, AlarmSend::Kind::handshake);
    return gateway_.key(now);
  }
  if (!rung_at_) return arm(now);
  // The alarm falls on the first such time for which the pieces can still be sent.
  const Nanoseconds before = config_.alarm + delay() + kBeforeStep;
  const auto steps = (now + before - *rung_at_) / step + 1;
  ring_early_ = *rung_at_ + steps * step;
  if (ring_early_ >= config_.end) return finish(FlowEnd::time_over);
  arm_at_ = ring_early_ - before;
}

void AlarmTrials::arm(Instant now) {
  ++trial_;
  const Nanoseconds at = aim_.at;
  Nanoseconds silence = at - kBeforeTooLong;
  if (arm_at_) {
    ring_late_ = ring_early_ + (aim_.above ? kMissing : kBelow - kBeforeTooLong);
    silence = aim_.above ? at + kAbove + delay() : at - kBelow;
    hush_at_ = ring_early_ - silence - kHushing;
  } else {
    ring_early_ = now + config_.alarm;
    ring_late_ = ring_early_ + delay() + lateness(config_.alarm);
    hush_at_ = ring_late_ - silence - kHushing;
  }
  arm_at_.reset();
  armed_at_ = now;
  check_at_ = ring_late_;
  renewed_ = false;
  for (std::size_t i = 0; i < kAlarmPieces; ++i) send(now, AlarmSend::Kind::piece, trial_);
  ask(now);
}

// --- the silence ---

void AlarmTrials::begin_silence(Instant now) {
  state_ = Hushing{};
  send(now, AlarmSend::Kind::keepalive);
  gateway_.hush(now);
}

/// Something came in that nobody waited for.
void AlarmTrials::break_silence(Instant now) {
  if (std::holds_alternative<Open>(state_)) return;
  if (std::holds_alternative<Hushing>(state_)) return begin_silence(now);
  const Nanoseconds lasted = now - std::get<Silent>(state_).since;
  if (lasted < kStillComing) return;
  if (!gateway_.note_broken(found_, lasted)) return finish(FlowEnd::disturbed);
  armed_at_.reset();
  open(now, std::nullopt);
}

/// An alarm came in when it was not expected: that tells what to expect.
void AlarmTrials::learn_alarm(Instant now) {
  const Nanoseconds seen = now - *armed_at_;
  const Nanoseconds most = config_.alarm + delay() + lateness(config_.alarm) + kMissing;
  if (seen < config_.alarm || seen > most) config_.alarm = std::chrono::floor<seconds>(seen);
}

// --- what comes in ---

void AlarmTrials::take_incoming(std::uint64_t missing) {
  const std::uint64_t more = gateway_.take_missing(missing);
  auto* const open = std::get_if<Open>(&state_);
  if (open == nullptr || !open->suspect) {
    ++seen_.received;
    seen_.lost += more;
    return;
  }
  Suspect& suspect = *open->suspect;
  if (!suspect.missing_before) {
    suspect.missing_before = missing - std::min(missing, more);
    // At most the alarms: more than these were answers to questions.
    suspect.copies = kAlarmPieces;
  }
  // What was only overtaken on the way comes in later, and is missing no more.
  const std::uint64_t gone = missing - std::min(missing, *suspect.missing_before);
  suspect.copies = std::min<std::size_t>(suspect.copies, gone);
}

void AlarmTrials::handle_alarm(Instant now, std::uint32_t number, std::uint64_t missing) {
  if (done()) return;
  const std::uint64_t lost = seen_.lost;
  take_incoming(missing);
  if (number != trial_ || !armed_at_) return break_silence(now);
  learn_alarm(now);
  gateway_.begin_silence();
  armed_at_.reset();
  rung_at_ = now;
  unrung_ = 0;
  // It passed the NAT a little before it came in here.
  const Nanoseconds silence = now - silent_since_ - delay();
  if (auto* const open = std::get_if<Open>(&state_)) return open->suspect.reset();
  // What was lost may have passed the NAT, and refreshed what it remembers.
  if (std::holds_alternative<Silent>(state_) && lost == seen_.lost && silence >= kStillComing) {
    add_survived(found_, silence);
    if (pending_ && silence >= pending_->least) pending_.reset();
  }
  open(now, std::nullopt);
}

void AlarmTrials::handle_answer(Instant now, std::uint32_t number, std::uint64_t missing) {
  if (done()) return;
  take_incoming(missing);
  if (number == asked_) delay_ = std::min(delay_.value_or(now - asked_at_), now - asked_at_);
  if (std::holds_alternative<Open>(state_)) return go_on(now);
  break_silence(now);
}

void AlarmTrials::handle_other(Instant now, std::uint64_t missing) {
  if (done()) return;
  take_incoming(missing);
  break_silence(now);
}

void AlarmTrials::handle_keyed(Instant now) {
  if (done()) return;
  gateway_.handle_keyed(now);
  break_silence(now);
}

// --- time ---

std::optional<Instant> AlarmTrials::next_timeout() const {
  if (done()) return std::nullopt;
  Instant next = config_.end;
  if (const auto* const open = std::get_if<Open>(&state_)) {
    next = std::min(next, open->ask_at);
    if (arm_at_) next = std::min(next, *arm_at_);
    if (gateway_.next_key()) next = std::min(next, *gateway_.next_key());
    if (armed_at_ && !open->ring_by) next = std::min(next, hush_at_);
  } else if (std::holds_alternative<Hushing>(state_)) {
    next = std::min(next, gateway_.next_hush().value_or(next));
  } else {
    next = std::min(next, check_at_);
  }
  return next;
}

void AlarmTrials::handle_timeout(Instant now) {
  if (done()) return;
  if (now >= config_.end) return finish(FlowEnd::time_over);
  if (const auto key_at = gateway_.next_key(); key_at && *key_at <= now)
    if (gateway_.key_again(now, kMostKeyings)) send(now, AlarmSend::Kind::handshake);
  if (const auto* const open = std::get_if<Open>(&state_)) return handle_time_in_open(now, *open);
  if (std::holds_alternative<Hushing>(state_)) {
    if (now < *gateway_.next_hush()) return;
    send(now, AlarmSend::Kind::keepalive);
    gateway_.hush_again(now);
    if (!gateway_.next_hush()) state_ = Silent{.since = now};
    return;
  }
  if (now < check_at_) return;
  const Instant since = std::get<Silent>(state_).since;
  open(now, Suspect{.least = std::max(ring_early_ - since, Nanoseconds(0)),
                    .most = now - since,
                    .copies = 0,
                    .missing_before = {}});
}

}  // namespace wgscope::path
