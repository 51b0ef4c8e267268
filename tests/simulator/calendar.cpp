#include "calendar.hpp"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

namespace wgscope::simulator {
namespace {

using namespace std::chrono_literals;

constexpr Time kChange = kMidnight + 1h;

struct Zone {
  const char* name;
  std::chrono::minutes winter;
  std::chrono::minutes summer;
  bool changes;  ///< on this day; New York does so in another week of both months
};
constexpr Zone kZones[] = {{"Europe/Berlin", 1h, 2h, true},
                           {"Europe/London", 0h, 1h, true},
                           {"America/New_York", -5h, -4h, false},
                           {"Asia/Kolkata", 330min, 330min, false}};

/// When the zone's clocks show a time, counted as `local` since the Sunday in UTC.
std::vector<Time> moments_of(const Zone& zone, bool autumn, std::chrono::minutes local) {
  const std::chrono::minutes before = autumn || !zone.changes ? zone.summer : zone.winter;
  const std::chrono::minutes after = autumn && zone.changes ? zone.winter : zone.summer;
  std::vector<Time> moments;
  if (const Time moment = kMidnight + local - before; moment < kChange) moments.push_back(moment);
  if (const Time moment = kMidnight + local - after; moment >= kChange) moments.push_back(moment);
  if (moments.empty()) moments.push_back(kChange);
  return moments;
}

const Zone& zone_of(const std::string& name) {
  for (const Zone& zone : kZones)
    if (zone.name == name) return zone;
  throw std::runtime_error("no such time zone in the table: " + name);
}

}  // namespace

std::chrono::seconds Day::epoch() const {
  return sunday.time_since_epoch() - std::chrono::duration_cast<std::chrono::seconds>(kMidnight);
}

Day day_of_change(bool autumn) {
  using namespace std::chrono;
  return autumn ? Day{sys_days{2023y / October / 29}, true}
                : Day{sys_days{2024y / March / 31}, false};
}

std::string LocalHours::text() const {
  const auto clock = [](std::chrono::minutes time) {
    return fmt::format("{:02}:{:02}", time.count() / 60, time.count() % 60);
  };
  return fmt::format("mon-sun {}-{}", clock(begin), clock(end));
}

std::vector<LocalHours> some_hours() {
  return {{"Europe/Berlin", 2h + 15min, 5h}, {"Europe/Berlin", 22h, 6h},
          {"Europe/Berlin", 8h, 18h},        {"Europe/London", 23h, 1h + 30min},
          {"Europe/London", 1h + 10min, 9h}, {"America/New_York", 9h, 17h},
          {"America/New_York", 18h, 23h},    {"Asia/Kolkata", 9h + 30min, 18h + 30min},
          {"Europe/Berlin", 0h, 2h + 30min}};
}

std::vector<std::pair<Time, Time>> spans_of(const LocalHours& hours, const Day& day) {
  const Zone& zone = zone_of(hours.zone);
  const std::chrono::minutes end = hours.end + (hours.end <= hours.begin ? 24h : 0h);
  std::vector<std::pair<Time, Time>> spans;
  for (int number = -2; number <= 2; ++number) {
    const std::chrono::minutes midnight = number * 24h;
    spans.emplace_back(moments_of(zone, day.autumn, midnight + hours.begin).front(),
                       moments_of(zone, day.autumn, midnight + end).back());
  }
  std::erase_if(spans, [](const auto& span) { return span.first >= span.second; });
  return spans;
}

}  // namespace wgscope::simulator
