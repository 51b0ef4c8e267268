#include "wgscope/path/retransmission_ladder.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/path/flow_lifetime.hpp"
#include "wgscope/path/keepalive.hpp"

#include "flow_world.hpp"
#include "keepalive_truth.hpp"
#include "ladder_world.hpp"
#include "simulated_nat.hpp"

namespace wgscope::path {
namespace {

using namespace ladder;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::any_flow;
using testing::describe;
using testing::expect_true;
using testing::flows_to_try;
using testing::lifetimes_of;
using testing::SeededRandom;
using testing::takeovers;

TEST(RetransmissionLadder, BracketsTheLifetimeBetweenTwoPauses) {
  const Measured found = measure({}, {.lifetime = seconds(40)});
  EXPECT_EQ(found.result.end, FlowEnd::done);
  EXPECT_EQ(found.result.alive_after, seconds(25));
  EXPECT_GE(found.result.gone_after, seconds(51));
  EXPECT_LE(found.result.gone_after, seconds(60));
  EXPECT_LE(found.took, seconds(120));
}

TEST(RetransmissionLadder, SaysThatTheKeepaliveIsOftenEnoughWithAMarginOfTwo) {
  const Measured found =
      measure({.interval = seconds(25), .longest_silence = seconds(60)}, {.lifetime = seconds(80)});
  EXPECT_EQ(found.result.keepalive, KeepaliveVerdict::enough);
  EXPECT_GE(found.result.trials, 2U);
  EXPECT_GE(found.result.alive_after, seconds(51));
  EXPECT_EQ(found.result.gone_after, std::nullopt);
}

TEST(RetransmissionLadder, SaysThatTheKeepaliveIsTooLong) {
  const Measured found = measure({.interval = seconds(25)}, {.lifetime = seconds(10)});
  EXPECT_EQ(found.result.keepalive, KeepaliveVerdict::not_enough);
  EXPECT_EQ(found.result.alive_after, seconds(6));
  EXPECT_LE(found.result.gone_after, seconds(16));
  EXPECT_LE(found.took, seconds(45));
}

TEST(RetransmissionLadder, MakesASilenceOfTheIntervalInALongerPause) {
  const Measured found = measure({.interval = seconds(25)}, {.lifetime = seconds(46)});
  EXPECT_EQ(found.result.keepalive, KeepaliveVerdict::enough);
  EXPECT_GE(found.result.trials, 2U);
  EXPECT_GE(found.result.alive_after, seconds(28)) << "a keepalive that is late";
}

TEST(RetransmissionLadder, MakesASilenceJustShortOfTheIntervalWhereTheLifetimeIsShorter) {
  const Measured found = measure({.interval = seconds(25)}, {.lifetime = seconds(17)});
  EXPECT_EQ(found.result.keepalive, KeepaliveVerdict::not_enough);
  EXPECT_EQ(found.result.alive_after, seconds(12));
  EXPECT_LE(found.result.gone_after, seconds(26));
  EXPECT_LE(found.took, seconds(120));
}

TEST(RetransmissionLadder, TriesNothingLongerThanToldButTheInterval) {
  const Measured found = measure({.interval = seconds(25), .longest_silence = seconds(20)},
                                 {.lifetime = seconds(300)});
  EXPECT_EQ(found.result.end, FlowEnd::done);
  EXPECT_EQ(found.result.keepalive, KeepaliveVerdict::enough);
  EXPECT_LE(found.result.alive_after, seconds(26));
  EXPECT_LE(found.took, seconds(60));
}

TEST(RetransmissionLadder, LooksIntoTheGapThatAnEarlierRunLeft) {
  // A run with an interval of 25 s left 13 to 31 s.
  const LadderConfig config{
      .interval = seconds(20), .longest_silence = seconds(20), .most = seconds(220)};
  const Measured below = measure(config, {.lifetime = seconds(17)});
  EXPECT_LE(below.result.gone_after, seconds(27));
  const Measured above = measure(config, {.lifetime = seconds(24)});
  EXPECT_GE(above.result.alive_after, seconds(20));
  EXPECT_EQ(above.result.keepalive, KeepaliveVerdict::enough);
}

TEST(RetransmissionLadder, WaitsForTimersThatAreLaterThanUsual) {
  const Measured found = measure({.interval = seconds(25), .longest_silence = seconds(60)},
                                 {.lifetime = seconds(300)}, {.lateness = 0.11});
  EXPECT_EQ(found.result.keepalive, KeepaliveVerdict::enough);
  EXPECT_EQ(found.result.gone_after, std::nullopt);
}

TEST(RetransmissionLadder, DoesNotTakeAServiceThatGaveUpForAFlowThatIsForgotten) {
  const Measured found =
      measure({.interval = seconds(25)}, {.lifetime = seconds(300)}, {.sends = 8});
  EXPECT_EQ(found.result.end, FlowEnd::service_ended);
  EXPECT_EQ(found.result.alive_after, seconds(25));
  EXPECT_EQ(found.result.gone_after, std::nullopt);
  EXPECT_EQ(found.result.keepalive, KeepaliveVerdict::enough) << "its own silence was survived";
}

TEST(RetransmissionLadder, DoesNotBlameTheSilenceForAPathThatIsGone) {
  const Measured found = measure({}, {.lifetime = seconds(300), .dies = seconds(30)});
  EXPECT_EQ(found.result.end, FlowEnd::path_gone);
  EXPECT_EQ(found.result.alive_after, seconds(12));
  EXPECT_EQ(found.result.gone_after, std::nullopt);
}

TEST(RetransmissionLadder, DoesNotBlameTheNatForASessionThatWasTaken) {
  for (const bool resets : {false, true}) {
    SCOPED_TRACE(resets);
    const Measured found =
        measure({.interval = seconds(25)}, {.lifetime = seconds(300), .taken = {seconds(30)}},
                {.other_resets = resets});
    EXPECT_EQ(found.result.lost.size(), 1U);
    EXPECT_EQ(found.result.gone_after, std::nullopt);
    EXPECT_GE(found.result.alive_after, seconds(12));
    EXPECT_EQ(found.result.end, resets ? FlowEnd::service_ended : FlowEnd::done);
  }
}

TEST(RetransmissionLadder, NeverTakesATakeoverForALifetime) {
  std::size_t noticed = 0;
  std::size_t gone = 0;
  for (std::uint64_t seed = 1; seed <= flows_to_try(); ++seed) {
    SeededRandom random(seed);
    const Nanoseconds lifetime = random.between(seconds(60), seconds(200));
    const Flow flow{.lifetime = lifetime,
                    .delay = random.between(milliseconds(1), milliseconds(150)),
                    .taken = takeovers(random, seconds(120)),
                    .seed = seed};
    const Measured found =
        measure({.interval = seconds(25)}, flow, {.other_resets = random.chance(0.5)});
    SCOPED_TRACE(seed);
    noticed += found.result.lost.empty() ? 0U : 1U;
    expect_true(found.result, seconds(25), lifetime - seconds(1), lifetime + seconds(1));
    gone += found.result.end == FlowEnd::path_gone ? 1U : 0U;
  }
  EXPECT_LE(gone, flows_to_try() / 500) << "the path is all right";
  EXPECT_GT(noticed, flows_to_try() * 6 / 10);
}

TEST(RetransmissionLadder, SeesThatTheGatewaySpeaksByItself) {
  const Measured found =
      measure({.interval = seconds(25)}, {.lifetime = seconds(100), .keepalive = seconds(10)});
  EXPECT_EQ(found.result.end, FlowEnd::disturbed);
  EXPECT_GT(*found.result.broken_after, seconds(9));
  EXPECT_EQ(found.result.gone_after, std::nullopt);
  EXPECT_EQ(found.result.keepalive, KeepaliveVerdict::not_known);
}

TEST(RetransmissionLadder, LearnsPausesThatStopGrowingEarly) {
  const Measured found = measure({.longest_silence = seconds(60)}, {.lifetime = seconds(300)},
                                 {.longest_pause = seconds(64)});
  EXPECT_EQ(found.result.end, FlowEnd::done);
  EXPECT_GE(found.result.alive_after, seconds(60));
  EXPECT_EQ(found.result.gone_after, std::nullopt);
}

TEST(RetransmissionLadder, EndsInTimeWithWhatIsKnown) {
  constexpr int kRuns = 20;
  for (const int lifetime : {18, 24, 26, 30, 60, 120, 300}) {
    int known = 0;
    for (std::uint64_t seed = 1; seed <= kRuns; ++seed) {
      const Measured found =
          measure({.interval = seconds(25), .longest_silence = seconds(180), .most = seconds(220)},
                  {.lifetime = seconds(lifetime), .loss = 0.05, .seed = seed});
      EXPECT_LE(found.took, seconds(220)) << lifetime;
      known += found.result.alive_after >= seconds(std::min(lifetime / 2 - 6, 24)) ? 1 : 0;
    }
    // Silences in which something was lost tell nothing.
    EXPECT_GE(known, kRuns * 8 / 10) << lifetime;
  }
}

TEST(RetransmissionLadder, KnowsNothingWithoutLines) {
  const RetransmissionLadder ladder({}, {}, Instant{}, 0, Instant{});
  EXPECT_TRUE(ladder.done());
  EXPECT_EQ(ladder.result().end, FlowEnd::no_service);
}

TEST(RetransmissionLadder, TellsTheTruthOfThousandsOfFlowsOrNothing) {
  constexpr std::uint64_t kFlows = 4'000;
  std::size_t judged = 0;
  std::size_t bracketed = 0;
  for (std::uint64_t seed = 1; seed <= kFlows; ++seed) {
    SeededRandom random(seed);
    LadderConfig config;
    if (random.chance(0.8)) config.interval = seconds(5 + random.below(40));
    config.longest_silence = seconds(random.chance(0.5) ? 120 : 20 + random.below(160));
    constexpr std::array kCaps{60, 64, 120, 120, 120, 240};
    const Flow flow{.lifetime = random.between(seconds(1), seconds(300)),
                    .delay = random.between(milliseconds(1), milliseconds(150)),
                    .loss = random.chance(0.3) ? 0 : 0.01 * static_cast<double>(random.below(11)),
                    .inbound_refreshes = random.chance(0.7),
                    .seed = seed};
    const Service service{.first_pause = random.between(milliseconds(200), milliseconds(1'200)),
                          .longest_pause = seconds(kCaps.at(random.below(kCaps.size()))),
                          .lateness = random.chance(0.5) ? 0 : 0.11,
                          .sends = static_cast<int>(6 + random.below(10)),
                          .spread = random.between(milliseconds(0), milliseconds(50))};
    const Measured found = measure(config, flow, service);
    const FlowLifetime& said = found.result;
    // What comes in has been on its way for `delay`, and so had what we sent before.
    const Nanoseconds slop = 4 * flow.delay;
    EXPECT_TRUE(!said.alive_after || *said.alive_after <= flow.lifetime + slop)
        << describe(flow, said);
    EXPECT_TRUE(!said.gone_after || *said.gone_after + slop >= flow.lifetime)
        << describe(flow, said);
    if (config.interval) {
      const Nanoseconds silence = *config.interval;
      EXPECT_FALSE(said.keepalive == KeepaliveVerdict::enough && flow.lifetime + slop < silence)
          << describe(flow, said);
      EXPECT_FALSE(said.keepalive == KeepaliveVerdict::not_enough && flow.lifetime > silence + slop)
          << describe(flow, said);
      judged += said.keepalive != KeepaliveVerdict::not_known;
    }
    bracketed += said.end == FlowEnd::done;
    EXPECT_LE(found.took, longest_ladder(config)) << describe(flow, said);
  }
  EXPECT_GE(judged, kFlows / 2);
  EXPECT_GE(bracketed, kFlows / 2);
}

/// A keepalive of the gateway's passes the NAT in the middle of the silence, and is lost behind it.
TEST(RetransmissionLadder, BelievesNoSilenceInWhichSomethingWasLost) {
  for (std::uint64_t seed = 1; seed <= 3'000; ++seed) {
    const Flow flow{.lifetime = seconds(28), .loss = 0.05, .keepalive = seconds(17), .seed = seed};
    const FlowLifetime found = measure({.interval = seconds(25)}, flow).result;
    EXPECT_LE(found.alive_after.value_or(seconds(0)), seconds(28)) << seed;
  }
}

TEST(RetransmissionLadder, TellsTheTruthOfNatsThatDropKeepalivesOrChange) {
  std::size_t silent = 0;  // gateways without a keepalive of their own
  std::size_t judged = 0;
  const std::uint64_t flows = flows_to_try();
  for (std::uint64_t seed = 1; seed <= flows; ++seed) {
    SeededRandom random(seed);
    const seconds interval(5 + random.below(40));
    const Flow flow = any_flow(seed, random);
    const Measured found =
        measure({.interval = interval, .longest_silence = seconds(180), .most = seconds(220)}, flow,
                {.lateness = random.chance(0.5) ? 0 : 0.11});
    const Nanoseconds slop = 4 * (flow.delay + flow.jitter) + milliseconds(700);
    const auto [shortest, longest] = lifetimes_of(flow);
    SCOPED_TRACE(describe(flow, found.result));
    expect_true(found.result, interval, shortest - slop, longest + slop);
    EXPECT_LE(found.took, seconds(220));
    if (flow.keepalive) continue;
    ++silent;
    judged += found.result.keepalive != KeepaliveVerdict::not_known;
  }
  EXPECT_GE(judged, silent * 6 / 10);
}

}  // namespace
}  // namespace wgscope::path
