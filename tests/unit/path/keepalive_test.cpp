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
  SeededRandom random(flow.seed);
  KeepaliveTrials trials(config, now);
  std::vector<Answer> answers;  // in order of time
  while (!trials.done()) {
    if (!answers.empty() && answers.front().at <= *trials.next_timeout()) {
      const Answer answer = answers.front();
      answers.erase(answers.begin());
      now = answer.at;
      const bool open = now - last <= flow.lifetime && now - start < flow.dies;
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
  EXPECT_LE(found.took, 3 * (seconds(26) + milliseconds(80)));
}

TEST(KeepaliveTrials, OneThatFailsIsNotEnough) {
  const Measured found = run({.interval = seconds(25)}, {.lifetime = seconds(20)});
  EXPECT_EQ(found.result.verdict, KeepaliveVerdict::not_enough);
  EXPECT_EQ(found.result.succeeded, 0U);
  EXPECT_LE(found.took, seconds(29));
}

TEST(KeepaliveTrials, CountTheSlackOfTimers) {
  EXPECT_EQ(run({.interval = seconds(25)}, {.lifetime = milliseconds(25'500)}).result.verdict,
            KeepaliveVerdict::not_enough);
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
    const Nanoseconds silence = seconds(26);
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

TEST(AdviseKeepalive, SaysTheMarginAndWhatToSet) {
  const KeepaliveAdvice usual = advise_keepalive(seconds(25), seconds(119));
  EXPECT_DOUBLE_EQ(usual.margin.value(), 4.76);
  EXPECT_EQ(usual.set_to, seconds(25));

  const KeepaliveAdvice tight = advise_keepalive(seconds(25), seconds(29));
  EXPECT_LT(tight.margin.value(), kEnoughMargin);
  EXPECT_EQ(tight.set_to, seconds(15));

  EXPECT_EQ(advise_keepalive({}, seconds(10)).set_to, seconds(5));
  EXPECT_EQ(advise_keepalive({}, seconds(10)).margin, std::nullopt);
  EXPECT_EQ(advise_keepalive({}, seconds(3)).set_to, seconds(2));
  EXPECT_EQ(advise_keepalive({}, seconds(1)).set_to, std::nullopt);
  EXPECT_EQ(advise_keepalive(seconds(25), {}).margin, std::nullopt);
}

TEST(AdviseKeepalive, GivesAMarginThatIsEnough) {
  for (int lifetime = 2; lifetime < 400; ++lifetime) {
    const auto set_to = advise_keepalive({}, seconds(lifetime)).set_to.value();
    EXPECT_GE(lifetime, kEnoughMargin * static_cast<double>(set_to.count()));
    EXPECT_LE(set_to, kUsualKeepalive);
  }
}

}  // namespace
}  // namespace wgscope::path
