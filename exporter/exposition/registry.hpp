#pragma once

#include <vector>

#include <prometheus/metric_family.h>

#include "exporter/exposition/writer.hpp"

namespace wgscope::exporter {

/// Writes families that prometheus-cpp collected: the exporter's own instruments. Its serializer
/// writes neither OpenMetrics nor escaped help, so they go through ours. Families that
/// all_metrics() knows take unit and help from there.
void write_registry(const std::vector<prometheus::MetricFamily>& families, Writer& writer);

}  // namespace wgscope::exporter
