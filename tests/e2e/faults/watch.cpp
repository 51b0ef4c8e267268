#include "watch.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <map>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "alertmanager.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "prometheus.hpp"
#include "scenario.hpp"
#include "wait.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;

/// Windows and waiting times of these rules. WireGuard's own times stay: 180 s for a session,
/// attempts every 5 s in bursts of 90 s. So do the times that the exporter takes to judge a peer.
const std::vector<std::string> kSettings{
    "--scrape-interval=2s",      "--set=evaluation=2s",      "--set=window=40s",
    "--set=replies_lost_for=6s", "--set=unanswered_for=20s", "--set=one_way_for=10s",
    "--set=interface_for=10s",   "--set=errors_for=10s",     "--set=recent=60s",
    "--set=down_for=10s",        "--set=absent_for=10s",     "--set=collector_for=20s",
    "--set=unreadable_for=10s",  "--set=slow_for=6s",        "--set=flapping_for=20s",
    "--set=probe_interval=25s",  "--set=deploy=10s",         "--set=stolen_for=6s",
    "--set=offline_for=10s",     "--set=inventory_for=10s"};

/// From the repair until an alert must have ended: the longest memory of any rule or verdict, that of
/// an endpoint that returned, and more.
constexpr double kResolveWithin = 300;
/// A fault that is not seen by then is repaired all the same, so that the rest is seen.
constexpr double kPatience = 30;

Timestamp now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string rules(std::vector<std::string> arguments) {
  std::vector<std::string> command{source_dir() / "script/rules"};
  command.insert(command.end(), kSettings.begin(), kSettings.end());
  command.insert(command.end(), arguments.begin(), arguments.end());
  return must_run(command);
}

std::map<std::string, double> read_promises() {
  std::map<std::string, double> promises;
  std::istringstream lines(rules({"--promises"}));
  std::string alert;
  for (double limit = 0; lines >> alert >> limit;) promises[alert] = limit;
  return promises;
}

}  // namespace

Watch::Watch(std::vector<Scenario> scenarios)
    : scenarios_(std::move(scenarios)), promises_(read_promises()) {
  build();
  alertmanager_.emplace(quick_alertmanager_config(receivers_.url()));
  start_prometheus();
  started_ = now();
  if (!wait_until([this] { return step(); }, 15min, 1s))
    throw std::runtime_error("some scenario does not come to its end");
  read_history();
}

void Watch::build() {
  for (const Scenario& scenario : scenarios_) {
    courses_[scenario.name] = {};
    try {
      places_[scenario.name] = scenario.make();
    } catch (const std::exception& error) {
      courses_[scenario.name].trouble = std::string("cannot be built: ") + error.what();
    }
  }
}

void Watch::start_prometheus() {
  rules({"--output", (folder_ / "rules").string()});
  std::string config = fmt::format(R"(rule_files: ['{}/*.yaml']
alerting: {{alertmanagers: [{{static_configs: [{{targets: ['127.0.0.1:{}']}}]}}]}}
scrape_configs:
)",
                                   (folder_ / "rules").string(), alertmanager_->port());
  std::map<std::string, std::string> jobs;
  for (const auto& [name, place] : places_)
    jobs[place->job()] += fmt::format(
        "      - {{targets: ['127.0.0.1:{}'], labels: {{instance: {}, __scrape_interval__: {}, "
        "__scrape_timeout__: {}}}}}\n",
        place->port(), name, place->scrape_interval(), place->scrape_interval());
  for (const auto& [job, targets] : jobs)
    config += fmt::format("  - job_name: {}\n    static_configs:\n{}", job, targets);
  prometheus_.emplace(config);
}

bool Watch::step() {
  look();
  for (const Scenario& scenario : scenarios_) {
    Course& course = courses_[scenario.name];
    if (!course.trouble.empty()) continue;
    try {
      step(scenario, now());
    } catch (const std::exception& error) {
      course.trouble = error.what();
    }
  }
  return std::ranges::all_of(scenarios_,
                             [&](const Scenario& scenario) { return is_over(scenario, now()); });
}

void Watch::look() {
  firing_.clear();
  for (const auto& series : prometheus_->query("ALERTS{alertstate=\"firing\"}"))
    firing_[series.at("metric").value("instance", "")].insert(series.at("metric").at("alertname"));
  for (const auto& alert : alertmanager_->alerts()) {
    const auto course = courses_.find(alert.at("labels").value("instance", ""));
    if (course != courses_.end() && alert.at("status").at("state") == "suppressed")
      course->second.held_back.insert(alert.at("labels").at("alertname"));
  }
}

void Watch::step(const Scenario& scenario, Timestamp now) {
  Course& course = courses_[scenario.name];
  Fault& place = *places_.at(scenario.name);
  place.tend();
  if (!course.injected) {
    if (now < started_ + static_cast<double>(scenario.settle.count())) return;
    course.last_handshake = last_handshake(scenario.name);
    course.injected = now;
    place.inject();
    return;
  }
  if (scenario.alert.empty()) return;
  const bool fires = firing_[scenario.name].contains(scenario.alert);
  if (!course.repaired) {
    if (fires && !course.fired) course.fired = now;
    const bool explained = std::ranges::includes(course.held_back, scenario.held_back);
    const double limit = promises_.at(scenario.alert) + kPatience;
    if ((fires && explained) || now > *course.injected + limit) {
      course.repaired = now;
      place.repair();
    }
    return;
  }
  if (!fires && !course.resolved) course.resolved = now;
}

bool Watch::is_over(const Scenario& scenario, Timestamp now) const {
  const Course& course = courses_.at(scenario.name);
  if (!course.trouble.empty()) return true;
  const auto past = [&](std::optional<Timestamp> event, double limit) {
    return event && now > *event + limit;
  };
  if (scenario.alert.empty()) return past(course.injected, longest_promise());
  if (past(course.repaired, kResolveWithin)) return true;
  const auto firing = firing_.find(scenario.name);
  return course.resolved && (firing == firing_.end() || firing->second.empty()) &&
         std::ranges::any_of(told(scenario.name), [](const std::string& one) {
           return one.find(": resolved ") != std::string::npos;
         });
}

std::optional<Timestamp> Watch::last_handshake(const std::string& scenario) const {
  const auto found = prometheus_->query(
      "wireguard_peer_last_handshake_timestamp_seconds{instance=\"" + scenario + "\"}");
  if (found.empty()) return std::nullopt;
  return std::stod(found.at(0).at("value").at(1).get<std::string>());
}

/// A look-alike is looked at for as long as any alert on a peer may take.
double Watch::longest_promise() const {
  double longest = 0;
  for (const auto& [alert, limit] : promises_)
    if (alert.starts_with("WireGuardPeer")) longest = std::max(longest, limit);
  return longest + 10;
}

/// Looking every second, one may miss what fired for less. Prometheus keeps it all.
void Watch::read_history() {
  for (const auto& series : prometheus_->query("ALERTS{alertstate=\"firing\"}[1h]")) {
    const std::string alert = series.at("metric").at("alertname");
    const std::string instance = series.at("metric").value("instance", "");
    if (!courses_.contains(instance)) {
      fired_elsewhere_.insert(alert);
      continue;
    }
    Course& course = courses_[instance];
    course.fired_at_all.insert(alert);
    const auto scenario = std::ranges::find(scenarios_, instance, &Scenario::name);
    if (alert != scenario->alert) continue;
    course.severity = series.at("metric").at("severity");
    course.fired = series.at("values").at(0).at(0).get<double>();
  }
}

std::vector<std::string> Watch::told(const std::string& scenario) const {
  std::vector<std::string> told;
  for (const auto& [receiver, body] : receivers_.notifications())
    if (body.at("groupLabels").value("instance", "") == scenario)
      told.push_back(fmt::format("{}: {} {}", receiver, body.at("status").get<std::string>(),
                                 body.at("groupLabels").at("alertname").get<std::string>()));
  return told;
}

std::string as_table(const std::vector<Scenario>& scenarios, const Watch& watch) {
  const auto between = [](std::optional<Timestamp> from, std::optional<Timestamp> to) {
    return from && to ? fmt::format("{:.0f} s", *to - *from) : "-";
  };
  constexpr const char* kRow = "{:24} {:30} {:>12} {:>12} {:>12} {:>8} {}\n";
  std::string table = fmt::format(kRow, "fault", "must fire", "promised", "after fault",
                                  "after handsh.", "to end", "fired");
  for (const Scenario& scenario : scenarios) {
    const Course& course = watch.course(scenario.name);
    const bool silent = scenario.alert.empty();
    table += fmt::format(kRow, scenario.name, silent ? "nothing" : scenario.alert,
                         silent ? "-" : fmt::format("{} s", watch.promise(scenario.alert)),
                         between(course.injected, course.fired),
                         between(course.last_handshake, course.fired),
                         between(course.repaired, course.resolved),
                         fmt::format("{} {}", fmt::join(course.fired_at_all, " "), course.trouble));
  }
  return table;
}

}  // namespace wgscope::test
