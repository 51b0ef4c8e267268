#pragma once

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
  static Number integer(std::uint64_t value) { return {value, false}; }
  static Number boolean(bool value) { return {value ? 1U : 0U, false}; }
  /// Seconds with three decimals; negative durations count as zero, because no metric of the
  /// exporter may be negative.
  static Number seconds(Nanoseconds value) {
    return {static_cast<std::uint64_t>(value.count() < 0 ? 0 : value.count() / 1'000'000), true};
  }

  static constexpr std::size_t kMaxSize = 24;
  /// Writes at most kMaxSize characters; @returns where they end.
  char* write(char* out) const { return write(digits_, in_thousandths_, out); }

 private:
  Number(std::uint64_t digits, bool in_thousandths)
      : digits_(digits), in_thousandths_(in_thousandths) {}

  /// Plain values: a Number whose address is never taken stays in registers, which makes a peer's
  /// line a third cheaper.
  static char* write(std::uint64_t digits, bool in_thousandths, char* out);

  std::uint64_t digits_;
  bool in_thousandths_;
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
  /// Writes a sample with labels that are rendered already: `a="b",c="d"`, or empty.
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
