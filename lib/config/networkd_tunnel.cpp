// networkd's files as what lint judges: every value with its place, and nothing merged.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wgscope/base/keys.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/config/networkd.hpp"
#include "wgscope/config/tunnel_file.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::config {
namespace {

class Conversion {
 public:
  Conversion(std::span<const UnitText> netdev, std::span<const UnitText> network)
      : netdev_(netdev), network_(network) {}

  TunnelFileRead convert() {
    tunnel().program = TunnelProgram::networkd;
    NetdevRead device = read_netdev(netdev_);
    const bool is_used = std::ranges::all_of(device.faults, [](const UnitFault& fault) {
      return fault.kind == UnitFault::Kind::key_exposed;
    });
    for (UnitFault& fault : device.faults) take_fault(fault, 0);
    if (!is_used) return std::move(read_);
    take_warnings(device.netdev.warnings, 0);
    take_device(device.netdev);
    if (!network_.empty()) take_network();
    return std::move(read_);
  }

 private:
  [[nodiscard]] TunnelFile& tunnel() { return read_.tunnel; }

  /// @param first  the number of the file that the position counts from.
  static Spot spot(const Position& at, std::size_t first = 0, std::size_t length = 0) {
    return {at.line, at.column, static_cast<std::uint32_t>(length),
            static_cast<std::uint32_t>(first) + at.file};
  }

  template <class T>
  static std::optional<Located<T>> located(std::optional<Placed<T>>&& placed) {
    if (!placed) return std::nullopt;
    return Located<T>{std::move(placed->value), spot(placed->at)};
  }

  /// A number whose range is wider in a file than anything takes it. Nothing where it is too large.
  template <class T, class From>
  static std::optional<Located<T>> narrowed(const std::optional<Placed<From>>& placed,
                                            std::size_t first = 0) {
    if (!placed || !std::in_range<T>(placed->value)) return std::nullopt;
    return Located<T>{static_cast<T>(placed->value), spot(placed->at, first)};
  }

  void take_fault(UnitFault& fault, std::size_t first) {
    const bool is_exposed = fault.kind == UnitFault::Kind::key_exposed;
    add_error({is_exposed ? TunnelErrorKind::key_exposed : TunnelErrorKind::malformed,
               spot(fault.at, first), std::move(fault.text)});
  }

  void add_error(TunnelError error) {
    ++read_.error_count;
    if (read_.errors.size() < kMaxTunnelErrors) read_.errors.push_back(std::move(error));
  }

  void take_warnings(std::vector<UnitWarning>& warnings, std::size_t first) {
    for (UnitWarning& one : warnings)
      read_.warnings.push_back(
          {one.kind, spot(one.at, first), std::move(one.text), one.costs_peer});
  }

  void take_device(Netdev& device) {
    TunnelFile& into = tunnel();
    into.networkd.interface = device.name.value;
    into.networkd.private_key_source = located(std::move(device.private_key_source));
    if (device.private_key_is_zero)
      into.private_key = {PrivateKey(), spot(*device.private_key_is_zero)};
    else
      into.private_key = located(std::move(device.private_key));
    // networkd takes the key of the file, whatever PrivateKey is.
    if (into.networkd.private_key_source) into.private_key.reset();
    into.listen_port = located(std::move(device.listen_port));
    into.fwmark = located(std::move(device.fwmark));
    into.mtu = narrowed<std::uint16_t>(device.mtu);
    into.table = located(std::move(device.route_table));
    for (NetdevPeer& peer : device.peers) into.peers.push_back(peer_of(std::move(peer)));
  }

  static TunnelPeer peer_of(NetdevPeer peer) {
    TunnelPeer made{.at = spot(peer.at, 0),
                    .name = std::move(peer.name),
                    .public_key = {peer.public_key.value, spot(peer.public_key.at)},
                    .preshared_key = located(std::move(peer.preshared_key)),
                    .allowed_ips = {},
                    .endpoint = located(std::move(peer.endpoint)),
                    .persistent_keepalive = located(std::move(peer.persistent_keepalive)),
                    .preshared_key_source = located(std::move(peer.preshared_key_source)),
                    .table = located(std::move(peer.route_table))};
    if (peer.preshared_key_is_zero)
      made.preshared_key = {PresharedKey(), spot(*peer.preshared_key_is_zero)};
    if (made.preshared_key_source) made.preshared_key.reset();
    for (const NetdevPrefix& one : peer.allowed_ips)
      made.allowed_ips.push_back({one.written, one.has_length, spot(one.at, 0, one.letters)});
    return made;
  }

  void take_network() {
    const std::size_t first = netdev_.size();
    NetworkRead read = read_network(network_);
    if (read.fault) return take_fault(*read.fault, first);
    TunnelFile& into = tunnel();
    into.networkd.has_network = true;
    take_warnings(read.network.warnings, first);
    for (const Placed<NetworkAddress>& one : read.network.addresses)
      into.addresses.push_back({one.value.prefix, one.value.length_is_known, spot(one.at, first)});
    if (const auto mtu = narrowed<std::uint16_t>(read.network.mtu, first)) into.mtu = mtu;
    for (const Placed<std::string>& one : read.network.dns) take_name_server(one, first);
    for (Placed<NetworkRoute>& one : read.network.routes)
      into.networkd.routes.push_back({std::move(one.value), spot(one.at, first)});
    for (Placed<NetworkRule>& one : read.network.rules)
      into.networkd.rules.push_back({std::move(one.value), spot(one.at, first)});
  }

  /// "192.0.2.53:53%eth0#dns.example": the address, maybe in brackets, a port, an interface and the
  /// server's name.
  void take_name_server(const Placed<std::string>& server, std::size_t first) {
    std::string_view text = server.value;
    text = text.substr(0, text.find('#'));
    const bool has_interface = text.find('%') != std::string_view::npos;
    text = text.substr(0, text.find('%'));
    if (text.starts_with('['))
      text = text.substr(1, text.find(']') - 1);
    else if (std::ranges::count(text, ':') == 1)
      text = text.substr(0, text.find(':'));
    if (!IpAddress::parse(text)) {
      read_.warnings.push_back({WarningKind::ignored, spot(server.at, first),
                                "DNS must be the address of a name server, so networkd ignores it",
                                false});
      return;
    }
    // One that is asked through another interface is no matter of the tunnel.
    if (!has_interface)
      tunnel().dns.push_back({std::string(text), spot(server.at, first, server.value.size())});
  }

  std::span<const UnitText> netdev_;
  std::span<const UnitText> network_;
  TunnelFileRead read_;
};

}  // namespace

TunnelFileRead read_networkd_files(std::span<const UnitText> netdev,
                                   std::span<const UnitText> network) {
  return Conversion(netdev, network).convert();
}

}  // namespace wgscope::config
