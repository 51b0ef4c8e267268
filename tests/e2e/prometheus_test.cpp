// A real Prometheus scrapes the exporter twice over, once in each format, on real tunnels with
// peers whose names are hostile and an interface that cannot be read. What it has stored must be
// what the exporter said.

#include "prometheus.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "exporter.hpp"
#include "files.hpp"
#include "gateways.hpp"
#include "http.hpp"
#include "metrics.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "tee.hpp"
#include "temp_dir.hpp"
#include "uapi_server.hpp"
#include "wait.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

const std::string kHostileName = "a\"b\\c\nd\xc3\xa9{}=,# \xf0\x9f\x90\xa7";

/// All that takes part. Made once: all tests look at the same scrapes.
struct Setting {
  TempDir folder;
  Gateways gateways;
  UapiServer odd{folder / "odd.sock", {"nonsense\n"}};
  UapiServer played{folder / "played.sock",
                    {uapi_answer({{.number = 1, .receive_bytes = "18446744073709551615"},
                                  {.number = 2, .handshake_age = 400s}})}};
  std::optional<Exporter> exporter;
  std::optional<Tee> text;
  std::optional<Tee> openmetrics;
  std::optional<Prometheus> prometheus;

  Setting() {
    gateways.ping();
    for (const WireguardGo* tunnel : {&gateways.near, &gateways.far})
      std::filesystem::create_symlink(tunnel->socket_path(), folder / (tunnel->name() + ".sock"));
    // JSON takes any name; nlohmann writes it.
    write_file(folder / "names.json",
               json{{UapiPeer{.number = 1}.public_key(), kHostileName}}.dump());
    exporter.emplace(ExporterOptions{.flags = {"--uapi.dir=" + folder.path().string(),
                                               "--names.file=" + (folder / "names.json").string(),
                                               "--peer.allowed-ips=info", "--peer-label=name"}});
    text.emplace(exporter->server(), "text/plain;version=0.0.4");
    openmetrics.emplace(exporter->server(), "");
    prometheus.emplace(
        std::vector<ScrapeJob>{{"text", text->port()}, {"openmetrics", openmetrics->port()}});
    const auto scraped = [&] {
      return text->exchanges().size() >= 4 && openmetrics->exchanges().size() >= 4;
    };
    if (!wait_until(scraped, 30s)) throw std::runtime_error("Prometheus does not scrape");
  }
};

class PrometheusTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    WGSCOPE_NEED(why_no_netns());
    WGSCOPE_NEED(why_no_prometheus());
    if (!setting_) setting_ = std::make_unique<Setting>();
  }
  static void TearDownTestSuite() { setting_.reset(); }

  [[nodiscard]] const Tee& tee() const {
    return GetParam() == "text" ? *setting_->text : *setting_->openmetrics;
  }
  [[nodiscard]] static std::string body_of(const Exchange& exchange) {
    return exchange.response.header("Content-Encoding") ? gunzip(exchange.response.body)
                                                        : exchange.response.body;
  }
  /// All samples of the last minute, of one metric or all, of this job.
  [[nodiscard]] json samples(const std::string& selector) const {
    return setting_->prometheus->query(selector + "{job=\"" + GetParam() + "\"}[1m]");
  }
  /// When the scrapes were, in the order of the exchanges.
  [[nodiscard]] std::vector<double> scrape_times() const {
    std::vector<double> times;
    const json up = samples("up").at(0);
    for (const json& value : up.at("values")) times.push_back(value.at(0));
    return times;
  }

  static std::unique_ptr<Setting> setting_;
};

std::unique_ptr<Setting> PrometheusTest::setting_;

TEST_P(PrometheusTest, AsksForTheFormatAndGetsIt) {
  for (const Exchange& exchange : tee().exchanges()) {
    const bool text = GetParam() == "text";
    EXPECT_THAT(exchange.request, HasSubstr(text ? "\r\nAccept: text/plain;version=0.0.4\r\n"
                                                 : "\r\nAccept: application/openmetrics-text"));
    EXPECT_EQ(exchange.response.header("Content-Type"),
              text ? "text/plain; version=0.0.4; charset=utf-8"
                   : "application/openmetrics-text; version=1.0.0; charset=utf-8");
    EXPECT_EQ(exchange.response.header("Content-Encoding"), "gzip");
    EXPECT_THAT(exchange.request, HasSubstr("X-Prometheus-Scrape-Timeout-Seconds: 1\r\n"));
  }
}

TEST_P(PrometheusTest, EveryScrapeSucceeds) {
  const json up = samples("up");
  ASSERT_THAT(up, SizeIs(1));
  ASSERT_GE(up[0].at("values").size(), 3U);
  for (const json& value : up[0].at("values")) EXPECT_EQ(value.at(1), "1");
  const json targets = setting_->prometheus->get("targets?state=active");
  for (const json& target : targets.at("activeTargets")) {
    EXPECT_EQ(target.at("lastError"), "");
    EXPECT_EQ(target.at("health"), "up");
  }
  const Metrics own = Metrics::parse(setting_->prometheus->own_metrics());
  for (const char* counter : {"prometheus_target_scrapes_sample_duplicate_timestamp_total",
                              "prometheus_target_scrapes_sample_out_of_order_total",
                              "prometheus_target_scrapes_sample_out_of_bounds_total",
                              "prometheus_target_scrapes_exceeded_sample_limit_total"})
    EXPECT_EQ(own.value(counter), 0) << counter;
}

/// A series as a key: its name and labels, without those Prometheus adds.
using Series = std::pair<std::string, Labels>;

TEST_P(PrometheusTest, StoresEveryValueAsItWasSaid) {
  const std::vector<double> times = scrape_times();
  const std::vector<Exchange> exchanges = tee().exchanges();
  ASSERT_LE(times.size(), exchanges.size());
  std::map<Series, std::map<double, std::string>> stored;
  const json all = setting_->prometheus->query("{job=\"" + GetParam() + "\"}[1m]");
  for (const json& series : all) {
    Labels labels = series.at("metric").get<Labels>();
    const std::string name = labels.at("__name__");
    for (const char* added : {"__name__", "job", "instance"}) labels.erase(added);
    for (const json& value : series.at("values")) stored[{name, labels}][value.at(0)] = value.at(1);
  }
  std::size_t compared = 0;
  std::map<std::size_t, double> counts;
  for (std::size_t i = 0; i < times.size(); ++i) {
    const Metrics said = Metrics::parse(body_of(exchanges[i]));
    for (const Sample& sample : said.samples()) {
      const auto& values = stored[{sample.name, sample.labels}];
      const auto value = values.find(times[i]);
      ASSERT_NE(value, values.end()) << sample.name;
      ASSERT_EQ(std::strtod(value->second.c_str(), nullptr), sample.value) << sample.name;
      ++compared;
    }
    const auto scraped = stored[{"scrape_samples_scraped", {}}].find(times[i]);
    ASSERT_EQ(std::stoul(scraped->second), said.samples().size());
  }
  EXPECT_GT(compared, 3U * 150U);
}

TEST_P(PrometheusTest, KeepsHostileNames) {
  const json found = setting_->prometheus->query("wireguard_peer_session_live{job=\"" + GetParam() +
                                                 "\",interface=\"played\",name!=\"\"}");
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].at("metric").at("name"), kHostileName);
}

TEST_P(PrometheusTest, KnowsTypesUnitsAndHelp) {
  const std::string body = body_of(tee().exchanges().back());
  const Metrics said = Metrics::parse(body);
  const json metadata = setting_->prometheus->get("targets/metadata?match_target=%7Bjob%3D%22" +
                                                  GetParam() + "%22%7D");
  std::map<std::string, json> known;
  for (const json& entry : metadata) known[entry.at("metric")] = entry;
  EXPECT_EQ(known.size(), count_of("\n" + body, "\n# TYPE "));
  for (const auto& [metric, entry] : known) {
    EXPECT_EQ(entry.at("type"), said.type(metric)) << metric;
    EXPECT_NE(entry.at("help"), "") << metric;
  }
  const auto expect = [&](const std::string& metric, const std::string& type,
                          const std::string& unit) {
    ASSERT_EQ(known.count(metric), 1U) << metric;
    EXPECT_EQ(known[metric].at("type"), type) << metric;
    EXPECT_EQ(known[metric].at("unit"), unit) << metric;
  };
  if (GetParam() == "text") {
    expect("wireguard_peer_info", "gauge", "");
    expect("wireguard_peer_receive_bytes_total", "counter", "");
    expect("wireguard_peer_handshake_age_seconds", "gauge", "");
    expect("wireguard_exporter_http_request_duration_seconds", "histogram", "");
  } else {
    expect("wireguard_peer", "info", "");
    expect("wireguard_interface", "info", "");
    expect("wireguard_exporter_build", "info", "");
    expect("wireguard_peer_receive_bytes", "counter", "bytes");
    expect("wireguard_interface_transmit_packets", "counter", "packets");
    expect("wireguard_peer_handshake_age_seconds", "gauge", "seconds");
    expect("wireguard_peer_session_live", "gauge", "");
    expect("wireguard_exporter_http_request_duration_seconds", "histogram", "seconds");
    expect("process_cpu_seconds", "counter", "seconds");
  }
}

TEST_P(PrometheusTest, AnswersTheQueriesThatAlertsAndDashboardsMake) {
  const auto count = [&](const std::string& promql) {
    std::string with_job = promql;
    for (std::size_t at = 0; (at = with_job.find("JOB", at)) != std::string::npos;)
      with_job.replace(at, 3, "job=\"" + GetParam() + "\"");
    return setting_->prometheus->query(with_job).size();
  };
  const std::string on = " on (job, instance, netns, interface, public_key) ";
  EXPECT_EQ(count("wireguard_peer_session_live{JOB} == 1"), 2U);
  // Never shook hands, and not merely idle.
  EXPECT_EQ(count("wireguard_peer_session_live{JOB} == 0 unless" + on +
                  "wireguard_peer_last_handshake_timestamp_seconds"),
            2U);
  EXPECT_EQ(count("wireguard_peer_handshake_age_seconds{JOB} > 300"), 1U);
  EXPECT_EQ(count("rate(wireguard_peer_receive_bytes_total{JOB}[1m]) *" + on +
                  "group_left (endpoint) wireguard_peer_info{JOB}"),
            5U);
  EXPECT_EQ(count("wireguard_exporter_collector_success{JOB,collector=\"uapi\"} == 0"), 1U);
  EXPECT_EQ(
      count("wireguard_exporter_interface_failures{JOB,interface=\"odd\",reason=\"malformed\"}"),
      1U);
}

INSTANTIATE_TEST_SUITE_P(Formats, PrometheusTest, testing::Values("text", "openmetrics"),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace wgscope::test
