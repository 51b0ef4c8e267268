#include "promtool_cases.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "metrics.hpp"
#include "paths.hpp"

namespace wgscope::test {
namespace {

/// `name{label="value", …}`, with __name__ among the labels.
Labels parse_labels(const std::string& text) {
  Labels labels;
  const Metrics parsed = Metrics::parse(text + " 0\n");
  const Sample& sample = parsed.samples().at(0);
  // The notation has a space behind each comma, which Metrics takes for a part of the name.
  for (const auto& [name, value] : sample.labels)
    labels[name.substr(name.find_first_not_of(' '))] = value;
  if (!sample.name.empty()) labels["__name__"] = sample.name;
  return labels;
}

/// "1 2+3x4 _x2 stale": 1, then 2, 5, 8, 11, 14, then two gaps, then the end of the series.
std::vector<TimedValue> parse_values(const std::string& text, seconds interval) {
  static const std::regex kNumbers(R"(([-\d.e]+)(?:([-+][\d.]+))?(?:x(\d+))?)");
  static const std::regex kGaps(R"(_(?:x(\d+))?)");
  std::vector<TimedValue> values;
  std::int64_t index = 0;
  const auto put = [&](std::optional<double> value) {
    values.push_back({std::chrono::milliseconds(interval * index++).count(), value});
  };
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    std::smatch match;
    if (word == "stale") {
      put(std::nullopt);
    } else if (std::regex_match(word, match, kGaps)) {
      index += match[1].matched ? std::stoll(match[1]) : 1;
    } else if (std::regex_match(word, match, kNumbers)) {
      const double step = match[2].matched ? std::stod(match[2]) : 0;
      const std::int64_t steps = match[3].matched ? std::stoll(match[3]) : 0;
      for (std::int64_t i = 0; i <= steps; ++i)
        put(std::stod(match[1]) + step * static_cast<double>(i));
    } else {
      throw std::runtime_error("not understood in values: " + word);
    }
  }
  return values;
}

ExpectedAlerts parse_alerts(const YAML::Node& node) {
  ExpectedAlerts expected{.time = parse_duration(node["eval_time"].as<std::string>()),
                          .alert = node["alertname"].as<std::string>(),
                          .firing = {}};
  for (const YAML::Node& alert : node["exp_alerts"])
    expected.firing.push_back(alert["exp_labels"].as<Labels>());
  return expected;
}

ExpectedValues parse_expression(const YAML::Node& node) {
  ExpectedValues expected{.time = parse_duration(node["eval_time"].as<std::string>()),
                          .expression = node["expr"].as<std::string>(),
                          .values = {}};
  for (const YAML::Node& sample : node["exp_samples"])
    expected.values.push_back({.labels = parse_labels(sample["labels"].as<std::string>()),
                               .value = sample["value"].as<double>()});
  return expected;
}

PromtoolCase parse_case(const YAML::Node& node) {
  PromtoolCase one;
  one.name = node["name"].as<std::string>();
  const seconds interval = parse_duration(node["interval"].as<std::string>());
  for (const YAML::Node& series : node["input_series"])
    one.series.push_back({.labels = parse_labels(series["series"].as<std::string>()),
                          .values = parse_values(series["values"].as<std::string>(), interval)});
  for (const YAML::Node& expected : node["alert_rule_test"])
    one.alerts.push_back(parse_alerts(expected));
  for (const YAML::Node& expected : node["promql_expr_test"])
    one.values.push_back(parse_expression(expected));
  return one;
}

}  // namespace

seconds PromtoolCase::end() const {
  seconds last{0};
  for (const ExpectedAlerts& expected : alerts) last = std::max(last, expected.time);
  for (const ExpectedValues& expected : values) last = std::max(last, expected.time);
  return last;
}

seconds parse_duration(const std::string& text) {
  static const std::regex kWhole(R"((\d+[smh])+)");
  static const std::regex kPart(R"((\d+)([smh]))");
  if (text == "0") return seconds{0};
  if (!std::regex_match(text, kWhole)) throw std::runtime_error("not a duration: " + text);
  seconds sum{0};
  for (std::sregex_iterator part(text.begin(), text.end(), kPart), end; part != end; ++part) {
    const seconds count{std::stoll((*part)[1])};
    sum += (*part)[2] == "h" ? count * 3600 : (*part)[2] == "m" ? count * 60 : count;
  }
  return sum;
}

std::vector<PromtoolCase> promtool_cases() {
  std::vector<PromtoolCase> cases;
  for (const auto& entry : std::filesystem::directory_iterator(source_dir() / "alerts/tests")) {
    const YAML::Node file = YAML::LoadFile(entry.path().string());
    for (const YAML::Node& node : file["tests"]) {
      PromtoolCase one = parse_case(node);
      one.name = entry.path().filename().string() + ": " + one.name;
      for (const YAML::Node& rules : file["rule_files"])
        one.rule_files.push_back(
            std::filesystem::canonical(entry.path().parent_path() / rules.as<std::string>()));
      cases.push_back(std::move(one));
    }
  }
  return cases;
}

}  // namespace wgscope::test
