#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"

// Promises that a report keeps whatever the facts are: each is tried on many made worlds.

namespace wgscope::diagnosis::testing {

/// @param verb  a literal.
template <IsFacts Facts>
Report report_of(const char* verb, const Facts& facts) {
  Report report{.verb = verb, .target = {}, .started = {}, .success = {}, .checks = {}};
  add(facts, report);
  return report;
}

/// @returns nullptr: there is no such check.
inline const Check* find(const Report& report, std::string_view name) {
  const auto found = std::ranges::find(report.checks, name, &Check::name);
  return found == report.checks.end() ? nullptr : &*found;
}

inline bool is_ok(const Check* check) { return check != nullptr && check->status == Status::ok; }

inline bool has(const Check* check, FindingId id) {
  return check != nullptr && check->finding && check->finding->id == id;
}

/// All that a report says, for who has to look into a failure.
inline std::string all_of(const Report& report) {
  std::string said;
  for (const Check& check : report.checks) {
    said += std::string(check.name) + " " + std::string(to_string(check.status)) + ": ";
    said += check.summary.plain() + '\n';
    if (!check.finding) continue;
    said += "  " + check.finding->cause.plain() + '\n';
    for (const Text& line : check.finding->evidence) said += "  - " + line.plain() + '\n';
    for (const Hypothesis& one : check.finding->hypotheses)
      said += "  ? " + one.cause.plain() + '\n';
    for (const Text& line : check.finding->fix) said += "  > " + line.plain() + '\n';
  }
  return said;
}

/// The same worlds for several promises, where making them takes longer than asking.
template <class World>
std::vector<World> make_worlds(std::uint32_t count, World (*make)(std::uint32_t seed)) {
  std::vector<World> worlds;
  worlds.reserve(count);
  for (std::uint32_t seed = 0; seed < count; ++seed) worlds.push_back(make(seed));
  return worlds;
}

/// Tries a promise until it is broken.
/// @param world_of  a seed's world, @param report_of  what is said of a world, @param story  which
/// world it is, for who has to look into a failure.
/// @returns how many worlds there were that `promise` calls its case.
template <class WorldOf, class ReportOf, class Story, class Promise>
std::size_t count_cases(std::uint32_t seeds, WorldOf world_of, ReportOf report_of, Story story,
                        Promise promise) {
  std::size_t cases = 0;
  for (std::uint32_t seed = 0; seed < seeds && !::testing::Test::HasFailure(); ++seed) {
    const auto& world = world_of(seed);
    const Report report = report_of(world);
    if (promise(world, report)) ++cases;
    if (::testing::Test::HasFailure())
      ADD_FAILURE() << "seed " << seed << ", " << story(world) << '\n' << all_of(report);
  }
  return cases;
}

}  // namespace wgscope::diagnosis::testing
