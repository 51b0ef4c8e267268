#include "wgscope/path/retransmission_ladder.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/path/flow_lifetime.hpp"
#include "wgscope/path/keepalive.hpp"

namespace wgscope::path {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Linux' timers are the later the longer they are, by an eighth at most, and at lengths up to two
/// minutes by no more than 5.12 s (kernel/time/timer.c, HZ of 100 to 1000).
constexpr double kLate = 1.13;
constexpr Nanoseconds kUsuallyLate = milliseconds(5'200);
constexpr double kEarly = 0.97;
constexpr double kMuchEarly = 0.85;
constexpr Nanoseconds kOnTheWay = milliseconds(500);
/// Linux doubles no further (TCP_RTO_MAX). Where that is not so, it is learnt.
constexpr Nanoseconds kUsualCap = seconds(120);
constexpr Nanoseconds kLeastCap = seconds(5);
/// Nobody waits longer than this for the next one.
constexpr Nanoseconds kLongestPause = seconds(260);
constexpr Nanoseconds kFirstPause = seconds(2);
/// Shorter silences than this are no lifetimes: what is missing after them was lost.
constexpr Nanoseconds kShortest = seconds(1);
constexpr Nanoseconds kNoAnswer = milliseconds(700);  // Linux answers such questions every 500 ms
constexpr int kMostAsked = 8;
/// Questions go on for so long that the new flow is a stream to Linux: 2 s.
constexpr int kLeastRounds = 5;
constexpr int kMostRounds = 12;
constexpr Nanoseconds kChecking = seconds(30);
constexpr double kChance = 1e-6;
constexpr int kHushes = 5;
constexpr Nanoseconds kBetweenHushes = milliseconds(50);
constexpr Nanoseconds kLongPause = seconds(10);
constexpr Nanoseconds kNoHandshake = milliseconds(5'500);
constexpr int kMostKeyings = 3;
/// As in SilenceSearch.
constexpr Nanoseconds kOldSession = seconds(115);
constexpr Nanoseconds kYoungSession = seconds(6);
constexpr int kMostBroken = 2;
constexpr int kMostUnsent = 2;
constexpr std::size_t kMostExtra = 4;

Nanoseconds times(Nanoseconds time, double factor) {
  return Nanoseconds(static_cast<Nanoseconds::rep>(static_cast<double>(time.count()) * factor));
}

Nanoseconds doubled(Nanoseconds pause) {
  return pause <= kUsualCap ? std::min(2 * pause, kUsualCap) : 2 * pause;
}

}  // namespace

Nanoseconds longest_ladder(const LadderConfig& config) {
  const auto longest = std::max(config.longest, config.interval.value_or(seconds(0)));
  const Nanoseconds pauses = 2 * std::max<Nanoseconds>(2 * longest, kUsualCap);
  return times(pauses + static_cast<int>(kMostExtra + kMostUnsent + 2) * 2 * kUsualCap, kLate);
}

RetransmissionLadder::RetransmissionLadder(const LadderConfig& config,
                                           std::span<const Instant> stalled, Instant keyed,
                                           std::uint64_t missing, Instant now)
    : config_(config),
      start_(now),
      keyed_(keyed),
      silent_since_(now),
      ask_at_(now),
      missing_(missing) {
  for (const Instant at : stalled) lines_.push_back({.last = at, .pause = kFirstPause});
  if (lines_.empty())
    finish(FlowEnd::no_service);
  else
    hush(now);
}

std::optional<LadderSend> RetransmissionLadder::poll_send() {
  if (outbox_read_ == outbox_.size()) return std::nullopt;
  const LadderSend next = outbox_[outbox_read_++];
  if (outbox_read_ == outbox_.size()) {
    outbox_.clear();
    outbox_read_ = 0;
  }
  return next;
}

void RetransmissionLadder::send(Instant now, LadderSend::Kind kind, std::size_t line) {
  silent_since_ = now;
  outbox_.push_back({.kind = kind, .line = line});
}

void RetransmissionLadder::finish(FlowEnd end) {
  found_.end = end;
  state_ = State::done;
  outbox_.clear();
  outbox_read_ = 0;
}

std::optional<Nanoseconds> RetransmissionLadder::judged() const {
  if (!config_.interval || *config_.interval == seconds(0)) return std::nullopt;
  return *config_.interval + config_.slack;
}

FlowLifetime RetransmissionLadder::result() const {
  FlowLifetime result = found_;
  conclude(result, judged(), 1);
  return result;
}

std::optional<Nanoseconds> RetransmissionLadder::silence() const {
  if (state_ != State::climbing) return std::nullopt;
  const Nanoseconds silence = earliest() - silent_since_;
  return silence >= seconds(2) ? std::optional(silence) : std::nullopt;
}

// --- when lines send ---

Instant RetransmissionLadder::early(const Line& line) {
  return line.last + times(line.pause, kEarly);
}

Instant RetransmissionLadder::late(const Line& line) const {
  Nanoseconds pause = line.learnt ? times(line.pause, kLate) : 4 * line.pause;
  if (line.learnt && !patient_) pause = std::min(pause, line.pause + kUsuallyLate);
  return line.last + pause + kOnTheWay;
}

Instant RetransmissionLadder::earliest() const {
  Instant first{Nanoseconds::max()};
  for (const Line& line : lines_)
    if (line.live && !line.arrived) first = std::min(first, early(line));
  return first;
}

Instant RetransmissionLadder::latest() const {
  Instant last{};
  for (const Line& line : lines_)
    if (line.live && !line.arrived) last = std::max(last, late(line));
  return last;
}

std::size_t RetransmissionLadder::live_lines() const {
  return static_cast<std::size_t>(std::ranges::count_if(lines_, &Line::live));
}

/// The pause before the next one, from the one that has just ended.
void RetransmissionLadder::learn(Line& line, Instant now) {
  const Nanoseconds seen = now - line.last;
  const Nanoseconds before = line.pause;
  line.last = now;
  const bool as_expected = seen >= times(before, 0.9) && seen <= times(before, 1.2);
  if (line.learnt && line.capped && as_expected) {
    line.pause = std::min(before, seen);
  } else if (line.learnt && as_expected) {
    // Late once is not late for ever: each pause is twice what the one before was to be.
    line.pause = doubled(std::min(before, seen));
    line.capped = line.pause == kUsualCap && before == kUsualCap;
  } else {
    const Nanoseconds last = before / 2;
    line.capped =
        line.learnt && seen >= kLeastCap && seen >= times(last, 0.85) && seen <= times(last, 1.15);
    line.pause = line.capped ? seen : doubled(seen);
  }
  line.learnt = true;
}

void RetransmissionLadder::suppose_sent(Line& line) {
  line.last = line.last + line.pause;
  if (!line.capped) line.pause = doubled(line.pause);
  line.arrived = true;
}

// --- what comes in ---

void RetransmissionLadder::hush(Instant now) {
  send(now, LadderSend::Kind::keepalive);
  hushes_ = 1;
  hush_at_ = now + kBetweenHushes;
}

void RetransmissionLadder::record_alive(Nanoseconds silence) {
  if (silence < kShortest) return;
  found_.tried.push_back({.least = silence, .most = silence, .alive = true});
  // Survived what was thought to be too long: that was chance after all.
  std::erase_if(found_.tried,
                [&](const SilenceTried& one) { return !one.alive && one.most <= silence; });
  if (pending_ && silence >= pending_->least) pending_.reset();
}

void RetransmissionLadder::take_incoming(Instant now, std::uint64_t missing) {
  const std::uint64_t more = missing - std::min(missing, missing_);
  missing_ = std::max(missing_, missing);
  if (suspect_ && !suspect_->counted) {
    // Not more than one of each line; else questions were lost as well.
    suspect_->copies = std::min<std::size_t>(more, live_lines());
    suspect_->counted = true;
  } else {
    ++received_;
    lost_ += more;
  }
  if (state_ != State::climbing) return;
  // What was lost just before may have passed the NAT, and refreshed what it remembers.
  Instant first = now;
  for (const Line& line : lines_)
    if (more > 0 && line.live && !line.arrived)
      first = std::min(first, line.last + times(line.pause, kMuchEarly));
  record_alive(first - silent_since_);
}

void RetransmissionLadder::handle_data(Instant now, std::size_t index, std::uint64_t missing) {
  if (done() || !lines_[index].live) return;
  take_incoming(now, missing);
  Line& line = lines_[index];
  learn(line, now);
  line.arrived = true;
  unsent_ = 0;
  if (state_ == State::checking) {
    // It was only late: nothing was to be suspected.
    suspect_.reset();
    state_ = State::climbing;
  }
  hush(now);
  if (state_ == State::climbing) next_rung(now);
}

void RetransmissionLadder::handle_other(Instant now, std::uint64_t missing) {
  if (done()) return;
  const bool climbing = state_ == State::climbing;
  take_incoming(now, missing);
  if (climbing) note_broken(now);
  if (!done()) hush(now);
}

void RetransmissionLadder::note_broken(Instant now) {
  const Nanoseconds lasted = now - silent_since_;
  if (lasted < kShortest || key_at_) return;
  ++found_.broken;
  found_.broken_after = std::min(found_.broken_after.value_or(lasted), lasted);
  if (++broken_here_ > kMostBroken) finish(FlowEnd::disturbed);
}

void RetransmissionLadder::handle_keyed(Instant now) {
  if (done()) return;
  keyed_ = now;
  const bool was_asked_for = key_at_.has_value();
  key_at_.reset();
  // One that the gateway began tells of no silence: it may follow what was lost 15 s before.
  if (!was_asked_for && state_ == State::climbing) note_broken(now);
  if (!done()) hush(now);
}

void RetransmissionLadder::handle_end(Instant now, std::size_t line, std::uint64_t missing) {
  if (done()) return;
  take_incoming(now, missing);
  hush(now);
  lines_[line].live = false;
  if (live_lines() == 0) return finish(FlowEnd::service_ended);
  if (state_ == State::climbing) next_rung(now);
}

void RetransmissionLadder::handle_answer(Instant now, std::size_t line, std::uint64_t missing) {
  if (done() || !lines_[line].live) return;
  take_incoming(now, missing);
  asked_ = 0;
  hush(now);
  if (state_ != State::shaping) return;
  state_ = State::climbing;
  next_rung(now);
}

// --- rungs ---

/// All lines have sent, or should have: a new pause begins.
void RetransmissionLadder::next_rung(Instant now) {
  const bool complete =
      std::ranges::all_of(lines_, [](const Line& line) { return !line.live || line.arrived; });
  if (!complete) return;
  for (Line& line : lines_) line.arrived = false;
  patient_ = false;
  broken_here_ = 0;
  begin_pause(now);
}

void RetransmissionLadder::begin_pause(Instant now) {
  shape_at_.reset();
  const Instant next = earliest();
  const Nanoseconds pause = next - now;
  if (pause > kLongestPause || latest() + kChecking > start_ + longest_ladder(config_))
    return finish(FlowEnd::service_ended);
  if (pause < kShortest) return;
  const auto wanted = choose(pause);
  if (!wanted) return finish(FlowEnd::done);
  if (pause > kLongPause) hush(now);
  const Nanoseconds age = now - keyed_;
  if (age > kYoungSession && age + (latest() - now) > kOldSession) {
    send(now, LadderSend::Kind::handshake);
    keyings_ = 1;
    key_at_ = now + kNoHandshake;
  }
  if (*wanted < pause - kShortest) shape_at_ = next - *wanted;
}

/// Nothing more is to be expected on this rung.
void RetransmissionLadder::handle_deadline(Instant now) {
  const bool heard = std::ranges::any_of(lines_, &Line::arrived);
  const Nanoseconds least = earliest() - silent_since_;
  const Nanoseconds most = latest() - silent_since_;
  const bool learnt = std::ranges::any_of(lines_, &Line::learnt);
  if (!heard && (most >= kShortest || !learnt)) {
    suspect_ = Suspect{.least = std::max(least, Nanoseconds(0)), .most = most};
    state_ = State::checking;
    rounds_ = asked_ = 0;
    return ask(now);
  }
  for (Line& line : lines_)
    if (line.live && !line.arrived) suppose_sent(line);
  next_rung(now);
}

// --- questions ---

void RetransmissionLadder::ask(Instant now) {
  ++asked_;
  ask_at_ = now + kNoAnswer;
  hush_at_.reset();
  if (state_ == State::shaping) {
    // One will do.
    do ask_line_ = (ask_line_ + 1) % lines_.size();
    while (!lines_[ask_line_].live);
    ++found_.calls;
    return send(now, LadderSend::Kind::ask, ask_line_);
  }
  ++rounds_;
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    if (!lines_[i].live) continue;
    ++found_.calls;
    send(now, LadderSend::Kind::ask, i);
  }
}

/// The time for answers is over, whether or not there were any.
void RetransmissionLadder::handle_no_answer(Instant now) {
  if (asked_ == kMostAsked) return finish(FlowEnd::path_gone);
  if (asked_ > 0) {
    --rounds_;
    return ask(now);
  }
  if (suspect_->copies == 0) {
    // They are alive and have sent nothing: they are slower than was thought, or have given up.
    suspect_.reset();
    state_ = State::climbing;
    if (!patient_) {
      patient_ = true;
      return;
    }
    if (++unsent_ > kMostUnsent) return finish(FlowEnd::service_ended);
    for (Line& line : lines_) line.pause = line.learnt ? 2 * line.pause : line.pause;
    return begin_pause(now);
  }
  const std::size_t copies = suspect_->copies + (pending_ ? pending_->copies : 0);
  if (rounds_ < kLeastRounds || (!is_no_chance(copies) && rounds_ < kMostRounds)) return ask(now);
  judge_suspect(now);
}

/// Whether so many in a row are not lost by chance, as far as is known of what is lost.
bool RetransmissionLadder::is_no_chance(std::size_t copies) const {
  const double ratio =
      (static_cast<double>(lost_) + 1) / (static_cast<double>(received_ + lost_) + 2);
  return std::pow(ratio, static_cast<double>(copies)) < kChance;
}

void RetransmissionLadder::judge_suspect(Instant now) {
  Suspect suspect = *suspect_;
  suspect_.reset();
  state_ = State::climbing;
  if (pending_) {
    suspect.copies += pending_->copies;
    suspect.most = std::max(suspect.most, pending_->most);
    suspect.least = std::min(suspect.least, pending_->least);
  }
  if (is_no_chance(suspect.copies)) {
    found_.tried.push_back({.least = suspect.least, .most = suspect.most, .alive = false});
    pending_.reset();
  } else {
    pending_ = suspect;
  }
  for (Line& line : lines_)
    if (line.live && !line.arrived) suppose_sent(line);
  next_rung(now);
}

// --- time ---

std::optional<Instant> RetransmissionLadder::next_timeout() const {
  if (done()) return std::nullopt;
  Instant next = state_ == State::climbing ? latest() : ask_at_;
  for (const auto& at : {hush_at_, key_at_}) next = std::min(next, at.value_or(next));
  if (state_ == State::climbing) next = std::min(next, shape_at_.value_or(next));
  return next;
}

void RetransmissionLadder::handle_timeout(Instant now) {
  if (done()) return;
  if (hush_at_ && *hush_at_ <= now) hush_again(now);
  if (key_at_ && *key_at_ <= now) key_again(now);
  if (state_ != State::climbing) {
    if (ask_at_ > now) return;
    if (state_ == State::checking) return handle_no_answer(now);
    return asked_ == kMostAsked ? finish(FlowEnd::path_gone) : ask(now);
  }
  if (shape_at_ && *shape_at_ <= now) {
    shape_at_.reset();
    state_ = State::shaping;
    asked_ = 0;
    return ask(now);
  }
  if (latest() <= now) handle_deadline(now);
}

void RetransmissionLadder::hush_again(Instant now) {
  hush_at_.reset();
  // Short pauses are over before the gateway would say anything by itself.
  if (hushes_ >= kHushes || latest() - now <= kLongPause) return;
  send(now, LadderSend::Kind::keepalive);
  if (++hushes_ < kHushes) hush_at_ = now + kBetweenHushes;
}

void RetransmissionLadder::key_again(Instant now) {
  key_at_.reset();
  if (keyings_++ >= kMostKeyings) return;
  send(now, LadderSend::Kind::handshake);
  key_at_ = now + kNoHandshake;
}

// --- which silence next ---

/// @param pause  that the lines will make.
std::optional<Nanoseconds> RetransmissionLadder::choose(Nanoseconds pause) {
  if (pending_) return std::min(pause, pending_->least);
  const FlowLifetime known = result();
  const auto judged = this->judged();
  const Nanoseconds longest =
      std::max<Nanoseconds>(config_.longest, judged.value_or(Nanoseconds(0)));
  if (!known.gone_after &&
      known.alive_after.value_or(seconds(0)) < std::chrono::floor<seconds>(longest)) {
    const bool grows = !known.alive_after || pause > times(*known.alive_after, 1.1);
    if (grows) return std::min(pause, longest);
  }
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
  // A little more than wanted, as lines may send a little early.
  const Nanoseconds enough = times(*judged, 1.02) + milliseconds(100);
  if (alive < *judged) {
    // Which answer is the likelier one to be found.
    const Nanoseconds too_long = *judged - (latest() - earliest());
    const bool below = !known.gone_after || *judged - alive > *known.gone_after - *judged;
    if (below && too_long > alive) return std::min(pause, too_long);
    if (tried_enough_) return std::nullopt;
    tried_enough_ = true;
    return std::min(pause, enough);
  }
  const Nanoseconds with_margin = times(*config_.interval, kEnoughMargin);
  if (alive < with_margin && known.gone_after && *known.gone_after > with_margin + seconds(2))
    return std::min(pause, with_margin + seconds(1));
  if (alive < with_margin && known.trials < config_.trials) return std::min(pause, enough);
  return std::nullopt;
}

}  // namespace wgscope::path
