#include <chrono>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"

#include "exporter/peer_history.hpp"
#include "keys.hpp"

namespace wgscope::exporter {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kShaken{1'700'000'000s};

/// A machine's clocks: both run on, one can be set.
struct Clocks {
  Now now{Instant{5000s}, kShaken};

  void pass(Nanoseconds time) {
    now.boot.since_boot += time;
    now.wall.since_epoch += time;
  }
  void step(Nanoseconds by) { now.wall.since_epoch += by; }
};

PeerHistory peer() {
  PeerHistory made;
  made.key = key(1);
  return made;
}

TEST(HandshakeAge, GrowsWithTime) {
  Clocks clocks;
  PeerHistory entry = peer();
  clocks.pass(10s);
  EXPECT_EQ(handshake_age(entry, kShaken, clocks.now), 10s);
  clocks.pass(170s + 1ns);
  EXPECT_EQ(handshake_age(entry, kShaken, clocks.now), 180s + 1ns);
}

TEST(HandshakeAge, IsUntouchedByClockStepsAfterItWasFirstSeen) {
  for (const Nanoseconds step :
       {Nanoseconds(-24h), Nanoseconds(-100s), Nanoseconds(100s), Nanoseconds(24h * 365)}) {
    Clocks clocks;
    PeerHistory entry = peer();
    clocks.pass(10s);
    EXPECT_EQ(handshake_age(entry, kShaken, clocks.now), 10s);
    clocks.step(step);
    clocks.pass(5s);
    EXPECT_EQ(handshake_age(entry, kShaken, clocks.now), 15s) << step.count();
    clocks.step(-2 * step);
    EXPECT_EQ(handshake_age(entry, kShaken, clocks.now), 15s) << step.count();
  }
}

TEST(HandshakeAge, CannotTellAClockStepBeforeItWasFirstSeenFromTime) {
  Clocks forward;
  PeerHistory entry = peer();
  forward.pass(10s);
  forward.step(100s);
  EXPECT_EQ(handshake_age(entry, kShaken, forward.now), 110s);
  Clocks back;
  entry = peer();
  back.pass(10s);
  back.step(-7s);
  EXPECT_EQ(handshake_age(entry, kShaken, back.now), 3s);
}

TEST(HandshakeAge, IsNeverNegative) {
  Clocks clocks;
  PeerHistory entry = peer();
  clocks.step(-24h);  // the handshake lies in the future of the wall clock
  EXPECT_EQ(handshake_age(entry, kShaken, clocks.now), 0s);
  clocks.pass(60s);
  EXPECT_EQ(handshake_age(entry, kShaken, clocks.now), 60s) << "and grows from its first sight on";
}

TEST(HandshakeAge, StartsAnewWithANewHandshake) {
  Clocks clocks;
  PeerHistory entry = peer();
  clocks.pass(150s);
  EXPECT_EQ(handshake_age(entry, kShaken, clocks.now), 150s);
  const WallTime again{clocks.now.wall.since_epoch - 3s};
  EXPECT_EQ(handshake_age(entry, again, clocks.now), 3s);
  clocks.pass(7s);
  EXPECT_EQ(handshake_age(entry, again, clocks.now), 10s);
}

TEST(HandshakeAge, StartsAnewWithANewHandshakeAfterAStepBack) {
  Clocks clocks;
  PeerHistory entry = peer();
  clocks.pass(150s);
  EXPECT_EQ(handshake_age(entry, kShaken, clocks.now), 150s);
  clocks.step(-1h);
  const WallTime earlier_by_the_clock{clocks.now.wall.since_epoch - 2s};
  EXPECT_EQ(handshake_age(entry, earlier_by_the_clock, clocks.now), 2s);
}

TEST(HandshakeAge, RunsOnDuringSuspend) {
  Clocks clocks;
  PeerHistory entry = peer();
  EXPECT_EQ(handshake_age(entry, kShaken, clocks.now), 0s);
  clocks.pass(8h);  // CLOCK_BOOTTIME counts it
  EXPECT_EQ(handshake_age(entry, kShaken, clocks.now), 8h);
}

TEST(HandshakeAge, StandsTimesAtTheEndsOfTheirRange) {
  Clocks clocks;
  PeerHistory entry = peer();
  EXPECT_EQ(handshake_age(entry, WallTime{Nanoseconds::max()}, clocks.now), 0s);
  entry = peer();
  EXPECT_EQ(handshake_age(entry, WallTime{0s}, clocks.now), kShaken.since_epoch)
      << "older than this boot";
}

}  // namespace
}  // namespace wgscope::exporter
