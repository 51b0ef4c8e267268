#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"

namespace wgscope::os {

class Turn;

/// What to do when a descriptor is ready. At least one of them is set.
struct FdHandlers {
  std::function<void()> readable;  ///< called also when the other side has ended the connection
  std::function<void()> writable;  ///< called only after PollLoop::Watch::want_writable(true)
  /// An error is pending: a UDP socket's error queue has something. Where this is not set, errors
  /// go to `readable`, or else to `writable`, whose call then fails with the error.
  std::function<void()> error;
};

/// Something that needs to run at certain times.
struct Timer {
  /// Asked in each round when to call `expired`. Nothing: not now. Must not add or remove watches.
  std::function<std::optional<Instant>()> next;
  std::function<void(Instant now)> expired;  ///< called once the time that `next` gave has come
};

/// One thread's loop around epoll(7): waits until a descriptor is ready or a time has come, and
/// calls whoever asked for that.
///
/// Readiness is level-triggered: a handler that leaves something unread is called again in the next
/// round. Times are waited for with a timer on CLOCK_BOOTTIME (timerfd_create(2)), so one that
/// passed while the machine slept has come when it wakes. A handler may add and remove watches, its
/// own too; a removed one is never called again. For one thread, except stop().
class PollLoop {
  struct State;

 public:
  /// A registration, which ends with it. It may outlive the loop.
  class Watch {
   public:
    Watch() = default;
    Watch(Watch&& other) noexcept;
    Watch& operator=(Watch&& other) noexcept;
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    ~Watch() { remove(); }

    /// Whether FdHandlers::writable is to be called; off at first.
    void want_writable(bool wanted);
    /// Whether FdHandlers::readable is to be called; on at first. Off, it stops a peer that sends
    /// more than can be dealt with.
    void want_readable(bool wanted);
    void remove();

   private:
    friend class PollLoop;
    Watch(std::weak_ptr<State> loop, std::uint64_t id) : loop_(std::move(loop)), id_(id) {}

    std::weak_ptr<State> loop_;
    std::uint64_t id_ = 0;
  };

  /// @param turn  what this thread has while it runs, and gives up while the loop waits; outlives
  /// the loop. nullptr: this thread runs whenever it likes. @returns io (EMFILE).
  static Result<PollLoop> open(Turn* turn = nullptr);

  PollLoop(PollLoop&&) noexcept = default;
  PollLoop& operator=(PollLoop&&) noexcept = default;
  PollLoop(const PollLoop&) = delete;
  PollLoop& operator=(const PollLoop&) = delete;
  ~PollLoop() = default;

  /// Watches a descriptor. End the watch before the descriptor is closed.
  /// @returns io: one that cannot be polled, such as a regular file (EPERM), or is watched already
  /// (EEXIST).
  Result<Watch> add(int fd, FdHandlers handlers);
  Watch add(Timer timer);

  /// Runs until stop(). @returns io.
  Result<> run();
  /// Runs until stop(), or that time has come. @returns io.
  Result<> run_until(Instant limit);

  /// Ends run() after the handlers of this round, or, when it does not run, the next run() at once.
  /// From any thread, and from a signal handler.
  void stop() const noexcept;

  /// How often the loop has woken up since it was made.
  [[nodiscard]] std::uint64_t rounds() const;

 private:
  explicit PollLoop(std::shared_ptr<State> state) : state_(std::move(state)) {}

  std::shared_ptr<State> state_;
};

}  // namespace wgscope::os
