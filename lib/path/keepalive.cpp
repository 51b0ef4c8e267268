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
    : config_(config), start_(now), asked_at_(now), state_ends_(now) {
  if (config_.trials == 0) state_ = State::done;
}

std::optional<KeepaliveRequest> KeepaliveTrials::poll_request() {
  return std::exchange(request_, std::nullopt);
}

std::optional<Instant> KeepaliveTrials::next_timeout() const {
  return done() ? std::nullopt : std::optional(state_ends_);
}

Instant KeepaliveTrials::latest_end() const {
  return start_ + (config_.interval + kGrace + kNoAnswer) *
                      static_cast<Nanoseconds::rep>(config_.trials + kFailuresThatCount - 1);
}

void KeepaliveTrials::ask(Instant now, State state) {
  state_ = state;
  ++unanswered_;
  asked_at_ = now;
  state_ends_ = now + kNoAnswer;
  request_ = {++serial_, state == State::asking ? config_.interval : Nanoseconds(0)};
}

void KeepaliveTrials::finish(KeepaliveVerdict verdict) {
  state_ = State::done;
  request_.reset();
  result_.verdict = verdict;
}

void KeepaliveTrials::handle_timeout(Instant now) {
  if (done() || now < state_ends_) return;
  if (state_ == State::silent) {
    unanswered_ = 0;
    ask(now, State::reopening);
  } else if (unanswered_ == kMostAsked) {
    result_.no_service = true;
    finish(KeepaliveVerdict::not_known);
  } else {
    ask(now, state_);
  }
}

void KeepaliveTrials::handle_answer(Instant now, std::uint32_t serial) {
  if (done() || serial != serial_) return;
  const bool at_the_end = now - asked_at_ >= config_.interval;
  if (state_ == State::reopening) {
    if (++result_.failed == kFailuresThatCount) return finish(KeepaliveVerdict::not_enough);
    unanswered_ = 0;
    ask(now, State::asking);
  } else if (state_ == State::asking && !at_the_end) {
    state_ = State::silent;
    state_ends_ = asked_at_ + config_.interval + kGrace;
  } else if (state_ == State::silent && at_the_end) {
    unanswered_ = 0;
    if (++result_.succeeded == config_.trials) return finish(KeepaliveVerdict::enough);
    ask(now, State::asking);
  }
}

seconds late_keepalive(seconds interval) {
  return interval + std::max(seconds(1), (interval + seconds(4)) / 8);
}

KeepaliveFit fit_keepalive(seconds interval, const LifetimeBracket& flow, KeepaliveVerdict trials) {
  const auto& [alive, gone] = flow;
  if (trials == KeepaliveVerdict::not_enough) return KeepaliveFit::too_long;
  if (trials != KeepaliveVerdict::enough) {
    if (gone && *gone <= interval) return KeepaliveFit::too_long;
    if (!alive || *alive < interval) return KeepaliveFit::untried;
  }
  const seconds late = late_keepalive(interval);
  if (gone && *gone <= late) return KeepaliveFit::only_if_exact;
  return alive && *alive >= late ? KeepaliveFit::in_time_if_late : KeepaliveFit::in_time;
}

LostKeepalive lose_keepalive(seconds interval, const LifetimeBracket& flow) {
  if (flow.gone_after && *flow.gone_after <= 2 * interval) return LostKeepalive::closes;
  if (flow.alive_after && *flow.alive_after >= 2 * late_keepalive(interval))
    return LostKeepalive::costs_nothing;
  return LostKeepalive::untried;
}

seconds longest_closed(seconds interval, const LifetimeBracket& flow) {
  return 2 * late_keepalive(interval) - flow.alive_after.value_or(seconds(0));
}

namespace {

/// The longest interval of which so many may pass, in steps of 5 s, or of 1 s below 5 s.
std::optional<seconds> longest_interval(seconds alive, int intervals) {
  for (seconds interval = kUsualKeepalive; interval > seconds(0);
       interval -= interval > seconds(5) ? seconds(5) : seconds(1))
    if (intervals * late_keepalive(interval) <= alive) return interval;
  return std::nullopt;
}

}  // namespace

KeepaliveAdvice advise_keepalive(std::optional<seconds> alive_after) {
  if (!alive_after) return {};
  return {.set_to = longest_interval(*alive_after, 1),
          .survives_a_loss = longest_interval(*alive_after, 2)};
}

}  // namespace wgscope::path
