#include "wgscope/path/retransmission_ladder.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/path/alarm_trials.hpp"
#include "wgscope/path/flow_lifetime.hpp"
#include "wgscope/path/keepalive.hpp"
#include "wgscope/path/silent_gateway.hpp"
#include "wgscope/path/stalled_line.hpp"

#include "scale.hpp"

// A run, state by state (docs/methods.md has the pauses drawn to scale):
//
//   climbing ──all lines sent, or should have──► climbing (the next, longer pause)
//      │ ▲
//      │ └──answer: the silence begins now── shaping ◄──question, late in a pause that is too long
//      │
//      └──nothing came──► checking: questions open the flow again, until the gateway's numbers tell
//                           nothing was sent in vain   the service is late, or has given up
//                           enough was                 the flow was forgotten
//                           something was              it may be chance: the same silence again
//
// `latest()` is a deadline that errs on the late side, because a line that is only late must not
// look like one that is missing. `earliest()` errs on the early side, because a silence must not
// look longer than it was.

namespace wgscope::path {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Chosen: nobody waits longer than twice the longest pause of Linux, and a little for late timers.
constexpr Nanoseconds kLongestPause = seconds(260);
/// Chosen: no NAT forgets within a second (RFC 4787 REQ-5 asks for 120 s), so what is missing after
/// shorter silences was lost.
constexpr Nanoseconds kShortest = seconds(1);
/// In shorter pauses one empty packet has to do. Chosen: a NAT may drop the only one, and has
/// remembered the flow since the pause before, so that it is silent for half as long again as is
/// thought.
constexpr Nanoseconds kLongPause = seconds(2);
/// Linux answers such questions at most every 500 ms (net.ipv4.tcp_invalid_ratelimit,
/// Documentation/networking/ip-sysctl.rst). Chosen: 200 ms more for the way.
constexpr Nanoseconds kNoAnswer = milliseconds(700);
/// Linux takes a flow for a stream, with a timer of its own, once packets both ways are more than 2
/// s apart (net/netfilter/nf_conntrack_proto_udp.c). Five rounds of questions last 2.8 s at least.
constexpr int kLeastRounds = 5;
/// Chosen: numbers of the gateway that are still on their way after 8 s are lost.
constexpr int kMostRounds = 12;
/// Chosen: without an answer the pause goes on in the old session, at the cost of that pause.
constexpr int kMostKeyings = 3;
/// Chosen: each time pauses are expected to be twice as long, so that this allows for four times.
constexpr int kMostUnsent = 2;
/// Chosen: two halvings of what the bracket leaves open, and silences that tell what becomes of late
/// keepalives and of one that is lost.
constexpr std::size_t kMostExtra = 4;
/// Chosen: a pause that is hardly longer than what was survived tells nothing new.
constexpr double kGrows = 1.1;

/// A silence that is to be `least` long at least. Chosen: lines may send that much early.
Nanoseconds with_room(Nanoseconds least) { return times(least, 1.02) + milliseconds(100); }

}  // namespace

Nanoseconds longest_ladder(const LadderConfig& config) {
  if (config.most) return *config.most;
  const auto longest = std::max(config.longest_silence, config.interval.value_or(seconds(0)));
  const Nanoseconds pauses = 2 * std::max<Nanoseconds>(2 * longest, kUsualLongestPause);
  constexpr auto kMore = static_cast<int>(kMostExtra) + kMostUnsent + 2;
  return times(pauses + kMore * 2 * kUsualLongestPause, kMostLate);
}

RetransmissionLadder::RetransmissionLadder(const LadderConfig& config,
                                           std::span<const Instant> stalled, Instant keyed,
                                           std::uint64_t missing, Instant now)
    : config_(config),
      gateway_(keyed, missing),
      lines_(stalled.begin(), stalled.end()),
      end_(now + longest_ladder(config)),
      silent_since_(now) {
  found_.tried = config.known;
  if (lines_.empty())
    finish(FlowEnd::no_service);
  else
    hush(now);
}

void RetransmissionLadder::send(Instant now, LadderSend::Kind kind, std::size_t line) {
  silent_since_ = now;
  outbox_.push({.kind = kind, .line = line});
}

void RetransmissionLadder::finish(FlowEnd end) {
  found_.end = end;
  state_ = Done{};
  outbox_.clear();
}

std::optional<Nanoseconds> RetransmissionLadder::judged() const {
  return judged_silence(config_.interval);
}

FlowLifetime RetransmissionLadder::result() const {
  FlowLifetime result = found_;
  conclude(result, judged(), kLadderTrials);
  return result;
}

std::optional<Nanoseconds> RetransmissionLadder::silence() const {
  if (!is_climbing()) return std::nullopt;
  const Nanoseconds silence = earliest() - silent_since_;
  return silence >= seconds(2) ? std::optional(silence) : std::nullopt;
}

Instant RetransmissionLadder::earliest() const {
  Instant first{Nanoseconds::max()};
  for (const StalledLine& line : lines_)
    if (line.is_awaited()) first = std::min(first, line.early());
  return first;
}

Instant RetransmissionLadder::latest() const {
  Instant last{};
  for (const StalledLine& line : lines_)
    if (line.is_awaited()) last = std::max(last, line.late(patient_));
  return last;
}

std::size_t RetransmissionLadder::live_lines() const {
  return static_cast<std::size_t>(std::ranges::count_if(lines_, &StalledLine::is_live));
}

// --- what comes in ---

void RetransmissionLadder::hush(Instant now) {
  send(now, LadderSend::Kind::keepalive);
  gateway_.hush(now);
}

void RetransmissionLadder::record_alive(Nanoseconds silence) {
  if (silence < kShortest) return;
  add_survived(found_, silence);
  if (pending_ && silence >= pending_->least) pending_.reset();
}

void RetransmissionLadder::take_incoming(Instant now, std::uint64_t missing) {
  const std::uint64_t more = gateway_.take_missing(missing);
  auto* const checking = std::get_if<Checking>(&state_);
  if (checking != nullptr && !checking->counted) {
    // At most one of each line: more than these were answers to questions.
    checking->suspect.copies = std::min<std::size_t>(more, live_lines());
    checking->counted = true;
  } else {
    ++seen_.received;
    seen_.lost += more;
  }
  if (!is_climbing()) return;
  // What was lost may have passed the NAT, and refreshed what it remembers. It may have been a
  // keepalive of the gateway's own, so nobody knows when that was.
  if (more == 0) record_alive(now - silent_since_);
}

/// @returns false where the run is over.
bool RetransmissionLadder::hear(Instant now) {
  if (gateway_.is_suspected()) gateway_.excuse_session();
  if (gateway_.handle_answer(now, found_)) return true;
  finish(FlowEnd::session_lost);
  return false;
}

void RetransmissionLadder::handle_data(Instant now, std::size_t index, std::uint64_t missing) {
  if (done() || !lines_[index].is_live() || !hear(now)) return;
  take_incoming(now, missing);
  lines_[index].handle_data(now);
  unsent_ = 0;
  // The line was only late: there is nothing to suspect.
  if (std::holds_alternative<Checking>(state_)) state_ = Climbing{};
  hush(now);
  if (is_climbing()) next_rung(now);
}

void RetransmissionLadder::handle_other(Instant now, std::uint64_t missing) {
  if (done()) return;
  if (gateway_.is_suspected()) gateway_.excuse_session();
  const bool climbing = is_climbing();
  take_incoming(now, missing);
  if (climbing) note_broken(now);
  if (!done()) hush(now);
}

void RetransmissionLadder::note_broken(Instant now) {
  const Nanoseconds lasted = now - silent_since_;
  if (lasted < kShortest || gateway_.next_key()) return;
  if (!gateway_.note_broken(found_, lasted)) finish(FlowEnd::disturbed);
}

void RetransmissionLadder::handle_keyed(Instant now) {
  if (done()) return;
  // A handshake that the gateway began tells nothing of the silence: it may follow what was lost
  // 15 s before. It breaks the silence all the same.
  const bool suspected = gateway_.is_suspected();
  if (!gateway_.handle_keyed(now) && is_climbing()) note_broken(now);
  if (!done()) hush(now);
  if (!done() && suspected) ask_anew(now);
}

void RetransmissionLadder::handle_end(Instant now, std::size_t line, std::uint64_t missing) {
  if (done() || !hear(now)) return;
  take_incoming(now, missing);
  hush(now);
  lines_[line].end();
  if (live_lines() == 0) return finish(FlowEnd::service_ended);
  if (is_climbing()) next_rung(now);
}

void RetransmissionLadder::handle_answer(Instant now, std::size_t line, std::uint64_t missing) {
  if (done() || !lines_[line].is_live() || !hear(now)) return;
  take_incoming(now, missing);
  hush(now);
  if (auto* const checking = std::get_if<Checking>(&state_)) checking->questions.unanswered = 0;
  if (!std::holds_alternative<Shaping>(state_)) return;
  state_ = Climbing{};
  next_rung(now);
}

// --- one pause after the other ---

/// Where all lines have sent, or should have, a new pause begins.
void RetransmissionLadder::next_rung(Instant now) {
  if (std::ranges::any_of(lines_, &StalledLine::is_awaited)) return;
  for (StalledLine& line : lines_) line.begin_pause();
  patient_ = false;
  gateway_.begin_silence();
  begin_pause(now);
}

void RetransmissionLadder::begin_pause(Instant now) {
  auto& climbing = state_.emplace<Climbing>();
  const Instant next = earliest();
  const Nanoseconds pause = next - now;
  if (pause > kLongestPause) return finish(FlowEnd::service_ended);
  // What comes at the end of this pause would come too late.
  if (next >= end_) return finish(FlowEnd::time_over);
  if (pause < kShortest) return;
  const auto wanted = choose(pause);
  if (!wanted) return finish(FlowEnd::done);
  if (*wanted < pause - kShortest) climbing.shape_at = next - *wanted;
  if (pause > kLongPause) hush(now);
  if (!gateway_.outlasts_session(now, latest() - now)) return;
  send(now, LadderSend::Kind::handshake);
  gateway_.key(now);
}

void RetransmissionLadder::suppose_all_sent() {
  for (StalledLine& line : lines_)
    if (line.is_awaited()) line.suppose_sent();
}

/// Nothing more is to be expected in this pause.
void RetransmissionLadder::handle_deadline(Instant now) {
  const bool heard = std::ranges::any_of(lines_, &StalledLine::has_arrived);
  const bool learnt = std::ranges::any_of(lines_, &StalledLine::is_learnt);
  const Nanoseconds least = earliest() - silent_since_;
  const Nanoseconds most = latest() - silent_since_;
  if (!heard && (most >= kShortest || !learnt)) {
    const Suspect suspect{.least = std::max(least, Nanoseconds(0)), .most = most};
    state_ = Checking{.suspect = suspect, .questions = {}};
    return ask_all(now);
  }
  suppose_all_sent();
  next_rung(now);
}

// --- questions ---

void RetransmissionLadder::note_asked(Questions& questions, Instant now) {
  ++questions.unanswered;
  questions.again_at = now + kNoAnswer;
  gateway_.stop_hushing();
}

/// While shaping one answer is enough.
void RetransmissionLadder::ask_one(Instant now) {
  note_asked(std::get<Shaping>(state_).questions, now);
  do {
    ask_line_ = (ask_line_ + 1) % lines_.size();
  } while (!lines_[ask_line_].is_live());
  ++found_.calls;
  send(now, LadderSend::Kind::ask, ask_line_);
}

void RetransmissionLadder::ask_all(Instant now) {
  auto& checking = std::get<Checking>(state_);
  note_asked(checking.questions, now);
  ++checking.rounds;
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    if (!lines_[i].is_live()) continue;
    ++found_.calls;
    send(now, LadderSend::Kind::ask, i);
  }
}

/// Questions get no answers any more: a new handshake tells whether it is the session's fault.
void RetransmissionLadder::suspect_session(Instant now, Questions& questions) {
  if (!gateway_.suspect_session(now, kMostUnanswered)) return finish(FlowEnd::path_gone);
  questions.again_at = *gateway_.next_key();
  send(now, LadderSend::Kind::handshake);
}

/// The session is new. What was suspected of the silence cannot be told any more.
void RetransmissionLadder::ask_anew(Instant now) {
  if (auto* const shaping = std::get_if<Shaping>(&state_)) {
    shaping->questions.unanswered = 0;
    return ask_one(now);
  }
  auto* const checking = std::get_if<Checking>(&state_);
  if (checking == nullptr) return;
  *checking = {.suspect = {}, .counted = true, .questions = {}, .rounds = 0};
  ask_all(now);
}

/// The time for answers of a round is over, whether or not there were any.
void RetransmissionLadder::handle_silence_of_all(Instant now) {
  auto& checking = std::get<Checking>(state_);
  if (checking.questions.unanswered == kMostUnanswered)
    return suspect_session(now, checking.questions);
  if (checking.questions.unanswered > 0) {
    --checking.rounds;
    return ask_all(now);
  }
  if (checking.suspect.copies == 0) return handle_nothing_sent(now);
  const std::size_t copies = checking.suspect.copies + (pending_ ? pending_->copies : 0);
  if (checking.rounds < kLeastRounds ||
      (!is_no_chance(seen_, copies) && checking.rounds < kMostRounds))
    return ask_all(now);
  judge_suspect(now);
}

/// The lines are alive and have sent nothing: they are slower than was thought, or have given up.
void RetransmissionLadder::handle_nothing_sent(Instant now) {
  state_ = Climbing{};
  if (!patient_) {
    patient_ = true;
    return;
  }
  if (++unsent_ > kMostUnsent) return finish(FlowEnd::service_ended);
  for (StalledLine& line : lines_) line.expect_later();
  begin_pause(now);
}

void RetransmissionLadder::judge_suspect(Instant now) {
  Suspect suspect = std::get<Checking>(state_).suspect;
  state_ = Climbing{};
  if (pending_) {
    suspect.copies += pending_->copies;
    suspect.most = std::max(suspect.most, pending_->most);
    suspect.least = std::min(suspect.least, pending_->least);
  }
  if (is_no_chance(seen_, suspect.copies)) {
    found_.tried.push_back({.least = suspect.least, .most = suspect.most, .alive = false});
    pending_.reset();
  } else {
    pending_ = suspect;
  }
  suppose_all_sent();
  next_rung(now);
}

// --- time ---

std::optional<Instant> RetransmissionLadder::next_timeout() const {
  if (done()) return std::nullopt;
  Instant next = end_;
  if (const auto* climbing = std::get_if<Climbing>(&state_))
    next = std::min({next, latest(), climbing->shape_at.value_or(next)});
  else if (const auto* shaping = std::get_if<Shaping>(&state_))
    next = std::min(next, shaping->questions.again_at);
  else
    next = std::min(next, std::get<Checking>(state_).questions.again_at);
  for (const auto& at : {gateway_.next_hush(), gateway_.next_key()})
    next = std::min(next, at.value_or(next));
  return next;
}

void RetransmissionLadder::handle_timeout(Instant now) {
  if (done()) return;
  if (now >= end_) return finish(FlowEnd::time_over);
  handle_gateway_timers(now);
  if (const auto* climbing = std::get_if<Climbing>(&state_)) {
    if (climbing->shape_at && *climbing->shape_at <= now) {
      state_ = Shaping{};
      ask_one(now);
    } else if (latest() <= now) {
      handle_deadline(now);
    }
  } else if (auto* const shaping = std::get_if<Shaping>(&state_)) {
    if (shaping->questions.again_at > now) return;
    if (shaping->questions.unanswered == kMostUnanswered)
      return suspect_session(now, shaping->questions);
    ask_one(now);
  } else if (std::get<Checking>(state_).questions.again_at <= now) {
    handle_silence_of_all(now);
  }
}

void RetransmissionLadder::handle_gateway_timers(Instant now) {
  if (const auto hush_at = gateway_.next_hush(); hush_at && *hush_at <= now) {
    if (latest() - now <= kLongPause) {
      gateway_.stop_hushing();
    } else {
      gateway_.hush_again(now);
      send(now, LadderSend::Kind::keepalive);
    }
  }
  if (const auto key_at = gateway_.next_key(); key_at && *key_at <= now)
    if (gateway_.key_again(now, kMostKeyings)) send(now, LadderSend::Kind::handshake);
}

// --- which silence next ---

/// @param pause  that the lines will make.
std::optional<Nanoseconds> RetransmissionLadder::choose(Nanoseconds pause) {
  if (pending_) return std::min(pause, pending_->least);
  const FlowLifetime known = result();
  const Nanoseconds longest =
      std::max<Nanoseconds>(config_.longest_silence, judged().value_or(Nanoseconds(0)));
  if (!known.gone_after &&
      known.alive_after.value_or(seconds(0)) < std::chrono::floor<seconds>(longest)) {
    const bool grows = !known.alive_after || pause > times(*known.alive_after, kGrows);
    if (grows) return std::min(pause, longest);
  }
  // Too short to tell anything: lines that were opened later begin with such pauses.
  if (!config_.known.empty() && known.alive_after && pause <= *known.alive_after) return pause;
  if (config_.alarm && config_.interval &&
      AlarmTrials::can_help({.interval = *config_.interval, .alarm = *config_.alarm}, known))
    return std::nullopt;
  if (extra_++ >= kMostExtra) return std::nullopt;
  return choose_between(known, pause);
}

/// The bracket is known: what it leaves open of the interval that is judged.
std::optional<Nanoseconds> RetransmissionLadder::choose_between(const FlowLifetime& known,
                                                                Nanoseconds pause) {
  const auto judged = this->judged();
  if (!judged) return std::nullopt;
  const seconds alive = known.alive_after.value_or(seconds(0));
  if (known.gone_after && *known.gone_after <= *judged) return std::nullopt;
  const seconds late = late_keepalive(*config_.interval);
  const auto may_survive = [&](Nanoseconds silence) {
    return alive < silence && (!known.gone_after || *known.gone_after > silence + seconds(1));
  };
  if (alive < *judged) {
    // The likelier answer is looked for.
    const Nanoseconds too_long = *judged - (latest() - earliest());
    const bool below = !known.gone_after || *judged - alive > *known.gone_after - *judged;
    if (below && too_long > alive) return std::min(pause, too_long);
    if (tried_enough_) return std::nullopt;
    tried_enough_ = true;
    return std::min(pause, with_room(may_survive(late) ? late : *judged));
  }
  // Each is tried once: the pauses have become long by now.
  while (keepalives_tried_ < 2) {
    const seconds silence = ++keepalives_tried_ * late;
    if (silence > config_.longest_silence) return std::nullopt;
    if (may_survive(silence)) return std::min(pause, with_room(silence));
  }
  return std::nullopt;
}

}  // namespace wgscope::path
