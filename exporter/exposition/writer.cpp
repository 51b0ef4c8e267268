#include "exporter/exposition/writer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "wgscope/base/text.hpp"

#include "exporter/exposition/output.hpp"
#include "exporter/metrics.hpp"

namespace wgscope::exporter {
namespace {

/// OpenMetrics names the family without the suffix its samples carry; the text format repeats the
/// sample's name.
std::string_view family_name(std::string_view name, MetricType type, Format format) {
  if (format == Format::text) return name;
  const auto without = [&](std::string_view suffix) {
    return name.ends_with(suffix) ? name.substr(0, name.size() - suffix.size()) : name;
  };
  if (type == MetricType::counter) return without("_total");
  if (type == MetricType::info) return without("_info");
  return name;
}

std::string_view type_name(MetricType type, Format format) {
  switch (type) {
    case MetricType::gauge: return "gauge";
    case MetricType::counter: return "counter";
    case MetricType::info: return format == Format::openmetrics ? "info" : "gauge";
    case MetricType::histogram: return "histogram";
  }
  return "untyped";
}

std::string escaped_help(std::string_view help, Format format) {
  // Nearly all texts are plain, and an answer has fifty of them.
  const auto is_plain = [](char c) { return c >= ' ' && c <= '~' && c != '\\' && c != '"'; };
  if (std::ranges::all_of(help, is_plain)) return std::string(help);
  std::string text;
  for (const char c : to_valid_utf8(help)) {
    if (c == '\\')
      text += "\\\\";
    else if (c == '\n')
      text += "\\n";
    else if (c == '"' && format == Format::openmetrics)
      text += "\\\"";
    else
      text += c;
  }
  return text;
}

}  // namespace

void append_label_value(std::string& to, std::string_view value) {
  std::string repaired;
  // Valid text that looks like a repair is repaired too, so that different values
  // stay different series.
  if (!is_valid_utf8(value) || value.find("\xEF\xBF\xBD") != std::string_view::npos)
    value = repaired = to_valid_utf8(value);
  for (const char c : value) {
    if (c == '\\')
      to += "\\\\";
    else if (c == '"')
      to += "\\\"";
    else if (c == '\n')
      to += "\\n";
    else
      to += c;
  }
}

char* Number::write(std::uint64_t digits, bool in_thousandths, char* out) {
  out = std::to_chars(out, out + kMaxSize, in_thousandths ? digits / 1000 : digits).ptr;
  if (!in_thousandths) return out;
  const std::uint64_t thousandths = digits % 1000;
  out[0] = '.';
  out[1] = static_cast<char>('0' + thousandths / 100);
  out[2] = static_cast<char>('0' + thousandths / 10 % 10);
  out[3] = static_cast<char>('0' + thousandths % 10);
  return out + 4;
}

void Writer::begin(std::string_view name, MetricType type, std::string_view unit,
                   std::string_view help) {
  const std::string_view family = family_name(name, type, format_);
  std::string lines = "# HELP ";
  lines.append(family).append(" ").append(escaped_help(help, format_)).append("\n# TYPE ");
  lines.append(family).append(" ").append(type_name(type, format_)).append("\n");
  if (format_ == Format::openmetrics && !unit.empty())
    lines.append("# UNIT ").append(family).append(" ").append(unit).append("\n");
  output_->append(lines);
}

void Writer::sample(std::string_view name, std::initializer_list<Label> labels, Number value) {
  std::string rendered;
  for (const Label& label : labels) {
    if (label.value.empty()) continue;  // an empty label counts as absent
    if (!rendered.empty()) rendered += ',';
    rendered.append(label.name).append("=\"");
    append_label_value(rendered, label.value);
    rendered += '"';
  }
  sample(name, rendered, value);
}

void Writer::sample(std::string_view name, std::string_view labels, Number value) {
  output_->append(name);
  if (!labels.empty()) {
    output_->append("{");
    output_->append(labels);
    output_->append("}");
  }
  std::array<char, Number::kMaxSize + 2> text{' '};
  char* end = value.write(text.data() + 1);
  *end++ = '\n';
  output_->append({text.data(), end});
}

void Writer::sample(std::string_view name, std::string_view labels, double value) {
  std::array<char, 32> text{};
  std::string_view number;
  if (std::isnan(value))
    number = "NaN";
  else if (std::isinf(value))
    number = value > 0 ? "+Inf" : "-Inf";
  else
    number = {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
  output_->append(name);
  if (!labels.empty()) {
    output_->append("{");
    output_->append(labels);
    output_->append("}");
  }
  output_->append(" ");
  output_->append(number);
  output_->append("\n");
}

void Writer::finish() {
  if (format_ == Format::openmetrics) output_->append("# EOF\n");
  output_->flush();
}

}  // namespace wgscope::exporter
