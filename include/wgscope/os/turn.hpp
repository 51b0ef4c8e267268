#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace wgscope::os {

/// Lets threads run one at a time: whoever has the turn runs, everybody else waits for it. A
/// PollLoop gives the turn up while it waits for descriptors, so threads that mostly wait share one
/// turn without noticing.
///
/// This is how code that belongs on one thread (lwIP, and everything that shares memory with it)
/// serves many loops at once. The turn goes round in the order of asking: a loop that always has
/// something to do keeps nobody from running.
class Turn {
 public:
  /// Waits until it is this thread's turn. A thread that has the turn must not ask for it again.
  void take();
  /// Ends this thread's turn.
  void give_up();

 private:
  std::mutex mutex_;
  std::condition_variable next_;
  std::uint64_t last_asked_ = 0;
  std::uint64_t serving_ = 1;
};

/// Has the turn as long as it lives.
class TurnTaken {
 public:
  explicit TurnTaken(Turn& turn) : turn_(turn) { turn_.take(); }
  TurnTaken(const TurnTaken&) = delete;
  TurnTaken& operator=(const TurnTaken&) = delete;
  ~TurnTaken() { turn_.give_up(); }

 private:
  Turn& turn_;
};

}  // namespace wgscope::os
