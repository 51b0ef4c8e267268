#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "process.hpp"
#include "temp_dir.hpp"

namespace wgscope::test {

/// A program of Debian's packages prometheus, prometheus-alertmanager and victoria-metrics, where
/// script/bootstrap --tests unpacks it, or installed. Nothing when it is neither.
std::optional<std::string> find_prometheus_program(const std::string& name);
/// For WGSCOPE_NEED.
std::optional<std::string> why_no_prometheus();

/// `data` of the answer to GET /api/v1/<path>, of whatever speaks Prometheus' API on this port of
/// 127.0.0.1. Throws on an error.
nlohmann::json get_api(std::uint16_t port, const std::string& path);

/// Until GET /-/ready on 127.0.0.1 is answered with 200, as Prometheus and Alertmanager do. Throws with
/// what the program said when it ends instead, or after 30 s.
void wait_until_ready(Process& process, std::uint16_t port, const std::string& program);

struct ScrapeJob {
  std::string name;
  std::uint16_t port;  ///< on 127.0.0.1
};

/// A real Prometheus.
class Prometheus {
 public:
  /// Scrapes every second. Returns once it answers; throws with its log when it does not.
  explicit Prometheus(const std::vector<ScrapeJob>& jobs);
  /// The same, with the text of a prometheus.yml.
  explicit Prometheus(const std::string& config);

  [[nodiscard]] std::uint16_t port() const { return port_; }

  /// `data` of the API's answer to GET /api/v1/<path>; throws on an error.
  [[nodiscard]] nlohmann::json get(const std::string& path) const;
  /// `result` of an instant query.
  [[nodiscard]] nlohmann::json query(const std::string& promql) const;
  /// What it says of itself on its own /metrics.
  [[nodiscard]] std::string own_metrics() const;

 private:
  TempDir folder_;
  std::uint16_t port_;
  Process process_;
};

}  // namespace wgscope::test
