#include "wgscope/noise/tai64n.hpp"

#include <chrono>
#include <cstdint>
#include <limits>
#include <string_view>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"

#include "hex.hpp"
#include "random.hpp"

namespace wgscope::noise {
namespace {

using std::chrono::seconds;

WallTime at(std::int64_t nanoseconds) { return {Nanoseconds(nanoseconds)}; }
Tai64n stamp_of(std::string_view hex) { return {test::unhex_array<Tai64n::kSize>(hex)}; }

constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

TEST(Tai64n, WritesSecondsAboveTwoToThe62AndNanoseconds) {
  EXPECT_EQ(test::hex(Tai64n::from(at(0)).bytes), "400000000000000a00000000");
  EXPECT_EQ(test::hex(Tai64n::from(at(1'700'000'000'123'456'789)).bytes),
            "400000006553f10a075bcd15");
}

TEST(Tai64n, WritesTimesBefore1970WithNanosecondsThatCountUpwards) {
  EXPECT_EQ(test::hex(Tai64n::from(at(-1)).bytes), "40000000000000093b9ac9ff");
  EXPECT_EQ(test::hex(Tai64n::from(at(-1'000'000'000)).bytes), "400000000000000900000000");
  EXPECT_EQ(test::hex(Tai64n::from(at(-11'000'000'000)).bytes), "3fffffffffffffff00000000");
}

TEST(Tai64n, GivesBackEveryTimeThatNanosecondsCanTell) {
  for (const std::int64_t time : {kMin, kMin + 1, std::int64_t{-1'000'000'001}, std::int64_t{-1},
                                  std::int64_t{0}, std::int64_t{1}, kMax - 1, kMax})
    EXPECT_EQ(Tai64n::from(at(time)).time(), at(time)) << time;
}

TEST(Tai64n, ComparesInOrderOfTime) {
  test::SeededRandom random(1);
  for (int i = 0; i < 10'000; ++i) {
    const auto a = static_cast<std::int64_t>(random.below(4'000'000'000)) - 2'000'000'000;
    const auto b = static_cast<std::int64_t>(random.below(4'000'000'000)) - 2'000'000'000;
    ASSERT_EQ(Tai64n::from(at(a)) <=> Tai64n::from(at(b)), a <=> b) << a << ' ' << b;
  }
  EXPECT_LT(Tai64n::from(at(kMin)), Tai64n::from(at(kMax)));
  EXPECT_LT(Tai64n{}, Tai64n::from(at(kMin))) << "no stamp is below every stamp";
}

TEST(Tai64n, SaturatesWhereNanosecondsSince1970CannotTell) {
  EXPECT_EQ(stamp_of("000000000000000000000000").time(), at(kMin));
  EXPECT_EQ(stamp_of("7fffffffffffffff3b9ac9ff").time(), at(kMax));
  // The two seconds that reach beyond: hostile nanoseconds may add another four.
  const std::uint64_t epoch = (std::uint64_t{1} << 62U) + 10;
  for (const std::uint64_t second : {9'223'372'032U, 9'223'372'035U, 9'223'372'036U}) {
    const Tai64n stamp = stamp_of(fmt::format("{:016x}ffffffff", epoch + second));
    EXPECT_GT(stamp.time(), at(9'223'372'000'000'000'000)) << second;
  }
  EXPECT_EQ(stamp_of(fmt::format("{:016x}ffffffff", epoch + 9'223'372'036U)).time(), at(kMax));
  EXPECT_EQ(stamp_of(fmt::format("{:016x}00000000", epoch - 9'223'372'038U)).time(), at(kMin));
}

TEST(Tai64n, NextIsOneNanosecondLaterAlsoAcrossASecond) {
  EXPECT_EQ(Tai64n::from(at(5)).next(), Tai64n::from(at(6)));
  EXPECT_EQ(Tai64n::from(at(1'999'999'999)).next(), Tai64n::from(at(2'000'000'000)));
  EXPECT_EQ(Tai64n::from(at(-1)).next(), Tai64n::from(at(0)));
}

TEST(Tai64n, NextRisesEvenAboveNanosecondsThatAreNone) {
  for (const char* text : {"400000000000000a3b9ac9ff", "400000000000000a3b9aca00",
                           "400000000000000affffffff", "40000000ffffffffffffffff"}) {
    const Tai64n stamp = stamp_of(text);
    EXPECT_GT(stamp.next(), stamp) << text;
  }
}

TEST(TimestampSource, GivesTheClocksTimeWhileItRuns) {
  TimestampSource source;
  for (std::int64_t time = 1'000; time < 2'000; time += 10)
    EXPECT_EQ(source.take(at(time)), Tai64n::from(at(time)));
}

TEST(TimestampSource, RisesWhereTheClockStandsOrWasSetBack) {
  TimestampSource source;
  const WallTime now = at(1'700'000'000'999'999'998);
  Tai64n last = source.take(now);
  for (int i = 0; i < 5; ++i) {
    const Tai64n stamp = source.take(i % 2 == 0 ? now : WallTime{now.since_epoch - seconds(3600)});
    EXPECT_GT(stamp, last);
    EXPECT_LT(stamp, Tai64n::from({now.since_epoch + seconds(1)})) << "only just above the last";
    last = stamp;
  }
  const WallTime later{now.since_epoch + seconds(10)};
  EXPECT_EQ(source.take(later), Tai64n::from(later)) << "once the clock has caught up";
}

TEST(TimestampSource, GoesOnAboveTheStampOfARunBefore) {
  const Tai64n before = Tai64n::from(at(1'700'000'000'000'000'000));
  TimestampSource source(before);
  EXPECT_EQ(source.last(), before);
  EXPECT_EQ(source.take(at(1'600'000'000'000'000'000)), before.next());
  EXPECT_EQ(source.last(), before.next());
}

}  // namespace
}  // namespace wgscope::noise
