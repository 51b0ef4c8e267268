#include "wgscope/path/silence_search.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/path/flow_lifetime.hpp"

// What makes the gateway silent (docs/methods.md has the drawing). Sending data arms its timer of
// 15 s for a new handshake; any packet from us stops it, and an empty one arms nothing in turn. So
// the last word before a silence is an empty packet of ours, said several times, as one may be
// lost.

namespace wgscope::path {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Nanoseconds kNoAnswer = seconds(1);
constexpr Nanoseconds kLastAnswer = milliseconds(500);
/// Initiations are let out every 5 s (REKEY_TIMEOUT).
constexpr Nanoseconds kNoHandshake = milliseconds(5'500);
constexpr int kMostAsked = 8;
constexpr int kMostKeyed = 5;
/// Linux calls a flow a stream that has packets both ways after its first 2 s.
constexpr Nanoseconds kStreamAfter = milliseconds(2'300);
constexpr Nanoseconds kPause = milliseconds(1'150);
constexpr int kHushes = 5;
constexpr Nanoseconds kBetweenHushes = milliseconds(50);
/// We renew a session that is older than 120 s whenever we send, which would break a silence; and
/// at 180 s the gateway may no longer use it.
constexpr Nanoseconds kOldSession = seconds(115);
constexpr Nanoseconds kYoungSession = seconds(6);
/// What comes in so soon after the last word was on its way already.
constexpr Nanoseconds kStillComing = seconds(1);
constexpr int kMostBroken = 2;
constexpr int kMostUnclear = 4;
constexpr std::size_t kMostRepeated = 3;
constexpr std::size_t kDoubtful = 2;
constexpr seconds kFirstSilence{10};

}  // namespace

std::size_t most_silences(const SilenceSearchConfig& config) {
  const auto longest = std::max(config.longest, config.interval.value_or(seconds(0)));
  const auto halvings = std::bit_width(static_cast<std::uint64_t>(longest.count()) + 1);
  return config.trials + 6 + 4 * static_cast<std::size_t>(halvings);
}

SilenceSearch::SilenceSearch(const SilenceSearchConfig& config, Instant keyed, Instant now)
    : config_(config), keyed_(keyed), next_(now), called_(now), fresh_(now) {
  greet(now);
}

std::optional<SilenceSend> SilenceSearch::poll_send() {
  if (outbox_read_ == outbox_.size()) return std::nullopt;
  const SilenceSend next = outbox_[outbox_read_++];
  if (outbox_read_ == outbox_.size()) {
    outbox_.clear();
    outbox_read_ = 0;
  }
  return next;
}

std::optional<Instant> SilenceSearch::next_timeout() const {
  return done() ? std::nullopt : std::optional(next_);
}

std::optional<Nanoseconds> SilenceSearch::silence() const {
  return state_ == State::silent ? std::optional(silence_) : std::nullopt;
}

std::optional<Nanoseconds> SilenceSearch::judged() const {
  if (!config_.interval || *config_.interval == seconds(0)) return std::nullopt;
  return *config_.interval + config_.slack;
}

FlowLifetime SilenceSearch::result() const {
  FlowLifetime result = found_;
  conclude(result, judged(), config_.trials);
  return result;
}

void SilenceSearch::send(SilenceSend::Kind kind) {
  outbox_.push_back({.kind = kind, .serial = serial_});
}

void SilenceSearch::finish(FlowEnd end) {
  found_.end = end;
  state_ = State::done;
  outbox_.clear();
  outbox_read_ = 0;
}

// --- opening the flow ---

void SilenceSearch::greet(Instant now) {
  if (state_ != State::greeting || asked_ == 0) first_greeting_ = serial_ + 1;
  state_ = State::greeting;
  ++asked_;
  send(SilenceSend::Kind::keepalive);
  call(now);
  next_ = now + std::max(kNoAnswer, 3 * delay_);
}

void SilenceSearch::call(Instant now) {
  ++serial_;
  ++found_.calls;
  called_ = now;
  send(SilenceSend::Kind::call);
}

void SilenceSearch::handle_greeting(Instant now, std::uint32_t serial) {
  asked_ = 0;
  if (serial == serial_) {
    const Nanoseconds took = now - called_;
    delay_ = heard_ ? std::min(delay_, took) : took;
    heard_ = true;
  }
  // What was called for earlier and comes in only now may have been let in by what we sent since:
  // that silence is tried again.
  if (suspected_ && serial >= first_greeting_) record(false);
  suspected_ = false;
  if (is_fresh_ && now - fresh_ < kStreamAfter) {
    state_ = State::pausing;
    next_ = now + kPause;
    return;
  }
  is_fresh_ = false;
  step(now);
}

// --- one silence ---

void SilenceSearch::step(Instant now) {
  const auto chosen = choose();
  if (!chosen) return finish(FlowEnd::done);
  silence_ = *chosen;
  broken_here_ = unclear_here_ = 0;
  begin(now);
}

void SilenceSearch::begin(Instant now) {
  const Nanoseconds age = now - keyed_;
  if (age <= kYoungSession || age + silence_ <= kOldSession) return hush(now);
  state_ = State::keying;
  asked_ = 1;
  send(SilenceSend::Kind::handshake);
  next_ = now + kNoHandshake;
}

void SilenceSearch::hush(Instant now) {
  state_ = State::hushing;
  hushed_ = 1;
  send(SilenceSend::Kind::keepalive);
  next_ = now + kBetweenHushes;
}

void SilenceSearch::hush_again(Instant now) {
  send(SilenceSend::Kind::keepalive);
  next_ = now + kBetweenHushes;
  if (++hushed_ < kHushes) return;
  state_ = State::silent;
  silent_since_ = now;
  // Not counted from here but from the NAT, which sees our last word a little later.
  next_ = now + silence_ + delay_;
}

void SilenceSearch::call_again(Instant now) {
  if (copies_ == std::size(kCallCopies)) {
    suspected_ = is_fresh_ = true;
    fresh_ = now;
    asked_ = 0;
    return greet(now);
  }
  call(now);
  const std::size_t sent = copies_++;
  next_ = now + (copies_ < std::size(kCallCopies) ? kCallCopies[copies_] - kCallCopies[sent]
                                                  : std::max(kLastAnswer, 3 * delay_));
}

/// @param lost  packets of the gateway, since the last that came in.
void SilenceSearch::take_incoming(Instant now, std::uint64_t lost) {
  if (state_ == State::calling) {
    if (lost == 0) {
      record(true);
      return step(now);
    }
    // It may have been a call; or something else, in between, that passed the NAT and refreshed it.
    if (++unclear_here_ > kMostUnclear) note_broken(silence_);
    return done() ? void() : begin(now);
  }
  if (state_ == State::hushing) return hush(now);
  if (state_ != State::silent) return;
  const Nanoseconds lasted = now - silent_since_;
  if (lasted >= kStillComing) {
    note_broken(lasted);
    // It passed the NAT a little before it came in here.
    if (lost == 0)
      found_.tried.push_back({.least = lasted - delay_, .most = lasted, .alive = true});
    if (done()) return;
  }
  begin(now);
}

void SilenceSearch::note_broken(Nanoseconds lasted) {
  ++found_.broken;
  found_.broken_after = std::min(found_.broken_after.value_or(lasted), lasted);
  if (++broken_here_ > kMostBroken) finish(FlowEnd::disturbed);
}

/// @returns how many more are lost than was known.
std::uint64_t SilenceSearch::take_missing(std::uint64_t missing) {
  const std::uint64_t more = missing - std::min(missing, missing_);
  missing_ += more;
  return more;
}

void SilenceSearch::record(bool alive) {
  const auto shortest = result().gone_after;
  found_.tried.push_back({.least = silence_, .most = silence_, .alive = alive});
  if (alive)
    ++alive_since_;
  else if (!shortest || silence_ < *shortest)
    alive_since_ = 0;
}

// --- what happens ---

void SilenceSearch::handle_call(Instant now, std::uint32_t serial, std::uint64_t missing) {
  if (done() || serial > serial_) return;
  const std::uint64_t lost = take_missing(missing);
  if (state_ == State::greeting) return handle_greeting(now, serial);
  take_incoming(now, lost);
}

void SilenceSearch::handle_other(Instant now, std::uint64_t missing) {
  if (!done()) take_incoming(now, take_missing(missing));
}

void SilenceSearch::handle_keyed(Instant now) {
  if (done()) return;
  keyed_ = now;
  if (state_ == State::keying) {
    asked_ = 0;
    return hush(now);
  }
  // The gateway began it, as it does 15 s after what it sent came to nothing: so it tells nothing
  // of the silence before it.
  if (state_ != State::calling) take_incoming(now, 1);
}

void SilenceSearch::handle_timeout(Instant now) {
  if (done() || now < next_) return;
  switch (state_) {
    case State::keying:
      if (asked_++ == kMostKeyed) return finish(FlowEnd::path_gone);
      send(SilenceSend::Kind::handshake);
      next_ = now + kNoHandshake;
      return;
    case State::greeting:
      if (asked_ == kMostAsked) return finish(heard_ ? FlowEnd::path_gone : FlowEnd::no_service);
      return greet(now);
    case State::pausing: return greet(now);
    case State::hushing: return hush_again(now);
    case State::silent:
      state_ = State::calling;
      copies_ = 0;
      return call_again(now);
    case State::calling: return call_again(now);
    case State::done: return;
  }
}

// --- which silence next ---

std::optional<Nanoseconds> SilenceSearch::choose() {
  const FlowLifetime known = result();
  if (const auto length = choose_length(known)) return length;
  // Nothing failed beside the shortest failure, while all about it went well: was it the silence?
  if (!known.gone_after || alive_since_ < kDoubtful || repeated_ == kMostRepeated)
    return std::nullopt;
  ++repeated_;
  const Nanoseconds again = *known.gone_after;
  std::erase_if(found_.tried,
                [&](const SilenceTried& one) { return !one.alive && one.most <= again; });
  return again;
}

std::optional<Nanoseconds> SilenceSearch::choose_length(const FlowLifetime& known) const {
  const auto judged = this->judged();
  const bool too_long = judged && known.gone_after && *known.gone_after <= *judged;
  if (judged && known.trials == 0 && !too_long) return judged;
  const seconds alive = known.alive_after.value_or(seconds(0));
  if (!known.gone_after) {
    if (alive < config_.longest) {
      const seconds grown =
          alive == seconds(0) ? kFirstSilence : std::max(alive + alive / 2, alive + seconds(1));
      return std::min(grown, config_.longest);
    }
  } else if (*known.gone_after - alive > seconds(1) && config_.longest > seconds(0)) {
    return alive + (*known.gone_after - alive) / 2;
  }
  if (judged && !too_long && known.trials < config_.trials) return judged;
  return std::nullopt;
}

}  // namespace wgscope::path
