#include "alertmanager.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "files.hpp"
#include "http.hpp"
#include "local_server.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "prometheus.hpp"
#include "temp_dir.hpp"
#include "wait.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;

/// Debian's program wants its templates in /usr/share and nowhere else. Where the package is only
/// unpacked, it is started with the unpacked /usr/share in a mount namespace of its own.
std::vector<std::string> with_templates(const std::filesystem::path& program) {
  const std::filesystem::path share = program.parent_path().parent_path() / "share";
  if (share == "/usr/share") return {program};
  return {"unshare", "--mount", "sh", "-c", "mount --bind \"$0\" /usr/share && exec \"$@\"",
          share,     program};
}

std::vector<std::string> command(const TempDir& folder, std::uint16_t port,
                                 const std::string& config) {
  write_file(folder / "alertmanager.yml", config);
  std::vector<std::string> argv =
      with_templates(find_prometheus_program("prometheus-alertmanager").value());
  // Alone: without the empty address it would listen to other Alertmanagers on all addresses.
  for (const std::string& flag :
       {"--config.file=" + (folder / "alertmanager.yml").string(),
        "--storage.path=" + (folder / "data").string(),
        fmt::format("--web.listen-address=127.0.0.1:{}", port),
        std::string("--cluster.listen-address="), std::string("--log.level=warn")})
    argv.push_back(flag);
  return argv;
}

}  // namespace

std::optional<std::string> why_no_alertmanager() {
  if (run({"unshare", "--mount", "true"}).exit_code != 0) return "mount namespaces need root";
  for (const char* name : {"prometheus-alertmanager", "amtool"})
    if (!find_prometheus_program(name))
      return fmt::format("no program {} (script/bootstrap --tests unpacks it)", name);
  return std::nullopt;
}

std::string Receivers::url() const { return fmt::format("http://127.0.0.1:{}", server_.port()); }

std::vector<Notification> Receivers::notifications() const {
  const std::lock_guard lock(mutex_);
  return notifications_;
}

void Receivers::receive(int client) {
  const std::string request = receive_request(client);
  static const std::regex kStart("POST /([a-z]+) ");
  std::smatch match;
  nlohmann::json body =
      nlohmann::json::parse(request.substr(request.find("\r\n\r\n") + 4), nullptr, false);
  if (!std::regex_search(request, match, kStart) || body.is_discarded()) return;
  {
    const std::lock_guard lock(mutex_);
    notifications_.push_back({match[1], std::move(body)});
  }
  send_all(client, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

std::string quick_alertmanager_config(const std::string& url) {
  std::string config = read_file(source_dir() / "alerts/alertmanager.yml");
  config = std::regex_replace(config, std::regex("https://alerts\\.example\\.net"), url);
  config =
      std::regex_replace(config, std::regex("group_(wait|interval): [0-9smh]+"), "group_$1: 1s");
  return config;
}

Alertmanager::Alertmanager(const std::string& config)
    : port_(free_port()), process_(command(folder_, port_, config)) {
  wait_until_ready(process_, port_, "Alertmanager");
}

void Alertmanager::raise(const nlohmann::json& alerts) const {
  const HttpResponse response =
      http({.port = port_}, {.path = "/api/v2/alerts",
                             .method = "POST",
                             .headers = {{"Content-Type", "application/json"}},
                             .body = alerts.dump()});
  if (response.status != 200) throw std::runtime_error("Alertmanager: " + response.body);
}

nlohmann::json Alertmanager::alerts() const {
  return nlohmann::json::parse(http({.port = port_}, {.path = "/api/v2/alerts"}).body);
}

}  // namespace wgscope::test
