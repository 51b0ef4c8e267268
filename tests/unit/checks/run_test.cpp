#include "wgscope/checks/run.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/os/clock.hpp"

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;

TEST(Run, WaitsForWhatHappensInItsLoop) {
  checks::Run run = *checks::Run::open();
  std::optional<Instant> due = os::boot_now() + 20ms;
  bool happened = false;
  const auto watch = run.loop().add({.next = [&] { return due; },
                                     .expired =
                                         [&](Instant) {
                                           due.reset();
                                           happened = true;
                                           run.wake();
                                         }});
  EXPECT_TRUE(run.wait([&] { return happened; }, os::boot_now() + 10s));
}

TEST(Run, GivesUpAtTheLimit) {
  checks::Run run = *checks::Run::open();
  const Instant limit = os::boot_now() + 20ms;
  EXPECT_FALSE(run.wait([] { return false; }, limit));
  EXPECT_GE(os::boot_now(), limit);
}

TEST(Run, WaitsForNothingOnceInterrupted) {
  checks::Run run = *checks::Run::open();
  run.interrupt();
  EXPECT_FALSE(run.pass(1h));
  EXPECT_FALSE(run.wait([] { return false; }, os::boot_now() + 1h));
  EXPECT_TRUE(run.wait([] { return true; }, os::boot_now() + 1h));
}

}  // namespace
}  // namespace wgscope::checks
