// The sample configurations in packaging/: what their own programs say of them, and which targets
// Prometheus makes of them.

#include <cstdint>
#include <exception>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include "files.hpp"
#include "http.hpp"
#include "need.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "prometheus.hpp"
#include "temp_dir.hpp"
#include "victoriametrics.hpp"
#include "wait.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

std::filesystem::path packaging() { return source_dir() / "packaging"; }

class SamplesTest : public testing::Test {
 protected:
  void SetUp() override { WGSCOPE_NEED(why_no_prometheus()); }

  static Finished check(const std::filesystem::path& config) {
    return run({find_prometheus_program("promtool").value(), "check", "config", config.string()});
  }
};

TEST_F(SamplesTest, PromtoolFindsNoFault) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(packaging() / "prometheus")) {
    if (!entry.is_regular_file()) continue;
    names.insert(entry.path().filename());
    const Finished finished = check(entry.path());
    EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  }
  EXPECT_THAT(names, testing::ElementsAre("federation.yml", "prometheus.yml", "shard.yml"));
}

TEST_F(SamplesTest, PromtoolFindsFaultsInTheTargets) {
  const TempDir folder;
  std::filesystem::copy(packaging() / "prometheus", folder.path(),
                        std::filesystem::copy_options::recursive);
  write_file(folder / "targets/gateways.yml", "- target: [gw:9586]\n");
  EXPECT_NE(check(folder / "prometheus.yml").exit_code, 0);
}

using Targets = std::map<std::string, std::string>;

/// The addresses of what is scraped, each with its instance, once there is any.
Targets targets_at(std::uint16_t port) {
  json active;
  const auto found = [&] {
    try {
      active = get_api(port, "targets?state=active").at("activeTargets");
    } catch (const std::exception&) {  // it does not listen yet
    }
    return !active.empty();
  };
  static_cast<void>(wait_until(found, 30s));
  Targets targets;
  for (const json& target : active)
    targets[target.at("discoveredLabels").at("__address__")] = target.at("labels").at("instance");
  return targets;
}

Targets targets_of(const YAML::Node& config) {
  return targets_at(Prometheus(YAML::Dump(config)).port());
}

/// A sample whose targets are in `targets`, and which needs nothing else.
YAML::Node sample_with(const std::string& name, const std::filesystem::path& targets) {
  YAML::Node config = YAML::LoadFile((packaging() / "prometheus" / name).string());
  for (const char* other : {"rule_files", "alerting", "remote_write"}) config.remove(other);
  config["global"]["scrape_interval"] = "1h";  // nobody is asked: the hosts are made up
  config["scrape_configs"][0]["file_sd_configs"][0]["files"][0] = targets.string();
  return config;
}

const Targets kTargets{{"192.0.2.7:9586", "gw-quito.example.net"},
                       {"gw-lisbon.example.net:9586", "gw-lisbon.example.net"},
                       {"gw-oslo.example.net:9586", "gw-oslo.example.net"},
                       {"gw-oslo.example.net:9587", "gw-oslo.example.net:9587"}};

TEST_F(SamplesTest, AnInstanceIsAHostOrOneOfItsFurtherExporters) {
  EXPECT_EQ(
      targets_of(sample_with("prometheus.yml", packaging() / "prometheus/targets/gateways.yml")),
      kTargets);
}

// As docs/scale-out.md says, with all that is not for it.
TEST_F(SamplesTest, VmagentMakesTheSameTargets) {
  WGSCOPE_NEED(why_no_victoriametrics());
  const TempDir folder;
  YAML::Node config = YAML::LoadFile((packaging() / "prometheus/prometheus.yml").string());
  config["global"]["scrape_interval"] = "1h";
  config["scrape_configs"][0]["file_sd_configs"][0]["files"][0] =
      (packaging() / "prometheus/targets/gateways.yml").string();
  write_file(folder / "prometheus.yml", YAML::Dump(config));
  const std::uint16_t port = free_port();
  const Process vmagent({find_prometheus_program("vmagent").value(),
                         "-promscrape.config=" + (folder / "prometheus.yml").string(),
                         "-promscrape.config.strictParse=false",
                         "-remoteWrite.url=http://127.0.0.1:1/",
                         "-remoteWrite.tmpDataPath=" + (folder / "queue").string(),
                         fmt::format("-httpListenAddr=127.0.0.1:{}", port), "-loggerLevel=ERROR"});
  EXPECT_EQ(targets_at(port), kTargets);
}

TEST_F(SamplesTest, EveryHostBelongsToOneShardWithAllItsExporters) {
  constexpr int kHosts = 40;
  const TempDir folder;
  std::string addresses;
  for (int host = 1; host <= kHosts; ++host)  // of this machine, and nobody listens there
    for (const int port : {9586, 9587}) addresses += fmt::format(" '127.1.0.{}:{}',", host, port);
  write_file(folder / "targets.yml", "- targets: [" + addresses + "]\n");

  std::map<std::string, std::set<int>> shards_of;  // by host
  std::map<int, std::size_t> targets_in;
  std::set<std::string> instances;
  for (const int shard : {0, 1}) {
    YAML::Node config = sample_with("shard.yml", folder / "targets.yml");
    for (YAML::Node step : config["scrape_configs"][0]["relabel_configs"])
      if (step["action"].as<std::string>("") == "keep") step["regex"] = shard;
    for (const auto& [address, instance] : targets_of(config)) {
      shards_of[address.substr(0, address.find(':'))].insert(shard);
      ++targets_in[shard];
      EXPECT_TRUE(instances.insert(instance).second) << instance << " is there twice";
    }
  }
  EXPECT_EQ(instances.size(), 2U * kHosts);
  EXPECT_EQ(shards_of.size(), kHosts);
  for (const auto& [host, shards] : shards_of)
    EXPECT_EQ(shards.size(), 1U) << host << " is split between servers";
  // A hash, so not halves.
  for (const int shard : {0, 1}) EXPECT_GE(targets_in[shard], 2U * kHosts / 4) << shard;
}

// No Grafana is to be had here that could read these.
TEST(ProvisioningSamples, SayWhatGrafanaNeedsToFindThem) {
  const YAML::Node source =
      YAML::LoadFile((packaging() / "grafana/datasource.yaml").string())["datasources"][0];
  // The dashboards choose among data sources of this type.
  EXPECT_EQ(source["type"].as<std::string>(), "prometheus");
  const YAML::Node scrape =
      YAML::LoadFile((packaging() / "prometheus/prometheus.yml").string())["global"];
  EXPECT_EQ(source["jsonData"]["timeInterval"].as<std::string>(),
            scrape["scrape_interval"].as<std::string>());
  const YAML::Node provider =
      YAML::LoadFile((packaging() / "grafana/dashboards.yaml").string())["providers"][0];
  EXPECT_EQ(provider["type"].as<std::string>(), "file");
  EXPECT_THAT(provider["options"]["path"].as<std::string>(), testing::StartsWith("/"));
}

}  // namespace
}  // namespace wgscope::test
