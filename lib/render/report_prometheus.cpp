#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/probe_metrics.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/render/redaction.hpp"
#include "wgscope/render/report.hpp"

// Prometheus' text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/) for
// node_exporter's textfile collector. That one reads all files of a folder as one exposition, in
// which no series may be twice: so every one has the labels verb and gateway.

namespace wgscope::render {
namespace {

using namespace std::chrono_literals;

/// Upper bounds of a round trip's buckets, the same always, as sums over files need: from a network
/// within a rack to a link that is as good as dead.
constexpr Nanoseconds kBounds[] = {100us, 250us, 500us, 1ms,   2500us, 5ms,    10ms, 25ms,
                                   50ms,  100ms, 250ms, 500ms, 1s,     2500ms, 5s,   10s};

double seconds(Nanoseconds time) { return static_cast<double>(time.count()) / 1e9; }

/// "0.25", "1.0": a bound is a label, and the same everywhere only if it is written as Prometheus'
/// own clients write floats.
std::string bound_text(Nanoseconds bound) {
  return bound % 1s == 0s ? fmt::format("{:.1f}", seconds(bound))
                          : fmt::format("{}", seconds(bound));
}

std::string escaped_label(std::string_view value) {
  std::string escaped;
  for (const char c : value) {
    if (c == '\\' || c == '"') escaped += '\\';
    escaped += c;  // one_line() has left no line break
  }
  return escaped;
}

std::string label(std::string_view name, std::string_view value) {
  return fmt::format("{}=\"{}\"", name, escaped_label(value));
}

/// Samples by family; each series once.
class Families {
 public:
  void add(std::string_view name, std::string_view suffix, const std::string& labels,
           double value) {
    const std::string series = series_of(name, suffix, labels);
    if (!seen_.insert(series).second) return;
    Family& family = families_[name];
    family.is_histogram = family.is_histogram || suffix == "_bucket";
    family.samples += fmt::format("{} {}\n", series, value);
  }

  [[nodiscard]] bool has(std::string_view name, std::string_view suffix,
                         const std::string& labels) const {
    return seen_.contains(series_of(name, suffix, labels));
  }

  /// In the order of the table, and behind them what a check measured that has no row there.
  [[nodiscard]] std::string text() const {
    std::string text;
    for (const diagnosis::ProbeMetric& metric : diagnosis::probe_metrics())
      if (const auto found = families_.find(metric.name); found != families_.end())
        text += text_of(metric.name, metric.help, found->second);
    for (const auto& [name, family] : families_)
      if (diagnosis::find_probe_metric(name) == nullptr)
        text += text_of(name, "Measured by the probe.", family);
    return text;
  }

 private:
  struct Family {
    bool is_histogram = false;
    std::string samples;
  };

  static std::string series_of(std::string_view name, std::string_view suffix,
                               const std::string& labels) {
    return fmt::format("{}{}{{{}}}", name, suffix, labels);
  }
  static std::string text_of(std::string_view name, std::string_view help, const Family& family) {
    return fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n{3}", name, help,
                       family.is_histogram ? "histogram" : "gauge", family.samples);
  }

  std::map<std::string_view, Family> families_;
  std::set<std::string> seen_;
};

class Exposition {
 public:
  Exposition(const diagnosis::Report& report, bool redact)
      : report_(report), redaction_(redact, report) {
    common_ = label("verb", one_line(report.verb));
    if (!report.target.empty()) common_ += "," + label("gateway", redaction_.show(report.target));
  }

  std::string write(diagnosis::FailOn fail_on) && {
    const bool success = overall(report_, fail_on) == diagnosis::Status::ok;
    families_.add("probe_success", "", common_, success ? 1 : 0);
    families_.add("probe_duration_seconds", "", common_, seconds(report_.duration));
    families_.add("wireguard_probe_timestamp_seconds", "", common_,
                  seconds(report_.started.since_epoch + report_.duration));
    for (const diagnosis::Check& check : report_.checks)
      if (check.finding) add_finding(check);
    for (const diagnosis::Measurement& measurement : report_.measurements) add(measurement);
    for (const diagnosis::Distribution& distribution : report_.distributions) add(distribution);
    return families_.text();
  }

 private:
  void add_finding(const diagnosis::Check& check) {
    families_.add("wireguard_probe_finding", "",
                  common_ + "," + label("id", kind_of(check.finding->id).id) + "," +
                      label("severity", to_string(severity_of(check))),
                  1);
  }

  void add(const diagnosis::Measurement& measurement) {
    if (std::isfinite(measurement.value))
      families_.add(measurement.name, "", labels(measurement.labels), measurement.value);
  }

  void add(const diagnosis::Distribution& distribution) {
    const std::string own = labels(distribution.labels);
    if (distribution.samples.empty() || families_.has(distribution.name, "_count", own)) return;
    double sum = 0;
    for (const Nanoseconds sample : distribution.samples)
      sum += static_cast<double>(sample.count());
    for (const Nanoseconds bound : kBounds) {
      const auto within = std::ranges::count_if(
          distribution.samples, [&](Nanoseconds sample) { return sample <= bound; });
      families_.add(distribution.name, "_bucket", own + "," + label("le", bound_text(bound)),
                    static_cast<double>(within));
    }
    const auto count = static_cast<double>(distribution.samples.size());
    families_.add(distribution.name, "_bucket", own + "," + label("le", "+Inf"), count);
    families_.add(distribution.name, "_sum", own, sum / 1e9);
    families_.add(distribution.name, "_count", own, count);
  }

  std::string labels(std::span<const diagnosis::Label> all) {
    std::string text = common_;
    for (const diagnosis::Label& one : all)
      text += "," + label(one.name, redaction_.show(one.value));
    return text;
  }

  const diagnosis::Report& report_;
  Redaction redaction_;
  std::string common_;
  Families families_;
};

}  // namespace

std::string to_prometheus(const diagnosis::Report& report, diagnosis::FailOn fail_on, bool redact) {
  return Exposition(report, redact).write(fail_on);
}

}  // namespace wgscope::render
