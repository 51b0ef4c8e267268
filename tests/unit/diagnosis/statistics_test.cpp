#include "wgscope/diagnosis/statistics.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"

namespace wgscope::diagnosis {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<Nanoseconds> milliseconds_up_to(std::int64_t last) {
  std::vector<Nanoseconds> samples;
  for (std::int64_t i = 1; i <= last; ++i) samples.emplace_back(std::chrono::milliseconds(i));
  return samples;
}

TEST(ChanceOfRun, IsTheRuleOfSuccession) {
  EXPECT_DOUBLE_EQ(chance_of_run(0, 0, 1), 0.5);
  EXPECT_DOUBLE_EQ(chance_of_run(0, 10, 1), 1.0 / 12);
  EXPECT_DOUBLE_EQ(chance_of_run(4, 10, 2), 5.0 / 12 * 6 / 13);
  EXPECT_DOUBLE_EQ(chance_of_run(4, 10, 0), 1);
  EXPECT_LT(chance_of_run(0, 1'000'000, 1'000'000'000), 1e-9);
}

TEST(Percentile, IsTheSmallestSampleThatSoManyAreNotAbove) {
  const auto twenty = milliseconds_up_to(20);
  EXPECT_EQ(percentile(twenty, 50), 10ms);
  EXPECT_EQ(percentile(twenty, 95), 19ms);
  EXPECT_EQ(percentile(twenty, 99), 20ms);
  EXPECT_EQ(percentile(twenty, 100), 20ms);
  EXPECT_EQ(percentile(twenty, 0.001), 1ms);
  const auto hundred = milliseconds_up_to(100);
  for (std::size_t percent = 1; percent <= 100; ++percent)
    EXPECT_EQ(percentile(hundred, static_cast<double>(percent)), hundred[percent - 1]) << percent;
}

TEST(Percentile, OfOneSampleIsThatSample) {
  const std::vector<Nanoseconds> one{7ms};
  EXPECT_EQ(percentile(one, 1), 7ms);
  EXPECT_EQ(percentile(one, 99), 7ms);
}

TEST(StatisticsTest, TellsWhatWasMeasuredInAnyOrder) {
  const auto told = statistics(std::vector<Nanoseconds>{3ms, 1ms, 2ms, 14ms});
  ASSERT_TRUE(told);
  EXPECT_EQ(told->count, 4U);
  EXPECT_EQ(told->min, 1ms);
  EXPECT_EQ(told->median, 2ms);
  EXPECT_EQ(told->p95, 14ms);
  EXPECT_EQ(told->p99, 14ms);
  EXPECT_EQ(told->max, 14ms);
  EXPECT_EQ(told->mean, 5ms);
}

TEST(StatisticsTest, TellsNothingOfNothing) {
  EXPECT_FALSE(statistics({}));
  EXPECT_FALSE(jitter({}));
  EXPECT_THAT(histogram({}), IsEmpty());
}

TEST(StatisticsTest, DoesNotOverflow) {
  const Nanoseconds long_time{std::numeric_limits<std::int64_t>::max() / 2};
  const std::vector<Nanoseconds> samples(8, long_time);
  const double off = static_cast<double>((statistics(samples)->mean - long_time).count());
  EXPECT_NEAR(off, 0, 4096) << "what a double cannot tell apart up there";
}

TEST(Jitter, IsTheMeanDifferenceOfNeighboursInTheOrderOfMeasuring) {
  EXPECT_EQ(jitter(std::vector<Nanoseconds>{10ms, 14ms, 12ms}), 3ms);
  EXPECT_EQ(jitter(std::vector<Nanoseconds>{10ms, 12ms, 14ms}), 2ms);
  EXPECT_EQ(jitter(std::vector<Nanoseconds>{5ms, 5ms}), 0ms);
  EXPECT_FALSE(jitter(std::vector<Nanoseconds>{5ms})) << "one sample has no neighbour";
}

TEST(Histogram, CountsEachSampleWhereItsUpperBoundIsNotExceeded) {
  EXPECT_THAT(
      histogram(std::vector<Nanoseconds>{1ms, 1001us, 1200us, 1300us}),
      ElementsAre(Bucket{800us, 1ms, 1}, Bucket{1ms, 1200us, 2}, Bucket{1200us, 1500us, 1}));
}

TEST(Histogram, KeepsTheEmptyBarsBetween) {
  EXPECT_THAT(histogram(std::vector<Nanoseconds>{10ms, 25ms}),
              ElementsAre(Bucket{8ms, 10ms, 1}, Bucket{10ms, 12ms, 0}, Bucket{12ms, 15ms, 0},
                          Bucket{15ms, 20ms, 0}, Bucket{20ms, 25ms, 1}));
}

TEST(Histogram, TakesCoarserStepsWhereTheFineOnesWouldBeTooManyBars) {
  const auto middle = histogram(std::vector<Nanoseconds>{1ms, 100ms});
  EXPECT_EQ(middle.front(), (Bucket{500us, 1ms, 1}));
  EXPECT_EQ(middle.back(), (Bucket{50ms, 100ms, 1}));
  EXPECT_EQ(middle.size(), 7U);
  const auto coarse = histogram(std::vector<Nanoseconds>{1us, 10s});
  EXPECT_EQ(coarse.front(), (Bucket{100ns, 1us, 1}));
  EXPECT_EQ(coarse.back(), (Bucket{1s, 10s, 1}));
  EXPECT_EQ(coarse.size(), 8U);
}

TEST(Histogram, CountsEverySampleOnceWhateverItIs) {
  std::vector<Nanoseconds> samples;
  for (std::int64_t value = 1; value < std::numeric_limits<std::int64_t>::max() / 3; value *= 3) {
    samples.emplace_back(value);
    std::size_t total = 0;
    for (const Bucket& bucket : histogram(samples)) total += bucket.count;
    EXPECT_EQ(total, samples.size());
  }
}

TEST(Histogram, HasABarForWhateverAClockMaySay) {
  const std::vector<Nanoseconds> odd{-5ns, 0ns, Nanoseconds::max(), Nanoseconds::min()};
  const auto bars = histogram(odd);
  ASSERT_FALSE(bars.empty());
  EXPECT_EQ(bars.front(), (Bucket{0ns, 1ns, 3}));
  EXPECT_EQ(bars.back().count, 1U);
  EXPECT_EQ(bars.back().upto, Nanoseconds::max());
}

}  // namespace
}  // namespace wgscope::diagnosis
