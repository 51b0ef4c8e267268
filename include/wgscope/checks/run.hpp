#pragma once

#include <functional>
#include <optional>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/os/poll_loop.hpp"

namespace wgscope::checks {

/// Is told what a check is waiting for, so that a person who waits too can be shown it.
class Progress {
 public:
  Progress() = default;
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  virtual ~Progress() = default;

  /// @param what   half a sentence, as "waiting for a response from 192.0.2.1:51820". Empty: the
  /// check shows by itself what goes on now.
  /// @param until  when that ends at the latest, where it is known.
  virtual void on_wait(const diagnosis::Text& what, std::optional<Instant> until) = 0;
};

/// The loop that a check runs on, and what can end it: time, or the user. Checks are written as
/// straight code that waits for things to happen:
///
///     if (!run.wait([&] { return session.established(); }, deadline)) …
///
/// One thread at a time, except wake().
class Run {
 public:
  /// @param progress  outlives the run; nullptr: nobody watches.
  /// @param turn      as PollLoop::open(). @returns io.
  static Result<Run> open(Progress* progress = nullptr, os::Turn* turn = nullptr);

  os::PollLoop& loop() { return loop_; }

  /// Drives the loop until `happened` says yes; it is asked first, and again after each round of
  /// events. @returns false where the limit came first, or interrupt().
  [[nodiscard]] bool wait(const std::function<bool()>& happened, Instant limit);
  /// As wait(), for callers that see by themselves what has happened.
  void wait_at_most(const std::function<bool()>& happened, Instant limit);
  /// Drives the loop for a while. @returns false where interrupt() came first.
  [[nodiscard]] bool pass(Nanoseconds span);
  /// Drives the loop until that time, or interrupt().
  void pass_until(Instant limit);

  /// Calls `read` whenever a descriptor has something to read or an error, and wake() after that.
  /// @returns as PollLoop::add().
  Result<os::PollLoop::Watch> watch(int fd, std::function<void()> read);

  /// Makes wait() look again whether what it waits for has happened. From any thread.
  void wake() const { loop_.stop(); }
  /// Ends the check for the user: every wait() returns at once from now on. For handlers in the
  /// loop.
  void interrupt();
  [[nodiscard]] bool interrupted() const { return interrupted_; }
  /// Takes the interrupt back. For a check that was to go on until then: the interrupt cut nothing
  /// short, and wait() waits again.
  void resume() { interrupted_ = false; }

  void say(const diagnosis::Text& what, std::optional<Instant> until = std::nullopt);

 private:
  Run(os::PollLoop loop, Progress* progress) : loop_(std::move(loop)), progress_(progress) {}

  os::PollLoop loop_;
  Progress* progress_;
  bool interrupted_ = false;
};

}  // namespace wgscope::checks
