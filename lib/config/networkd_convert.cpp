// What networkd makes of its files, as if they were one wg-quick file.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/text.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/config/networkd.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/address.hpp"

#include "wg_quick_peers.hpp"
#include "wg_quick_values.hpp"

namespace wgscope::config {
namespace {

// A line of any of the files, as one number: settle_peers() knows no files.
constexpr unsigned kFileShift = 32;
std::size_t to_id(const Position& at) { return (std::size_t{at.file} << kFileShift) | at.line; }
std::size_t file_of(std::size_t id) { return id >> kFileShift; }
std::size_t line_of(std::size_t id) { return id & UINT32_MAX; }

/// Of the main file the line is told apart; of another one it is in the text.
Warning warning_of(UnitWarning warning, std::span<const UnitText> files, bool is_main) {
  if (is_main && warning.at.file == 0)
    return {warning.at.line, std::move(warning.text), warning.kind};
  return {0, to_string(warning, files), warning.kind};
}

WgQuickPeer peer_of(NetdevPeer peer) {
  WgQuickPeer made;
  made.public_key = peer.public_key.value;
  if (peer.preshared_key) made.preshared_key = std::move(peer.preshared_key->value);
  for (const NetdevPrefix& prefix : peer.allowed_ips) made.allowed_ips.push_back(prefix.value);
  if (peer.endpoint) made.endpoint = std::move(peer.endpoint->value);
  if (peer.persistent_keepalive && peer.persistent_keepalive->value.count() != 0)
    made.persistent_keepalive = peer.persistent_keepalive->value;
  made.name = std::move(peer.name);
  made.line = peer.at.file == 0 ? peer.at.line : 0;
  return made;
}

/// networkd 252 hands its peers to WireGuard from the last to the first, each with all of its
/// settings: of two sections with one key or prefix, the first decides.
void take_peers(std::vector<NetdevPeer> peers, std::span<const UnitText> files,
                WgQuickConfig& config) {
  std::vector<PeerLines> lines;
  for (NetdevPeer& peer : peers) {
    PeerLines of_peer{.public_key = to_id(peer.public_key.at),
                      .allowed_ips = {},
                      .sets_preshared_key = true,
                      .sets_keepalive = true};
    for (const NetdevPrefix& prefix : peer.allowed_ips)
      of_peer.allowed_ips.push_back(to_id(prefix.at));
    lines.push_back(std::move(of_peer));
    config.peers.push_back(peer_of(std::move(peer)));
  }
  std::ranges::reverse(config.peers);
  std::ranges::reverse(lines);
  const auto name_line = [files](std::size_t id) {
    return file_of(id) == 0 ? fmt::format("line {}", line_of(id))
                            : fmt::format("line {} of {}", line_of(id), files[file_of(id)].name);
  };
  const std::size_t before = config.warnings.size();
  settle_peers(config, lines, {.reason = "networkd gives it to the first", .name_line = name_line});
  std::ranges::reverse(config.peers);
  for (std::size_t i = before; i < config.warnings.size(); ++i) {
    Warning& warning = config.warnings[i];
    const Position at{static_cast<std::uint32_t>(file_of(warning.line)),
                      static_cast<std::uint32_t>(line_of(warning.line)), 1};
    warning = warning_of({at, std::move(warning.text), warning.kind}, files, true);
  }
}

void take_network(Network network, WgQuickConfig& config) {
  for (const Placed<NetworkAddress>& address : network.addresses)
    config.addresses.push_back(address.value.prefix);
  if (network.mtu && network.mtu->value <= UINT16_MAX)
    config.mtu = static_cast<std::uint16_t>(network.mtu->value);
  // "192.0.2.53:53%eth0#dns.example": what wg-quick has no way to say is left out.
  for (const Placed<std::string>& server : network.dns)
    if (IpAddress::parse(server.value)) config.dns.push_back(server.value);
  for (const Placed<std::string>& domain : network.domains)
    if (is_dns_item(domain.value)) config.dns.push_back(domain.value);
}

/// The sections that tell which program a file is for.
bool has_section(std::string_view text, std::span<const std::string_view> names) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (std::ranges::find(names, line) != names.end()) return true;
  }
  return false;
}

}  // namespace

WgQuickConfig to_wg_quick(NetdevFiles netdev, std::optional<NetworkFiles> network) {
  WgQuickConfig config;
  Netdev& device = netdev.netdev;
  if (device.private_key) config.private_key = std::move(device.private_key->value);
  if (device.listen_port) config.listen_port = device.listen_port->value;
  if (device.fwmark && device.fwmark->value != 0) config.fwmark = device.fwmark->value;
  if (device.mtu && device.mtu->value <= UINT16_MAX && device.mtu->value != 0)
    config.mtu = static_cast<std::uint16_t>(device.mtu->value);
  config.table = device.route_table ? device.route_table->value : "off";
  for (UnitWarning& warning : device.warnings)
    config.warnings.push_back(warning_of(std::move(warning), netdev.texts, true));
  take_peers(std::move(device.peers), netdev.texts, config);
  if (!network) return config;
  for (UnitWarning& warning : network->network.warnings)
    config.warnings.push_back(warning_of(std::move(warning), network->texts, false));
  take_network(std::move(network->network), config);
  return config;
}

bool looks_like_netdev(std::string_view text) {
  constexpr std::string_view kNames[] = {"[NetDev]", "[WireGuard]", "[WireGuardPeer]"};
  return has_section(text, kNames);
}

bool looks_like_network(std::string_view text) {
  constexpr std::string_view kNames[] = {"[Match]", "[Network]"};
  return has_section(text, kNames) && !looks_like_netdev(text);
}

}  // namespace wgscope::config
