#include "dashboard_lint.hpp"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <regex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include "promql_scan.hpp"

namespace wgscope::test {
namespace {

using nlohmann::json;

const std::set<std::string> kPanelsWithQueries = {
    "stat",  "singlestat",     "graph",          "table",   "timeseries",
    "gauge", "state-timeline", "status-history", "heatmap", "bargauge"};

/// Of Grafana's units, those that make sense here. The linter knows all of them.
const std::set<std::string> kUnits = {"none", "short", "locale", "percentunit", "bytes",      "Bps",
                                      "pps",  "reqps", "s",      "dthms",       "dtdurations"};

std::string text_at(const json& object, const std::string& path) {
  const json::json_pointer pointer(path);
  return object.contains(pointer) && object.at(pointer).is_string()
             ? object.at(pointer).get<std::string>()
             : "";
}

json list_at(const json& object, const std::string& path) {
  const json::json_pointer pointer(path);
  return object.contains(pointer) && object.at(pointer).is_array() ? object.at(pointer)
                                                                   : json::array();
}

class Linter {
 public:
  Linter(const json& dashboard, const IsValid& is_valid)
      : dashboard_(dashboard),
        is_valid_(is_valid),
        variables_(list_at(dashboard, "/templating/list")) {}

  std::vector<LintResult> run() {
    check_dashboard();
    for (const json& panel : panels_of(dashboard_)) {
      check_panel(panel);
      std::size_t index = 0;
      for (const json& target : list_at(panel, "/targets")) check_target(panel, target, index++);
    }
    return std::move(results_);
  }

 private:
  void report(const std::string& rule, const std::string& message) {
    results_.push_back({rule, text_at(dashboard_, "/title"), std::nullopt, std::nullopt, message});
  }
  void report(const std::string& rule, const json& panel, const std::string& message) {
    report(rule, message);
    results_.back().panel = text_at(panel, "/title");
  }
  void report(const std::string& rule, const json& panel, std::size_t target,
              const std::string& message) {
    report(rule, panel, message);
    results_.back().target = target;
  }

  // --- the dashboard ---

  void check_dashboard() {
    if (!dashboard_.contains("editable") || dashboard_.at("editable") != false)
      report("uneditable-dashboard", "is editable");
    check_datasource_variable();
    check_required_variable("job", "Job");
    check_required_variable("instance", "Instance");
    for (const json& variable : variables_) {
      if (text_at(variable, "/type") != "query") continue;
      const std::string name = text_at(variable, "/name");
      if (!is_valid_variable(text_at(variable, "/query")))
        report("template-label-promql-rule", name + ": its query is not valid");
      if (!variable.contains("refresh") || variable.at("refresh") != 2)
        report("template-on-time-change-reload-rule", name + ": refresh is not 2");
    }
  }

  void check_datasource_variable() {
    std::vector<json> found;
    for (const json& variable : variables_)
      if (text_at(variable, "/type") == "datasource") found.push_back(variable);
    if (found.empty())
      report("template-datasource-rule", "there is no variable for the data source");
    for (const json& variable : found) {
      const std::string name = text_at(variable, "/name");
      const std::string label = text_at(variable, "/label");
      const bool only = found.size() == 1;
      if (!(only && name == "datasource") && name != "prometheus_datasource")
        report("template-datasource-rule", "the variable for the data source is named " + name);
      if (!(only && label == "Data source") && label != "Prometheus data source")
        report("template-datasource-rule", "the variable for the data source is labelled " + label);
    }
  }

  void check_required_variable(const std::string& name, const std::string& label) {
    const std::string rule = fmt::format("template-{}-rule", name);
    const auto found = std::ranges::find_if(
        variables_, [&](const json& variable) { return text_at(variable, "/name") == name; });
    if (found == variables_.end()) return report(rule, "there is no variable " + name);
    if (!is_templated(text_at(*found, "/datasource/uid")))
      report(rule, "does not use ${datasource}");
    if (text_at(*found, "/type") != "query") report(rule, "is not a query");
    if (text_at(*found, "/label") != label) report(rule, "is not labelled " + label);
    if (!found->value("multi", false)) report(rule, "does not take several values");
    if (text_at(*found, "/allValue") != ".+") report(rule, "its value for all is not .+");
  }

  [[nodiscard]] bool is_valid_variable(const std::string& query) const {
    static const std::regex call("(label_names|label_values|metrics|query_result)\\((.+)\\)");
    std::smatch match;
    if (!std::regex_match(query, match, call)) return false;
    std::string argument = match[2];
    static const std::regex label(", *[a-z_]+$");  // of label_values(metric, label)
    if (match[1] == "label_values") argument = std::regex_replace(argument, label, "");
    return is_valid_(argument);
  }

  static bool is_templated(const std::string& uid) {
    return uid == "$datasource" || uid == "${datasource}" || uid == "${prometheus_datasource}";
  }

  // --- panels ---

  void check_panel(const json& panel) {
    if (!kPanelsWithQueries.contains(text_at(panel, "/type"))) return;
    if (!is_templated(text_at(panel, "/datasource/uid")))
      report("panel-datasource-rule", panel, "does not use ${datasource}");
    if (text_at(panel, "/title").empty() || text_at(panel, "/description").empty())
      report("panel-title-description-rule", panel, "has no title or no description");
    if (list_at(panel, "/targets").empty())
      report("panel-no-targets-rule", panel, "has no queries");
    const std::string unit = text_at(panel, "/fieldConfig/defaults/unit");
    if (!kUnits.contains(unit)) report("panel-units-rule", panel, "its unit is '" + unit + "'");
  }

  // --- queries ---

  void check_target(const json& panel, const json& target, std::size_t index) {
    const std::string expr = text_at(target, "/expr");
    if (text_at(target, "/datasource/type") == "loki") {
      // Nothing here can parse LogQL, so that none counts as valid.
      report("target-logql-rule", panel, index, "LogQL cannot be checked: " + expr);
      static const std::regex fixed_range("\\[(?!\\$__auto\\])");
      if (std::regex_search(expr, fixed_range))
        report("target-logql-auto-rule", panel, index, "has a range that is not $__auto: " + expr);
      return;
    }
    if (!is_valid_(expr))
      return report("target-promql-rule", panel, index, "is not valid: " + expr);
    const std::vector<Selector> selectors = selectors_of(expr);
    check_matchers(panel, selectors, index, "job");
    check_matchers(panel, selectors, index, "instance");
    for (const Selector& selector : selectors) {
      const bool rated = selector.function == "rate" || selector.function == "irate";
      if (rated && selector.range != "$__rate_interval")
        report("target-rate-interval-rule", panel, index,
               selector.metric + ": its rate is not over $__rate_interval");
      const bool counted = !selector.range.empty() && (rated || selector.function == "increase");
      if (selector.metric.ends_with("_total") && !counted)
        report("target-counter-agg-rule", panel, index,
               selector.metric + " is read without rate, irate or increase");
    }
  }

  void check_matchers(const json& panel, const std::vector<Selector>& selectors, std::size_t index,
                      const std::string& label) {
    for (const Selector& selector : selectors) {
      const LabelMatcher* matcher = selector.matcher(label);
      if (matcher == nullptr || matcher->operation != "=~" || matcher->value != "$" + label)
        report(fmt::format("target-{}-rule", label), panel, index,
               fmt::format("{} is not selected by {}=~\"${}\"", selector.metric, label, label));
    }
  }

  const json& dashboard_;
  const IsValid& is_valid_;
  json variables_;
  std::vector<LintResult> results_;
};

std::string text_of(const YAML::Node& node, const std::string& key) {
  return node && node.IsMap() && node[key] ? node[key].as<std::string>() : "";
}

}  // namespace

std::vector<LintResult> lint(const json& dashboard, const IsValid& is_valid) {
  return Linter(dashboard, is_valid).run();
}

bool LintConfiguration::Entry::matches(const LintResult& result) const {
  if (rule != result.rule) return false;
  if (everything) return true;
  if (dashboard.value_or("") != result.dashboard) return false;
  if (result.panel && panel.value_or("") != *result.panel) return false;
  return !result.target || !target || target == result.target;
}

LintConfiguration LintConfiguration::load(const std::filesystem::path& file) {
  LintConfiguration configuration;
  const YAML::Node root = YAML::LoadFile(file.string());
  for (const char* kind : {"exclusions", "warnings"}) {
    if (!root[kind]) continue;
    for (const auto& rule : root[kind]) {
      const auto name = rule.first.as<std::string>();
      const std::string reason = text_of(rule.second, "reason");
      const YAML::Node entries = rule.second.IsMap() ? rule.second["entries"] : YAML::Node();
      if (!entries || entries.size() == 0) {
        configuration.entries_.push_back({.rule = name, .reason = reason, .everything = true});
        continue;
      }
      for (const YAML::Node& entry : entries) {
        const std::string own = text_of(entry, "reason");
        Entry one{.rule = name, .reason = own.empty() ? reason : own};
        if (entry["dashboard"]) one.dashboard = entry["dashboard"].as<std::string>();
        if (entry["panel"]) one.panel = entry["panel"].as<std::string>();
        if (entry["targetIdx"]) one.target = entry["targetIdx"].as<std::size_t>();
        configuration.entries_.push_back(one);
      }
    }
  }
  return configuration;
}

bool LintConfiguration::excludes(const LintResult& result) const {
  return std::ranges::any_of(entries_, [&](const Entry& entry) { return entry.matches(result); });
}

std::vector<json> panels_of(const json& dashboard) {
  std::vector<json> panels;
  for (const json& panel : dashboard.at("panels")) {
    if (panel.at("type") != "row") panels.push_back(panel);
    for (const json& inner : list_at(panel, "/panels")) panels.push_back(inner);
  }
  return panels;
}

std::string substituted(std::string promql, const Variables& values) {
  Variables all{{"__rate_interval", "4m"}, {"__range", "4m"}};
  for (const char* name : {"job", "instance", "interface", "gateway", "peer"}) all[name] = ".+";
  for (const auto& [name, value] : values) all[name] = value;
  for (const auto& [name, value] : all) {
    const std::string variable = "$" + name;
    for (std::size_t at = 0; (at = promql.find(variable, at)) != std::string::npos;
         at += value.size())
      promql.replace(at, variable.size(), value);
  }
  return promql;
}

}  // namespace wgscope::test
