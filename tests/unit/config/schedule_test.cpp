#include "wgscope/config/schedule.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"

namespace wgscope::config {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using ::testing::ElementsAre;

std::vector<WeeklySpan> read(std::string_view text) {
  const auto spans = parse_hours(text);
  EXPECT_TRUE(spans) << text;
  return spans ? *spans : std::vector<WeeklySpan>();
}

constexpr int kDay = kMinutesPerDay;
WeeklySpan span(int begin, int end) {
  return {static_cast<std::uint16_t>(begin), static_cast<std::uint16_t>(end)};
}

TEST(Schedule, HoursOfDaysAreRead) {
  EXPECT_THAT(read("mon 08:00-18:30"), ElementsAre(span(480, 1110)));
  EXPECT_THAT(read("Tue,SUN 00:30-01:00"),
              ElementsAre(span(kDay + 30, kDay + 60), span(6 * kDay + 30, 6 * kDay + 60)));
  EXPECT_THAT(read("sat-mon  10:00-11:00"),
              ElementsAre(span(600, 660), span(5 * kDay + 600, 5 * kDay + 660),
                          span(6 * kDay + 600, 6 * kDay + 660)));
}

TEST(Schedule, WholeDaysThatFollowOneAnotherAreOneSpan) {
  EXPECT_THAT(read("mon-sun 00:00-24:00"), ElementsAre(span(0, 7 * kDay)));
}

TEST(Schedule, HoursReachIntoTheNextDay) {
  EXPECT_THAT(read("fri 22:00-06:00"), ElementsAre(span(4 * kDay + 1320, 5 * kDay + 360)));
  EXPECT_THAT(read("sun 22:00-06:00"), ElementsAre(span(0, 360), span(6 * kDay + 1320, 7 * kDay)));
}

TEST(Schedule, RefusesWhatIsNotDaysAndHours) {
  for (const std::string_view text :
       {"", "mon", "08:00-18:00", "mon 8:00-18:00", "mon 08:00", "mon 08:00-18:60",
        "mon 08:00-24:01", "mon 25:00-26:00", "mon- 08:00-09:00", "mon,,tue 08:00-09:00",
        "xyz 08:00-09:00", "mon 08:00-08:00", "mon 24:00-08:00", "mon 08:00-09:00x",
        "mon -1:00-09:00", "mon 08:00 - 09:00", "montag 08:00-09:00"}) {
    const auto spans = parse_hours(text);
    ASSERT_FALSE(spans) << text;
    EXPECT_EQ(spans.error().code, Errc::bad_value);
  }
}

TEST(Schedule, PrintedHoursShareALineWhereDaysDo) {
  EXPECT_THAT(print_hours(read("mon-fri 08:00-18:00")), ElementsAre("mon-fri 08:00-18:00"));
  EXPECT_THAT(print_hours(read("fri 22:00-06:00")),
              ElementsAre("sat 00:00-06:00", "fri 22:00-24:00"));
  EXPECT_THAT(print_hours(read("mon,wed,thu 10:00-11:00")), ElementsAre("mon,wed-thu 10:00-11:00"));
}

/// Noon in UTC of a day in 2026, whose 5 January is a Monday.
WallTime noon(unsigned month, unsigned day) {
  using namespace std::chrono;
  return {sys_days(2026y / std::chrono::month(month) / std::chrono::day(day)).time_since_epoch() +
          hours(12)};
}

WallTime operator+(WallTime time, Nanoseconds more) { return {time.since_epoch + more}; }

TEST(Schedule, CoversItsHoursInLocalTime) {
  const Schedule office{"Europe/Berlin", read("mon-fri 08:00-18:00")};
  const WallTime monday = noon(1, 5);
  EXPECT_TRUE(covers(office, monday, hours(1)));
  EXPECT_FALSE(covers(office, noon(1, 4), hours(1)));  // Sunday
  // The first minute is covered, the one behind the last is not.
  EXPECT_FALSE(covers(office, monday + (-hours(5) - minutes(1)), hours(1)));
  EXPECT_TRUE(covers(office, monday + -hours(5), hours(1)));
  EXPECT_TRUE(covers(office, monday + (hours(5) - minutes(1)), hours(1)));
  EXPECT_FALSE(covers(office, monday + hours(5), hours(1)));
  // The same moment in Auckland is on Tuesday at one, in Honolulu on Monday at two.
  EXPECT_FALSE(covers(office, monday, hours(13)));
  EXPECT_FALSE(covers(office, monday, -hours(10)));
}

TEST(Schedule, CoversMomentsBefore1970) {
  const Schedule wednesday{"UTC", read("wed 00:00-24:00")};
  EXPECT_TRUE(covers(wednesday, WallTime{-Nanoseconds(1)}, {}));
  EXPECT_FALSE(covers(wednesday, WallTime{}, {}));
}

TEST(Schedule, NamesOfTimeZonesLeadNowhereElse) {
  for (const std::string_view name : {"UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires",
                                      "Etc/GMT+5", "America/Port-au-Prince"})
    EXPECT_TRUE(is_time_zone_name(name)) << name;
  for (const std::string_view name :
       {"", "/etc/passwd", "../../etc/passwd", "Europe/", "a//b", "Europe/Ber lin"})
    EXPECT_FALSE(is_time_zone_name(name)) << name;
}

}  // namespace
}  // namespace wgscope::config
