// The Kubernetes manifests: current, whole, and valid by the schemas of Prometheus Operator. No
// cluster has seen them here.

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
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
#include "wait.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;

std::filesystem::path manifests() { return source_dir() / "packaging/kubernetes"; }

std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder,
                                            const std::string& extension) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == extension) files.push_back(entry.path());
  return files;
}

YAML::Node manifest(const std::string& name) {
  return YAML::LoadFile((manifests() / name).string());
}

/// As JSON, in which neither order nor style matter; scalars are text.
nlohmann::json plain(const YAML::Node& node) {
  if (node.IsSequence()) {
    nlohmann::json list = nlohmann::json::array();
    for (const YAML::Node& item : node) list.push_back(plain(item));
    return list;
  }
  if (node.IsMap()) {
    nlohmann::json map = nlohmann::json::object();
    for (const auto& item : node) map[item.first.as<std::string>()] = plain(item.second);
    return map;
  }
  return node.IsNull() ? nlohmann::json() : nlohmann::json(node.as<std::string>());
}

Finished script(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), source_dir() / "script/manifests");
  return run(std::move(arguments), {}, 60s);
}

class GeneratorTest : public testing::Test {
 protected:
  void SetUp() override { WGSCOPE_NEED(why_no_generator()); }

 private:
  static std::optional<std::string> why_no_generator() {
    if (std::filesystem::exists(manifests() / "source/node_modules")) return std::nullopt;
    return "the manifests' generator is not installed (script/bootstrap --tests does it)";
  }
};

TEST_F(GeneratorTest, WhatIsCommittedIsWhatItMakes) {
  const Finished finished = script({"--check"});
  EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
}

TEST_F(GeneratorTest, AClusterWouldTakeAll) {
  std::vector<std::string> arguments{"--validate"};
  for (const std::filesystem::path& file : files_in(manifests(), ".yaml"))
    if (file.filename() != "kustomization.yaml") arguments.push_back(file);
  ASSERT_GT(arguments.size(), 3U);
  const Finished finished = script(arguments);
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
}

TEST_F(GeneratorTest, AClusterWouldRefuseWhatIsBroken) {
  const TempDir folder;
  std::vector<std::string> arguments{"--validate"};
  std::vector<std::string> reasons;
  const auto broken = [&](const std::string& name, const std::string& from, auto change,
                          const std::string& reason) {
    YAML::Node node = manifest(from);
    change(node);
    write_file(folder / name, YAML::Dump(node) + "\n");
    arguments.push_back(folder / name);
    reasons.push_back(fmt::format("{}: {}", (folder / name).string(), reason));
  };
  broken(
      "no-expr.yaml", "rules-core.yaml",
      [](YAML::Node node) { node["spec"]["groups"][0]["rules"][0].remove("expr"); },
      "data/spec/groups/0/rules/0 must have required property expr");
  broken(
      "interval.yaml", "rules-core.yaml",
      [](YAML::Node node) { node["spec"]["groups"][1]["interval"] = "30 s"; },
      "data/spec/groups/1/interval must match pattern");
  broken(
      "selector.yaml", "pod-monitor.yaml", [](YAML::Node node) { node["spec"].remove("selector"); },
      "data/spec must have required property selector");
  broken(
      "action.yaml", "pod-monitor.yaml",
      [](YAML::Node node) {
        node["spec"]["podMetricsEndpoints"][0]["relabelings"][0]["action"] = "rename";
      },
      "data/spec/podMetricsEndpoints/0/relabelings/0/action must be equal to one of");
  broken(
      "name.yaml", "pod-monitor.yaml",
      [](YAML::Node node) { node["metadata"]["name"] = "wgscope_exporter"; },
      "metadata.name must be");
  broken(
      "kind.yaml", "pod-monitor.yaml", [](YAML::Node node) { node["kind"] = "PodMonitors"; },
      "there is no schema here for monitoring.coreos.com/v1 PodMonitors");
  write_file(folder / "big.yaml",
             "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: big}\ndata: {a: " +
                 std::string((1 << 20) + 1, 'x') + "}\n");
  arguments.push_back(folder / "big.yaml");
  reasons.push_back((folder / "big.yaml").string() + ": its data are 1048577 bytes");

  const Finished finished = script(arguments);
  EXPECT_EQ(finished.exit_code, 1);
  for (const std::string& reason : reasons) EXPECT_THAT(finished.err, HasSubstr(reason));
}

TEST(ManifestsTest, EveryPackOfRulesIsThereAsItIs) {
  const auto packs = files_in(source_dir() / "alerts", ".yaml");
  ASSERT_FALSE(packs.empty());
  for (const std::filesystem::path& pack : packs) {
    const std::string name = pack.stem();
    const YAML::Node rule = manifest("rules-" + name + ".yaml");
    EXPECT_EQ(rule["kind"].as<std::string>(), "PrometheusRule");
    EXPECT_EQ(rule["metadata"]["name"].as<std::string>(), "wgscope-" + name);
    EXPECT_EQ(plain(rule["spec"]), plain(YAML::LoadFile(pack.string()))) << name;
  }
}

TEST(ManifestsTest, EveryDashboardIsThereByteForByte) {
  const auto dashboards = files_in(source_dir() / "dashboards", ".json");
  ASSERT_FALSE(dashboards.empty());
  for (const std::filesystem::path& dashboard : dashboards) {
    const std::string name = dashboard.stem();
    const YAML::Node map = manifest("dashboard-" + name + ".yaml");
    EXPECT_EQ(map["kind"].as<std::string>(), "ConfigMap");
    EXPECT_EQ(map["metadata"]["labels"]["grafana_dashboard"].as<std::string>(), "1");
    ASSERT_EQ(map["data"].size(), 1U);
    EXPECT_EQ(map["data"][name + ".json"].as<std::string>(), read_file(dashboard)) << name;
  }
}

TEST(ManifestsTest, TheKustomizationNamesEveryManifest) {
  std::set<std::string> expected;
  for (const std::filesystem::path& file : files_in(manifests(), ".yaml"))
    expected.insert(file.filename());
  expected.erase("kustomization.yaml");
  EXPECT_THAT(manifest("kustomization.yaml")["resources"].as<std::vector<std::string>>(),
              testing::UnorderedElementsAreArray(expected));
}

/// The operator writes a relabelling step into Prometheus' configuration under these names.
YAML::Node relabel_config(const YAML::Node& relabelings) {
  const std::map<std::string, std::string> names{{"sourceLabels", "source_labels"},
                                                 {"targetLabel", "target_label"},
                                                 {"replacement", "replacement"}};
  YAML::Node steps(YAML::NodeType::Sequence);
  for (const YAML::Node& relabeling : relabelings) {
    YAML::Node step;
    for (const auto& item : relabeling) step[names.at(item.first.as<std::string>())] = item.second;
    steps.push_back(step);
  }
  return steps;
}

TEST(ManifestsTest, ThePodsGetTheJobOfTheRulesAndTheNodeAsInstance) {
  WGSCOPE_NEED(why_no_prometheus());
  const TempDir folder;
  write_file(
      folder / "pods.yml",
      "- {targets: ['127.1.0.1:9586'], labels: {__meta_kubernetes_pod_node_name: node-a}}\n");
  YAML::Node scrape;
  scrape["job_name"] = "podMonitor/monitoring/wgscope-exporter/0";  // the operator's own
  scrape["file_sd_configs"][0]["files"][0] = (folder / "pods.yml").string();
  scrape["relabel_configs"] =
      relabel_config(manifest("pod-monitor.yaml")["spec"]["podMetricsEndpoints"][0]["relabelings"]);
  YAML::Node config;
  config["scrape_configs"][0] = scrape;
  const Prometheus prometheus(YAML::Dump(config));
  nlohmann::json targets;
  ASSERT_TRUE(wait_until(
      [&] {
        targets = prometheus.get("targets?state=active").at("activeTargets");
        return targets.size() == 1;
      },
      30s));
  EXPECT_EQ(targets.at(0).at("labels"),
            nlohmann::json({{"job", "wireguard"}, {"instance", "node-a"}}));
}

}  // namespace
}  // namespace wgscope::test
