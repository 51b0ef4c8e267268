#include "wgscope/path/silence_search.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/path/flow_lifetime.hpp"
#include "wgscope/path/keepalive.hpp"
#include "wgscope/path/silent_gateway.hpp"

#include "flow_world.hpp"
#include "keepalive_truth.hpp"
#include "silence_world.hpp"
#include "simulated_nat.hpp"

namespace wgscope::path {
namespace {

using namespace silence;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::any_flow;
using testing::describe;
using testing::expect_true;
using testing::flows_to_try;
using testing::lifetimes_of;
using testing::SeededRandom;
using testing::takeovers;

TEST(SilenceSearch, FindsALifetimeToTheSecond) {
  const Measured found = measure({.interval = seconds(25)}, {.lifetime = milliseconds(71'500)});
  EXPECT_EQ(found.result.end, FlowEnd::done);
  EXPECT_EQ(found.result.alive_after, seconds(71));
  EXPECT_EQ(found.result.gone_after, seconds(72));
  EXPECT_EQ(found.result.keepalive, KeepaliveVerdict::enough);
  EXPECT_GE(found.result.trials, 3U);
  EXPECT_EQ(found.result.broken_silences, 0U);
}

TEST(SilenceSearch, BeginsWithTheIntervalThatIsJudged) {
  const Measured found = measure({.interval = seconds(25), .longest_silence = seconds(0)},
                                 {.lifetime = milliseconds(28'500)});
  EXPECT_EQ(found.result.keepalive, KeepaliveVerdict::enough);
  EXPECT_EQ(found.result.trials, 3U);
  EXPECT_EQ(found.result.tried.size(), 3U);
  EXPECT_EQ(found.result.alive_after, seconds(28)) << "a late keepalive is tried too";
  EXPECT_LE(found.took, 2 * seconds(25) + seconds(28) + seconds(5));
}

TEST(SilenceSearch, SaysThatAnIntervalIsTooLong) {
  const Measured found = measure({.interval = seconds(25)}, {.lifetime = milliseconds(24'500)});
  EXPECT_EQ(found.result.keepalive, KeepaliveVerdict::not_enough);
  EXPECT_EQ(found.result.alive_after, seconds(24));
  EXPECT_EQ(found.result.gone_after, seconds(25));
}

TEST(SilenceSearch, SaysThatALittleLongerThanTheIntervalIsTooLongForLateKeepalivesOnly) {
  const Measured found = measure({.interval = seconds(25)}, {.lifetime = milliseconds(26'500)});
  EXPECT_EQ(found.result.keepalive, KeepaliveVerdict::enough);
  EXPECT_EQ(found.result.alive_after, seconds(26));
  EXPECT_EQ(found.result.gone_after, seconds(27));
}

TEST(SilenceSearch, BeginsNoSilenceThatEndsTooLate) {
  const Measured found =
      measure({.interval = seconds(25), .most = minutes(5)}, {.lifetime = milliseconds(119'500)});
  EXPECT_EQ(found.result.end, FlowEnd::time_over);
  EXPECT_LE(found.took, minutes(5));
  EXPECT_GE(found.result.alive_after, seconds(55)) << "what is known by then is said";
}

TEST(SilenceSearch, LooksNoFurtherThanTold) {
  const Measured found = measure({.longest_silence = seconds(60)}, {.lifetime = seconds(300)});
  EXPECT_EQ(found.result.alive_after, seconds(60));
  EXPECT_EQ(found.result.gone_after, std::nullopt);
  EXPECT_EQ(found.result.keepalive, KeepaliveVerdict::not_known);
}

TEST(SilenceSearch, OnlySeesWhetherCallsComeInWhereNothingElseIsWanted) {
  const Measured found = measure({.longest_silence = seconds(0)}, {});
  EXPECT_EQ(found.result.end, FlowEnd::done);
  EXPECT_TRUE(found.result.tried.empty());
  EXPECT_LE(found.took, seconds(4));
}

TEST(SilenceSearch, SaysThatCallsNeverComeIn) {
  const Measured found = measure({}, {}, {.forwards = false});
  EXPECT_EQ(found.result.end, FlowEnd::no_service);
  EXPECT_EQ(found.result.alive_after, std::nullopt);
  EXPECT_TRUE(found.result.lost.empty());
  EXPECT_LE(found.took, seconds(12));
}

TEST(SilenceSearch, DoesNotBlameTheNatForASessionThatWasTakenDuringASilence) {
  const Measured found = measure({.interval = seconds(25)},
                                 {.lifetime = milliseconds(71'500), .taken = {seconds(40)}});
  ASSERT_EQ(found.result.lost.size(), 1U);
  EXPECT_EQ(found.result.lost[0].unanswered, static_cast<std::size_t>(kMostUnanswered));
  EXPECT_GE(found.result.lost[0].silent, seconds(25));
  EXPECT_EQ(found.result.end, FlowEnd::done) << "the silence is tried again";
  EXPECT_EQ(found.result.alive_after, seconds(71));
  EXPECT_EQ(found.result.gone_after, seconds(72));
}

TEST(SilenceSearch, EndsWhereSessionsAreTakenAgainAndAgain) {
  const Measured found = measure({.interval = seconds(25)},
                                 {.lifetime = seconds(300), .taken = {seconds(40), seconds(110)}});
  EXPECT_EQ(found.result.end, FlowEnd::session_lost);
  EXPECT_EQ(found.result.lost.size(), 2U);
  EXPECT_EQ(found.result.alive_after, seconds(25));
  EXPECT_EQ(found.result.gone_after, std::nullopt);
}

TEST(SilenceSearch, NoticesASessionThatIsTakenBeforeAnyCallCameIn) {
  const Measured found =
      measure({.interval = seconds(25)}, {.lifetime = seconds(300), .taken = {Nanoseconds(1)}});
  EXPECT_NE(found.result.end, FlowEnd::no_service);
  EXPECT_EQ(found.result.lost.size(), 1U);
}

/// It makes a new one, as its timer has it, while its calls are the control.
TEST(SilenceSearch, DoesNotBlameTheNatForTheTwinsSessionThatWasTaken) {
  for (int later = 0; later < 20; ++later) {
    const Measured found = measure(
        {.interval = seconds(25), .longest_silence = seconds(0)}, {.lifetime = seconds(300)},
        {.taken = seconds(10), .anew = seconds(26) + milliseconds(500) * later});
    SCOPED_TRACE(later);
    EXPECT_EQ(found.result.gone_after, std::nullopt);
    EXPECT_NE(found.result.keepalive, KeepaliveVerdict::not_enough);
    EXPECT_TRUE(found.result.lost.empty());
  }
}

TEST(SilenceSearch, NeverTakesATakeoverForALifetime) {
  std::size_t noticed = 0;
  std::size_t gone = 0;
  for (std::uint64_t seed = 1; seed <= flows_to_try(); ++seed) {
    SeededRandom random(seed);
    const Nanoseconds lifetime = random.between(seconds(30), seconds(200));
    const Measured found = measure({.interval = seconds(25)},
                                   {.lifetime = lifetime,
                                    .delay = random.between(milliseconds(1), milliseconds(150)),
                                    .taken = takeovers(random, seconds(300)),
                                    .seed = seed});
    SCOPED_TRACE(seed);
    noticed += found.result.lost.empty() ? 0U : 1U;
    expect_true(found.result, seconds(25), lifetime - seconds(1), lifetime + seconds(1));
    gone += found.result.end == FlowEnd::path_gone ? 1U : 0U;
  }
  EXPECT_LE(gone, flows_to_try() / 500) << "the path is all right";
  EXPECT_GT(noticed, flows_to_try() * 8 / 10);
}

TEST(SilenceSearch, DoesNotBlameTheSilenceForAPathThatIsGone) {
  const Measured found =
      measure({.interval = seconds(25)}, {.lifetime = seconds(100), .dies = seconds(50)});
  EXPECT_EQ(found.result.end, FlowEnd::path_gone);
  EXPECT_EQ(found.result.alive_after, seconds(25));
  EXPECT_EQ(found.result.gone_after, std::nullopt);
  EXPECT_EQ(found.result.keepalive, KeepaliveVerdict::not_known);
}

TEST(SilenceSearch, SeesThatTheGatewaySpeaksByItself) {
  const Measured found =
      measure({.interval = seconds(25)}, {.lifetime = seconds(100), .keepalive = seconds(15)});
  EXPECT_EQ(found.result.end, FlowEnd::disturbed);
  EXPECT_GT(*found.result.broken_after, seconds(14));
  EXPECT_LT(*found.result.broken_after, seconds(16));
  EXPECT_EQ(found.result.keepalive, KeepaliveVerdict::not_known);
  EXPECT_EQ(found.result.gone_after, std::nullopt);
}

TEST(SilenceSearch, FindsLifetimesBelowTheGatewaysOwnKeepalive) {
  const Measured found = measure({.interval = seconds(5)},
                                 {.lifetime = milliseconds(9'500), .keepalive = seconds(25)});
  EXPECT_EQ(found.result.alive_after, seconds(9));
  EXPECT_EQ(found.result.gone_after, seconds(10));
  EXPECT_EQ(found.result.keepalive, KeepaliveVerdict::enough);
}

TEST(SilenceSearch, IsNotTakenInByAnOutage) {
  // In the middle of the first calls that are to come in after a silence.
  const Measured found = measure({.interval = seconds(25), .longest_silence = seconds(40)},
                                 {.lifetime = seconds(100), .outage = milliseconds(27'500)});
  EXPECT_EQ(found.result.alive_after, seconds(40));
  EXPECT_EQ(found.result.gone_after, std::nullopt);
  EXPECT_EQ(found.result.keepalive, KeepaliveVerdict::enough);
}

TEST(SilenceSearch, TellsTheTruthOfNatsThatDropKeepalivesOrChangeOrHaveTwoTimers) {
  std::size_t silent = 0;  // gateways without a keepalive of their own
  std::size_t judged = 0;
  const std::uint64_t flows = flows_to_try();
  for (std::uint64_t seed = 1; seed <= flows; ++seed) {
    SeededRandom random(seed);
    const seconds interval(5 + random.below(40));
    Flow flow = any_flow(seed, random);
    if (random.chance(0.3))
      flow.new_lifetime = std::max<Nanoseconds>(flow.lifetime / 4, seconds(3));
    const Measured found = measure({.interval = interval, .most = minutes(14)}, flow);
    const Nanoseconds slop = 3 * (flow.delay + flow.jitter) + milliseconds(700);
    const auto [shortest, longest] = lifetimes_of(flow);
    SCOPED_TRACE(describe(flow, found.result));
    expect_true(found.result, interval, shortest - slop, longest + slop);
    EXPECT_LE(found.took, minutes(14));
    if (flow.keepalive) continue;
    ++silent;
    judged += found.result.keepalive != KeepaliveVerdict::not_known;
  }
  EXPECT_GE(judged, silent * 8 / 10);
}

/// While a handshake is repeated, the NAT may forget the flow: the next one is no stream yet, and has
/// another timer.
TEST(SilenceSearch, OpensTheFlowAnewWhoseSessionTookLongToRenew) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const Flow flow{.lifetime = milliseconds(79'400),
                    .drops = 0.3,
                    .inbound_refreshes = false,
                    .new_lifetime = seconds(20),
                    .seed = seed};
    const FlowLifetime found = measure({.interval = seconds(26)}, flow).result;
    EXPECT_GE(found.gone_after.value_or(seconds(80)), seconds(79)) << seed;
  }
}

/// Lets time pass to the next timeout, and all that is to be sent go.
void expire(SilenceSearch& search, Instant& now, std::uint32_t& last_call) {
  now = *search.next_timeout();
  search.handle_timeout(now);
  while (const auto sent = search.poll_send())
    if (sent->kind == SilenceSend::Kind::call) last_call = sent->serial;
}

TEST(SilenceSearch, TriesASilenceAgainWhoseCallComesInOnlyAfterTheFlowWasOpenedAnew) {
  Instant now{};
  std::uint32_t last_call = 1;
  SilenceSearch search({.interval = seconds(5), .longest_silence = seconds(10)}, now, now);
  while (search.poll_send()) continue;
  for (std::uint32_t greeted = 0; !search.silence(); expire(search, now, last_call))
    if (greeted != last_call) search.handle_call(now, greeted = last_call, 0);
  while (search.silence()) expire(search, now, last_call);
  const std::uint32_t late = last_call;
  const auto calls = search.result().calls;
  while (search.result().calls < calls + std::size(kCallCopies)) expire(search, now, last_call);
  ASSERT_GT(last_call, late + std::size(kCallCopies) - 1) << "the flow is being opened anew";
  search.handle_call(now, late, 0);
  EXPECT_TRUE(search.result().tried.empty());
  EXPECT_EQ(search.result().keepalive, KeepaliveVerdict::not_known);
}

TEST(SilenceSearch, KnowsWhatItHasSoFar) {
  const SilenceSearchConfig config{.interval = seconds(25)};
  const SilenceSearch search(config, Instant{}, Instant{});
  EXPECT_EQ(search.result().end, FlowEnd::not_yet);
  EXPECT_EQ(search.result().alive_after, std::nullopt);
}

/// Whether what is said can be so; each datagram may take `delay`.
bool is_true(const FlowLifetime& said, const Flow& flow) {
  const Nanoseconds slop = 3 * flow.delay + (flow.loss > 0 ? milliseconds(700) : milliseconds(0));
  if (said.alive_after && *said.alive_after > flow.lifetime) return false;
  return !said.gone_after || *said.gone_after + slop >= flow.lifetime;
}

TEST(SilenceSearch, TellsTheTruthOfThousandsOfFlows) {
  std::size_t to_the_second = 0;
  std::size_t unbroken = 0;
  constexpr std::uint64_t kFlows = 4'000;
  for (std::uint64_t seed = 1; seed <= kFlows; ++seed) {
    SeededRandom random(seed);
    SilenceSearchConfig config;
    if (random.chance(0.8)) config.interval = seconds(1 + random.below(60));
    config.longest_silence = seconds(random.chance(0.5) ? 180 : 20 + random.below(280));
    const Flow flow{.lifetime = random.between(seconds(1), seconds(300)),
                    .delay = random.between(milliseconds(1), milliseconds(150)),
                    .loss = random.chance(0.3) ? 0 : 0.01 * static_cast<double>(random.below(11)),
                    .inbound_refreshes = random.chance(0.7),
                    .keepalive = random.chance(0.8)
                                     ? std::nullopt
                                     : std::optional(random.between(seconds(5), seconds(60))),
                    .seed = seed};
    const Measured found = measure(config, flow);
    const FlowLifetime& said = found.result;
    EXPECT_TRUE(is_true(said, flow)) << describe(flow, said);
    if (config.interval) {
      const Nanoseconds silence = *config.interval;
      EXPECT_FALSE(said.keepalive == KeepaliveVerdict::enough && flow.lifetime < silence) << seed;
      EXPECT_FALSE(said.keepalive == KeepaliveVerdict::not_enough &&
                   flow.lifetime > silence + milliseconds(1'200))
          << seed;
    }
    unbroken += said.end != FlowEnd::disturbed;
    to_the_second += said.end == FlowEnd::done && said.alive_after &&
                     (!said.gone_after || *said.gone_after - *said.alive_after == seconds(1));
    EXPECT_LE(said.tried.size() + said.broken_silences, most_silences(config)) << seed;
    const auto longest = std::max(config.longest_silence, config.interval.value_or(seconds(0)));
    EXPECT_LE(found.took, (longest + kLongestBeside) * static_cast<long>(most_silences(config)))
        << seed;
  }
  EXPECT_GE(unbroken, kFlows * 3 / 4);
  EXPECT_GE(to_the_second, unbroken * 95 / 100);
}

}  // namespace
}  // namespace wgscope::path
