#include "wgscope/path/keepalive.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include "wgscope/base/time.hpp"
#include "wgscope/path/mapping_lifetime.hpp"

namespace wgscope::path {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Chosen: an answer takes less on any path that is in use.
constexpr Nanoseconds kNoAnswer = milliseconds(1000);
/// Chosen: with 10 % loss each way chance leaves five in a row unanswered once in 4 000 times.
constexpr int kMostAsked = 5;
constexpr Nanoseconds kGrace = kAnswerCopies[2] + kNoAnswer;

}  // namespace

KeepaliveTrials::KeepaliveTrials(const KeepaliveConfig& config, Instant now)
    : config_(config), start_(now), asked_at_(now), next_(now) {
  result_.slack = config_.slack;
  if (config_.trials == 0) state_ = State::done;
}

std::optional<KeepaliveRequest> KeepaliveTrials::poll_request() {
  return std::exchange(request_, std::nullopt);
}

std::optional<Instant> KeepaliveTrials::next_timeout() const {
  return done() ? std::nullopt : std::optional(next_);
}

Instant KeepaliveTrials::latest_end() const {
  return start_ + (config_.interval + config_.slack + kGrace) *
                      static_cast<Nanoseconds::rep>(config_.trials);
}

void KeepaliveTrials::ask(Instant now, State state) {
  state_ = state;
  ++asked_;
  asked_at_ = now;
  next_ = now + kNoAnswer;
  request_ = {++serial_,
              state == State::asking ? config_.interval + config_.slack : Nanoseconds(0)};
}

void KeepaliveTrials::finish(KeepaliveVerdict verdict) {
  state_ = State::done;
  request_.reset();
  result_.verdict = verdict;
}

void KeepaliveTrials::handle_timeout(Instant now) {
  if (done() || now < next_) return;
  if (state_ == State::silent) {
    asked_ = 0;
    ask(now, State::reopening);
  } else if (asked_ == kMostAsked) {
    result_.no_service = true;
    finish(KeepaliveVerdict::not_known);
  } else {
    ask(now, state_);
  }
}

void KeepaliveTrials::handle_answer(Instant now, std::uint32_t serial) {
  if (done() || serial != serial_) return;
  const bool at_the_end = now - asked_at_ >= config_.interval + config_.slack;
  if (state_ == State::reopening) {
    finish(KeepaliveVerdict::not_enough);
  } else if (state_ == State::asking && !at_the_end) {
    state_ = State::silent;
    next_ = asked_at_ + config_.interval + config_.slack + kGrace;
  } else if (state_ == State::silent && at_the_end) {
    asked_ = 0;
    if (++result_.succeeded == config_.trials) return finish(KeepaliveVerdict::enough);
    ask(now, State::asking);
  }
}

KeepaliveAdvice advise_keepalive(std::optional<seconds> interval,
                                 std::optional<seconds> alive_after) {
  KeepaliveAdvice advice;
  if (!alive_after) return advice;
  const auto lifetime = static_cast<double>(alive_after->count());
  if (interval && *interval > seconds(0))
    advice.margin = lifetime / static_cast<double>(interval->count());
  seconds longest(static_cast<seconds::rep>(lifetime / kEnoughMargin));
  if (longest < seconds(1)) return advice;
  longest = std::min(longest, kUsualKeepalive);
  advice.set_to = longest < seconds(5) ? longest : longest - longest % seconds(5);
  return advice;
}

}  // namespace wgscope::path
