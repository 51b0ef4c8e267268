// Tasks wait in one queue. A thread is started for a task when no other is free to take it, up to
// the limit, and stays until the runner ends. One mutex guards all that threads share; none of the
// threads holds it while a check runs.

#include "wgscope/checks/runner.hpp"

#include <cassert>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/no_signals.hpp"
#include "wgscope/os/turn.hpp"

namespace wgscope::checks {

struct Runner::Shared {
  explicit Shared(RunnerLimits given) : limits(given) {}

  const RunnerLimits limits;
  os::Turn turn;
  std::mutex mutex;
  // All of this under the mutex.
  std::condition_variable for_workers;
  std::condition_variable for_tickets;
  std::deque<std::shared_ptr<Task>> queue;
  std::vector<std::shared_ptr<Task>> running;
  std::vector<std::thread> workers;
  std::size_t idle = 0;
  bool closing = false;

  Result<> add_worker();
  void work();
  void run(Task& task);
  void cancel(Task& task);
  void end(Task& task, RunEnd how);
  void end_queued(const std::shared_ptr<Task>& task, RunEnd how);
};

struct Runner::Task {
  Task(std::shared_ptr<Shared> owner, Run opened, Job given, Instant limit)
      : shared(std::move(owner)), deadline(limit), run(std::move(opened)), job(std::move(given)) {}

  const std::shared_ptr<Shared> shared;
  const Instant deadline;
  // The worker's, until `ended`; but run.wake() is for every thread.
  Run run;
  Job job;
  Outcome outcome;
  // Under the mutex.
  bool cancelled = false;
  bool ended = false;
};

Result<> Runner::Shared::add_worker() {
  const os::NoSignals in_the_thread;
  try {
    workers.emplace_back([this] { work(); });
  } catch (const std::system_error& error) {
    return fail_errno("start a thread for a check", error.code().value());
  }
  return {};
}

void Runner::Shared::work() {
  std::unique_lock lock(mutex);
  for (;;) {
    ++idle;
    for_workers.wait(lock, [this] { return closing || !queue.empty(); });
    --idle;
    if (queue.empty()) return;
    const std::shared_ptr<Task> task = queue.front();
    queue.pop_front();
    running.push_back(task);
    lock.unlock();
    run(*task);
    lock.lock();
    std::erase(running, task);
    for_tickets.notify_all();
  }
}

void Runner::Shared::run(Task& task) {
  const os::TurnTaken turn_taken(turn);
  const auto cancelled = [&] {
    const std::scoped_lock lock(mutex);
    return task.cancelled;
  };
  std::optional<RunEnd> cut_short;
  const auto cut = [&] {
    cut_short = cancelled() ? RunEnd::cancelled : RunEnd::timed_out;
    task.run.interrupt();
  };
  if (cancelled() || os::boot_now() >= task.deadline) {
    cut();
  } else {
    const auto watch = task.run.loop().add({.next = [&]() -> std::optional<Instant> {
                                              if (task.run.interrupted()) return std::nullopt;
                                              return cancelled() ? Instant{} : task.deadline;
                                            },
                                            .expired = [&](Instant) { cut(); }});
    task.job(task.run, task.outcome.report);
  }
  task.job = nullptr;  // what it holds ends within its turn
  const std::scoped_lock lock(mutex);
  end(task, cut_short.value_or(RunEnd::done));
}

/// With the mutex.
void Runner::Shared::end(Task& task, RunEnd how) {
  task.outcome.end = how;
  task.outcome.report.interrupted = task.outcome.report.interrupted || how != RunEnd::done;
  task.ended = true;
}

/// With the mutex.
void Runner::Shared::end_queued(const std::shared_ptr<Task>& task, RunEnd how) {
  if (std::erase(queue, task) == 0) return;
  end(*task, how);
  for_tickets.notify_all();
}

/// With the mutex.
void Runner::Shared::cancel(Task& task) {
  task.cancelled = true;
  task.run.wake();
}

Runner::Runner(RunnerLimits limits) : shared_(std::make_shared<Shared>(limits)) {
  assert(limits.at_once > 0);
}

Runner::~Runner() {
  {
    const std::scoped_lock lock(shared_->mutex);
    shared_->closing = true;
    while (!shared_->queue.empty()) {
      const std::shared_ptr<Task> first = shared_->queue.front();
      shared_->end_queued(first, RunEnd::cancelled);
    }
    for (const auto& task : shared_->running) shared_->cancel(*task);
  }
  shared_->for_workers.notify_all();
  for (std::thread& worker : shared_->workers) worker.join();
}

Result<Runner::Ticket> Runner::start(Job job, Instant deadline) {
  assert(job);
  Shared& shared = *shared_;
  const std::scoped_lock lock(shared.mutex);
  const std::size_t busy = shared.running.size() + shared.queue.size();
  if (busy >= shared.limits.at_once + shared.limits.waiting)
    return fail(Errc::refused,
                fmt::format("{} checks are running and {} are waiting, which is the limit: try "
                            "again later",
                            shared.running.size(), shared.queue.size()));
  if (shared.idle <= shared.queue.size() && shared.workers.size() < shared.limits.at_once)
    if (auto added = shared.add_worker(); !added && shared.workers.empty())
      return tl::unexpected(added.error());
  auto run = Run::open(nullptr, &shared.turn);
  if (!run) return tl::unexpected(run.error());
  auto task = std::make_shared<Task>(shared_, std::move(*run), std::move(job), deadline);
  shared.queue.push_back(task);
  shared.for_workers.notify_one();
  return Ticket(std::move(task));
}

Runner::Ticket& Runner::Ticket::operator=(Ticket&& other) noexcept {
  const Ticket former(std::exchange(task_, std::move(other.task_)));
  return *this;
}

Runner::Ticket::~Ticket() {
  if (!task_) return;
  cancel();
  static_cast<void>(wait());
}

void Runner::Ticket::cancel() {
  const std::scoped_lock lock(task_->shared->mutex);
  task_->shared->cancel(*task_);
  task_->shared->end_queued(task_, RunEnd::cancelled);
}

bool Runner::Ticket::ended() const {
  const std::scoped_lock lock(task_->shared->mutex);
  return task_->ended;
}

Runner::Outcome Runner::Ticket::wait() {
  const std::shared_ptr<Task> task = std::exchange(task_, nullptr);
  Shared& shared = *task->shared;
  std::unique_lock lock(shared.mutex);
  const auto ended = [&] { return task->ended; };
  while (!ended()) {
    const Nanoseconds left = task->deadline - os::boot_now();
    if (left <= Nanoseconds{}) {
      shared.end_queued(task, RunEnd::timed_out);
      shared.for_tickets.wait(lock, ended);
    } else {
      shared.for_tickets.wait_for(lock, left, ended);
    }
  }
  return std::move(task->outcome);
}

}  // namespace wgscope::checks
