#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace wgscope::test {

enum class Syntax { text, openmetrics };

/// What is wrong with an exposition, "line 3: …" each; empty for a good one. Stricter than a
/// scraper: also wants HELP, TYPE and UNIT in this order in front of every family, families in one
/// piece, each series once, whole histograms, and, in OpenMetrics, units that the name ends in and
/// samples with the suffix of their type. Sources:
/// https://prometheus.io/docs/instrumenting/exposition_formats/,
/// https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md
std::vector<std::string> check_exposition(std::string_view exposition, Syntax syntax);

}  // namespace wgscope::test
