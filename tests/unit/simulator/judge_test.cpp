#include "judge.hpp"

#include <chrono>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace wgscope::simulator {
namespace {

using namespace std::chrono_literals;

const Promises kPromises{{"Lost", 10min}, {"Other", 1min}};
const Truth kFault{"replies are dropped", "Lost", {"gw", "wg0", "key"}, 1h, 2h, true};

Firing firing(const std::string& alert, const std::string& key, Time begin) {
  return {{{"alertname", alert}, {"instance", "gw"}, {"interface", "wg0"}, {"public_key", key}},
          begin,
          begin + 1min};
}

TEST(Judge, TakesTheFirstAlertOfTheFault) {
  const std::vector<Truth> truths{kFault};
  const Verdict verdict = judge(
      truths, {firing("Lost", "key", 1h + 20min), firing("Lost", "key", 1h + 9min)}, kPromises);
  EXPECT_TRUE(verdict.false_alarms.empty());
  ASSERT_EQ(verdict.faults.size(), 1U);
  EXPECT_EQ(verdict.faults[0].after, 9min);
  EXPECT_TRUE(verdict.faults[0].kept());
}

TEST(Judge, LateAlertBreaksThePromise) {
  const std::vector<Truth> truths{kFault};
  const Verdict verdict = judge(truths, {firing("Lost", "key", 1h + 11min)}, kPromises);
  EXPECT_TRUE(verdict.false_alarms.empty());
  EXPECT_FALSE(verdict.faults[0].kept());
}

TEST(Judge, AnotherAlertPeerOrTimeIsFalse) {
  const std::vector<Truth> truths{kFault};
  const std::vector<Firing> firings{firing("Other", "key", 1h + 1min),
                                    firing("Lost", "else", 1h + 1min), firing("Lost", "key", 59min),
                                    firing("Lost", "key", 2h + kMemory + 1s)};
  const Verdict verdict = judge(truths, firings, kPromises);
  EXPECT_EQ(verdict.false_alarms.size(), 4U);
  EXPECT_FALSE(verdict.faults[0].after.has_value());
}

TEST(Judge, OtherAlertsMayBeRightTooAndDoNotNameTheFault) {
  Truth fault = kFault;
  fault.also = {"Other"};
  const std::vector<Truth> truths{fault};
  const std::vector<Firing> firings{firing("Other", "key", 1h + 1min),
                                    firing("Other", "else", 1h + 1min)};
  const Verdict verdict = judge(truths, firings, kPromises);
  ASSERT_EQ(verdict.false_alarms.size(), 1U);
  EXPECT_EQ(verdict.false_alarms[0], &firings[1]);
  EXPECT_FALSE(verdict.faults[0].after.has_value());
}

TEST(Judge, AFaultMayHaveBegunEarlierWhereItsTimeIsUnsure) {
  std::vector<Truth> truths{kFault};
  truths[0].unsure = 6s;
  const std::vector<Firing> in_time{firing("Lost", "key", 1h - 6s)};
  const Verdict verdict = judge(truths, in_time, kPromises);
  EXPECT_TRUE(verdict.false_alarms.empty());
  EXPECT_EQ(verdict.faults[0].after, 0s);
  const std::vector<Firing> too_early{firing("Lost", "key", 1h - 7s)};
  EXPECT_EQ(judge(truths, too_early, kPromises).false_alarms.size(), 1U);
}

TEST(Judge, WhatWasNotInjectedNeedNoAlert) {
  const std::vector<Truth> truths{{"NTP", "Other", {"gw", "", ""}, 1h, 1h, false}};
  const Verdict verdict = judge(truths, {firing("Other", "", 1h + 30s)}, kPromises);
  EXPECT_TRUE(verdict.false_alarms.empty());
  EXPECT_TRUE(verdict.faults.empty());
}

TEST(WithoutPauses, AnAlertBeginsAtTheFirstEvaluationAfterThePauseOrNever) {
  const std::vector<Pause> pauses{{1h, 1h + 4min + 40s}, {2h, 2h + 1min}};
  const auto from_to = [](Time begin, Time end) { return Firing{{}, begin, end}; };
  const std::vector<Firing> seen = without_pauses(
      {
          from_to(59min, 1h + 2min),      // began before: that was seen
          from_to(1h + 1min, 1h + 4min),  // never at an evaluation
          from_to(1h + 1min, 1h + 5min),  // the first evaluation is that at which it is over
          from_to(1h + 1min, 1h + 5min + 30s), from_to(2h, 3h),
          from_to(2h + 1min, 2h + 2min),  // the pause is over
      },
      pauses, 30s);
  std::vector<std::pair<Time, Time>> times;
  for (const Firing& one : seen) times.emplace_back(one.begin, one.end);
  EXPECT_EQ(times, (std::vector<std::pair<Time, Time>>{{59min, 1h + 2min},
                                                       {1h + 5min, 1h + 5min + 30s},
                                                       {2h + 1min, 3h},
                                                       {2h + 1min, 2h + 2min}}));
}

TEST(JudgeAny, AcceptsWhateverBeganAtThePeer) {
  const std::vector<Truth> truths{kFault};
  const Verdict verdict = judge_any(
      truths, {firing("Whatever", "key", 1h + 5min), firing("Whatever", "else", 1h)}, kPromises);
  EXPECT_EQ(verdict.false_alarms.size(), 1U);
  EXPECT_TRUE(verdict.faults[0].kept());
}

}  // namespace
}  // namespace wgscope::simulator
