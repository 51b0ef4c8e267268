#include "wgscope/path/keepalive.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/path/mapping_lifetime.hpp"

#include "simulated_nat.hpp"

namespace wgscope::path {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::SeededRandom;

/// A flow that forgets after a silence of `lifetime`, with the service behind it.
struct Flow {
  Nanoseconds lifetime = seconds(30);
  double loss = 0;                           ///< each way
  Nanoseconds dies = std::chrono::hours(1);  ///< nothing comes in any more from then on
  int forgets_once = 0;  ///< in the silence of this number it is forgotten all the same; 0: never
  std::uint64_t seed = 1;
};

struct Measured {
  KeepaliveResult result;
  Nanoseconds took{};
};

Measured run(const KeepaliveConfig& config, const Flow& flow) {
  struct Answer {
    Instant at;
    std::uint32_t serial;
  };
  const Instant start{seconds(1000)};
  Instant now = start;
  Instant last = start;  // something passed the NAT
  int silences = 0;
  SeededRandom random(flow.seed);
  KeepaliveTrials trials(config, now);
  std::vector<Answer> answers;  // in order of time
  while (!trials.done()) {
    if (!answers.empty() && answers.front().at <= *trials.next_timeout()) {
      const Answer answer = answers.front();
      answers.erase(answers.begin());
      now = answer.at;
      const bool forgotten = silences == flow.forgets_once && now - last > seconds(5);
      const bool open = now - last <= flow.lifetime && now - start < flow.dies && !forgotten;
      if (open && !random.chance(flow.loss)) {
        last = now;
        trials.handle_answer(now, answer.serial);
      }
    } else {
      now = *trials.next_timeout();
      trials.handle_timeout(now);
    }
    if (const auto request = trials.poll_request()) {
      last = now;
      silences += request->answer_after > Nanoseconds(0);
      if (random.chance(flow.loss)) continue;
      answers.clear();  // the service has a newer request
      const Instant served = now + milliseconds(40);
      answers.push_back({served, request->serial});
      if (request->answer_after == Nanoseconds(0)) continue;
      for (const milliseconds copy : kAnswerCopies)
        answers.push_back({served + request->answer_after + copy, request->serial});
    }
  }
  return {trials.result(), now - start};
}

TEST(KeepaliveTrials, ThreeOfThreeAreEnough) {
  const Measured found = run({.interval = seconds(25)}, {.lifetime = seconds(30)});
  EXPECT_EQ(found.result.verdict, KeepaliveVerdict::enough);
  EXPECT_EQ(found.result.succeeded, 3U);
  EXPECT_LE(found.took, 3 * (seconds(25) + milliseconds(80)));
}

TEST(KeepaliveTrials, TwoThatFailMakeItTooLong) {
  const Measured found = run({.interval = seconds(25)}, {.lifetime = seconds(20)});
  EXPECT_EQ(found.result.verdict, KeepaliveVerdict::not_enough);
  EXPECT_EQ(found.result.succeeded, 0U);
  EXPECT_EQ(found.result.failed, 2U);
  EXPECT_LE(found.took, seconds(56));
}

TEST(KeepaliveTrials, TryTheIntervalItselfAndNoMore) {
  EXPECT_EQ(run({.interval = seconds(25)}, {.lifetime = milliseconds(25'500)}).result.verdict,
            KeepaliveVerdict::enough);
  EXPECT_EQ(run({.interval = seconds(25)}, {.lifetime = milliseconds(24'500)}).result.verdict,
            KeepaliveVerdict::not_enough);
}

TEST(KeepaliveTrials, OneFailureAmongSuccessesIsNoVerdict) {
  const Measured found =
      run({.interval = seconds(25)}, {.lifetime = seconds(30), .forgets_once = 2});
  EXPECT_EQ(found.result.verdict, KeepaliveVerdict::enough);
  EXPECT_EQ(found.result.succeeded, 3U);
  EXPECT_EQ(found.result.failed, 1U);
}

TEST(KeepaliveTrials, DoNotBlameTheIntervalForAPathThatIsGone) {
  const Measured found =
      run({.interval = seconds(25)}, {.lifetime = seconds(30), .dies = seconds(40)});
  EXPECT_EQ(found.result.verdict, KeepaliveVerdict::not_known);
  EXPECT_EQ(found.result.succeeded, 1U);
  EXPECT_TRUE(found.result.no_service);
}

TEST(KeepaliveTrials, GiveUpWithoutTheService) {
  const Measured found = run({}, {.dies = seconds(0)});
  EXPECT_EQ(found.result.verdict, KeepaliveVerdict::not_known);
  EXPECT_TRUE(found.result.no_service);
  EXPECT_LE(found.took, seconds(6));
}

TEST(KeepaliveTrials, TellTheTruthThroughLoss) {
  std::size_t told = 0;
  for (std::uint64_t seed = 1; seed <= 2'000; ++seed) {
    SeededRandom random(seed);
    const Flow flow{.lifetime = random.between(seconds(10), seconds(60)),
                    .loss = 0.01 * static_cast<double>(random.below(6)),
                    .seed = seed};
    const Nanoseconds silence = seconds(25);
    const KeepaliveResult result = run({.interval = seconds(25)}, flow).result;
    // Near the edge the path's own delay decides, and copies that came too late.
    if (flow.lifetime > silence - milliseconds(100) && flow.lifetime < silence + seconds(1))
      continue;
    told += result.verdict ==
            (flow.lifetime > silence ? KeepaliveVerdict::enough : KeepaliveVerdict::not_enough);
    EXPECT_TRUE(flow.lifetime > silence || result.verdict != KeepaliveVerdict::enough) << seed;
  }
  EXPECT_GE(told, 1'900U);
}

// --- the rule

LifetimeBracket between(std::optional<int> alive, std::optional<int> gone) {
  LifetimeBracket bracket;
  if (alive) bracket.alive_after = seconds(*alive);
  if (gone) bracket.gone_after = seconds(*gone);
  return bracket;
}

KeepaliveFit fit(std::optional<int> alive, std::optional<int> gone,
                 KeepaliveVerdict trials = KeepaliveVerdict::not_known) {
  return fit_keepalive(seconds(25), between(alive, gone), trials);
}

/// How late a timer of the kernel's wheel may be: each level is eight times as coarse as the one
/// before, and holds 63 of its steps (kernel/time/timer.c).
double lateness(double interval, double hz) {
  double step = 1 / hz;
  for (double reach = 63 * step; interval >= reach; step *= 8) reach = 63 * step * 8;
  return step;
}

TEST(KeepaliveRule, KnowsHowLateTheKernelsTimersAre) {
  EXPECT_EQ(late_keepalive(seconds(25)), seconds(28));  // 26.4 to 27.0 s were measured
  EXPECT_EQ(late_keepalive(seconds(1)), seconds(2));
  for (int interval = 1; interval <= 120; ++interval) {
    for (const double hz : {100.0, 250.0, 300.0, 1000.0}) {
      const auto late = static_cast<double>(late_keepalive(seconds(interval)).count());
      EXPECT_LE(interval + lateness(interval, hz), late + 0.25) << interval << " at " << hz;
    }
  }
}

TEST(KeepaliveRule, JudgesByTheIntervalsOwnSilence) {
  EXPECT_EQ(fit(24, 25), KeepaliveFit::too_long);
  EXPECT_EQ(fit({}, 10), KeepaliveFit::too_long);
  EXPECT_EQ(fit(24, 26), KeepaliveFit::untried);
  EXPECT_EQ(fit(13, 31), KeepaliveFit::untried);
  EXPECT_EQ(fit(24, {}), KeepaliveFit::untried);
  EXPECT_EQ(fit({}, {}), KeepaliveFit::untried);
  EXPECT_EQ(fit(25, 26), KeepaliveFit::only_if_exact);
  EXPECT_EQ(fit(27, 28), KeepaliveFit::only_if_exact);
  EXPECT_EQ(fit(25, 30), KeepaliveFit::in_time);
  EXPECT_EQ(fit(26, {}), KeepaliveFit::in_time);
  EXPECT_EQ(fit(28, 29), KeepaliveFit::in_time_if_late);
  EXPECT_EQ(fit(180, {}), KeepaliveFit::in_time_if_late);
}

TEST(KeepaliveRule, LetsTrialsOfTheIntervalItselfDecide) {
  EXPECT_EQ(fit(20, {}, KeepaliveVerdict::enough), KeepaliveFit::in_time);
  EXPECT_EQ(fit(24, 25, KeepaliveVerdict::enough), KeepaliveFit::only_if_exact);
  EXPECT_EQ(fit(120, {}, KeepaliveVerdict::not_enough), KeepaliveFit::too_long);
}

TEST(KeepaliveRule, SaysWhatOneLostKeepaliveDoes) {
  const auto lost = [](std::optional<int> alive, std::optional<int> gone) {
    return lose_keepalive(seconds(25), between(alive, gone));
  };
  EXPECT_EQ(lost(29, 30), LostKeepalive::closes);
  EXPECT_EQ(lost(49, 50), LostKeepalive::closes)
      << "one and a half times the interval is no margin";
  EXPECT_EQ(lost(30, {}), LostKeepalive::untried) << "a bound is not a lifetime";
  EXPECT_EQ(lost(51, 57), LostKeepalive::untried) << "enough with exact timers only";
  EXPECT_EQ(lost(56, 57), LostKeepalive::costs_nothing);
  EXPECT_EQ(longest_closed(seconds(25), between(29, 30)), seconds(27));
}

TEST(KeepaliveRule, AdvisesWhatIsProven) {
  EXPECT_EQ(advise_keepalive(seconds(119)).set_to, seconds(25));
  EXPECT_EQ(advise_keepalive(seconds(119)).survives_a_loss, seconds(25));
  EXPECT_EQ(advise_keepalive(seconds(29)).set_to, seconds(25)) << "Linux' own timer of 30 s";
  EXPECT_EQ(advise_keepalive(seconds(26)).set_to, seconds(20));
  EXPECT_EQ(advise_keepalive(seconds(26)).survives_a_loss, seconds(10));
  EXPECT_EQ(advise_keepalive(seconds(18)).set_to, seconds(15));
  EXPECT_EQ(advise_keepalive(seconds(3)).set_to, seconds(2));
  EXPECT_EQ(advise_keepalive(seconds(1)).set_to, std::nullopt);
  EXPECT_EQ(advise_keepalive({}).set_to, std::nullopt);
}

TEST(KeepaliveRule, FindsNothingWrongWithItsOwnAdvice) {
  for (int alive = 2; alive < 400; ++alive) {
    const auto set_to = advise_keepalive(seconds(alive)).set_to.value();
    EXPECT_EQ(fit_keepalive(set_to, between(alive, alive + 1), {}), KeepaliveFit::in_time_if_late);
    EXPECT_LE(set_to, kUsualKeepalive);
    if (const auto calm = advise_keepalive(seconds(alive)).survives_a_loss) {
      EXPECT_EQ(lose_keepalive(*calm, between(alive, alive + 1)), LostKeepalive::costs_nothing);
    }
  }
}

}  // namespace
}  // namespace wgscope::path
