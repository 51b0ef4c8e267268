#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "metrics.hpp"

namespace wgscope::test {

struct TimedValue {
  std::int64_t milliseconds = 0;  ///< since 1970
  std::optional<double> value;    ///< nothing: the series ends here (Prometheus' stale marker)
};

struct TimeSeries {
  Labels labels;  ///< with __name__
  std::vector<TimedValue> values;
};

/// The body of a POST by Prometheus' remote write protocol 1.0. The only way in which
/// VictoriaMetrics takes stale markers.
/// Source: https://prometheus.io/docs/concepts/remote_write_spec/, snappy's format_description.txt.
std::string remote_write_body(std::span<const TimeSeries> series);

}  // namespace wgscope::test
