#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <sys/types.h>
#include <vector>

#include "wgscope/base/time.hpp"

namespace wgscope::bench {

/// Whose CPU time counts. Clocks of processes are exact to the nanosecond, where /proc has ticks of
/// 10 ms.
struct CpuClock {
  std::function<Nanoseconds()> read;
  /// Another process does a part of its work after it has answered: its clock is read around a
  /// whole round, and late.
  bool lags = false;

  static CpuClock own();
  static CpuClock ended_children();
  static CpuClock of(pid_t pid);
};

/// Keeps this process and its children to come on one of the CPUs it may use. Processes on two CPUs
/// wake each other by interrupts, which in a virtual machine cost up to 100 µs each, and as many or
/// few as the neighbours' load decides; on one CPU what is measured is the work.
void stay_on_one_cpu();

/// How much a measurement may cost.
struct Effort {
  int rounds = 9;
  Nanoseconds batch =
      std::chrono::milliseconds(60);  ///< how long one thing is repeated in a round, at least once
};

/// Things measured in turn, round by round, so that a busy neighbour slows all of them alike. What
/// counts is CPU time: wall time on a shared machine is the neighbours' as well.
class Rounds {
 public:
  struct Work {
    std::function<void()> once;
    std::function<void()> prepare;  ///< before each time; not counted
    CpuClock clock = CpuClock::own();
  };
  struct Result {
    double cpu_ns = 0;   ///< of once(), median of the rounds
    double wall_ns = 0;  ///< median of all times
  };

  /// @returns its index in run()'s results.
  std::size_t add(Work work);
  std::vector<Result> run(const Effort& effort);

 private:
  std::vector<Work> works_;
};

}  // namespace wgscope::bench
