#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace wgscope::diagnosis {

enum class ProbeMetricType : std::uint8_t { gauge, histogram };

/// A row of the table of what a check can leave behind as a figure: for Measurement::name and
/// Distribution::name, wherever they become Prometheus' metrics. docs/metrics.md is made from it.
/// Names are never changed once released.
struct ProbeMetric {
  std::string_view name;
  std::string_view title;  ///< what the text of a report calls the figure; may be reworded
  ProbeMetricType type;
  std::string_view unit;    ///< the unit, which the name ends in; empty: the figure has none
  std::string_view labels;  ///< the labels' names and values, as docs/metrics.md prints them
  std::string_view help;
};

std::span<const ProbeMetric> probe_metrics();
/// @returns nullptr where no metric has this name.
const ProbeMetric* find_probe_metric(std::string_view name);

}  // namespace wgscope::diagnosis
