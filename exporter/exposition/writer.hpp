#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "wgscope/base/time.hpp"

#include "exporter/exposition/output.hpp"
#include "exporter/metrics.hpp"

namespace wgscope::exporter {

/// The two formats Prometheus reads: text 0.0.4
/// (https://prometheus.io/docs/instrumenting/exposition_formats/) and OpenMetrics 1.0.
enum class Format : std::uint8_t { text, openmetrics };

/// A sample's value. Integers stay exact, also those a double cannot hold.
class Number {
 public:
  static Number integer(std::uint64_t value) { return {value, -1}; }
  static Number boolean(bool value) { return {value ? 1U : 0U, -1}; }
  /// Seconds with three decimals; negative durations count as zero, since no metric of ours may be negative.
  static Number seconds(Nanoseconds value) {
    const auto ms = static_cast<std::uint64_t>(value.count() < 0 ? 0 : value.count() / 1'000'000);
    return {ms / 1000, static_cast<std::int32_t>(ms % 1000)};
  }

  static constexpr std::size_t kMaxSize = 24;
  /// Writes at most kMaxSize characters; @returns where they end.
  char* write(char* out) const {
    out = std::to_chars(out, out + 20, whole_).ptr;
    if (millis_ < 0) return out;
    out[0] = '.';
    out[1] = static_cast<char>('0' + millis_ / 100);
    out[2] = static_cast<char>('0' + millis_ / 10 % 10);
    out[3] = static_cast<char>('0' + millis_ % 10);
    return out + 4;
  }

 private:
  Number(std::uint64_t whole, std::int32_t millis) : whole_(whole), millis_(millis) {}

  std::uint64_t whole_;
  std::int32_t millis_;  ///< -1 for an integer
};

struct Label {
  std::string_view name;
  std::string_view value;
};

/// Appends `value` as it stands between the quotes of a label: escaped, and made valid UTF-8.
void append_label_value(std::string& to, std::string_view value);

/// Writes one exposition: families one after the other, each begun once, its samples behind it.
class Writer {
 public:
  Writer(Format format, Output& output) : format_(format), output_(&output) {}

  /// The family's HELP, TYPE and UNIT lines.
  void begin(const MetricDesc& metric) {
    begin(metric.name, metric.type, metric.unit, metric.help);
  }
  void begin(std::string_view name, MetricType type, std::string_view unit, std::string_view help);

  void sample(std::string_view name, std::initializer_list<Label> labels, Number value);
  /// The same with labels rendered before: `a="b",c="d"`, or empty.
  void sample(std::string_view name, std::string_view labels, Number value);
  void sample(std::string_view name, std::string_view labels, double value);

  /// For writers of many lines of one form, who put characters there themselves.
  [[nodiscard]] Output& output() { return *output_; }
  [[nodiscard]] Format format() const { return format_; }

  /// OpenMetrics' end mark; then everything goes to the sink.
  void finish();

 private:
  Format format_;
  Output* output_;
};

}  // namespace wgscope::exporter
