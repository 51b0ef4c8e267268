#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"

#include "exporter/exposition/writer.hpp"

namespace wgscope::exporter {
namespace {

using namespace std::chrono_literals;

std::string written(Number number) {
  std::array<char, Number::kMaxSize + 1> text{};
  text.back() = '!';
  const std::string result(text.data(), number.write(text.data()));
  EXPECT_EQ(text.back(), '!') << "wrote more than kMaxSize";
  return result;
}

TEST(Number, KeepsIntegersExactThatNoDoubleHolds) {
  EXPECT_EQ(written(Number::integer(0)), "0");
  EXPECT_EQ(written(Number::integer((1ULL << 53U) + 1)), "9007199254740993");
  EXPECT_EQ(written(Number::integer((1ULL << 63U) + 7)), "9223372036854775815");
  EXPECT_EQ(written(Number::integer(UINT64_MAX)), "18446744073709551615");
}

TEST(Number, WritesBooleansAsOneAndZero) {
  EXPECT_EQ(written(Number::boolean(true)), "1");
  EXPECT_EQ(written(Number::boolean(false)), "0");
}

TEST(Number, WritesSecondsWithThreeDecimals) {
  EXPECT_EQ(written(Number::seconds(0ns)), "0.000");
  EXPECT_EQ(written(Number::seconds(7ms)), "0.007");
  EXPECT_EQ(written(Number::seconds(60ms)), "0.060");
  EXPECT_EQ(written(Number::seconds(180s)), "180.000");
  EXPECT_EQ(written(Number::seconds(1'700'000'000s + 123ms)), "1700000000.123");
}

TEST(Number, NeverRoundsSecondsUp) {
  // An age that is not yet 180 s must not read 180.000.
  EXPECT_EQ(written(Number::seconds(179s + 999'999'999ns)), "179.999");
  EXPECT_EQ(written(Number::seconds(999'999ns)), "0.000");
  EXPECT_EQ(written(Number::seconds(1'000'000ns)), "0.001");
}

TEST(Number, NeverWritesNegativeSeconds) {
  EXPECT_EQ(written(Number::seconds(-1ns)), "0.000");
  EXPECT_EQ(written(Number::seconds(-5s)), "0.000");
  EXPECT_EQ(written(Number::seconds(Nanoseconds::min())), "0.000");
}

TEST(Number, WritesTheLongestSeconds) {
  EXPECT_EQ(written(Number::seconds(Nanoseconds::max())), "9223372036.854");
}

}  // namespace
}  // namespace wgscope::exporter
