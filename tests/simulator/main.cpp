// Simulates a fleet, has Prometheus evaluate the rules over what its exporters would have said, and
// compares the alerts with what really happened. script/simulate builds and runs it.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "fleet.hpp"
#include "judge.hpp"
#include "promtool.hpp"
#include "temp_dir.hpp"

namespace {

using namespace wgscope::simulator;
using namespace std::chrono_literals;

struct Options {
  double hours = 24;
  int peers = 1000;
  int scrape_interval = 60;
  std::uint64_t seed = 1;
  bool faults = false;
  bool inventory = false;
  double messages = 0;
  bool list = false;
  std::optional<int> part;
  std::vector<std::filesystem::path> rules;
  std::filesystem::path other_rules;
  std::filesystem::path promises;
};

Promises read_promises(const std::filesystem::path& path) {
  std::ifstream file(path);
  Promises promises;
  std::string alert;
  for (std::int64_t seconds = 0; file >> alert >> seconds;) promises[alert] = Time(seconds * 1000);
  if (promises.empty()) throw std::runtime_error("no promises in " + path.string());
  return promises;
}

std::string clock_of(Time time) {
  const auto s = time / 1s;
  return fmt::format("{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

std::string text_of(const Labels& labels) {
  std::string text = labels.at("alertname");
  for (const char* name :
       {"instance", "interface", "public_key", "reason", "collector", "name", "field", "id"})
    if (labels.contains(name)) text += " " + labels.at(name);
  return text;
}

struct Score {
  std::map<std::string, int> false_alarms;
  struct Faults {
    int injected = 0;
    int kept = 0;
    Time slowest{0};
    Time promise{0};
  };
  std::map<std::string, Faults> faults;  ///< by what happened

  void add(const Verdict& verdict) {
    for (const Firing* firing : verdict.false_alarms)
      ++false_alarms[firing->labels.at("alertname")];
    for (const Named& named : verdict.faults) {
      Faults& faults_of = faults[named.truth->alert + ": " + named.truth->what];
      ++faults_of.injected;
      faults_of.kept += named.kept() ? 1 : 0;
      faults_of.slowest = std::max(faults_of.slowest, named.after.value_or(Time::max()));
      faults_of.promise = named.promise;
    }
  }

  [[nodiscard]] int false_count() const {
    int sum = 0;
    for (const auto& [alert, count] : false_alarms) sum += count;
    return sum;
  }
  [[nodiscard]] int broken() const {
    int sum = 0;
    for (const auto& [what, of] : faults) sum += of.injected - of.kept;
    return sum;
  }
};

bool is_other(const Firing& firing) { return firing.labels.at("alertname").starts_with("Other"); }

void print_score(const std::string& title, const Score& score) {
  fmt::print("{}: {} false alarms", title, score.false_count());
  for (const auto& [alert, count] : score.false_alarms) fmt::print(", {} {}", alert, count);
  fmt::print("\n");
  for (const auto& [what, of] : score.faults)
    fmt::print("  {:<75} {:>3} of {:>3} in time, slowest {}, promised {}\n", what, of.kept,
               of.injected, of.slowest == Time::max() ? "never" : clock_of(of.slowest),
               clock_of(of.promise));
}

void list_details(const Verdict& verdict) {
  for (const Firing* firing : verdict.false_alarms)
    fmt::print("  false: {} to {} {}\n", clock_of(firing->begin), clock_of(firing->end),
               text_of(firing->labels));
  for (const Named& named : verdict.faults)
    if (!named.kept())
      fmt::print("  missed: {} at {} {} {} after {}\n", named.truth->what,
                 clock_of(named.truth->begin), named.truth->scope.instance, named.truth->scope.key,
                 named.after ? clock_of(*named.after) : "never");
}

/// promtool needs about 80 bytes for each slot, empty or not: few of them, but enough for gateways
/// that are not all scraped at once.
Time slot_of(Time scrape_interval) {
  if (scrape_interval >= 60s) return 15s;
  if (scrape_interval >= 30s) return 10s;
  return 5s;
}

FleetOptions fleet_options_of(const Options& options) {
  FleetOptions fleet_options;
  fleet_options.duration = Time(static_cast<std::int64_t>(options.hours * 3.6e6));
  fleet_options.scrape_interval = Time(options.scrape_interval * 1000);
  fleet_options.slot = slot_of(fleet_options.scrape_interval);
  fleet_options.seed = options.seed;
  fleet_options.faults = options.faults;
  fleet_options.inventory = options.inventory;
  fleet_options.messages = options.messages;
  fleet_options.counters = !options.other_rules.empty();
  fleet_options.peers_per_gateway = std::clamp(options.peers / fleet_options.gateways, 1, 20);
  return fleet_options;
}

int run(const Options& options) {
  const Promises promises = read_promises(options.promises);
  FleetOptions fleet_options = fleet_options_of(options);
  const int per_fleet = fleet_options.gateways * fleet_options.peers_per_gateway;
  const int fleets = std::max(1, options.peers / per_fleet);
  const wgscope::test::TempDir folder;
  std::vector<std::filesystem::path> rules = options.rules;
  if (!options.other_rules.empty()) rules.push_back(options.other_rules);
  Score ours;
  Score others;
  std::size_t peers = 0;
  int gateways = 0;
  for (int number = 0; number < fleets; ++number) {
    if (options.part.value_or(number) != number) continue;
    fleet_options.first_gateway = number * fleet_options.gateways;
    const auto begin = std::chrono::steady_clock::now();
    Fleet fleet(fleet_options, promises);
    fleet.run();
    const auto simulated = std::chrono::steady_clock::now();
    peers += fleet.peers();
    gateways += fleet_options.gateways;
    const std::vector<Firing> firings = without_pauses(
        evaluate(rules, fleet.targets(), fleet_options.slot, fleet_options.duration, folder / ""),
        fleet.pauses(), kEvaluation);
    const auto evaluated = std::chrono::steady_clock::now();
    std::vector<Firing> by_ours;
    std::vector<Firing> by_others;
    for (const Firing& firing : firings) (is_other(firing) ? by_others : by_ours).push_back(firing);
    const Verdict verdict = judge(fleet.truths(), by_ours, promises);
    ours.add(verdict);
    others.add(judge_any(fleet.truths(), by_others, promises));
    fmt::print(stderr,
               "{} of {} fleets: simulated in {:.1f} s, evaluated in {:.1f} s; {} alarms, {} of "
               "them false\n",
               number + 1, fleets, std::chrono::duration<double>(simulated - begin).count(),
               std::chrono::duration<double>(evaluated - simulated).count(), by_ours.size(),
               verdict.false_alarms.size());
    if (options.list) list_details(verdict);
  }
  fmt::print("{} h, {} gateways, {} peers, scraped every {} s, seed {}, {}{}\n", options.hours,
             gateways, peers, options.scrape_interval, options.seed,
             options.faults ? "faults injected" : "no faults",
             options.inventory ? ", with inventories" : "");
  print_score("wgscope", ours);
  if (!options.other_rules.empty()) print_score("awesome-prometheus-alerts", others);
  return ours.false_count() + ours.broken() == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) try {
  Options options;
  CLI::App app("Simulates a fleet and judges alert rules by it.");
  app.add_option("--hours", options.hours);
  app.add_option("--peers", options.peers);
  app.add_option("--scrape-interval", options.scrape_interval, "seconds");
  app.add_option("--seed", options.seed);
  app.add_flag("--faults", options.faults);
  app.add_flag("--inventory", options.inventory, "each gateway has one");
  app.add_option("--messages", options.messages,
                 "in how many of a laptop's sleeps a server starts to send to it");
  app.add_flag("--list", options.list,
               "each false alarm and each fault that was not named in time");
  app.add_option("--part", options.part, "only this part of the fleet, from 0");
  app.add_option("--rules", options.rules)->required();
  app.add_option("--other-rules", options.other_rules);
  app.add_option("--promises", options.promises)->required();
  CLI11_PARSE(app, argc, argv);
  return run(options);
} catch (const std::exception& error) {
  fmt::print(stderr, "wgscope-simulate: {}\n", error.what());
  return 2;
}
