#include "tunnel.hpp"

#include <memory>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "exporter.hpp"
#include "netns.hpp"
#include "process.hpp"
#include "wireguard_go.hpp"

namespace wgscope::test {

std::unique_ptr<Process> ping(const NetworkNamespace& from, const std::string& to,
                              const std::string& interval, int bytes) {
  return std::make_unique<Process>(
      std::vector<std::string>{"ping", "-q", "-i", interval, "-s", std::to_string(bytes), to},
      ProcessOptions{.env = {}, .netns = from.name(), .input = {}});
}

void End::start(const std::string& name) {
  wireguard.emplace(host, WireguardGo::Mode::foreground, name);
  wireguard->configure(config);
  wireguard->up(address + "/24");
}

Tunnel::Tunnel(const TunnelOptions& options) {
  connect(gateway_.host, "192.0.2.1/24", peer_.host, "192.0.2.2/24");
  start("192.0.2.1", options);
}

void Tunnel::start(const std::string& endpoint, const TunnelOptions& options) {
  gateway_.config = fmt::format(R"([Interface]
PrivateKey = {}
ListenPort = 51820
[Peer]
PublicKey = {}
AllowedIPs = 10.9.0.2/32
)",
                                gateway_.keys.private_key, peer_.keys.public_key);
  peer_.config = fmt::format(R"([Interface]
PrivateKey = {}
ListenPort = 51820
[Peer]
PublicKey = {}
Endpoint = {}:51820
AllowedIPs = 10.9.0.1/32
PersistentKeepalive = {}
)",
                             peer_.keys.private_key, gateway_.keys.public_key, endpoint,
                             options.peer_keepalive);
  gateway_.start();
  peer_.start();
  meet();
  exporter_.emplace(ExporterOptions{
      .flags = {"--interface.include=" + gateway_.wireguard->name(), "--collect.timeout=600ms"},
      .log_level = "info"});
}

void Tunnel::meet() const {
  peer_.host.must({"ping", "-q", "-c", "3", "-i", "0.1", "-W", "5", gateway_.address});
}

}  // namespace wgscope::test
