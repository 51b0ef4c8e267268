#include "exporter/exposition/registry.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include <prometheus/client_metric.h>
#include <prometheus/metric_family.h>
#include <prometheus/metric_type.h>

#include "exporter/exposition/writer.hpp"
#include "exporter/metrics.hpp"

namespace wgscope::exporter {
namespace {

MetricType type_of(prometheus::MetricType type) {
  switch (type) {
    case prometheus::MetricType::Counter: return MetricType::counter;
    case prometheus::MetricType::Histogram: return MetricType::histogram;
    default: return MetricType::gauge;
  }
}

std::string render_labels(const prometheus::ClientMetric& metric) {
  std::string text;
  for (const auto& label : metric.label) {
    if (!text.empty()) text += ',';
    text.append(label.name).append("=\"");
    append_label_value(text, label.value);
    text += '"';
  }
  return text;
}

std::string bucket_bound(double bound) {
  if (std::isinf(bound)) return "+Inf";
  std::array<char, 32> text{};
  std::string number(text.data(), std::to_chars(text.data(), text.data() + text.size(), bound).ptr);
  // OpenMetrics wants bounds in the form a float has everywhere: "1.0", not "1".
  if (number.find_first_of(".e") == std::string::npos) number += ".0";
  return number;
}

void write_histogram(const std::string& name, const std::string& labels,
                     const prometheus::ClientMetric::Histogram& histogram, Writer& writer) {
  for (const auto& bucket : histogram.bucket) {
    std::string with_bound = labels;
    if (!with_bound.empty()) with_bound += ',';
    with_bound.append("le=\"").append(bucket_bound(bucket.upper_bound)).append("\"");
    writer.sample(name + "_bucket", with_bound, Number::integer(bucket.cumulative_count));
  }
  writer.sample(name + "_sum", labels, histogram.sample_sum);
  writer.sample(name + "_count", labels, Number::integer(histogram.sample_count));
}

}  // namespace

void write_registry(const std::vector<prometheus::MetricFamily>& families, Writer& writer) {
  for (const auto& family : families) {
    if (family.metric.empty()) continue;
    const auto known = std::find_if(all_metrics().begin(), all_metrics().end(),
                                    [&](const MetricDesc& m) { return m.name == family.name; });
    if (known != all_metrics().end())
      writer.begin(*known);
    else
      writer.begin(family.name, type_of(family.type), "", family.help);
    for (const auto& metric : family.metric) {
      const std::string labels = render_labels(metric);
      switch (family.type) {
        case prometheus::MetricType::Counter:
          writer.sample(family.name, labels, metric.counter.value);
          break;
        case prometheus::MetricType::Histogram:
          write_histogram(family.name, labels, metric.histogram, writer);
          break;
        default: writer.sample(family.name, labels, metric.gauge.value);
      }
    }
  }
}

}  // namespace wgscope::exporter
