// A program of its own: it stands in for adjtimex(2), as a clock's state is not a test's to choose.

#include "wgscope/os/clock_state.hpp"

#include <cerrno>
#include <functional>
#include <optional>
#include <sys/timex.h>

#include <gtest/gtest.h>

namespace wgscope::os {
namespace {

std::function<int(timex&)> kernel;

TEST(ClockState, IsWhatTheKernelSays) {
  kernel = [](timex& state) {
    state.status = STA_PLL | STA_NANO;
    return TIME_OK;
  };
  EXPECT_EQ(clock_synchronised(), std::optional(true));
  // Of TIME_ERROR other things can be the cause, such as a lost signal of a pulse.
  kernel = [](timex& state) {
    state.status = STA_PLL | STA_PPSFREQ;
    return TIME_ERROR;
  };
  EXPECT_EQ(clock_synchronised(), std::optional(true));
  kernel = [](timex& state) {
    state.status = STA_PLL | STA_UNSYNC;
    return TIME_ERROR;
  };
  EXPECT_EQ(clock_synchronised(), std::optional(false));
}

TEST(ClockState, IsNotKnownWhereItMayNotBeAsked) {
  kernel = [](timex& /*state*/) {
    errno = EPERM;
    return -1;
  };
  EXPECT_EQ(clock_synchronised(), std::nullopt);
}

TEST(ClockState, IsOnlyRead) {
  unsigned modes = 1;
  kernel = [&](timex& state) {
    modes = state.modes;
    return TIME_OK;
  };
  static_cast<void>(clock_synchronised());
  EXPECT_EQ(modes, 0U);
}

}  // namespace
}  // namespace wgscope::os

extern "C" int adjtimex(timex* state) { return wgscope::os::kernel(*state); }
