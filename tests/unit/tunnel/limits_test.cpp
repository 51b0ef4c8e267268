#include "tunnel/limits.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::tunnel {
namespace {

using std::chrono::milliseconds;

Instant at(std::int64_t ms) { return {std::chrono::hours(1) + milliseconds(ms)}; }
IpAddress ip(std::string_view text) { return *IpAddress::parse(text); }

struct Step {
  std::int64_t ms;
  bool passes;
};
// 20 a second, 5 at once: the behaviour that the kernel's own test of its limiter describes.
constexpr std::array kSteps{
    Step{0, true},    Step{0, true},    Step{0, true},    Step{0, true},    Step{0, true},
    Step{0, false},   Step{50, true},   Step{50, false},  Step{150, true},  Step{150, true},
    Step{150, false}, Step{150, false}, Step{199, false}, Step{200, true},  Step{1200, true},
    Step{1200, true}, Step{1200, true}, Step{1200, true}, Step{1200, true}, Step{1200, false}};

TEST(SourceLimiter, AllowsABurstAndThenOneEveryFiftyMilliseconds) {
  for (const std::string_view source : {"192.0.2.1", "2001:db8::1"}) {
    SourceLimiter limiter(1);
    for (const Step& step : kSteps)
      ASSERT_EQ(limiter.allow(at(step.ms), ip(source)), step.passes) << source << ' ' << step.ms;
  }
}

void exhaust(SourceLimiter& limiter, std::int64_t ms, std::string_view source) {
  while (limiter.allow(at(ms), ip(source))) {
  }
}

TEST(SourceLimiter, SourcesDoNotPayForEachOther) {
  SourceLimiter limiter(1);
  exhaust(limiter, 0, "192.0.2.1");
  EXPECT_TRUE(limiter.allow(at(0), ip("192.0.2.2")));
  EXPECT_TRUE(limiter.allow(at(0), ip("2001:db8::1")));
}

TEST(SourceLimiter, AnIpv6SourceIsItsSlash64) {
  SourceLimiter limiter(1);
  exhaust(limiter, 0, "2001:db8:0:1::1");
  EXPECT_FALSE(limiter.allow(at(0), ip("2001:db8:0:1:ffff::2")));
  EXPECT_TRUE(limiter.allow(at(0), ip("2001:db8:0:2::1")));
}

IpAddress numbered(std::uint32_t number) {
  IpAddress address;
  for (std::size_t i = 0; i < 4; ++i)
    address.bytes[i] = static_cast<std::byte>((0x0a000000U + number) >> (24 - 8 * i));
  return address;
}

TEST(SourceLimiter, RefusesSourcesBeyondItsTableAndForgetsThoseThatFellSilent) {
  SourceLimiter limiter(1);
  constexpr auto kMax = static_cast<std::uint32_t>(SourceLimiter::kMaxSources);
  for (std::uint32_t i = 0; i < kMax; ++i) ASSERT_TRUE(limiter.allow(at(0), numbered(i)));
  EXPECT_FALSE(limiter.allow(at(0), numbered(kMax)));
  EXPECT_TRUE(limiter.allow(at(0), numbered(0))) << "known ones go on";
  EXPECT_TRUE(limiter.allow(at(1000), numbered(kMax)));
}

TEST(LoadMeter, IsUnderLoadAfterTheBurstAndForASecondAfterTheLastExcess) {
  LoadMeter load(10, 3);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(load.note(at(0)));
  EXPECT_TRUE(load.note(at(0)));
  EXPECT_TRUE(load.note(at(500))) << "within its rate, but the second is not over";
  EXPECT_TRUE(load.note(at(999)));
  EXPECT_FALSE(load.note(at(1000)));
}

TEST(LoadMeter, AnOrdinaryRateIsNoLoad) {
  LoadMeter load(10, 3);
  for (std::int64_t ms = 0; ms < 100'000; ms += 100) ASSERT_FALSE(load.note(at(ms)));
}

TEST(LoadMeter, WithoutABurstEverythingIsLoad) {
  LoadMeter load(1, 0);
  EXPECT_TRUE(load.note(at(0)));
  EXPECT_TRUE(load.note(at(100'000)));
}

TEST(LoadMeter, ARateOfZeroIsLoadAsSoonAsTheBurstIsSpent) {
  LoadMeter load(0, 1);
  EXPECT_FALSE(load.note(at(0)));
  EXPECT_TRUE(load.note(at(10)));
  EXPECT_TRUE(load.note(at(1'800'000)));
}

}  // namespace
}  // namespace wgscope::tunnel
