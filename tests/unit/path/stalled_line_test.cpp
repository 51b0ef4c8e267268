#include "wgscope/path/stalled_line.hpp"

#include <algorithm>
#include <chrono>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"

namespace wgscope::path {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Instant kStart{seconds(1000)};

/// Data comes in after each pause. @returns when it last came.
template <class... Pauses>
Instant follow(StalledLine& line, Pauses... pauses) {
  Instant now = kStart;
  for (const Nanoseconds pause : {Nanoseconds(pauses)...}) {
    line.begin_pause();
    line.handle_data(now = now + pause);
  }
  line.begin_pause();
  return now;
}

/// That it is expected to send after `pause`, from `now` on.
void expect_next(const StalledLine& line, Instant now, Nanoseconds pause) {
  EXPECT_LE(line.early(), now + pause);
  EXPECT_GE(line.early(), now + pause * 9 / 10);
  EXPECT_GE(line.late(true), now + pause * 9 / 8) << "timers are late by up to an eighth";
  EXPECT_GE(line.late(false), now + pause + std::min<Nanoseconds>(pause / 8, seconds(5)));
  EXPECT_LE(line.late(false),
            now + pause + std::min<Nanoseconds>(pause / 6, seconds(6)) + seconds(1));
}

TEST(StalledLine, WaitsLongForTheFirstPauseAsItIsUnknown) {
  const StalledLine line(kStart);
  EXPECT_FALSE(line.is_learnt());
  EXPECT_TRUE(line.is_awaited());
  EXPECT_GE(line.late(false), kStart + seconds(6)) << "a system that begins with 3 s, doubled once";
}

TEST(StalledLine, ExpectsPausesToDouble) {
  StalledLine line(kStart);
  const Instant now = follow(line, milliseconds(200), milliseconds(400), milliseconds(800));
  EXPECT_TRUE(line.is_learnt());
  expect_next(line, now, milliseconds(1600));
}

TEST(StalledLine, ExpectsNoLongerPausesThanLinuxMakes) {
  StalledLine line(kStart);
  expect_next(line, follow(line, seconds(50), seconds(100)), seconds(120));
}

TEST(StalledLine, LearnsThatPausesStopGrowingEarlier) {
  StalledLine line(kStart);
  expect_next(line, follow(line, seconds(16), seconds(32), seconds(32)), seconds(32));
}

TEST(StalledLine, LearnsThatPausesGoOnGrowing) {
  StalledLine line(kStart);
  expect_next(line, follow(line, seconds(60), seconds(120), seconds(240)), seconds(480));
}

TEST(StalledLine, IsNotMisledByATimerThatWasLateOnce) {
  StalledLine line(kStart);
  expect_next(line, follow(line, seconds(10), milliseconds(22'400)), seconds(40));
}

TEST(StalledLine, WaitsLongerWherePatient) {
  StalledLine line(kStart);
  const Instant now = follow(line, seconds(50), seconds(100));
  EXPECT_LT(line.late(false), now + seconds(127));
  EXPECT_GE(line.late(true), now + seconds(135)) << "an eighth of 120 s";
}

TEST(StalledLine, IsAwaitedUntilItArrivesOrIsSupposedToHaveBeenSent) {
  StalledLine line(kStart);
  const Instant now = follow(line, seconds(1), seconds(2));
  EXPECT_TRUE(line.is_awaited());
  line.suppose_sent();
  EXPECT_FALSE(line.is_awaited());
  line.begin_pause();
  expect_next(line, now + seconds(4), seconds(8));
  line.end();
  EXPECT_FALSE(line.is_awaited());
  EXPECT_FALSE(line.is_live());
}

TEST(StalledLine, ExpectsTwiceThePauseOfOneThatIsLaterThanThought) {
  StalledLine line(kStart);
  const Instant now = follow(line, seconds(5), seconds(10));
  line.expect_later();
  expect_next(line, now, seconds(40));
}

}  // namespace
}  // namespace wgscope::path
