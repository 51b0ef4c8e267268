#include "clock.hpp"

#include <utility>

namespace wgscope::simulator {

bool Clock::Later::operator()(const Event& a, const Event& b) const {
  return a.time != b.time ? a.time > b.time : a.number > b.number;
}

void Clock::at(Time time, Action action) {
  events_.push({std::max(time, now_), next_number_++, std::move(action)});
}

void Clock::run_until(Time end) {
  while (!events_.empty() && events_.top().time <= end) {
    now_ = events_.top().time;
    // The queue gives out constant references only; the element is removed before it is used.
    const Action action = std::move(const_cast<Event&>(events_.top()).action);
    events_.pop();
    action();
  }
  now_ = end;
}

void Timer::set(Time delay) {
  deadline_ = clock_->now() + delay;
  if (!queued_ || *queued_ > *deadline_) queue(*deadline_);
}

void Timer::queue(Time time) {
  queued_ = time;
  clock_->at(time, [this, time] { event(time); });
}

void Timer::event(Time time) {
  if (queued_ != time) return;  // an earlier one was queued since, and has come
  queued_.reset();
  if (!deadline_) return;
  if (*deadline_ > time) return queue(*deadline_);
  deadline_.reset();
  action_();
}

}  // namespace wgscope::simulator
