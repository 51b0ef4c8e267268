// The dashboards agree with the metrics, the rules, the runbooks and each other, and Grafana's linter would have nothing to
// say. That their queries find something is tested in dashboards_live_test.cpp.

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include "dashboard_lint.hpp"
#include "files.hpp"
#include "matches.hpp"
#include "need.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "prometheus.hpp"
#include "promql_check.hpp"
#include "promql_scan.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

using Names = std::set<std::string>;

std::map<std::string, json> dashboards_in(const std::string& folder) {
  std::map<std::string, json> found;
  for (const auto& entry : std::filesystem::directory_iterator(source_dir() / folder))
    if (entry.path().extension() == ".json")
      found[entry.path().stem()] = json::parse(read_file(entry.path()));
  return found;
}

/// Every query of a dashboard by the place it has there: panels', annotations' and variables'.
std::map<std::string, std::string> queries_of(const json& dashboard) {
  std::map<std::string, std::string> queries;
  for (const json& panel : panels_of(dashboard))
    for (const json& target : panel.at("targets"))
      queries[panel.at("title").get<std::string>() + " " + target.at("refId").get<std::string>()] =
          target.at("expr");
  for (const json& annotation : dashboard.at("annotations").at("list"))
    queries["annotation " + annotation.at("name").get<std::string>()] = annotation.at("expr");
  return queries;
}

class DashboardsTest : public testing::Test {
 protected:
  const std::map<std::string, json> dashboards_ = dashboards_in("dashboards");

  void SetUp() override { ASSERT_THAT(dashboards_, SizeIs(5)); }
};

TEST_F(DashboardsTest, AreWhatTheirSourceGenerates) {
  WGSCOPE_NEED(run({"bash", "-c", "command -v npm"}).exit_code == 0
                   ? std::optional<std::string>()
                   : "there is no npm (script/bootstrap --tests installs it)");
  const Finished finished = run({source_dir() / "script/dashboards", "--check"}, {}, 200s);
  EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
}

TEST_F(DashboardsTest, GrafanasLinterFindsNothing) {
  WGSCOPE_NEED(why_no_prometheus());
  std::vector<std::string> queries;
  for (const auto& [name, dashboard] : dashboards_)
    for (const auto& [place, query] : queries_of(dashboard)) queries.push_back(substituted(query));
  PromqlCheck check(queries);
  const IsValid is_valid = [&](const std::string& promql) {
    return check.is_valid(substituted(promql));
  };
  const LintConfiguration configuration =
      LintConfiguration::load(source_dir() / "dashboards/.lint");
  std::vector<LintResult> all;
  for (const auto& [name, dashboard] : dashboards_)
    for (const LintResult& result : lint(dashboard, is_valid)) {
      all.push_back(result);
      EXPECT_TRUE(configuration.excludes(result)) << name << ", " << result.panel.value_or("")
                                                  << ": " << result.rule << ": " << result.message;
    }
  for (const LintConfiguration::Entry& entry : configuration.entries()) {
    EXPECT_NE(entry.reason, "") << entry.rule;
    EXPECT_TRUE(
        std::ranges::any_of(all, [&](const LintResult& result) { return entry.matches(result); }))
        << ".lint excludes what is not there: " << entry.rule << ", " << entry.panel.value_or("");
  }
}

TEST_F(DashboardsTest, QueriesOfAnnotationsAndVariablesAreValid) {
  WGSCOPE_NEED(why_no_prometheus());
  PromqlCheck check;
  for (const auto& [name, dashboard] : dashboards_)
    for (const json& annotation : dashboard.at("annotations").at("list"))
      EXPECT_TRUE(check.is_valid(substituted(annotation.at("expr")))) << name;
}

TEST_F(DashboardsTest, HaveIdsAndUidsThatGrafanaKeeps) {
  Names uids;
  for (const auto& [name, dashboard] : dashboards_) {
    EXPECT_TRUE(dashboard.at("id").is_null()) << name;
    EXPECT_EQ(dashboard.at("uid"), name);
    EXPECT_TRUE(uids.insert(dashboard.at("uid").get<std::string>()).second);
    EXPECT_FALSE(dashboard.contains("__inputs")) << "file provisioning never fills them in";
    std::set<int> ids;
    for (const json& panel : dashboard.at("panels")) {
      EXPECT_GT(panel.at("id").get<int>(), 0) << name;
      EXPECT_TRUE(ids.insert(panel.at("id").get<int>()).second)
          << name << ": " << panel.at("title");
    }
  }
}

TEST_F(DashboardsTest, PanelsDoNotOverlap) {
  for (const auto& [name, dashboard] : dashboards_) {
    std::set<std::pair<int, int>> taken;
    for (const json& panel : dashboard.at("panels")) {
      const json& place = panel.at("gridPos");
      const int x = place.at("x");
      const int y = place.at("y");
      EXPECT_LE(x + place.at("w").get<int>(), 24) << name << ": " << panel.at("title");
      for (int column = x; column < x + place.at("w").get<int>(); ++column)
        for (int line = y; line < y + place.at("h").get<int>(); ++line)
          EXPECT_TRUE(taken.emplace(column, line).second) << name << ": " << panel.at("title");
    }
  }
}

TEST_F(DashboardsTest, EveryPanelIsExplainedAndHasAUnit) {
  for (const auto& [name, dashboard] : dashboards_) {
    ASSERT_GE(panels_of(dashboard).size(), 7U) << name;
    for (const json& panel : panels_of(dashboard)) {
      const std::string title = panel.at("title");
      EXPECT_THAT(panel.at("description").get<std::string>(), testing::EndsWith("."))
          << name << ": " << title;
      EXPECT_NE(panel.at("fieldConfig").at("defaults").value("unit", ""), "")
          << name << ": " << title;
    }
  }
}

// Of these units Grafana writes 0.8 as 800 of a thousandth, and "800 mp/s" on an axis says nothing to anybody.
TEST_F(DashboardsTest, AxesFromZeroToOneAreNotReadInThousandths) {
  std::size_t checked = 0;
  for (const auto& [name, dashboard] : dashboards_)
    for (const json& panel : panels_of(dashboard)) {
      const json& defaults = panel.at("fieldConfig").at("defaults");
      const json custom = defaults.value("custom", json::object());
      if (panel.at("type") != "timeseries" || custom.value("axisSoftMax", 2.) > 1) continue;
      ++checked;
      for (const char* unit : {"pps", "bps", "Bps", "s", "watt"})
        EXPECT_NE(defaults.at("unit").get<std::string>(), unit)
            << name << ": " << panel.at("title");
    }
  EXPECT_GE(checked, 3U);
}

// Columns share what is left evenly: beside six numbers the name of a gateway would be cut off.
TEST_F(DashboardsTest, TablesWithManyColumnsLeaveRoomForTheGateway) {
  std::size_t checked = 0;
  for (const auto& [name, dashboard] : dashboards_)
    for (const json& panel : panels_of(dashboard))
      for (const json& override : panel.at("fieldConfig").at("overrides")) {
        if (override.at("matcher").at("options") != "instance\\verdict") continue;
        int width = 0;
        for (const json& property : override.at("properties"))
          if (property.at("id") == "custom.width") width = property.at("value");
        EXPECT_GE(width, 180) << name << ": " << panel.at("title");
        ++checked;
      }
  EXPECT_EQ(checked, 1U);
}

TEST_F(DashboardsTest, AskAtMostTwelveQueries) {
  for (const auto& [name, dashboard] : dashboards_)
    EXPECT_LE(queries_of(dashboard).size(), 12U) << name;
}

TEST_F(DashboardsTest, UseMetricsThatExist) {
  // What Prometheus itself stores of each scrape and alert.
  Names known = {"up", "scrape_duration_seconds", "scrape_samples_scraped", "ALERTS"};
  known.merge(all_matches(read_file(source_dir() / "docs/metrics.md"), "\n\\| `([a-z_]+)` \\|"));
  for (const auto& entry : std::filesystem::directory_iterator(source_dir() / "alerts"))
    if (entry.path().extension() == ".yaml")
      for (const YAML::Node& group : YAML::LoadFile(entry.path().string())["groups"])
        for (const YAML::Node& rule : group["rules"])
          if (rule["record"]) known.insert(rule["record"].as<std::string>());
  Names used;
  for (const auto& [name, dashboard] : dashboards_) {
    for (const auto& [place, query] : queries_of(dashboard))
      for (const Selector& selector : selectors_of(query)) used.insert(selector.metric);
    for (const json& variable : dashboard.at("templating").at("list"))
      if (variable.at("type") == "query")
        used.merge(all_matches(variable.at("query"), "\\(([a-z_:]+)"));
  }
  EXPECT_GE(used.size(), 20U);
  static const std::regex of_histogram("_bucket$");
  for (const std::string& metric : used)
    EXPECT_TRUE(known.contains(std::regex_replace(metric, of_histogram, ""))) << metric;
}

TEST_F(DashboardsTest, LinksLeadToDashboardsAndRunbooksThatExist) {
  std::string everything;
  for (const auto& [name, dashboard] : dashboards_) everything += dashboard.dump() + "\n";
  const Names linked = all_matches(everything, "\"/d/([a-z-]+)");
  for (const std::string& uid : linked) EXPECT_TRUE(dashboards_.contains(uid)) << uid;
  EXPECT_EQ(linked.size(), dashboards_.size());
  const std::string base = "https://runbooks\\.example\\.net/wgscope/";
  // Each runbook also from a panel that shows what its alert watches.
  Names runbooks;
  for (const auto& entry : std::filesystem::directory_iterator(source_dir() / "docs/runbooks"))
    runbooks.insert(entry.path().stem());
  EXPECT_EQ(all_matches(everything, base + "(WireGuard[A-Za-z]+)\\.md"), runbooks);
  // Where the alert is data: alerts_test proves a page for each.
  EXPECT_NE(everything.find(
                "https://runbooks.example.net/wgscope/${__data.fields.alertname:percentencode}.md"),
            std::string::npos);
  const std::string rules = read_file(source_dir() / "alerts/core.yaml");
  EXPECT_THAT(rules, HasSubstr("runbook_url: https://runbooks.example.net/wgscope/"))
      << "not the address of the rules";
  for (const auto& [name, dashboard] : dashboards_) {
    EXPECT_THAT(dashboard.at("links"), SizeIs(dashboards_.size())) << name;
    for (const json& link : dashboard.at("links")) EXPECT_TRUE(link.at("includeVars")) << name;
  }
}

TEST_F(DashboardsTest, GraphsHaveNoLineForEachPeer) {
  for (const auto& [name, dashboard] : dashboards_)
    for (const json& panel : panels_of(dashboard)) {
      if (name == "wgscope-peer") continue;  // one peer
      for (const json& target : panel.at("targets")) {
        const std::string expr = target.at("expr");
        EXPECT_TRUE(expr.find("topk(") != std::string::npos ||
                    expr.find("bottomk(") != std::string::npos ||
                    expr.find("wireguard_peer_") == std::string::npos)
            << name << ": " << panel.at("title") << ": " << expr;
        EXPECT_THAT(target.value("legendFormat", ""), Not(HasSubstr("public_key"))) << name;
      }
    }
}

TEST_F(DashboardsTest, TablesHideTheKeysTheirLinksNeed) {
  std::size_t hiding = 0;
  for (const auto& [name, dashboard] : dashboards_)
    for (const json& panel : panels_of(dashboard)) {
      if (panel.at("type") != "table" || panel.dump().find("\"public_key\"") == std::string::npos)
        continue;
      bool hidden = false;
      for (const json& override : panel.at("fieldConfig").at("overrides"))
        if (override.at("matcher").at("options") == "public_key")
          hidden =
              override.at("properties").at(0) == json{{"id", "custom.hidden"}, {"value", true}};
      EXPECT_EQ(hidden, panel.at("title") != "Who it is") << name << ": " << panel.at("title");
      if (hidden) ++hiding;
    }
  EXPECT_GE(hiding, 5U);
}

TEST_F(DashboardsTest, CopiesForImportAskForTheDataSource) {
  const std::map<std::string, json> copies = dashboards_in("dashboards/import");
  EXPECT_EQ(copies.size(), dashboards_.size());
  for (auto [name, copy] : copies) {
    EXPECT_EQ(copy.at("__inputs").at(0).at("name"), "DS_PROMETHEUS");
    json& variable = copy.at("templating").at("list").at(0);
    EXPECT_EQ(variable.at("current").at("value"), "${DS_PROMETHEUS}");
    Names required;
    for (const json& one : copy.at("__requires")) required.insert(one.at("id"));
    for (const json& panel : panels_of(copy)) EXPECT_THAT(required, Contains(panel.at("type")));
    // Nothing else differs.
    for (const char* key : {"__inputs", "__elements", "__requires"}) copy.erase(key);
    variable.erase("current");
    copy.at("editable") = false;
    EXPECT_EQ(copy, dashboards_.at(name)) << name;
  }
}

}  // namespace
}  // namespace wgscope::test
