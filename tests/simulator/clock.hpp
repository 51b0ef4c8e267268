#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <vector>

namespace wgscope::simulator {

/// Virtual time since the simulation began.
using Time = std::chrono::milliseconds;

/// What is to happen, by time; of the same time in the order in which it was asked for.
class Clock {
 public:
  using Action = std::function<void()>;

  [[nodiscard]] Time now() const { return now_; }
  void at(Time time, Action action);
  void after(Time delay, Action action) { at(now_ + delay, std::move(action)); }
  void run_until(Time end);

 private:
  struct Event {
    Time time;
    std::uint64_t number;
    Action action;
  };
  struct Later {
    bool operator()(const Event& a, const Event& b) const;
  };

  Time now_{0};
  std::uint64_t next_number_ = 0;
  std::priority_queue<Event, std::vector<Event>, Later> events_;
};

/// A timer that is moved far more often than it fires: it keeps at most one event in the queue and
/// looks at its deadline only when that event comes. It must outlive the clock's last event.
class Timer {
 public:
  Timer(Clock& clock, Clock::Action action) : clock_(&clock), action_(std::move(action)) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void set(Time delay);
  void cancel() { deadline_.reset(); }
  [[nodiscard]] bool pending() const { return deadline_.has_value(); }

 private:
  void queue(Time time);
  void event(Time time);

  Clock* clock_;
  Clock::Action action_;
  std::optional<Time> deadline_;
  std::optional<Time> queued_;
};

}  // namespace wgscope::simulator
