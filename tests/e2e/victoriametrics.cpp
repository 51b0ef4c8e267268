#include "victoriametrics.hpp"

#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "http.hpp"
#include "process.hpp"
#include "prometheus.hpp"
#include "wait.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;

std::string program(const std::string& name) { return find_prometheus_program(name).value(); }

void wait_for_health(Process& process, std::uint16_t port, std::string_view name) {
  const auto healthy = [&] {
    try {
      return http({.port = port}, {.path = "/health"}).status == 200;
    } catch (const std::exception&) {
      return !process.running();
    }
  };
  if (wait_until(healthy, 30s) && process.running()) return;
  static_cast<void>(process.wait_for_output("", 0ms));
  throw std::runtime_error(fmt::format("{} does not start; it said: {}", name, process.err()));
}

}  // namespace

std::optional<std::string> why_no_victoriametrics() {
  for (const char* name : {"victoria-metrics", "vmagent", "vmalert"})
    if (!find_prometheus_program(name))
      return fmt::format("no program {} (script/bootstrap --tests unpacks it)", name);
  return std::nullopt;
}

VictoriaMetrics::VictoriaMetrics()
    : port_(free_port()),
      process_({program("victoria-metrics"), "-storageDataPath=" + (folder_ / "data").string(),
                fmt::format("-httpListenAddr=127.0.0.1:{}", port_), "-search.latencyOffset=1s",
                // Its cache is for queries of the present; tests write the past.
                "-search.disableCache", "-memory.allowedBytes=128MiB", "-loggerLevel=ERROR"}) {
  wait_for_health(process_, port_, "VictoriaMetrics");
}

std::string VictoriaMetrics::url() const { return fmt::format("http://127.0.0.1:{}", port_); }

void VictoriaMetrics::write(std::span<const TimeSeries> series) const {
  const auto done = [&](const HttpRequest& request) {
    const HttpResponse response = http({.port = port_}, request);
    if (response.status / 100 != 2) throw std::runtime_error(request.path + ": " + response.raw);
  };
  done({.path = "/api/v1/write",
        .method = "POST",
        .headers = {{"Content-Encoding", "snappy"},
                    {"Content-Type", "application/x-protobuf"},
                    {"X-Prometheus-Remote-Write-Version", "0.1.0"}},
        .body = remote_write_body(series)});
  done({.path = "/internal/force_flush"});
}

nlohmann::json VictoriaMetrics::query(const std::string& expression,
                                      std::optional<std::int64_t> time) const {
  // The step is how old a sample may be: vmalert's -datasource.queryStep, 5 min by default.
  std::string path = "query?step=300s&query=" + url_encoded(expression);
  if (time) path += fmt::format("&time={}", *time);
  return get_api(port_, path).at("result");
}

Vmalert::Vmalert(const VictoriaMetrics& store, const std::string& rules)
    : port_(free_port()),
      process_({program("vmalert"), "-rule=" + rules, "-datasource.url=" + store.url(),
                "-remoteWrite.url=" + store.url(), "-remoteWrite.flushInterval=200ms",
                "-disableAlertgroupLabel", "-notifier.url=http://127.0.0.1:1",
                fmt::format("-httpListenAddr=127.0.0.1:{}", port_), "-loggerLevel=ERROR"}) {
  wait_for_health(process_, port_, "vmalert");
}

nlohmann::json Vmalert::alerts() const { return get_api(port_, "alerts").at("alerts"); }

}  // namespace wgscope::test
