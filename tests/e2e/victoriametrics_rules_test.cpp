// Every test of the alert rules that promtool passes, passed by VictoriaMetrics: MetricsQL is not
// PromQL, and rules must mean the same in both. The rules are asked for one evaluation after the
// other, as vmalert asks; how long an alert must last is counted here. vmalert's own replay
// (-replay.timeFrom) asks for many evaluations at once, for which `or` takes whole series, and so
// comes to other verdicts.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include "metrics.hpp"
#include "need.hpp"
#include "process.hpp"
#include "prometheus.hpp"
#include "promtool_cases.hpp"
#include "remote_write.hpp"
#include "victoriametrics.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using Value = ExpectedValue;

struct Rule {
  std::filesystem::path file;
  bool records = false;
  std::string name;
  std::string expression;
  seconds lasts{0};  ///< `for`
  seconds interval{0};
  Labels labels;
};

std::vector<Rule> rules_of(const std::filesystem::path& file) {
  std::vector<Rule> rules;
  for (const YAML::Node& group : YAML::LoadFile(file.string())["groups"])
    for (const YAML::Node& node : group["rules"])
      rules.push_back({.file = file,
                       .records = node["record"].IsDefined(),
                       .name = (node["record"] ? node["record"] : node["alert"]).as<std::string>(),
                       .expression = node["expr"].as<std::string>(),
                       .lasts = parse_duration(node["for"].as<std::string>("0s")),
                       .interval = parse_duration(group["interval"].as<std::string>()),
                       .labels = node["labels"].as<Labels>(Labels{})});
  return rules;
}

Labels labels_of_alert(const Rule& rule, Labels labels) {
  labels.erase("__name__");
  for (const auto& [name, value] : rule.labels) labels[name] = value;
  return labels;
}

/// A case, and when its time 0 is: all share one store, hours apart.
struct Placed {
  const PromtoolCase& test;
  std::int64_t start;
  std::set<std::string> names;  ///< of the metrics it has

  [[nodiscard]] std::int64_t at(seconds time) const { return start + time.count(); }
  /// Whether the rule's file is one of the case's, and its result may be other than empty.
  [[nodiscard]] bool concerns(const Rule& rule) const {
    if (std::ranges::find(test.rule_files, rule.file) == test.rule_files.end()) return false;
    return rule.expression.starts_with("absent(") ||
           std::ranges::any_of(names, [&](const std::string& name) {
             return rule.expression.find(name) != std::string::npos;
           });
  }
};

/// promtool's time begins at 0, so what a metric says of time does.
TimeSeries moved(TimeSeries series, std::int64_t later) {
  const bool says_time = series.labels.at("__name__").ends_with("_timestamp_seconds");
  for (TimedValue& value : series.values) {
    value.milliseconds += later * 1000;
    if (says_time && value.value) *value.value += static_cast<double>(later);
  }
  return series;
}

/// A value for each label set, at each evaluation in the time of a case, as series. Where one ends,
/// Prometheus and vmalert say so.
template <class Evaluation>
std::vector<TimeSeries> series_of(const Placed& placed, const Rule& rule, Evaluation evaluate) {
  std::map<Labels, TimeSeries> series;
  std::set<Labels> before;
  for (seconds time{0}; time <= placed.test.end(); time += rule.interval) {
    const std::int64_t milliseconds = placed.at(time) * 1000;
    std::set<Labels> now;
    for (const Value& value : evaluate(time)) {
      now.insert(value.labels);
      series[value.labels].labels = value.labels;
      series[value.labels].values.push_back({milliseconds, value.value});
    }
    for (const Labels& labels : before)
      if (!now.contains(labels)) series[labels].values.push_back({milliseconds, {}});
    before = std::move(now);
  }
  std::vector<TimeSeries> all;
  for (auto& [labels, one] : series) all.push_back(std::move(one));
  return all;
}

std::vector<Value> values(const VictoriaMetrics& store, const std::string& expression,
                          std::int64_t time) {
  std::vector<Value> values;
  for (const json& found : store.query(expression, time))
    values.push_back({.labels = found.at("metric").get<Labels>(),
                      .value = std::stod(found.at("value").at(1).get<std::string>())});
  return values;
}

/// The label sets for which an alert fires: true at every evaluation for as long as it must last.
std::set<Labels> firing(const VictoriaMetrics& store, const Rule& rule, const Placed& placed,
                        seconds time) {
  std::set<Labels> firing;
  if (time < rule.lasts) return firing;
  for (seconds asked = time - rule.lasts; asked <= time; asked += rule.interval) {
    std::set<Labels> found;
    for (const Value& value : values(store, rule.expression, placed.at(asked)))
      found.insert(labels_of_alert(rule, value.labels));
    if (asked == time - rule.lasts) {
      firing = std::move(found);
    } else {
      std::erase_if(firing, [&](const Labels& labels) { return !found.contains(labels); });
    }
    if (firing.empty()) return firing;
  }
  return firing;
}

std::vector<TimeSeries> recorded(const VictoriaMetrics& store, const Rule& rule,
                                 const Placed& placed) {
  return series_of(placed, rule, [&](seconds time) {
    std::vector<Value> found = values(store, rule.expression, placed.at(time));
    for (Value& value : found) value.labels["__name__"] = rule.name;
    return found;
  });
}

/// The series by which other rules learn that an alert fires.
std::vector<TimeSeries> alerts_series(const VictoriaMetrics& store, const Rule& rule,
                                      const Placed& placed) {
  return series_of(placed, rule, [&](seconds time) {
    std::vector<Value> found;
    for (Labels labels : firing(store, rule, placed, time)) {
      labels.insert({{"__name__", "ALERTS"}, {"alertname", rule.name}, {"alertstate", "firing"}});
      found.push_back({.labels = std::move(labels), .value = 1});
    }
    return found;
  });
}

/// To compare: sums of floating point numbers depend on their order.
std::vector<std::pair<Labels, double>> rounded(const std::vector<Value>& values) {
  std::vector<std::pair<Labels, double>> pairs;
  for (const Value& one : values) pairs.emplace_back(one.labels, std::round(one.value * 1e6) / 1e6);
  return pairs;
}

/// Stores the series of all cases. In the past, within the month that is kept.
std::vector<Placed> place(const VictoriaMetrics& store, const std::vector<PromtoolCase>& tests) {
  constexpr std::int64_t kHour = 3600;
  std::int64_t start = (std::time(nullptr) / kHour - 25 * 24) * kHour;
  std::vector<Placed> places;
  for (const PromtoolCase& test : tests) {
    Placed placed{.test = test, .start = start, .names = {}};
    std::vector<TimeSeries> all;
    for (const TimeSeries& series : test.series) {
      all.push_back(moved(series, start));
      placed.names.insert(series.labels.at("__name__"));
    }
    store.write(all);
    places.push_back(std::move(placed));
    // Longer than any window looks back.
    start += (test.end().count() / kHour + 3) * kHour;
  }
  return places;
}

/// Stores what comes of a rule in each case that it concerns, for the rules behind it.
void store_results(const VictoriaMetrics& store, const Rule& rule, std::vector<Placed>& places) {
  std::vector<TimeSeries> all;
  for (Placed& placed : places) {
    if (!placed.concerns(rule)) continue;
    std::vector<TimeSeries> series =
        rule.records ? recorded(store, rule, placed) : alerts_series(store, rule, placed);
    if (!series.empty()) placed.names.insert(rule.records ? rule.name : "ALERTS");
    std::ranges::move(series, std::back_inserter(all));
  }
  store.write(all);
}

/// Whether other rules ask what this one comes to.
bool is_asked_for(const Rule& rule, const std::vector<Rule>& rules) {
  return rule.records || std::ranges::any_of(rules, [&](const Rule& other) {
           return other.expression.find("ALERTS{alertname=\"" + rule.name + '"') !=
                  std::string::npos;
         });
}

class VictoriaMetricsRulesTest : public testing::Test {
 protected:
  void SetUp() override { WGSCOPE_NEED(why_no_victoriametrics()); }

  static std::set<std::filesystem::path> files_of(const std::vector<PromtoolCase>& tests) {
    std::set<std::filesystem::path> files;
    for (const PromtoolCase& test : tests)
      files.insert(test.rule_files.begin(), test.rule_files.end());
    return files;
  }
};

TEST_F(VictoriaMetricsRulesTest, VmalertReadsEveryFile) {
  const std::set<std::filesystem::path> files = files_of(promtool_cases());
  ASSERT_FALSE(files.empty());
  for (const std::filesystem::path& file : files) {
    const Finished finished = run({find_prometheus_program("vmalert").value(), "-dryRun",
                                   "-rule=" + file.string(), "-loggerLevel=ERROR"});
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
  }
}

TEST_F(VictoriaMetricsRulesTest, PassesTheTestsOfTheRules) {
  const VictoriaMetrics store;
  const std::vector<PromtoolCase> tests = promtool_cases();
  std::vector<Placed> places = place(store, tests);
  std::map<std::string, Rule> alerts;
  for (const std::filesystem::path& file : files_of(tests)) {
    const std::vector<Rule> rules = rules_of(file);
    for (const Rule& rule : rules) {
      if (is_asked_for(rule, rules)) store_results(store, rule, places);
      if (!rule.records) alerts[rule.name] = rule;
    }
  }
  for (const Placed& placed : places) {
    for (const ExpectedValues& expected : placed.test.values)
      EXPECT_THAT(rounded(values(store, expected.expression, placed.at(expected.time))),
                  testing::UnorderedElementsAreArray(rounded(expected.values)))
          << placed.test.name << ", at " << expected.time.count() << " s: " << expected.expression;
    for (const ExpectedAlerts& expected : placed.test.alerts)
      EXPECT_THAT(firing(store, alerts.at(expected.alert), placed, expected.time),
                  testing::UnorderedElementsAreArray(expected.firing))
          << placed.test.name << ", at " << expected.time.count() << " s: " << expected.alert;
  }
}

}  // namespace
}  // namespace wgscope::test
