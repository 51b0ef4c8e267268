// Each of the linter's rules finds what it is for, in a dashboard in which the others find nothing.

#include "dashboard_lint.hpp"

#include <functional>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "files.hpp"
#include "need.hpp"
#include "prometheus.hpp"
#include "promql_check.hpp"
#include "promql_scan.hpp"
#include "temp_dir.hpp"

namespace wgscope::test {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

const std::string kSelected = R"({job=~"$job", instance=~"$instance"})";

json good_variable(const std::string& name, const std::string& label) {
  return {{"type", "query"},
          {"name", name},
          {"label", label},
          {"datasource", {{"uid", "${datasource}"}}},
          {"query", "label_values(up{job=~\"$job\"}, " + name + ")"},
          {"refresh", 2},
          {"multi", true},
          {"allValue", ".+"}};
}

json good_dashboard() {
  const json panel = {
      {"type", "timeseries"},
      {"title", "Panel"},
      {"description", "What it shows."},
      {"datasource", {{"type", "prometheus"}, {"uid", "${datasource}"}}},
      {"fieldConfig", {{"defaults", {{"unit", "Bps"}}}}},
      {"targets", {{{"expr", "rate(bytes_total" + kSelected + "[$__rate_interval])"}}}}};
  return {{"title", "Dashboard"},
          {"editable", false},
          {"templating",
           {{"list",
             {{{"type", "datasource"}, {"name", "datasource"}, {"label", "Data source"}},
              good_variable("job", "Job"),
              good_variable("instance", "Instance")}}}},
          {"panels", {{{"type", "row"}, {"panels", {panel}}}}}};
}

struct Fault {
  std::string rule;
  std::string pointer;  ///< what is replaced; its removal where the value is discarded
  json value;
};

const std::string kExpr = "/panels/0/panels/0/targets/0/expr";

const std::vector<Fault> kFaults = {
    {"template-datasource-rule", "/templating/list/0/type", "constant"},
    {"template-datasource-rule", "/templating/list/0/name", "ds"},
    {"template-datasource-rule", "/templating/list/0/label", "Source"},
    {"template-job-rule", "/templating/list/1/name", "service"},
    {"template-job-rule", "/templating/list/1/multi", false},
    {"template-job-rule", "/templating/list/1/allValue", ".*"},
    {"template-job-rule", "/templating/list/1/label", "job"},
    {"template-job-rule", "/templating/list/1/datasource/uid", "abc"},
    {"template-instance-rule", "/templating/list/2/name", "host"},
    {"template-label-promql-rule", "/templating/list/1/query", "label_values(up{, job)"},
    {"template-label-promql-rule", "/templating/list/1/query", "labels(up)"},
    {"template-on-time-change-reload-rule", "/templating/list/2/refresh", 1},
    {"panel-datasource-rule", "/panels/0/panels/0/datasource/uid", "abc"},
    {"panel-title-description-rule", "/panels/0/panels/0/description", ""},
    {"panel-units-rule", "/panels/0/panels/0/fieldConfig/defaults/unit", ""},
    {"panel-no-targets-rule", "/panels/0/panels/0/targets", json::array()},
    {"target-promql-rule", kExpr, "sum(up" + kSelected},
    {"target-rate-interval-rule", kExpr, "rate(bytes_total" + kSelected + "[5m])"},
    {"target-job-rule", kExpr, R"(up{job="$job", instance=~"$instance"})"},
    {"target-job-rule", kExpr, R"(up{instance=~"$instance"})"},
    {"target-instance-rule", kExpr, R"(up{job=~"$job", instance=~"$instance|"})"},
    {"target-counter-agg-rule", kExpr, "sum(bytes_total" + kSelected + ")"},
    {"target-counter-agg-rule", kExpr, "max_over_time(bytes_total" + kSelected + "[$__range])"},
    {"uneditable-dashboard", "/editable", true},
};

IsValid promtool_says() {
  return [check = PromqlCheck()](const std::string& promql) mutable {
    return check.is_valid(substituted(promql));
  };
}

std::set<std::string> rules_of(const std::vector<LintResult>& results) {
  std::set<std::string> rules;
  for (const LintResult& result : results) rules.insert(result.rule);
  return rules;
}

class DashboardLintTest : public testing::Test {
 protected:
  void SetUp() override { WGSCOPE_NEED(why_no_prometheus()); }
};

TEST_F(DashboardLintTest, FindsNothingInAGoodDashboard) {
  EXPECT_THAT(lint(good_dashboard(), promtool_says()), IsEmpty());
}

TEST_F(DashboardLintTest, EachRuleFindsItsFault) {
  const IsValid is_valid = promtool_says();
  std::set<std::string> seen;
  for (const Fault& fault : kFaults) {
    json dashboard = good_dashboard();
    dashboard.at(json::json_pointer(fault.pointer)) = fault.value;
    EXPECT_THAT(rules_of(lint(dashboard, is_valid)), ElementsAre(fault.rule))
        << fault.pointer << " " << fault.value;
    seen.insert(fault.rule);
  }
  EXPECT_THAT(seen, SizeIs(15)) << "the rules for LogQL are below";
}

TEST_F(DashboardLintTest, LogQlIsNotTakenForValid) {
  json dashboard = good_dashboard();
  json& target = dashboard.at(json::json_pointer("/panels/0/panels/0/targets/0"));
  target = {{"datasource", {{"type", "loki"}}}, {"expr", "rate({job=\"x\"}[$__auto])"}};
  EXPECT_THAT(rules_of(lint(dashboard, promtool_says())), ElementsAre("target-logql-rule"));
  target.at("expr") = "rate({job=\"x\"}[5m])";
  EXPECT_THAT(rules_of(lint(dashboard, promtool_says())),
              UnorderedElementsAre("target-logql-rule", "target-logql-auto-rule"));
}

TEST(LintConfigurationTest, ExcludesWhatItsEntriesName) {
  const TempDir folder;
  write_file(folder / ".lint",
             "exclusions:\n"
             "  target-job-rule:\n"
             "    reason: why\n"
             "    entries:\n"
             "      - dashboard: D\n"
             "        panel: P\n"
             "        targetIdx: 1\n"
             "        reason: its own\n"
             "      - dashboard: D\n"
             "        panel: Q\n"
             "  panel-units-rule:\n"
             "warnings:\n"
             "  uneditable-dashboard:\n"
             "    reason: another\n");
  const LintConfiguration configuration = LintConfiguration::load(folder / ".lint");
  EXPECT_TRUE(configuration.excludes({"target-job-rule", "D", "P", 1, ""}));
  EXPECT_FALSE(configuration.excludes({"target-job-rule", "D", "P", 0, ""}));
  EXPECT_TRUE(configuration.excludes({"target-job-rule", "D", "Q", 7, ""}));
  EXPECT_FALSE(configuration.excludes({"target-job-rule", "E", "P", 1, ""}));
  EXPECT_FALSE(configuration.excludes({"target-instance-rule", "D", "P", 1, ""}));
  EXPECT_TRUE(configuration.excludes({"panel-units-rule", "any", "any", {}, ""}));
  EXPECT_TRUE(configuration.excludes({"uneditable-dashboard", "any", {}, {}, ""}));
  ASSERT_THAT(configuration.entries(), SizeIs(4));
  EXPECT_EQ(configuration.entries()[0].reason, "its own");
  EXPECT_EQ(configuration.entries()[1].reason, "why");
  EXPECT_EQ(configuration.entries()[2].reason, "");
  EXPECT_EQ(configuration.entries()[3].reason, "another");
}

TEST(PromqlScanTest, FindsSelectorsWithTheirFunctions) {
  const std::vector<Selector> found = selectors_of(
      R"(sum by (job) (rate(a_total{job=~"$job", x!="}\""}[5m] offset 1m)) / on (job) group_left (name) b:c:d)"
      R"( + label_replace(vector(29.6), "mark", "not{this}", "", "") unless topk(5, {__name__="e"}) or time() - (f > 3))");
  ASSERT_THAT(found, SizeIs(4));
  EXPECT_EQ(found[0].metric, "a_total");
  EXPECT_EQ(found[0].function, "rate");
  EXPECT_EQ(found[0].range, "5m");
  ASSERT_NE(found[0].matcher("x"), nullptr);
  EXPECT_EQ(found[0].matcher("x")->operation, "!=");
  EXPECT_EQ(found[0].matcher("job")->value, "$job");
  EXPECT_EQ(found[0].matcher("y"), nullptr);
  EXPECT_EQ(found[1].metric, "b:c:d");
  EXPECT_EQ(found[1].function, "");
  EXPECT_EQ(found[2].metric, "");
  EXPECT_EQ(found[2].function, "topk");
  EXPECT_EQ(found[2].matcher("__name__")->value, "e");
  EXPECT_EQ(found[3].metric, "f");
}

}  // namespace
}  // namespace wgscope::test
