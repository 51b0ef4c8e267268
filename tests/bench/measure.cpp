#include "measure.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <sched.h>
#include <stdexcept>
#include <sys/resource.h>
#include <thread>
#include <time.h>
#include <utility>
#include <vector>

#include "wgscope/base/time.hpp"

namespace wgscope::bench {
namespace {

Nanoseconds read_clock(clockid_t clock) {
  timespec time{};
  if (clock_gettime(clock, &time) != 0) throw std::runtime_error("no CPU clock of that process");
  return std::chrono::seconds(time.tv_sec) + Nanoseconds(time.tv_nsec);
}

double ns(Nanoseconds time) { return static_cast<double>(time.count()); }

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// One round of one thing. @returns CPU time a call; adds the wall time of each to `walls`.
double batch(const Rounds::Work& work, Nanoseconds at_least, std::vector<double>& walls) {
  const CpuClock& clock = work.clock;
  const Nanoseconds round_start = clock.read();
  Nanoseconds cpu{};
  Nanoseconds spent{};
  int calls = 0;
  for (; calls == 0 || spent < at_least; ++calls) {
    if (work.prepare) work.prepare();
    const Nanoseconds cpu_start = clock.read();
    const Nanoseconds start = read_clock(CLOCK_MONOTONIC);
    work.once();
    const Nanoseconds took = read_clock(CLOCK_MONOTONIC) - start;
    cpu += clock.read() - cpu_start;
    spent += took;
    walls.push_back(ns(took));
  }
  if (clock.lags) {
    // Nothing tells when the other process has done the rest of its work: 5 ms is many times what
    // it needs, and costs nothing of what is counted, which is its CPU time.
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    cpu = clock.read() - round_start;
  }
  return ns(cpu) / calls;
}

}  // namespace

CpuClock CpuClock::own() {
  return {[] { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }};
}

CpuClock CpuClock::ended_children() {
  return {[] {
    rusage used{};
    getrusage(RUSAGE_CHILDREN, &used);
    const auto duration = [](const timeval& time) {
      return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
    };
    return Nanoseconds(duration(used.ru_utime) + duration(used.ru_stime));
  }};
}

CpuClock CpuClock::of(pid_t pid) {
  clockid_t clock{};
  if (clock_getcpuclockid(pid, &clock) != 0)
    throw std::runtime_error("no CPU clock of that process");
  return {[clock] { return read_clock(clock); }, true};
}

void stay_on_one_cpu() {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  std::size_t last = CPU_SETSIZE - 1;
  while (last > 0 && !CPU_ISSET(last, &allowed)) --last;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(last, &one);
  sched_setaffinity(0, sizeof one, &one);
}

std::size_t Rounds::add(Work work) {
  works_.push_back(std::move(work));
  return works_.size() - 1;
}

std::vector<Rounds::Result> Rounds::run(const Effort& effort) {
  std::vector<std::vector<double>> cpus(works_.size());
  std::vector<std::vector<double>> walls(works_.size());
  for (const Work& work : works_) {  // the first time pays for memory and caches
    if (work.prepare) work.prepare();
    work.once();
  }
  for (int round = 0; round < effort.rounds; ++round)
    for (std::size_t i = 0; i < works_.size(); ++i)
      cpus[i].push_back(batch(works_[i], effort.batch, walls[i]));
  std::vector<Result> results;
  for (std::size_t i = 0; i < works_.size(); ++i)
    results.push_back({median(cpus[i]), median(walls[i])});
  return results;
}

}  // namespace wgscope::bench
