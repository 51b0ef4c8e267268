#include "prometheus.hpp"

#include <arpa/inet.h>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <netinet/in.h>
#include <optional>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "wgscope/os/unique_fd.hpp"

#include "files.hpp"
#include "http.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "wait.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;

std::string config_of(const std::vector<ScrapeJob>& jobs) {
  std::string config = "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n";
  for (const ScrapeJob& job : jobs)
    config += fmt::format("  - {{job_name: {}, static_configs: [{{targets: ['127.0.0.1:{}']}}]}}\n",
                          job.name, job.port);
  return config;
}

std::vector<std::string> command(const TempDir& folder, std::uint16_t port,
                                 const std::string& config) {
  write_file(folder / "prometheus.yml", config);
  return {find_prometheus_program("prometheus").value(),
          "--config.file=" + (folder / "prometheus.yml").string(),
          "--storage.tsdb.path=" + (folder / "data").string(),
          fmt::format("--web.listen-address=127.0.0.1:{}", port), "--log.level=warn"};
}

}  // namespace

std::optional<std::string> find_prometheus_program(const std::string& name) {
  const std::filesystem::path unpacked = source_dir() / "build/deps";
  for (const std::filesystem::path& folder :
       {unpacked / "prometheus/usr/bin", unpacked / "alertmanager/usr/bin",
        unpacked / "victoria-metrics/usr/bin", std::filesystem::path("/usr/bin"),
        std::filesystem::path("/usr/local/bin")})
    if (access((folder / name).c_str(), X_OK) == 0) return folder / name;
  return std::nullopt;
}

std::optional<std::string> why_no_prometheus() {
  for (const char* name : {"prometheus", "promtool"})
    if (!find_prometheus_program(name))
      return fmt::format("no program {} (script/bootstrap --tests unpacks it)", name);
  return std::nullopt;
}

nlohmann::json get_api(std::uint16_t port, const std::string& path) {
  const HttpResponse response = http({.port = port}, {.path = "/api/v1/" + path});
  nlohmann::json answer = nlohmann::json::parse(response.body);
  if (answer.at("status") != "success") throw std::runtime_error(path + ": " + response.body);
  return answer.at("data");
}

void wait_until_ready(Process& process, std::uint16_t port, const std::string& program) {
  const auto ready = [&] {
    try {
      return http({.port = port}, {.path = "/-/ready"}).status == 200;
    } catch (const std::exception&) {
      return !process.running();
    }
  };
  if (!wait_until(ready, 30s) || !process.running()) {
    static_cast<void>(process.wait_for_output("", 0ms));
    throw std::runtime_error(program + " does not start; it said: " + process.err());
  }
}

Prometheus::Prometheus(const std::vector<ScrapeJob>& jobs) : Prometheus(config_of(jobs)) {}

Prometheus::Prometheus(const std::string& config)
    : port_(free_port()), process_(command(folder_, port_, config)) {
  wait_until_ready(process_, port_, "Prometheus");
}

nlohmann::json Prometheus::get(const std::string& path) const { return get_api(port_, path); }

nlohmann::json Prometheus::query(const std::string& promql) const {
  return get("query?query=" + url_encoded(promql)).at("result");
}

std::string Prometheus::own_metrics() const {
  return http({.port = port_}, {.path = "/metrics"}).body;
}

}  // namespace wgscope::test
