// The samples of packaging/prometheus at work: an exporter on real tunnels, a Prometheus that
// evaluates the rules, two VictoriaMetrics that it writes to, a vmalert that evaluates the same
// rules on what the second of them got, and a Prometheus over the first by federation. All must
// come to the same.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <regex>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include "exporter.hpp"
#include "files.hpp"
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
using testing::_;
using testing::Contains;
using testing::ElementsAre;
using testing::Ge;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::Not;
using testing::Pair;
using testing::SizeIs;

/// wait_until() for what takes long and costs something to ask for. VictoriaMetrics looks for new
/// series every 10 s only, and one rule builds on the other.
template <class Predicate>
bool wait_patiently(Predicate happened) {
  auto next = std::chrono::steady_clock::now();
  const auto asked = [&] {
    if (std::chrono::steady_clock::now() < next) return false;
    next = std::chrono::steady_clock::now() + 200ms;
    return happened();
  };
  return wait_until(asked, 60s);
}

YAML::Node sample(const std::string& name) {
  return YAML::LoadFile((source_dir() / "packaging/prometheus" / name).string());
}

/// The rules as they are but for their times: seconds, so that a test need not wait.
std::string quick_rules(const std::filesystem::path& folder) {
  must_run({source_dir() / "script/rules", "--set", "evaluation=1s", "--set", "window=10s", "--set",
            "down_for=3s", "--output", folder.string()});
  return folder / "core.yaml";
}

/// packaging/prometheus/prometheus.yml with the addresses of this test, and a second store, which
/// gets nothing that the rules made.
std::string prometheus_config(const std::filesystem::path& folder, const std::string& rules,
                              const std::vector<std::string>& stores) {
  YAML::Node config = sample("prometheus.yml");
  config["global"]["scrape_interval"] = "1s";
  config["rule_files"][0] = rules;
  config.remove("alerting");
  config["scrape_configs"][0]["file_sd_configs"][0]["files"][0] = (folder / "targets.yml").string();
  YAML::Node first = config["remote_write"][0];
  first["url"] = stores.at(0) + "/api/v1/write";
  first["queue_config"]["batch_send_deadline"] = "1s";
  YAML::Node second = YAML::Clone(first);
  second["url"] = stores.at(1) + "/api/v1/write";
  second["write_relabel_configs"][0] =
      YAML::Load("{source_labels: [__name__], regex: 'wireguard:.+|ALERTS.*', action: drop}");
  config["remote_write"].push_back(second);
  return YAML::Dump(config);
}

std::string federation_config(std::uint16_t port) {
  YAML::Node config = sample("federation.yml");
  config["global"]["scrape_interval"] = "1s";
  config["scrape_configs"][0]["static_configs"][0]["targets"] =
      YAML::Load(fmt::format("['127.0.0.1:{}']", port));
  return YAML::Dump(config);
}

/// The path of a configuration that makes who uses it the demo's peer that never came.
std::filesystem::path newcomer(const std::filesystem::path& folder) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.path().filename() == "printer.conf") return entry.path();
  throw std::runtime_error("the demo has no printer.conf");
}

/// All that takes part. Made once.
struct Setting {
  TempDir folder;
  Exporter exporter{{.flags = {"--demo"},
                     .wrapper = {"env", "TMPDIR=" + folder.path().string()},
                     .program = {},
                     .netns = {}}};
  std::string rules = quick_rules(folder / "rules");
  VictoriaMetrics with_verdicts;     ///< gets all that Prometheus has
  VictoriaMetrics without_verdicts;  ///< gets what was scraped; vmalert adds its own
  std::optional<Prometheus> prometheus;
  std::optional<Vmalert> vmalert;
  std::optional<Prometheus> over;  ///< the federation

  Setting() {
    write_file(folder / "targets.yml",
               fmt::format("- {{targets: ['127.0.0.1:{}'], labels: {{__host: gw-demo}}}}\n",
                           exporter.server().port));
    prometheus.emplace(
        prometheus_config(folder.path(), rules, {with_verdicts.url(), without_verdicts.url()}));
    vmalert.emplace(without_verdicts, rules);
    over.emplace(federation_config(prometheus->port()));
  }
};

/// The labels without those that say who took or sent the sample.
Labels own_labels(const json& metric) {
  Labels labels = metric.get<Labels>();
  labels.erase("prometheus");
  return labels;
}

using Values = std::map<Labels, double>;

Values values_of(const json& result) {
  Values values;
  for (const json& series : result) {
    const double value = std::stod(series.at("value").at(1).get<std::string>());
    if (!values.emplace(own_labels(series.at("metric")), value).second)
      throw std::runtime_error("twice: " + series.dump());
  }
  return values;
}

using Verdicts = std::map<std::string, std::set<std::string>>;

/// Of each peer, by its public key, all its verdicts: more than one is an error.
Verdicts verdicts_of(const json& result) {
  Verdicts verdicts;
  for (const json& series : result) {
    const json& metric = series.at("metric");
    verdicts[metric.at("public_key")].insert(metric.at("verdict"));
  }
  return verdicts;
}

class ScaleOutTest : public testing::Test {
 protected:
  void SetUp() override {
    WGSCOPE_NEED(why_no_prometheus());
    WGSCOPE_NEED(why_no_victoriametrics());
    if (!setting_) setting_ = std::make_unique<Setting>();
  }
  static void TearDownTestSuite() { setting_.reset(); }

  static json in_prometheus(const std::string& query) { return setting_->prometheus->query(query); }
  /// Of the first store, what Prometheus made; of the second, what vmalert made.
  static json sent(const std::string& query) { return setting_->with_verdicts.query(query); }
  static json made_by_vmalert(const std::string& query) {
    return setting_->without_verdicts.query(query);
  }
  /// Waits until both stores and Prometheus give the same answer, of `count` series or
  /// at least one.
  static void expect_alike(const std::string& query, std::optional<std::size_t> count = {}) {
    Values expected, stored, recorded;
    const auto alike = [&] {
      expected = values_of(in_prometheus(query));
      stored = values_of(sent(query));
      recorded = values_of(made_by_vmalert(query));
      return (count ? expected.size() == *count : !expected.empty()) && stored == expected &&
             recorded == expected;
    };
    if (wait_patiently(alike)) return;
    EXPECT_EQ(stored, expected) << query;
    EXPECT_EQ(recorded, expected) << query;
    FAIL() << query << ": Prometheus has " << expected.size() << " series";
  }

  static std::unique_ptr<Setting> setting_;
};

std::unique_ptr<Setting> ScaleOutTest::setting_;

TEST_F(ScaleOutTest, TheInstanceIsTheHost) {
  const auto up = [] { return in_prometheus("up{job=\"wireguard\"} == 1").size() == 1; };
  ASSERT_TRUE(wait_patiently(up));
  EXPECT_EQ(in_prometheus("up").at(0).at("metric").at("instance"), "gw-demo");
}

TEST_F(ScaleOutTest, TheStoreHasWhatPrometheusHas) {
  ASSERT_TRUE(wait_patiently([] { return sent("wireguard_peer_verdict").size() == 6; }));
  // Of a moment that both have whole: a second before the youngest sample that has arrived.
  const json youngest = sent("timestamp(up{job=\"wireguard\"})");
  const auto time =
      static_cast<std::int64_t>(std::stod(youngest.at(0).at("value").at(1).get<std::string>())) - 1;
  const Values expected = values_of(
      setting_->prometheus->get(fmt::format("query?query={{job=%22wireguard%22}}&time={}", time))
          .at("result"));
  const Values stored = values_of(setting_->with_verdicts.query("{job=\"wireguard\"}", time));
  const auto scraped = std::ranges::find_if(expected, [](const auto& one) {
    return one.first.at("__name__") == "scrape_samples_scraped";
  });
  ASSERT_NE(scraped, expected.end());
  EXPECT_GT(expected.size(), scraped->second);
  ASSERT_EQ(stored.size(), expected.size());
  for (const auto& [labels, value] : expected) {
    ASSERT_TRUE(stored.contains(labels)) << testing::PrintToString(labels);
    // VictoriaMetrics keeps decimal numbers.
    EXPECT_NEAR(stored.at(labels), value, 1e-12 * std::abs(value))
        << testing::PrintToString(labels);
  }
  const json own = sent("up{job=\"wireguard\",prometheus=\"lisbon\"}");
  EXPECT_THAT(own, SizeIs(1)) << "the external label says which Prometheus sent it";
}

// One peer falls idle after 3 minutes, which a slow machine may see here.
TEST_F(ScaleOutTest, VmalertCountsVerdictsAsPrometheusDoes) {
  expect_alike("wireguard_peer_verdict", 6);
  const Verdicts verdicts = verdicts_of(made_by_vmalert("wireguard_peer_verdict"));
  EXPECT_THAT(verdicts, SizeIs(6));
  EXPECT_THAT(verdicts, Contains(Pair(_, ElementsAre("live"))).Times(Ge(4)));
  EXPECT_THAT(verdicts, Contains(Pair(_, ElementsAre("never"))).Times(1));
  expect_alike("wireguard:instance_peers:count_by_verdict");
  expect_alike("wireguard:fleet_peers:count_by_verdict");
}

// The old verdict must end in the stores too: nobody has two.
TEST_F(ScaleOutTest, AVerdictThatChangesChangesEverywhere) {
  must_run({binary_dir() / "probe/wgscope", "handshake", "--config",
            newcomer(setting_->folder.path()).string()});
  const std::string never = "wireguard_peer_verdict{verdict=\"never\"}";
  ASSERT_TRUE(wait_patiently([&] { return in_prometheus(never).empty(); }));
  expect_alike("wireguard_peer_verdict", 6);
  const Verdicts verdicts = verdicts_of(made_by_vmalert("wireguard_peer_verdict"));
  EXPECT_THAT(verdicts, SizeIs(6));
  EXPECT_THAT(verdicts, Contains(Pair(_, ElementsAre("live"))).Times(Ge(5)));
  expect_alike("wireguard:fleet_peers:count_by_verdict");
}

TEST_F(ScaleOutTest, TheFederationHasTheFleetAndNoPeer) {
  const auto alike = [] {
    const Values here = values_of(in_prometheus("wireguard:fleet_peers:count_by_verdict"));
    const Values there = values_of(setting_->over->query("wireguard:fleet_peers:count_by_verdict"));
    return !here.empty() && here == there;
  };
  EXPECT_TRUE(wait_patiently(alike))
      << setting_->over->query("wireguard:fleet_peers:count_by_verdict");
  const json names = setting_->over->get("label/__name__/values");
  EXPECT_THAT(names.get<std::set<std::string>>(),
              IsSupersetOf({"wireguard:instance_peers:count_by_verdict",
                            "wireguard:fleet_peers:count_by_verdict", "up",
                            "wireguard_exporter_build_info"}));
  EXPECT_THAT(names, Not(Contains("wireguard_peer_verdict")));
  const json up = setting_->over->query("up{job=\"wireguard\"}");
  ASSERT_THAT(up, SizeIs(1));
  EXPECT_EQ(up.at(0).at("metric").at("instance"), "gw-demo");
  EXPECT_EQ(up.at(0).at("metric").at("prometheus"), "lisbon");
}

/// What the panels of the fleet's dashboard ask, for all instances of the job.
std::vector<std::string> fleet_queries() {
  const json dashboard = json::parse(read_file(source_dir() / "dashboards/wgscope-fleet.json"));
  std::vector<std::string> queries;
  for (const json& panel : dashboard.at("panels"))
    for (const json& target : panel.value("targets", json::array())) {
      std::string query = std::regex_replace(target.at("expr").get<std::string>(),
                                             std::regex(R"(\$job\b)"), "wireguard");
      queries.push_back(std::regex_replace(query, std::regex(R"(\$instance\b)"), ".+"));
    }
  return queries;
}

TEST_F(ScaleOutTest, TheFleetsDashboardShowsTheSameEverywhere) {
  std::size_t with_data = 0;
  for (const std::string& query : fleet_queries()) {
    Values here, in_federation, in_store;
    const auto alike = [&] {
      here = values_of(in_prometheus(query));
      in_federation = values_of(setting_->over->query(query));
      in_store = values_of(sent(query));
      return in_federation == here && in_store == here;
    };
    if (!wait_patiently(alike)) {
      EXPECT_EQ(in_federation, here) << query;
      EXPECT_EQ(in_store, here) << query;
    }
    if (!here.empty()) ++with_data;
  }
  // The demo's interfaces have no counters of their own, and nothing fires.
  EXPECT_GE(with_data, 4U);
}

/// What somebody is told: all labels and annotations of the alert while it fires.
std::optional<std::pair<Labels, Labels>> firing(const json& alerts, const std::string& name) {
  for (const json& alert : alerts)
    if (alert.at("labels").at("alertname") == name && alert.at("state") == "firing")
      return {{own_labels(alert.at("labels")), alert.at("annotations").get<Labels>()}};
  return std::nullopt;
}

// The last one: it ends the exporter.
TEST_F(ScaleOutTest, VmalertRaisesTheAlertOfPrometheus) {
  EXPECT_THAT(setting_->prometheus->get("alerts").at("alerts"), IsEmpty());
  EXPECT_THAT(setting_->vmalert->alerts(), IsEmpty());
  ASSERT_EQ(setting_->exporter.stop(), 0);
  std::optional<std::pair<Labels, Labels>> in_prometheus, in_vmalert;
  const auto both_fire = [&] {
    in_prometheus =
        firing(setting_->prometheus->get("alerts").at("alerts"), "WireGuardExporterDown");
    in_vmalert = firing(setting_->vmalert->alerts(), "WireGuardExporterDown");
    return in_prometheus && in_vmalert;
  };
  ASSERT_TRUE(wait_patiently(both_fire)) << setting_->vmalert->alerts();
  EXPECT_EQ(in_vmalert, in_prometheus);
  // Nothing is known of the peers now, anywhere.
  expect_alike("wireguard_peer_verdict", 0);
}

}  // namespace
}  // namespace wgscope::test
