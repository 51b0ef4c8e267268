#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"

// Weekly hours in local time, such as "mon-fri 08:00-18:00" in Europe/Berlin.
//
// A schedule is pure. What a time zone's clock shows is knowledge from the host's time zone
// database, which is read from disk: os/time_zones.hpp asks it, and hands the offset from UTC over
// as an argument. Where an hour is repeated in autumn, both count; an hour that is skipped in
// spring does not happen.

namespace wgscope::config {

inline constexpr std::uint16_t kMinutesPerDay = 24 * 60;
inline constexpr std::uint16_t kMinutesPerWeek = 7 * kMinutesPerDay;

/// A part of the week, in minutes since Monday 00:00.
struct WeeklySpan {
  std::uint16_t begin = 0;  ///< the first minute of it
  std::uint16_t end = 0;    ///< the first minute behind it, at most kMinutesPerWeek

  friend auto operator<=>(const WeeklySpan&, const WeeklySpan&) = default;
};

struct Schedule {
  std::string time_zone;  ///< an IANA name: "Europe/Berlin"
  /// In order, neither empty nor touching one another.
  std::vector<WeeklySpan> hours;

  friend bool operator==(const Schedule&, const Schedule&) = default;
};

/// Reads "DAYS HH:MM-HH:MM": DAYS is a day (mon), a range (mon-fri, also sat-mon) or several of
/// either, separated by commas; the end may be 24:00. Hours that end before they begin reach into
/// the next day.
/// @returns bad_value, saying what to write, without the text.
Result<std::vector<WeeklySpan>> parse_hours(std::string_view text);

/// Puts spans in order, and makes one of those that touch or overlap.
std::vector<WeeklySpan> merge(std::vector<WeeklySpan> spans);

/// Lines that parse_hours() reads as the same hours, once they are merged. Days with the same hours
/// share a line.
std::vector<std::string> print_hours(std::span<const WeeklySpan> hours);

/// Whether a name has the form of a time zone's: such a name is a path in the host's database, and
/// must not lead elsewhere.
bool is_time_zone_name(std::string_view name);

/// Whether a moment lies within the hours.
/// @param utc_offset  of the schedule's time zone at that moment.
bool covers(const Schedule& schedule, WallTime when, std::chrono::seconds utc_offset);

}  // namespace wgscope::config
