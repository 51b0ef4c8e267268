#include "bench_prometheus.hpp"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <map>
#include <regex>
#include <stdexcept>
#include <thread>

#include <fmt/format.h>

#include "files.hpp"
#include "http.hpp"
#include "prometheus.hpp"
#include "wait.hpp"

namespace wgscope::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 120s;

std::string encoded(const std::string& text) {
  std::string out;
  for (const char c : text)
    out += std::isalnum(static_cast<unsigned char>(c)) != 0
               ? std::string(1, c)
               : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return out;
}

}  // namespace

BenchPrometheus::BenchPrometheus() : port_(test::free_port()) {
  const auto program = test::find_prometheus_program("prometheus");
  if (!program)
    throw std::runtime_error("no program prometheus (script/bootstrap --tests unpacks it)");
  test::write_file(folder_ / "prometheus.yml", "global: {evaluation_interval: 30s}\n");
  process_.emplace(
      std::vector<std::string>{*program, "--config.file=" + (folder_ / "prometheus.yml").string(),
                               "--storage.tsdb.path=" + (folder_ / "data").string(),
                               fmt::format("--web.listen-address=127.0.0.1:{}", port_),
                               "--web.enable-remote-write-receiver", "--web.enable-lifecycle",
                               "--log.level=warn"},
      test::ProcessOptions{.env = {"GOMAXPROCS=1"}, .netns = {}, .input = {}});
  const auto ready = [&] {
    try {
      return test::http({port_, "127.0.0.1", ""}, {"/-/ready", "GET", {}}).status == 200;
    } catch (const std::exception&) {
      return false;
    }
  };
  if (!test::wait_until(ready, 30s))
    throw std::runtime_error("Prometheus does not start: " + process_->err());
}

void BenchPrometheus::write(std::span<const test::TimeSeries> series) const {
  const test::HttpResponse answer = test::http(
      {port_, "127.0.0.1", ""},
      {.path = "/api/v1/write",
       .method = "POST",
       .headers = {{"Content-Type", "application/x-protobuf"}, {"Content-Encoding", "snappy"}},
       .body = test::remote_write_body(series)},
      kPatience);
  if (answer.status != 204) throw std::runtime_error("Prometheus refuses samples: " + answer.body);
}

void BenchPrometheus::load_rules(const std::vector<std::filesystem::path>& rules) {
  std::string config = "global: {evaluation_interval: 30s}\nrule_files:\n";
  for (const auto& rule : rules) config += "- " + std::filesystem::absolute(rule).string() + "\n";
  test::write_file(folder_ / "prometheus.yml", config);
  if (test::http({port_, "127.0.0.1", ""}, {"/-/reload", "POST", {}}, kPatience).status != 200)
    throw std::runtime_error("Prometheus does not take the rules: " + process_->err());
  if (!test::wait_until([&] { return !get("rules").at("groups").empty(); }, kPatience))
    throw std::runtime_error("Prometheus has no rules");
}

void BenchPrometheus::wait_for_evaluations() const {
  const auto last = [&] {
    std::map<std::string, std::string> times;
    const nlohmann::json rules = get("rules");
    for (const auto& group : rules.at("groups"))
      times[group.at("name")] = group.at("lastEvaluation");
    return times;
  };
  const auto before = last();
  const auto all_newer = [&] {
    std::this_thread::sleep_for(2s);
    for (const auto& [group, time] : last())
      if (time == before.at(group)) return false;
    return true;
  };
  if (!test::wait_until(all_newer, kPatience))
    throw std::runtime_error("rules are not evaluated in time");
}

nlohmann::json BenchPrometheus::get(const std::string& path) const {
  const auto answer = nlohmann::json::parse(
      test::http({port_, "127.0.0.1", ""}, {"/api/v1/" + path, "GET", {}}, kPatience).body);
  if (answer.at("status") != "success") throw std::runtime_error(path + ": " + answer.dump());
  return answer.at("data");
}

double BenchPrometheus::time_of(const std::string& query) const {
  const auto begin = std::chrono::steady_clock::now();
  static_cast<void>(get("query?query=" + encoded(query)));
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double BenchPrometheus::time_of_range(const std::string& query, std::int64_t from, std::int64_t to,
                                      int step) const {
  const auto begin = std::chrono::steady_clock::now();
  static_cast<void>(get(
      fmt::format("query_range?query={}&start={}&end={}&step={}", encoded(query), from, to, step)));
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double BenchPrometheus::own_metric(const std::string& name) const {
  const std::string metrics =
      test::http({port_, "127.0.0.1", ""}, {"/metrics", "GET", {}}, kPatience).body;
  std::smatch match;
  if (!std::regex_search(metrics, match, std::regex("\n" + name + " (\\S+)")))
    throw std::runtime_error("no " + name);
  return std::stod(match[1]);
}

double BenchPrometheus::cpu_seconds() const { return own_metric("process_cpu_seconds_total"); }

std::string BenchPrometheus::memory() const {
  const double series = own_metric("prometheus_tsdb_head_series");
  const double bytes = own_metric("process_resident_memory_bytes");
  return fmt::format("{:.0f} series, {:.0f} MB resident, {:.1f} kB a series", series, bytes / 1e6,
                     bytes / series / 1e3);
}

}  // namespace wgscope::bench
