#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "local_server.hpp"
#include "process.hpp"
#include "temp_dir.hpp"

namespace wgscope::test {

/// For WGSCOPE_NEED.
std::optional<std::string> why_no_alertmanager();

/// What Alertmanager told somebody.
struct Notification {
  std::string receiver;
  nlohmann::json body;  ///< as for webhook_configs: status, groupLabels, alerts …
};

/// Receives what alerts/alertmanager.yml sends to https://alerts.example.net.
class Receivers {
 public:
  [[nodiscard]] std::string url() const;
  [[nodiscard]] std::vector<Notification> notifications() const;

 private:
  void receive(int client);

  mutable std::mutex mutex_;  ///< guards notifications_
  std::vector<Notification> notifications_;
  LocalServer server_{
      [this](int client) { receive(client); }};  ///< last: its thread uses the others
};

/// alerts/alertmanager.yml with other addresses and without the waiting, whatever else it says.
std::string quick_alertmanager_config(const std::string& url);

/// A real Alertmanager, alone.
class Alertmanager {
 public:
  /// Returns once it answers; throws with its log when it does not.
  /// @param config  the text of an alertmanager.yml.
  explicit Alertmanager(const std::string& config);

  [[nodiscard]] std::uint16_t port() const { return port_; }

  /// Raises alerts as Prometheus does: a JSON list of objects with `labels`.
  void raise(const nlohmann::json& alerts) const;
  /// All alerts that have not ended, with `labels` and `status.state`: active or suppressed.
  [[nodiscard]] nlohmann::json alerts() const;

 private:
  TempDir folder_;
  std::uint16_t port_;
  Process process_;
};

}  // namespace wgscope::test
