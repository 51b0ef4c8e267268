#include "wgscope/os/clock.hpp"

#include <chrono>
#include <limits>
#include <time.h>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"

namespace wgscope::os {
namespace {

using namespace std::chrono_literals;

Nanoseconds libc_clock(clockid_t id) {
  timespec ts{};
  clock_gettime(id, &ts);
  return std::chrono::seconds(ts.tv_sec) + Nanoseconds(ts.tv_nsec);
}

TEST(BootNow, IsClockBoottime) {
  const Nanoseconds before = libc_clock(CLOCK_BOOTTIME);
  const Instant now = boot_now();
  const Nanoseconds after = libc_clock(CLOCK_BOOTTIME);
  EXPECT_LE(before, now.since_boot);
  EXPECT_GE(after, now.since_boot);
}

TEST(BootNow, NeverGoesBack) {
  Instant last = boot_now();
  for (int i = 0; i < 10'000; ++i) {
    const Instant now = boot_now();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(Now, ReadsBothClocks) {
  const Nanoseconds boot = libc_clock(CLOCK_BOOTTIME);
  const Nanoseconds wall = libc_clock(CLOCK_REALTIME);
  const Now read = now();
  EXPECT_LT(read.boot.since_boot - boot, 10s);
  EXPECT_GE(read.boot.since_boot, boot);
  EXPECT_LT(std::chrono::abs(read.wall.since_epoch - wall), 10s)
      << "a step of the wall clock aside";
}

TEST(PollTimeout, IsZeroOnceTheDeadlineHasPassed) {
  EXPECT_EQ(poll_timeout_ms(Instant{}), 0);
  EXPECT_EQ(poll_timeout_ms(boot_now()), 0);
  EXPECT_EQ(poll_timeout_ms(boot_now() - 5s), 0);
}

TEST(PollTimeout, RoundsUpSoThatPollNeverSpins) {
  // Rounded down, the last millisecond would be a busy loop of zero timeouts.
  for (int i = 0; i < 100; ++i) EXPECT_GE(poll_timeout_ms(boot_now() + 10ms + 1us), 1);
  const int left = poll_timeout_ms(boot_now() + 60s);
  EXPECT_LE(left, 60'000);
  EXPECT_GT(left, 50'000);
}

TEST(PollTimeout, FitsWhatPollTakes) {
  EXPECT_EQ(poll_timeout_ms(Instant{Nanoseconds::max()}), std::numeric_limits<int>::max());
}

TEST(PollTimeout, EndsAtTheDeadlineItWasMadeFrom) {
  // A wait of exactly the answer must not end early: that would be a timeout reported too soon.
  const Instant deadline = boot_now() + 1'500'000ns;
  const int wait = poll_timeout_ms(deadline);
  EXPECT_LE(wait, 2);
  EXPECT_GE(boot_now() + std::chrono::milliseconds(wait), deadline);
}

}  // namespace
}  // namespace wgscope::os
