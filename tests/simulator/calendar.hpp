#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "clock.hpp"

namespace wgscope::simulator {

/// A day, from 22:00 UTC of a Saturday on, in which the clocks of Europe change at 01:00 UTC of Sunday: in
/// autumn they show the hour before again, in spring they skip one.
struct Day {
  std::chrono::sys_days sunday;  ///< the day that begins two hours after the simulation
  bool autumn = false;

  [[nodiscard]] std::chrono::seconds epoch() const;
};
Day day_of_change(bool autumn);

/// When Sunday begins in UTC: the last day of a key ends, and rotations are due.
inline constexpr Time kMidnight = std::chrono::hours(2);

/// Daily hours in a time zone, as the people there know them. What the zone's clocks show is in a table
/// here, and not from the host's database, which is what the exporter uses.
struct LocalHours {
  std::string zone;
  std::chrono::minutes begin;  ///< of the day
  std::chrono::minutes end;    ///< of this day, or of the next one if it is not later than `begin`

  [[nodiscard]] std::string text() const;  ///< as an inventory has it
};

/// Hours that begin, end, or lie in the hour that is repeated or skipped, and others.
std::vector<LocalHours> some_hours();

/// From when to when that is, from the day before to the day after. Hours that begin or end at a time that
/// the clocks show twice last from the first to the second; where the clocks skip it, the change counts.
std::vector<std::pair<Time, Time>> spans_of(const LocalHours& hours, const Day& day);

}  // namespace wgscope::simulator
