#include "wgscope/config/schedule.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/base/time.hpp"

namespace wgscope::config {
namespace {

constexpr std::array<std::string_view, 7> kDays{"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
constexpr std::size_t kLongestText = 128;

using Days = std::array<bool, 7>;

std::optional<std::size_t> parse_day(std::string_view text) {
  const auto* found =
      std::ranges::find_if(kDays, [text](std::string_view day) { return iequals(day, text); });
  if (found == kDays.end()) return std::nullopt;
  return static_cast<std::size_t>(found - kDays.begin());
}

bool add_days(std::string_view text, Days& days) {
  const std::size_t dash = text.find('-');
  const auto first = parse_day(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : parse_day(text.substr(dash + 1));
  if (!first || !last) return false;
  for (std::size_t day = *first;; day = (day + 1) % days.size()) {
    days[day] = true;
    if (day == *last) return true;
  }
}

std::optional<Days> parse_days(std::string_view text) {
  Days days{};
  while (true) {
    const std::size_t comma = std::min(text.find(','), text.size());
    if (!add_days(text.substr(0, comma), days)) return std::nullopt;
    if (comma == text.size()) return days;
    text.remove_prefix(comma + 1);
  }
}

std::optional<std::uint16_t> two_digits(std::string_view text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.size() != 2 || !std::ranges::all_of(text, is_digit)) return std::nullopt;
  return static_cast<std::uint16_t>((text[0] - '0') * 10 + (text[1] - '0'));
}

/// Minutes since midnight.
std::optional<std::uint16_t> parse_time(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const auto hour = two_digits(text.substr(0, 2));
  const auto minute = two_digits(text.substr(3));
  if (!hour || !minute || *minute > 59) return std::nullopt;
  const int time = *hour * 60 + *minute;
  if (time > kMinutesPerDay) return std::nullopt;
  return static_cast<std::uint16_t>(time);
}

/// Adds a span that may reach beyond the end of the week.
void add_span(std::size_t begin, std::size_t end, std::vector<WeeklySpan>& spans) {
  const auto minute = [](std::size_t value) { return static_cast<std::uint16_t>(value); };
  if (end <= kMinutesPerWeek) {
    spans.push_back({minute(begin), minute(end)});
    return;
  }
  spans.push_back({minute(begin), kMinutesPerWeek});
  spans.push_back({0, minute(end - kMinutesPerWeek)});
}

std::string print_time(int minute) { return fmt::format("{:02}:{:02}", minute / 60, minute % 60); }

/// "mon-wed,fri"
std::string print_days(const Days& days) {
  std::string text;
  for (std::size_t first = 0; first < days.size(); ++first) {
    if (!days[first]) continue;
    std::size_t last = first;
    while (last + 1 < days.size() && days[last + 1]) ++last;
    if (!text.empty()) text += ',';
    text += kDays[first];
    if (last > first) text += fmt::format("-{}", kDays[last]);
    first = last;
  }
  return text;
}

}  // namespace

Result<std::vector<WeeklySpan>> parse_hours(std::string_view text) {
  constexpr const char* kExpected =
      R"(expected days and hours, such as "mon-fri 08:00-18:00" or "sat,sun 00:00-24:00")";
  const std::size_t blank = text.find(' ');
  if (blank == std::string_view::npos || text.size() > kLongestText)
    return fail(Errc::bad_value, kExpected);
  const auto days = parse_days(text.substr(0, blank));
  const std::string_view times = trim(text.substr(blank));
  const std::size_t dash = times.find('-');
  if (!days || dash == std::string_view::npos) return fail(Errc::bad_value, kExpected);
  const auto begin = parse_time(times.substr(0, dash));
  const auto end = parse_time(times.substr(dash + 1));
  if (!begin || !end) return fail(Errc::bad_value, kExpected);
  if (*begin == *end || *begin == kMinutesPerDay)
    return fail(Errc::bad_value, "the hours are empty: for a whole day, write 00:00-24:00");
  std::vector<WeeklySpan> spans;
  for (std::size_t day = 0; day < days->size(); ++day) {
    if (!(*days)[day]) continue;
    const std::size_t midnight = day * kMinutesPerDay;
    const std::size_t days_on = *end < *begin ? kMinutesPerDay : 0;
    add_span(midnight + *begin, midnight + *end + days_on, spans);
  }
  return merge(std::move(spans));
}

std::vector<WeeklySpan> merge(std::vector<WeeklySpan> spans) {
  std::erase_if(spans, [](const WeeklySpan& span) { return span.begin == span.end; });
  std::ranges::sort(spans);
  std::vector<WeeklySpan> merged;
  for (const WeeklySpan& span : spans) {
    if (merged.empty() || span.begin > merged.back().end)
      merged.push_back(span);
    else
      merged.back().end = std::max(merged.back().end, span.end);
  }
  return merged;
}

std::vector<std::string> print_hours(std::span<const WeeklySpan> hours) {
  std::map<WeeklySpan, Days> days_of;  // the hours within a day, and the days that have them
  for (const WeeklySpan& span : hours) {
    for (int begin = span.begin; begin < span.end;) {
      const int day = begin / kMinutesPerDay;
      const int midnight = day * kMinutesPerDay;
      const int end = std::min<int>(span.end, midnight + kMinutesPerDay);
      const WeeklySpan within{static_cast<std::uint16_t>(begin - midnight),
                              static_cast<std::uint16_t>(end - midnight)};
      days_of[within][static_cast<std::size_t>(day)] = true;
      begin = end;
    }
  }
  std::vector<std::string> lines;
  lines.reserve(days_of.size());
  for (const auto& [within, days] : days_of)
    lines.push_back(fmt::format("{} {}-{}", print_days(days), print_time(within.begin),
                                print_time(within.end)));
  return lines;
}

bool is_time_zone_name(std::string_view name) {
  constexpr std::size_t kLongest = 64;
  if (name.empty() || name.size() > kLongest || name.front() == '/' || name.back() == '/')
    return false;
  return name.find("//") == std::string_view::npos && std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '/' || c == '_' || c == '-' || c == '+';
         });
}

bool covers(const Schedule& schedule, WallTime when, std::chrono::seconds utc_offset) {
  using namespace std::chrono;
  const auto local = floor<minutes>(when.since_epoch + utc_offset);
  // The first of January 1970 was a Thursday.
  constexpr int kFirstMinute = 3 * kMinutesPerDay;
  const auto since_monday = (local.count() + kFirstMinute) % kMinutesPerWeek;
  const auto minute =
      static_cast<int>(since_monday < 0 ? since_monday + kMinutesPerWeek : since_monday);
  return std::ranges::any_of(schedule.hours, [minute](const WeeklySpan& span) {
    return minute >= span.begin && minute < span.end;
  });
}

}  // namespace wgscope::config
