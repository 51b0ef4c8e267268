// The simulation's own table of time zones, beside the host's database that the exporter uses.

#include "calendar.hpp"

#include <algorithm>
#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/config/schedule.hpp"
#include "wgscope/os/time_zones.hpp"

namespace wgscope::simulator {
namespace {

using namespace std::chrono_literals;

class CalendarTest : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(, CalendarTest, testing::Bool(), [](const auto& test) {
  return std::string(test.param ? "Autumn" : "Spring");
});

TEST_P(CalendarTest, HoursAreWhereTheTimeZoneDatabaseHasThem) {
  const Day day = day_of_change(GetParam());
  for (const LocalHours& hours : some_hours()) {
    const config::Schedule schedule{hours.zone,
                                    config::merge(config::parse_hours(hours.text()).value())};
    const auto spans = spans_of(hours, day);
    int repeated = 0;
    for (Time time{0}; time < 24h; time += 1min) {
      const WallTime when{day.epoch() + time};
      const bool expected =
          config::covers(schedule, when, os::utc_offset(hours.zone, when).value());
      const bool within = std::ranges::any_of(
          spans, [time](const auto& span) { return span.first <= time && time < span.second; });
      EXPECT_LE(expected, within) << hours.zone << " " << hours.text() << " at " << time / 1min;
      repeated += within && !expected ? 1 : 0;
    }
    EXPECT_LE(repeated, GetParam() ? 60 : 0)
        << hours.zone << " " << hours.text() << ": a span bridges a part of the repeated hour";
  }
}

TEST_P(CalendarTest, ADayBeginsTwoHoursBeforeSunday) {
  const Day day = day_of_change(GetParam());
  EXPECT_EQ(std::chrono::weekday(day.sunday), std::chrono::Sunday);
  EXPECT_EQ(day.epoch() + kMidnight, day.sunday.time_since_epoch());
  const WallTime before{day.epoch() + 3h - 1s};
  const WallTime after{day.epoch() + 3h};
  const std::chrono::seconds change = os::utc_offset("Europe/Berlin", after).value() -
                                      os::utc_offset("Europe/Berlin", before).value();
  EXPECT_EQ(change, GetParam() ? -3600s : 3600s);
}

}  // namespace
}  // namespace wgscope::simulator
