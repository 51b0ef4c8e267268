// How long Prometheus needs for all rules, and for the queries of the dashboards, with many peers.
// It gets the history that they look back at by remote write, evaluates on one processor, and is
// asked for its own figures.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bench_prometheus.hpp"
#include "table.hpp"

namespace {

using namespace wgscope::bench;
using namespace std::chrono_literals;
using nlohmann::json;

struct Options {
  int peers = 100'000;
  int peers_per_gateway = 1000;
  int faults = 1000;  ///< one peer in so many has one
  int scrape_interval = 60;
  std::vector<std::filesystem::path> rules;
  std::vector<std::filesystem::path> dashboards;
};

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// How much of the past the rules look at, and how long the bench itself takes.
constexpr std::int64_t kRecent = 16 * 60'000;
constexpr std::int64_t kFuture = 16 * 60'000;

constexpr auto kEvaluation = 30s;  ///< the interval of the rule groups

std::string instance_of(int gateway) { return fmt::format("gateway-{:04}:9586", gateway); }

std::string key_of(int number) { return fmt::format("{:_<43}=", fmt::format("peer{:07}", number)); }

/// A fleet of which 35 in 100 peers have a live session, 51 are idle, 9 never came and 4 receive a feed. A few knock without
/// being heard.
class History {
 public:
  History(const Options& options, const BenchPrometheus& prometheus)
      : options_(options), prometheus_(prometheus), now_(now_ms()) {}

  void write() {
    for (int number = 0; number < options_.peers; ++number) write_peer(number);
    for (int gateway = 0; gateway * options_.peers_per_gateway < options_.peers; ++gateway)
      write_gateway(gateway);
    flush();
  }

 private:
  using Extra = std::vector<std::pair<std::string, std::string>>;

  /// `value(t)`, t in seconds from the beginning of the samples.
  template <class Value>
  void write_series(std::string_view name, const std::string& instance, const Extra& extra,
                    std::int64_t past, std::int64_t future, std::int64_t step, Value&& value) {
    constexpr std::size_t kAtOnce = 2000;
    wgscope::test::TimeSeries& series = pending_.emplace_back();
    series.labels = {{"__name__", std::string(name)}, {"instance", instance}, {"job", "wireguard"}};
    series.labels.insert(extra.begin(), extra.end());
    for (std::int64_t at = now_ - past; at <= now_ + future; at += step)
      series.values.push_back(
          {at, static_cast<double>(value(static_cast<double>(at - now_ + past) / 1e3))});
    if (pending_.size() == kAtOnce) flush();
  }

  void flush() {
    prometheus_.write(pending_);
    pending_.clear();
  }

  void write_peer(int number) {
    const std::string instance = instance_of(number / options_.peers_per_gateway);
    const std::string key = key_of(number);
    const std::string name = fmt::format("laptop of person {}", number);
    const Extra extra{{"interface", "wg0"}, {"public_key", key}};
    const std::int64_t step = options_.scrape_interval * 1000;
    const int kind = number % options_.faults == options_.faults - 1 ? kFault : number % 99;
    const bool live = kind < 39;
    const bool never = kind >= 90 && kind != kFault;
    const double receive = kind < 35 ? 700 + number % 97 : kind == kFault ? 23.7 : 0;
    const double transmit = live ? 5000 + number % 89 : kind == kFault ? 14.7 : 0;
    const auto put = [&](std::string_view metric, std::int64_t past, auto&& value) {
      write_series(metric, instance, extra, past, kFuture, step, value);
    };
    const double wall = static_cast<double>(now_) / 1e3;
    put("wireguard_peer_session_live", kRecent, [&](double) { return live ? 1 : 0; });
    put("wireguard_peer_receive_bytes_total", kRecent,
        [&](double t) { return std::floor(1e6 + receive * t); });
    put("wireguard_peer_transmit_bytes_total", kRecent,
        [&](double t) { return std::floor(1e6 + transmit * t); });
    put("wireguard_peer_endpoint_alternations_total", kRecent, [&](double) { return 0; });
    put("wireguard_peer_handshakes_total", kRecent,
        [&](double t) { return live ? std::floor(t / 120) : 3; });
    put("wireguard_peer_endpoint_changes_total", kRecent, [&](double) { return number % 5; });
    put("wireguard_peer_persistent_keepalive_seconds", kRecent,
        [&](double) { return number % 2 * 25; });
    put("wireguard_peer_allowed_ips", kRecent, [&](double) { return 1; });
    put("wireguard_peer_first_seen_timestamp_seconds", kRecent, [&](double) { return wall - 1e6; });
    if (!never) {
      put("wireguard_peer_handshake_age_seconds", kRecent,
          [&](double t) { return live ? std::fmod(t, 120) : t + 3600; });
      put("wireguard_peer_last_handshake_timestamp_seconds", kRecent, [&](double t) {
        return live ? wall - kRecent / 1e3 + 120 * std::floor(t / 120) : wall - 4560;
      });
    }
    const std::string endpoint =
        fmt::format("203.0.{}.{}:{}", number / 250 % 250, number % 250, 1024 + number % 60000);
    Extra info = extra;
    info.insert(info.end(), {{"name", name},
                             {"endpoint", endpoint},
                             {"preshared_key", "false"},
                             {"protocol_version", "1"}});
    write_series("wireguard_peer_info", instance, info, kRecent, kFuture, step,
                 [](double) { return 1; });
    Extra verdict = extra;
    verdict.insert(verdict.end(), {{"name", name}, {"verdict", verdict_of(kind)}});
    write_series("wireguard_peer_verdict", instance, verdict, kRecent, kFuture, step,
                 [](double) { return 1; });
  }

  static constexpr int kFault = 99;

  static std::string verdict_of(int kind) {
    if (kind < 39) return "live";
    if (kind == kFault) return "replies_lost";
    return kind < 90 ? "idle" : "never";
  }

  void write_gateway(int number) {
    const std::string instance = instance_of(number);
    const Extra interface{{"interface", "wg0"}};
    const std::int64_t step = options_.scrape_interval * 1000;
    const auto put = [&](std::string_view metric, const Extra& extra, double base, double rate) {
      write_series(metric, instance, extra, kRecent, kFuture, step,
                   [&](double t) { return std::floor(base + rate * t); });
    };
    put("up", {}, 1, 0);
    put("wireguard_interface_up", interface, 1, 0);
    put("wireguard_interface_peers", interface, options_.peers_per_gateway, 0);
    put("wireguard_interface_peer_resets_total", interface, 2, 0);
    for (const auto& [verdict, share] :
         std::map<std::string, double>{{"replies_lost", 1.0 / options_.faults},
                                       {"unanswered", 0},
                                       {"flapping", 0},
                                       {"one_way", 0},
                                       {"live", 0.39},
                                       {"idle", 0.51},
                                       {"never", 0.09}})
      put("wireguard_interface_peers_by_verdict", {{"interface", "wg0"}, {"verdict", verdict}},
          share * options_.peers_per_gateway, 0);
    put("wireguard_interface_created_timestamp_seconds", interface, 1.7e9, 0);
    for (const char* counter :
         {"receive_bytes", "transmit_bytes", "receive_packets", "transmit_packets"})
      put(fmt::format("wireguard_interface_{}_total", counter), interface, 1e9, 1e5);
    put("wireguard_interface_receive_frame_errors_total", interface, 3, 0);
    put("wireguard_interface_socket_receive_drops_total", interface, 3, 0);
    put("wireguard_exporter_clock_steps_total", {}, 1, 0);
    put("wireguard_exporter_build_info", {{"version", "1"}}, 1, 0);
    for (const char* collector : {"netlink", "links", "names", "uapi"})
      put("wireguard_exporter_collector_success", {{"collector", collector}}, 1, 0);
    write_series("scrape_duration_seconds", instance, {}, kRecent, kFuture, step,
                 [](double) { return 0.05; });
  }

  const Options& options_;
  const BenchPrometheus& prometheus_;
  std::int64_t now_;
  std::vector<wgscope::test::TimeSeries> pending_;
};

struct RuleTime {
  std::string group, name;
  double seconds = 0;
};

std::vector<RuleTime> rule_times(const BenchPrometheus& prometheus) {
  std::vector<RuleTime> times;
  const json rules = prometheus.get("rules");
  for (const json& group : rules.at("groups"))
    for (const json& rule : group.at("rules")) {
      if (rule.value("lastError", "") != "")
        throw std::runtime_error(rule.at("name").get<std::string>() + ": " +
                                 rule.at("lastError").get<std::string>());
      times.push_back({group.at("name"), rule.at("name"), rule.at("evaluationTime")});
    }
  return times;
}

/// CPU time that Prometheus spends in the time of an evaluation without any: above all on its garbage, and on being asked.
double measure_rest(const BenchPrometheus& prometheus) {
  constexpr int kTimes = 4;
  const double before = prometheus.cpu_seconds();
  const auto end = std::chrono::steady_clock::now() + kTimes * kEvaluation;
  while (std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(2s);
    static_cast<void>(prometheus.get("rules"));
  }
  return (prometheus.cpu_seconds() - before) / kTimes;
}

void measure_rules(const BenchPrometheus& prometheus, int evaluations, double rest) {
  std::vector<std::vector<RuleTime>> rounds;
  prometheus
      .wait_for_evaluations();  // the first one makes the recorded series, which is not what an evaluation costs
  const double cpu_before = prometheus.cpu_seconds();
  for (int i = 0; i < evaluations; ++i) {
    prometheus.wait_for_evaluations();
    rounds.push_back(rule_times(prometheus));
  }
  const double cpu = (prometheus.cpu_seconds() - cpu_before) / evaluations;
  Table table({"group", "rule", "median of " + std::to_string(evaluations) + ", ms"});
  double sum = 0;
  for (std::size_t rule = 0; rule < rounds.front().size(); ++rule) {
    std::vector<double> seconds;
    for (const auto& round : rounds) seconds.push_back(round[rule].seconds);
    std::nth_element(seconds.begin(), seconds.begin() + evaluations / 2, seconds.end());
    const double median = seconds[static_cast<std::size_t>(evaluations / 2)];
    sum += median;
    table.row({rounds[0][rule].group, rounds[0][rule].name, fmt::format("{:.1f}", median * 1e3)});
  }
  table.row({"", "all", fmt::format("{:.1f}", sum * 1e3)});
  table.print();
  fmt::print(
      "\nPrometheus uses {:.2f} s of CPU time from one evaluation of all rules to the next, and "
      "{:.2f} s without rules.\n\n",
      cpu, rest);
}

/// What somebody chose who looks at a dashboard: all gateways of the fleet; of other dashboards one, and one of its peers.
std::string with_choices(std::string query, bool fleet) {
  const std::vector<std::pair<std::string, std::string>> choices{
      {"__rate_interval", "4m"},
      {"__range", "10m"},
      {"__interval", "1m"},
      {"job", "wireguard"},
      {"instance", fleet ? ".+" : instance_of(0)},
      {"interface", ".+"},
      {"peer", key_of(0)}};
  for (const auto& [variable, value] : choices)
    query = std::regex_replace(
        query, std::regex(fmt::format(R"(\$({0}\b|\{{{0}(:\w+)?\}}))", variable)), value);
  return std::regex_replace(query, std::regex(R"(\$(\w+|\{\w+(:\w+)?\}))"), ".+");
}

/// Every expression of a dashboard's panels.
void collect_queries(const json& node, const std::string& title,
                     std::vector<std::pair<std::string, std::string>>& queries) {
  if (node.is_array()) {
    for (const json& each : node) collect_queries(each, title, queries);
    return;
  }
  if (!node.is_object()) return;
  const std::string here = node.contains("title") && node["title"].is_string()
                               ? node["title"].get<std::string>()
                               : title;
  if (node.contains("expr") && node["expr"].is_string())
    queries.emplace_back(here, node["expr"].get<std::string>());
  for (const auto& [name, value] : node.items()) collect_queries(value, here, queries);
}

void measure_dashboards(const BenchPrometheus& prometheus,
                        const std::vector<std::filesystem::path>& files) {
  Table table({"dashboard", "panel", "now, ms", "10 min in 30 s, ms"});
  for (const auto& path : files) {
    std::ifstream file(path);
    std::vector<std::pair<std::string, std::string>> queries;
    const json dashboard = json::parse(file);
    const bool fleet = dashboard.at("uid") == "wgscope-fleet";
    collect_queries(dashboard, "", queries);
    for (const auto& [title, expression] : queries) {
      const std::string query = with_choices(expression, fleet);
      table.row(
          {path.filename().string(), title, fmt::format("{:.0f}", prometheus.time_of(query) * 1e3),
           fmt::format(
               "{:.0f}",
               prometheus.time_of_range(query, now_ms() / 1000 - 600, now_ms() / 1000, 30) * 1e3)});
    }
  }
  table.print();
}

int run(const Options& options) {
  BenchPrometheus prometheus;
  History history(options, prometheus);
  const auto begin = std::chrono::steady_clock::now();
  history.write();
  fmt::print("{} peers at {} gateways, scraped every {} s; history written in {:.0f} s\n\n",
             options.peers,
             (options.peers + options.peers_per_gateway - 1) / options.peers_per_gateway,
             options.scrape_interval,
             std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  const double rest = measure_rest(prometheus);
  prometheus.load_rules(options.rules);
  measure_rules(prometheus, 5, rest);
  if (!options.dashboards.empty()) measure_dashboards(prometheus, options.dashboards);
  fmt::print("\n{}\n", prometheus.memory());
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  Options options;
  CLI::App app("Measures Prometheus with the rules and many peers.");
  app.add_option("--peers", options.peers);
  app.add_option("--peers-per-gateway", options.peers_per_gateway);
  app.add_option("--scrape-interval", options.scrape_interval, "seconds");
  app.add_option("--faults", options.faults, "one peer in so many has one");
  app.add_option("--rules", options.rules)->required();
  app.add_option("--dashboards", options.dashboards);
  CLI11_PARSE(app, argc, argv);
  return run(options);
} catch (const std::exception& error) {
  fmt::print(stderr, "rules_bench: {}\n", error.what());
  return 2;
}
