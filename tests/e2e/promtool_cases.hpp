#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "metrics.hpp"
#include "remote_write.hpp"

// The tests of the alert rules, alerts/tests/*.yaml, as data: for programs other than
// promtool to be held to them. Only what those files use of promtool's notation is
// understood; what is not throws.
namespace wgscope::test {

using std::chrono::seconds;

struct ExpectedAlerts {
  seconds time;
  std::string alert;
  std::vector<Labels> firing;  ///< without alertname
};

struct ExpectedValue {
  Labels labels;  ///< with __name__
  double value = 0;
};

struct ExpectedValues {
  seconds time;
  std::string expression;
  std::vector<ExpectedValue> values;
};

struct PromtoolCase {
  std::string name;  ///< with that of its file
  std::vector<std::filesystem::path> rule_files;
  std::vector<TimeSeries> series;  ///< from time 0
  std::vector<ExpectedAlerts> alerts;
  std::vector<ExpectedValues> values;

  /// The last time at which something is expected.
  [[nodiscard]] seconds end() const;
};

std::vector<PromtoolCase> promtool_cases();

/// "10m30s" and the like.
seconds parse_duration(const std::string& text);

}  // namespace wgscope::test
