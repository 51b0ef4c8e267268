// mixin.libsonnet has what the files have that are used without it.

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include "files.hpp"
#include "need.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "prometheus.hpp"
#include "temp_dir.hpp"

namespace wgscope::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

/// The mixin with this in its _config, every part of it in sight.
json evaluated(const std::string& config) {
  const std::string program =
      "local mixin = (import 'mixin.libsonnet') + { _config+:: {" + config +
      "} };\n{ alerts: mixin.prometheusAlerts, rules: mixin.prometheusRules, "
      "dashboards: mixin.grafanaDashboards }";
  return json::parse(must_run({"jsonnet", "--jpath", source_dir(), "--exec", program}));
}

/// An expression without its line breaks, which mean nothing in PromQL.
std::string on_one_line(const std::string& text) {
  std::string words;
  bool space = false;
  for (const char c : text) {
    if (c == ' ' || c == '\n') {
      space = true;
      continue;
    }
    if (space && !words.empty()) words += ' ';
    words += c;
    space = false;
  }
  return words;
}

/// Alerts and recorded series by name, each with its expression.
using Rules = std::map<std::string, std::string>;

Rules rules_of(const json& part) {
  Rules rules;
  for (const json& group : part.at("groups"))
    for (const json& rule : group.at("rules"))
      rules[rule.contains("alert") ? rule.at("alert") : rule.at("record")] =
          on_one_line(rule.at("expr").get<std::string>());
  return rules;
}

Rules rules_in_files(const std::string& kind) {
  Rules rules;
  for (const auto& entry : std::filesystem::directory_iterator(source_dir() / "alerts"))
    if (entry.path().extension() == ".yaml")
      for (const YAML::Node& group : YAML::LoadFile(entry.path().string())["groups"])
        for (const YAML::Node& rule : group["rules"])
          if (rule[kind])
            rules[rule[kind].as<std::string>()] = on_one_line(rule["expr"].as<std::string>());
  return rules;
}

class MixinTest : public testing::Test {
 protected:
  void SetUp() override {
    WGSCOPE_NEED(run({"bash", "-c", "command -v jsonnet"}).exit_code == 0
                     ? std::optional<std::string>()
                     : "there is no jsonnet (script/bootstrap --tests installs it)");
  }
};

TEST_F(MixinTest, HasEveryRuleAndDashboard) {
  const json mixin = evaluated("");
  EXPECT_EQ(rules_of(mixin.at("alerts")), rules_in_files("alert"));
  EXPECT_EQ(rules_of(mixin.at("rules")), rules_in_files("record"));
  EXPECT_GE(rules_of(mixin.at("alerts")).size(), 17U);
  json dashboards = json::object();
  for (const auto& entry : std::filesystem::directory_iterator(source_dir() / "dashboards"))
    if (entry.path().extension() == ".json")
      dashboards[entry.path().filename()] = json::parse(read_file(entry.path()));
  EXPECT_TRUE(mixin.at("dashboards") == dashboards);
}

TEST_F(MixinTest, PutsTheSelectorAndTheRunbooksIntoTheirPlaces) {
  const std::string changed =
      evaluated("selector: 'job=~\"vpn|tunnels\"', runbooks: 'https://wiki.example.org/runbooks'")
          .dump();
  EXPECT_THAT(changed, Not(HasSubstr("job=\\\"wireguard\\\"")));
  EXPECT_THAT(changed, HasSubstr("absent(up{job=~\\\"vpn|tunnels\\\"})"));
  EXPECT_THAT(changed, HasSubstr("scrape_duration_seconds{job=~\\\"vpn|tunnels\\\"}"));
  EXPECT_THAT(changed, Not(HasSubstr("runbooks.example.net")));
  EXPECT_THAT(changed, HasSubstr("https://wiki.example.org/runbooks/WireGuardExporterDown.md"));
  for (const std::string alert :
       {"WireGuardPeerUndeclared", "WireGuardPeerMissing", "WireGuardInventoryNotLoaded"}) {
    EXPECT_THAT(changed, HasSubstr("https://wiki.example.org/runbooks/" + alert + ".md"));
  }
  EXPECT_THAT(changed, HasSubstr("https://wiki.example.org/runbooks/${__data.fields.alertname"));
}

TEST_F(MixinTest, PrometheusTakesAllOfItsRulesInOneFile) {
  WGSCOPE_NEED(why_no_prometheus());
  const json mixin = evaluated("selector: 'job=\"vpn\"'");
  json all = mixin.at("rules");
  for (const json& group : mixin.at("alerts").at("groups")) all.at("groups").push_back(group);
  const TempDir folder;
  write_file(folder / "rules.yaml", all.dump());
  const Finished finished = run({find_prometheus_program("promtool").value(), "check", "rules",
                                 "--lint=all", "--lint-fatal", folder / "rules.yaml"});
  EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
}

}  // namespace
}  // namespace wgscope::test
