#include "wgscope/os/turn.hpp"

#include <atomic>
#include <chrono>
#include <thread>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/poll_loop.hpp"

namespace wgscope::os {
namespace {

using namespace std::chrono_literals;

TEST(Turn, LetsOneThreadRunAtATime) {
  Turn turn;
  int inside = 0;  // not atomic: the thread sanitizer would complain
  const auto work = [&] {
    for (int i = 0; i < 1000; ++i) {
      const TurnTaken taken(turn);
      EXPECT_EQ(++inside, 1);
      --inside;
    }
  };
  std::thread first(work);
  std::thread second(work);
  first.join();
  second.join();
}

TEST(Turn, IsOthersWhileALoopWaits) {
  Turn turn;
  const TurnTaken taken(turn);
  PollLoop loop = PollLoop::open(&turn).value();
  std::thread other([&] {
    const TurnTaken mine(turn);
    loop.stop();
  });
  const Instant limit = boot_now() + 20s;
  ASSERT_TRUE(loop.run_until(limit));
  EXPECT_LT(boot_now(), limit);
  other.join();
}

TEST(Turn, ComesToOthersThoughALoopNeverWaits) {
  Turn turn;
  const TurnTaken taken(turn);
  PollLoop loop = PollLoop::open(&turn).value();
  std::atomic<bool> came = false;
  std::thread other([&] {
    const TurnTaken mine(turn);
    came = true;
  });
  const Instant limit = boot_now() + 20s;
  while (!came && boot_now() < limit) ASSERT_TRUE(loop.run_until(Instant{}));
  EXPECT_TRUE(came);
  other.join();
}

}  // namespace
}  // namespace wgscope::os
