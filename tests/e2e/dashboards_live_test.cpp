// Every query of every dashboard finds something in a real Prometheus that evaluates the rules and scrapes what the dashboards
// are for: the exporter's demo, an exporter on real tunnels with some that are not well, and what the probe left behind.

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <regex>
#include <set>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "dashboard_lint.hpp"
#include "exporter.hpp"
#include "files.hpp"
#include "gateways.hpp"
#include "local_server.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "prometheus.hpp"
#include "temp_dir.hpp"
#include "uapi_server.hpp"
#include "wait.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::IsEmpty;
using testing::Not;

/// Peers with each fault, and more idle ones that left later than a list has room for. Their counters
/// rise.
class Played {
 public:
  static constexpr std::uint64_t kNamed = 1;
  static constexpr std::uint64_t kNameless = 2;
  static constexpr std::uint64_t kRepliesLost = 3;  ///< it never had a session, and so no age
  static constexpr std::uint64_t kUnanswered = 4;   ///< neither
  static constexpr std::uint64_t kOneWay = 5;       ///< it answers for a while
  static constexpr std::uint64_t kFlapping = 6;     ///< two devices have its key
  static constexpr std::uint64_t kIdle = 10;        ///< the first of many
  static constexpr std::uint64_t kIdleCount = 60;

  explicit Played(const std::filesystem::path& socket)
      : server_(socket, {answer(0s)}), thread_([this](const std::stop_token& stop) {
          for (auto age = 1s; !stop.stop_requested(); ++age) {
            server_.reply_with({answer(age)});
            std::unique_lock lock(mutex_);
            tick_.wait_for(lock, stop, 1s, [] { return false; });
          }
        }) {}

 private:
  static std::string answer(std::chrono::seconds age) {
    const auto bytes = [&](std::int64_t per_second, std::chrono::seconds at_most = 24h) {
      return std::to_string(1000 + per_second * std::min(age, at_most).count());
    };
    std::vector<UapiPeer> peers{{.number = kNamed, .handshake_age = 400s + age},
                                {.number = kNameless, .handshake_age = 500s + age},
                                {.number = kRepliesLost, .receive_bytes = bytes(30)},
                                {.number = kUnanswered, .transmit_bytes = bytes(30)},
                                {.number = kOneWay,
                                 .handshake_age = 30s,
                                 .receive_bytes = bytes(1'000'000, 45s),
                                 .transmit_bytes = bytes(50'000)},
                                {.number = kFlapping,
                                 .handshake_age = 30s,
                                 .port = static_cast<std::uint16_t>(2000 + age / 10s % 2)}};
    for (std::uint64_t number = kIdle; number < kIdle + kIdleCount; ++number)
      peers.push_back({.number = number, .handshake_age = 600s + age});
    return uapi_answer(peers);
  }

  UapiServer server_;
  std::mutex mutex_;  ///< guards nothing; tick_ wants one
  std::condition_variable_any tick_;
  std::jthread thread_;
};

/// An interface that cannot be read, and a played one with peers that are not well and a peer without a name.
struct Tunnels {
  TempDir folder;
  Gateways gateways;
  UapiServer odd{folder / "odd.sock", {"nonsense\n"}};
  Played played{folder / "played.sock"};
  std::optional<Exporter> exporter;

  Tunnels() {
    gateways.ping();
    for (const WireguardGo* tunnel : {&gateways.near, &gateways.far})
      std::filesystem::create_symlink(tunnel->socket_path(), folder / (tunnel->name() + ".sock"));
    write_file(folder / "names.json",
               json{{UapiPeer{.number = Played::kNamed}.public_key(), "laptop, \"Ada\""}}.dump());
    // One peer is declared and should be online; nobody declared the others.
    write_file(folder / "inventory.yaml",
               json{{"peers",
                     {{{"name", "laptop, \"Ada\""},
                       {"public_key", UapiPeer{.number = Played::kNamed}.public_key()},
                       {"interfaces", {"played"}},
                       {"expected_online", "always"}}}}}
                   .dump());
    exporter.emplace(
        ExporterOptions{.flags = {"--uapi.dir=" + folder.path().string(),
                                  "--inventory=" + (folder / "inventory.yaml").string(),
                                  "--names.file=" + (folder / "names.json").string()}});
  }
};

/// What the probe leaves after looking at `wgscope listen`, served as node_exporter's textfile collector would.
class ProbeResults {
 public:
  ProbeResults()
      : listen_({wgscope(), "listen", "--generate", "--peer-file", folder_ / "peer.conf",
                 "--interface", unique_interface_name(), "--uapi.dir", folder_.path(), "--stun"}) {
    if (!listen_.wait_for_output("stop with Ctrl-C", 30s)) throw std::runtime_error(listen_.err());
    probe({"handshake"});
    probe({"ping", "--count", "3", "--interval", "50ms"});
    probe({"mtu"});
    probe({"nat", "--longest", "1"});
    probe(
        {"reach", "--icmp", "10.95.86.1", "--expect-closed", "tcp:10.95.86.1:7"});  // which is open
    node_.emplace([this](int client) {
      receive_request(client);
      send_all(client, fmt::format("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n"
                                   "Content-Length: {}\r\nConnection: close\r\n\r\n{}",
                                   exposition_.size(), exposition_));
    });
  }
  [[nodiscard]] std::uint16_t port() const { return node_->port(); }

 private:
  static std::string wgscope() { return binary_dir() / "probe/wgscope"; }

  void probe(const std::vector<std::string>& verb) {
    const std::string file = folder_ / (verb.front() + ".prom");
    std::vector<std::string> command{wgscope()};
    command.insert(command.end(), verb.begin(), verb.end());
    for (const std::string& option :
         {std::string("--config"), (folder_ / "peer.conf").string(), std::string("--state.dir"),
          (folder_ / "state").string(), std::string("--prometheus"), file})
      command.push_back(option);
    run(command, {}, 60s);
    exposition_ += read_file(file);
  }

  TempDir folder_;
  Process listen_;
  std::string exposition_;
  std::optional<LocalServer> node_;
};

/// The rules that are committed, evaluated every second, with a window of two minutes.
std::string quick_rules(const TempDir& folder) {
  const std::string output = folder / "rules";
  must_run({source_dir() / "script/rules", "--scrape-interval", "1s", "--set", "evaluation=1s",
            "--set", "unreadable_for=0s", "--output", output});
  return output;
}

struct Setting {
  TempDir folder;
  Tunnels tunnels;
  Exporter demo{{.flags = {"--demo"}}};
  ProbeResults probe;
  Prometheus prometheus{fmt::format(
      "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}\n"
      "rule_files: ['{}/*.yaml']\n"
      "scrape_configs:\n"
      "  - {{job_name: wireguard, static_configs: [{{targets: ['127.0.0.1:{}', "
      "'127.0.0.1:{}']}}]}}\n"
      "  - {{job_name: node, static_configs: [{{targets: ['127.0.0.1:{}']}}]}}\n",
      quick_rules(folder), demo.server().port, tunnels.exporter->server().port, probe.port())};

  /// `result` once there is one; empty when there is none by the time at which all should be there.
  [[nodiscard]] json result(const std::string& promql) const {
    json found = prometheus.query(promql);
    auto next = std::chrono::steady_clock::now();
    if (!found.empty() || next > deadline) return found;
    static_cast<void>(wait_until(
        [&] {
          // Asking costs Prometheus more than waiting costs us.
          if (std::chrono::steady_clock::now() < next) return false;
          next += 300ms;
          found = prometheus.query(promql);
          return !found.empty();
        },
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - next)));
    return found;
  }

  /// The exporter looks at data for two minutes before it says that they turned one-way.
  const std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::now() + 180s;

  /// The key of a peer that comes from a new port every 20 s.
  [[nodiscard]] std::string phone() const {
    return result("wireguard_peer_info{name=\"phone\"}").at(0).at("metric").at("public_key");
  }
};

std::vector<json> dashboards() {
  std::vector<json> found;
  for (const auto& entry : std::filesystem::directory_iterator(source_dir() / "dashboards"))
    if (entry.path().extension() == ".json") found.push_back(json::parse(read_file(entry.path())));
  return found;
}

/// Values that Grafana would offer for a query variable of the form label_values(SELECTOR, LABEL).
std::set<std::string> label_values(const Prometheus& prometheus, const std::string& query) {
  static const std::regex form("label_values\\((.+), ([a-z_]+)\\)");
  std::smatch match;
  if (!std::regex_match(query, match, form))
    throw std::runtime_error("not a query of values: " + query);
  std::set<std::string> values;
  for (const json& series : prometheus.query(substituted(match[1])))
    if (series.at("metric").contains(match[2])) values.insert(series.at("metric").at(match[2]));
  return values;
}

const json& variable_of(const json& dashboard, const std::string& name) {
  for (const json& one : dashboard.at("templating").at("list"))
    if (one.at("name") == name) return one;
  throw std::runtime_error("there is no variable " + name);
}

class DashboardsLiveTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!why_no_netns() && !why_no_prometheus()) setting_ = std::make_unique<Setting>();
  }
  static void TearDownTestSuite() { setting_.reset(); }
  void SetUp() override {
    WGSCOPE_NEED(why_no_netns());
    WGSCOPE_NEED(why_no_prometheus());
    ASSERT_EQ(dashboards().size(), 5U);
    ASSERT_FALSE(setting_->result("count(up == 1) == 3").empty()) << "not all targets are scraped";
  }

  /// A query as Grafana asks it, for all jobs of the dashboard and the demo's phone.
  static std::string asked(const json& dashboard, const json& query) {
    const json& job = variable_of(dashboard, "job");
    std::string jobs = job.value("allValue", "");
    if (jobs.empty())
      for (const std::string& one : label_values(setting_->prometheus, job.at("query")))
        jobs += (jobs.empty() ? "" : "|") + one;
    return substituted(
        query.at("expr"),
        {{"peer", setting_->phone()}, {"job", jobs}, {"__rate_interval", "1m"}, {"__range", "1m"}});
  }

  static std::unique_ptr<Setting> setting_;
};

std::unique_ptr<Setting> DashboardsLiveTest::setting_;

TEST_F(DashboardsLiveTest, EveryQueryFindsSomething) {
  for (const json& dashboard : dashboards())
    for (const json& panel : panels_of(dashboard))
      for (const json& target : panel.at("targets")) {
        const std::string promql = asked(dashboard, target);
        const std::string place =
            dashboard.at("uid").get<std::string>() + ": " + panel.at("title").get<std::string>();
        const json result = setting_->result(promql);
        EXPECT_FALSE(result.empty()) << place << ", " << target.at("refId") << ": " << promql;
        // A legend that names a label nobody has would show nothing.
        static const std::regex label("\\{\\{([a-z_]+)\\}\\}");
        const std::string legend = target.value("legendFormat", "");
        for (std::sregex_iterator match(legend.begin(), legend.end(), label), end; match != end;
             ++match)
          for (const json& series : result)
            EXPECT_TRUE(series.at("metric").contains((*match)[1]))
                << place << ": " << legend << ": " << series;
      }
}

/// As docs/alerts.md lists them, but for stale, which is a fault: faults first.
const std::vector<std::string> kVerdicts{"replies_lost", "unanswered", "flapping", "one_way",
                                         "stale",        "live",       "idle",     "never"};

TEST_F(DashboardsLiveTest, PeersWithAFaultAreNamedHoweverManyAreIdle) {
  const std::map<std::uint64_t, std::string> faults{{Played::kRepliesLost, "replies_lost"},
                                                    {Played::kUnanswered, "unanswered"},
                                                    {Played::kFlapping, "flapping"},
                                                    {Played::kOneWay, "one_way"}};
  for (const auto& [number, verdict] : faults)
    ASSERT_FALSE(
        setting_
            ->result(fmt::format(R"(wireguard_peer_verdict{{public_key="{}", verdict="{}"}})",
                                 UapiPeer{.number = number}.public_key(), verdict))
            .empty())
        << verdict;
  const json dashboard = json::parse(read_file(source_dir() / "dashboards/wgscope-gateway.json"));
  std::map<std::string, std::string> order;  // by key
  std::size_t idle = 0;
  for (const json& panel : panels_of(dashboard)) {
    if (panel.at("title") != "Peers with a fault, and who is offline now") continue;
    for (const json& series : setting_->result(asked(dashboard, panel.at("targets")[0]))) {
      const json& labels = series.at("metric");
      order[labels.at("public_key")] = labels.value("order", "none");
      if (labels.at("verdict") == "idle") ++idle;
    }
  }
  EXPECT_EQ(idle, 50U) << "there are more, and the list has room for 50";
  for (const auto& [number, verdict] : faults)
    EXPECT_EQ(order[UapiPeer{.number = number}.public_key()],
              std::to_string(1 + (std::ranges::find(kVerdicts, verdict) - kVerdicts.begin())))
        << verdict;
}

TEST_F(DashboardsLiveTest, NumbersOfVerdictsAndSeveritiesAreAlwaysInOneOrder) {
  const std::vector<std::string> severities{"critical", "warning", "info"};
  std::size_t compared = 0;
  for (const json& dashboard : dashboards())
    for (const json& panel : panels_of(dashboard)) {
      if (panel.at("type") != "stat") continue;
      for (const json& target : panel.at("targets"))
        for (const auto& [label, order] :
             {std::pair{"verdict", kVerdicts}, {"severity", severities}}) {
          std::vector<std::ptrdiff_t> places;
          for (const json& series : setting_->result(asked(dashboard, target)))
            if (series.at("metric").contains(label))
              places.push_back(
                  std::ranges::find(order, series.at("metric").at(label).get<std::string>()) -
                  order.begin());
          EXPECT_TRUE(std::ranges::is_sorted(places))
              << dashboard.at("uid") << ": " << panel.at("title");
          compared += places.size();
        }
    }
  EXPECT_GE(compared, 13U) << "all verdicts on two dashboards, and a severity";
}

TEST_F(DashboardsLiveTest, TheWorstSeverityComesFirst) {
  ASSERT_FALSE(setting_->result("ALERTS{alertstate=\"firing\", severity=\"warning\"}").empty());
  std::size_t sorted = 0;
  for (const json& dashboard : dashboards())
    for (const json& panel : panels_of(dashboard))
      if (panel.at("title") == "Firing alerts" || panel.at("title") == "Findings") {
        if (panel.at("type") != "table") continue;
        EXPECT_EQ(panel.at("options").at("sortBy"),
                  json::parse(R"([{"displayName": "Severity", "desc": true}])"));
        for (const json& series : setting_->result(asked(dashboard, panel.at("targets")[0]))) {
          const std::string severity = series.at("metric").at("severity");
          EXPECT_EQ(series.at("value")[1].get<std::string>(), severity == "critical"  ? "3"
                                                              : severity == "warning" ? "2"
                                                                                      : "1");
          ++sorted;
        }
      }
  EXPECT_GE(sorted, 2U);
}

TEST_F(DashboardsLiveTest, TablesShowLabelsThatExist) {
  // What is there only sometimes, such as an alert of a peer, is looked for in all that was found.
  std::set<std::string> fields{"Value", "Value #A", "Value #B", "instance\\verdict"};
  fields.insert(kVerdicts.begin(), kVerdicts.end());
  std::map<std::string, std::set<std::string>> shown;
  for (const json& dashboard : dashboards())
    for (const json& panel : panels_of(dashboard)) {
      for (const json& target : panel.at("targets"))
        for (const json& series : setting_->result(asked(dashboard, target)))
          for (const auto& [label, value] : series.at("metric").items()) fields.insert(label);
      for (const json& step : panel.value("transformations", json::array()))
        if (step.at("id") == "filterFieldsByName")
          shown[dashboard.at("uid").get<std::string>() + ": " +
                panel.at("title").get<std::string>()] =
              step.at("options").at("include").at("names").get<std::set<std::string>>();
    }
  EXPECT_GE(shown.size(), 12U);
  for (const auto& [place, names] : shown)
    for (const std::string& name : names)
      EXPECT_TRUE(fields.contains(name)) << place << ": " << name;
}

// Grafana merges two rows if they agree in all columns that both have, the metric's name among them.
TEST_F(DashboardsLiveTest, RowsOfSeveralQueriesCanBeMerged) {
  std::size_t merged = 0;
  for (const json& dashboard : dashboards())
    for (const json& panel : panels_of(dashboard)) {
      if (panel.at("type") != "table" || panel.at("targets").size() < 2) continue;
      ASSERT_EQ(panel.at("targets").size(), 2U);
      const json left = setting_->result(asked(dashboard, panel.at("targets")[0]));
      const json right = setting_->result(asked(dashboard, panel.at("targets")[1]));
      const auto agree = [](const json& one, const json& other) {
        return std::ranges::all_of(one.at("metric").items(), [&](const auto& label) {
          return other.at("metric").value(label.key(), label.value().template get<std::string>()) ==
                 label.value();
        });
      };
      std::size_t pairs = 0;
      for (const json& row : left)
        pairs += static_cast<std::size_t>(
            std::ranges::count_if(right, [&](const json& other) { return agree(row, other); }));
      EXPECT_EQ(pairs, std::min(left.size(), right.size()))
          << dashboard.at("uid") << ": " << panel.at("title");
      ++merged;
    }
  EXPECT_GE(merged, 3U);
}

TEST_F(DashboardsLiveTest, VariablesOfferWhatIsThere) {
  static_cast<void>(setting_->result("probe_success"));
  static_cast<void>(setting_->phone());
  std::map<std::string, std::set<std::string>> offered;
  for (const json& dashboard : dashboards())
    for (const json& variable : dashboard.at("templating").at("list")) {
      if (variable.at("type") != "query" || variable.at("name") == "peer") continue;
      const std::set<std::string> values = label_values(setting_->prometheus, variable.at("query"));
      EXPECT_THAT(values, Not(IsEmpty())) << dashboard.at("uid") << ": " << variable.at("query");
      offered[variable.at("name")].insert(values.begin(), values.end());
    }
  EXPECT_THAT(offered.at("job"), testing::UnorderedElementsAre("wireguard", "node"));
  EXPECT_EQ(offered.at("instance").size(), 3U);
  EXPECT_THAT(offered.at("interface"), testing::IsSupersetOf({"gw-lisbon", "gw-oslo", "played"}));
}

TEST_F(DashboardsLiveTest, OtherJobsAreNotTakenForExporters) {
  const json dashboard = json::parse(read_file(source_dir() / "dashboards/wgscope-fleet.json"));
  for (const json& panel : panels_of(dashboard)) {
    if (panel.at("title") != "Gateways") continue;
    std::map<std::string, std::string> counts;
    for (const json& series : setting_->result(asked(dashboard, panel.at("targets")[0])))
      counts[series.at("metric").at("state")] = series.at("value")[1];
    EXPECT_EQ(counts, (std::map<std::string, std::string>{{"scraped", "2"}, {"not scraped", "0"}}));
  }
}

TEST_F(DashboardsLiveTest, PeersAreChosenByNameAndFoundByKey) {
  const json dashboard = json::parse(read_file(source_dir() / "dashboards/wgscope-peer.json"));
  const json& variable = variable_of(dashboard, "peer");
  // As JavaScript has it: /…/g with named groups, which std::regex does not know.
  std::string pattern = variable.at("regex");
  ASSERT_TRUE(pattern.starts_with("/") && pattern.ends_with("/g")) << pattern;
  pattern = std::regex_replace(pattern.substr(1, pattern.size() - 3),
                               std::regex("\\?<(text|value)>"), "");
  const std::regex regex(pattern);
  const std::string query = variable.at("query");
  ASSERT_TRUE(query.starts_with("query_result(")) << query;

  static_cast<void>(setting_->phone());
  std::map<std::string, std::string> names;
  for (const json& series :
       setting_->prometheus.query(substituted(query.substr(13, query.size() - 14)))) {
    std::string option;  // as Grafana writes a series
    for (const auto& [label, value] : series.at("metric").items())
      if (label != "__name__")
        option +=
            fmt::format("{}{}=\"{}\"", option.empty() ? "" : ",", label, value.get<std::string>());
    option = "wireguard_peer_info{" + option + "} 1 1700000000000";
    std::string text;
    std::string value;
    for (std::sregex_iterator match(option.begin(), option.end(), regex), end; match != end;
         ++match) {
      if ((*match)[1].matched) text = (*match)[1];
      if ((*match)[2].matched) value = (*match)[2];
    }
    EXPECT_EQ(value, series.at("metric").at("public_key"));
    names[value] = text;
  }
  EXPECT_EQ(names.at(setting_->phone()), "phone");
  EXPECT_EQ(names.at(UapiPeer{.number = Played::kNameless}.public_key()), "")
      << "Grafana shows the key then";
}

}  // namespace
}  // namespace wgscope::test
