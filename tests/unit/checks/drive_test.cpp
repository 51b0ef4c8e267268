#include "checks/drive.hpp"

#include <chrono>
#include <cstddef>
#include <optional>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/os/clock.hpp"

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;

/// A search that is done after some timeouts.
struct Search {
  std::size_t timeouts_left = 3;
  Nanoseconds every = 2ms;
  Instant next = os::boot_now();

  [[nodiscard]] std::optional<Instant> next_timeout() const {
    return done() ? std::nullopt : std::optional(next);
  }
  void handle_timeout(Instant now) {
    --timeouts_left;
    next = now + every;
  }
  [[nodiscard]] bool done() const { return timeouts_left == 0; }
};

TEST(Drive, GoesOnUntilTheSearchIsDone) {
  checks::Run run = *checks::Run::open();
  Search search;
  std::size_t steps = 0;
  drive(run, search, os::boot_now() + 10s, [&] { ++steps; });
  EXPECT_TRUE(search.done());
  EXPECT_GE(steps, 4U) << "one before anything, and one after each timeout";
}

TEST(Drive, StepsBeforeItAsksWhetherTheSearchIsDone) {
  checks::Run run = *checks::Run::open();
  Search search{.timeouts_left = 0};
  std::size_t steps = 0;
  drive(run, search, os::boot_now() + 10s, [&] { ++steps; });
  EXPECT_EQ(steps, 1U);
}

TEST(Drive, EndsAtTheDeadline) {
  checks::Run run = *checks::Run::open();
  Search search{.every = 1h};
  const Instant deadline = os::boot_now() + 20ms;
  drive(run, search, deadline, [] {});
  EXPECT_FALSE(search.done());
  EXPECT_GE(os::boot_now(), deadline);
}

TEST(Drive, EndsWhereTheUserHasHadEnough) {
  checks::Run run = *checks::Run::open();
  Search search{.timeouts_left = 1'000'000, .every = 1ms};
  drive(run, search, os::boot_now() + 1h, [&] {
    if (search.timeouts_left < 1'000'000 - 2) run.interrupt();
  });
  EXPECT_TRUE(run.interrupted());
  EXPECT_FALSE(search.done());
}

TEST(Drive, LeavesNoTimerBehind) {
  checks::Run run = *checks::Run::open();
  Search search{.timeouts_left = 5, .every = 5ms};
  drive(run, search, os::boot_now() + 1ms, [] {});
  const std::size_t left = search.timeouts_left;
  EXPECT_TRUE(run.pass(20ms));
  EXPECT_EQ(search.timeouts_left, left);
}

}  // namespace
}  // namespace wgscope::checks
