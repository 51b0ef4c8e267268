#include "wgscope/os/time_zones.hpp"

#include <chrono>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"

namespace wgscope::os {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

WallTime at(std::chrono::year_month_day day, std::chrono::seconds time) {
  return {std::chrono::sys_days(day).time_since_epoch() + time};
}

std::chrono::seconds offset(std::string_view zone, WallTime when) {
  const auto found = utc_offset(zone, when);
  EXPECT_TRUE(found) << zone;
  return found ? *found : 99h;
}

// In 2026 Berlin's clocks are put forward on 29 March and back on 25 October, both at 1:00 UTC.
TEST(TimeZones, OffsetChangesAtTheMomentOfTheChange) {
  using namespace std::chrono;
  EXPECT_EQ(offset("Europe/Berlin", at(2026y / 3 / 29, 59min + 59s)), 1h);
  EXPECT_EQ(offset("Europe/Berlin", at(2026y / 3 / 29, 1h)), 2h);
  EXPECT_EQ(offset("Europe/Berlin", at(2026y / 10 / 25, 59min + 59s)), 2h);
  EXPECT_EQ(offset("Europe/Berlin", at(2026y / 10 / 25, 1h)), 1h);
}

TEST(TimeZones, NeedNotBeWholeHours) {
  using namespace std::chrono;
  EXPECT_EQ(offset("Asia/Kathmandu", at(2026y / 1 / 5, 12h)), 5h + 45min);
  EXPECT_EQ(offset("UTC", at(2026y / 1 / 5, 12h)), 0s);
}

TEST(TimeZones, UnknownOnesAreNamed) {
  const auto found = utc_offset("Europe/Atlantis", {});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::bad_value);
  EXPECT_THAT(found.error().context, HasSubstr("unknown time zone 'Europe/Atlantis'"));
}

}  // namespace
}  // namespace wgscope::os
