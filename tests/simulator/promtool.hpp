#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "clock.hpp"
#include "series.hpp"
#include "truth.hpp"

namespace wgscope::simulator {

constexpr Time kEvaluation = std::chrono::seconds(30);  ///< the interval of the rule groups

/// Has Prometheus itself evaluate rules over series, in virtual time: `promtool test rules` runs
/// its rule manager with `for`, staleness and all. Its tests ask at each evaluation which alerts began
/// to fire and which ended, and expect none, so that what it complains about is the answer.
/// @param slot    the time between two values of a series
/// @param folder  where its files go, many times as large as the answer.
std::vector<Firing> evaluate(const std::vector<std::filesystem::path>& rules,
                             const std::vector<const Target*>& targets, Time slot, Time duration,
                             const std::filesystem::path& folder);

}  // namespace wgscope::simulator
