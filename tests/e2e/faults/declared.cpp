// What differs from an inventory, and what is wrong with the inventory itself.
//
// A grace period has hours at the least. So that one can end here, exporters begin with the memory of
// an exporter that saw the peers for the first time two hours ago.

#include <chrono>
#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "exporter.hpp"
#include "files.hpp"
#include "netns.hpp"
#include "scenario.hpp"
#include "temp_dir.hpp"
#include "tunnel.hpp"
#include "wireguard_go.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;

/// A gateway whose exporter has an inventory in which all is as it is.
class DeclaredTunnel : public Tunnel {
 public:
  explicit DeclaredTunnel(const std::string& peer = "expected_online: roaming",
                          const TunnelOptions& options = {})
      : Tunnel(options), declared_(peer) {
    declare(declared_);
    start_exporter(interface());
  }

 protected:
  /// @param interfaces  a regular expression.
  void start_exporter(const std::string& interfaces, std::vector<std::string> flags = {}) {
    flags.push_back("--interface.include=" + interfaces);
    flags.push_back("--inventory=" + folder_.path().string());
    exporter_.emplace(ExporterOptions{.flags = std::move(flags), .log_level = "info"});
  }
  [[nodiscard]] std::string interface() const { return gateway_.wireguard->name(); }

  /// Replaces the inventory's file, as a deployment does.
  void declare(const std::string& peer, const std::string& more = "") {
    replace(fmt::format(
        "interfaces:\n  - {{name: {}, listen_port: 51820}}\npeers:\n"
        "  - {{name: laptop of Ada, public_key: {}, allowed_ips: [10.9.0.2/32], {}}}\n{}",
        interface(), peer_.keys.public_key, peer, more));
  }
  void replace(const std::string& text) const {
    write_file(folder_ / "new", text);
    std::filesystem::rename(folder_ / "new", folder_ / "inventory.yaml");
  }
  void wg_set(const std::string& key, std::vector<std::string> what) const {
    what.insert(what.begin(), {"set", interface(), "peer", key});
    gateway_.wireguard->wg(what);
  }

  TempDir folder_;
  std::string declared_;
};

class PeerUndeclared : public DeclaredTunnel {
 public:
  void inject() override { wg_set(key_, {"allowed-ips", "10.9.0.9/32"}); }
  void repair() override { wg_set(key_, {"remove"}); }

 private:
  std::string key_ = make_key_pair().public_key;
};

class PeerMissing : public DeclaredTunnel {
 public:
  PeerMissing() {
    repair();
    declare(
        declared_,
        fmt::format("  - {{name: printer, public_key: {}, allowed_ips: [10.9.0.9/32]}}\n", key_));
  }
  void inject() override { wg_set(key_, {"remove"}); }
  void repair() override { wg_set(key_, {"allowed-ips", "10.9.0.9/32"}); }

 private:
  std::string key_ = make_key_pair().public_key;
};

/// A site's only sign of life are its keepalives.
class SiteOffline : public DeclaredTunnel {
 public:
  SiteOffline() : DeclaredTunnel("expected_online: always", {.peer_keepalive = 25}) {}
  void inject() override {
    peer_.wireguard->signal(SIGKILL);
    peer_.wireguard.reset();
  }
  void repair() override { peer_.start(); }
};

class KeepaliveDiffers : public DeclaredTunnel {
 public:
  KeepaliveDiffers() : DeclaredTunnel("persistent_keepalive: off") {}
  void inject() override { wg_set(peer_.keys.public_key, {"persistent-keepalive", "25"}); }
  void repair() override { wg_set(peer_.keys.public_key, {"persistent-keepalive", "off"}); }
};

/// Somebody gives an address to another peer, from which it moves without a word.
class AllowedIpsStolen : public DeclaredTunnel {
 public:
  AllowedIpsStolen() {
    wg_set(key_, {"allowed-ips", "10.9.0.9/32"});
    declare(
        declared_,
        fmt::format("  - {{name: printer, public_key: {}, allowed_ips: [10.9.0.9/32]}}\n", key_));
  }
  void inject() override { wg_set(key_, {"allowed-ips", "10.9.0.9/32,10.9.0.2/32"}); }
  void repair() override {
    wg_set(key_, {"allowed-ips", "10.9.0.9/32"});
    wg_set(peer_.keys.public_key, {"allowed-ips", "10.9.0.2/32"});
  }

 private:
  std::string key_ = make_key_pair().public_key;
};

class AllowedIpsTooBroad : public DeclaredTunnel {
 public:
  AllowedIpsTooBroad() { declare(declared_, "policies:\n  widest_prefix: [{ipv4: 32}]\n"); }
  void inject() override {
    wg_set(peer_.keys.public_key, {"allowed-ips", "10.9.0.2/32,10.9.1.0/24"});
  }
  void repair() override { wg_set(peer_.keys.public_key, {"allowed-ips", "10.9.0.2/32"}); }
};

/// Somebody corrects the date of a key, which is then too old; then the key is rotated.
class KeyTooOld : public DeclaredTunnel {
 public:
  void inject() override { declare("key_created: 2020-01-01, rotation: 26w"); }
  void repair() override { declare(declared_); }
};

/// An interface is declared that nobody made.
class InterfaceMissing : public DeclaredTunnel {
 public:
  void inject() override { declare(declared_, "interfaces: [{name: wg-gone}]\n"); }
  void repair() override { declare(declared_); }

 private:
  void declare(const std::string& peer, const std::string& more = "") {
    DeclaredTunnel::declare(peer);
    if (more.empty())
      std::filesystem::remove(folder_ / "more.yaml");
    else
      write_file(folder_ / "more.yaml", more);
  }
};

/// Somebody makes a second interface, of which the inventory knows nothing.
class InterfaceUndeclared : public DeclaredTunnel {
 public:
  InterfaceUndeclared() { start_exporter(interface() + "|" + second_name_); }
  void inject() override {
    second_.emplace(gateway_.host, WireguardGo::Mode::foreground, second_name_);
    second_->up("10.10.0.1/24");
  }
  void repair() override {
    declare(declared_, fmt::format("unmanaged_interfaces: [{}]\n", second_name_));
  }

 private:
  std::string second_name_ = unique_interface_name();
  std::optional<WireguardGo> second_;
};

/// A gateway with a second peer, which has never come, and an exporter that has known both for two
/// hours.
class KnownForTwoHours : public DeclaredTunnel {
 public:
  explicit KnownForTwoHours(const std::string& peer = "expected_online: roaming")
      : DeclaredTunnel(peer) {
    add();
    std::filesystem::create_directory(state_.path() / "of");
    write_file(state_ / "of/first-seen", memory());
    start_exporter(interface(), {"--state.dir=" + (state_ / "of").string()});
  }

 protected:
  void declare_with(const std::string& grace) {
    declare(declared_, fmt::format("  - {{name: phone, public_key: {}, allowed_ips: [10.9.0.9/32], "
                                   "grace: {}}}\n",
                                   key_, grace));
  }
  void add() const { wg_set(key_, {"allowed-ips", "10.9.0.9/32"}); }
  void remove() const { wg_set(key_, {"remove"}); }

 private:
  /// As the first versions wrote it (docs/state.md): without a handshake of any peer.
  [[nodiscard]] std::string memory() const {
    const auto ago = [](std::chrono::hours age) {
      return std::chrono::floor<std::chrono::milliseconds>(
                 (std::chrono::system_clock::now() - age).time_since_epoch())
          .count();
    };
    std::string boot = read_file("/proc/sys/kernel/random/boot_id");
    boot.erase(boot.find_last_not_of('\n') + 1);
    std::string text = fmt::format("wgscope first sights 1\nboot\t{}\ninterface\t{}\t{}\t{}\t{}\n",
                                   boot, gateway_.host.name(), interface(), ifindex(), ago(3h));
    for (const std::string& key : {peer_.keys.public_key, key_})
      text += fmt::format("peer\t{}\t{}\n", key, ago(2h));
    return text;
  }
  [[nodiscard]] std::string ifindex() const {
    const std::string link = gateway_.host.must({"ip", "-o", "link", "show", "dev", interface()});
    return link.substr(0, link.find(':'));
  }

  std::string key_ = make_key_pair().public_key;
  TempDir state_;
};

/// A key that nobody used is found to be older than it may be; then it is withdrawn.
class HandshakeOverdue : public KnownForTwoHours {
 public:
  HandshakeOverdue() { declare_with("1w"); }
  void inject() override { declare_with("1h"); }
  void repair() override {
    remove();
    declare(declared_);
  }
};

/// One peer came in its grace period and sleeps now; the other has more time, and is removed and
/// added again.
class PeersInGrace : public KnownForTwoHours {
 public:
  PeersInGrace() : KnownForTwoHours("grace: 1h") { declare_with("1w"); }
  void inject() override {
    peer_.wireguard->signal(SIGSTOP);
    remove();
    add();
  }
};

class PortDiffers : public DeclaredTunnel {
 public:
  void inject() override { listen_on("51821"); }
  void repair() override { listen_on("51820"); }

 private:
  void listen_on(const std::string& port) const {
    gateway_.wireguard->wg({"set", interface(), "listen-port", port});
  }
};

class InventoryBroken : public DeclaredTunnel {
 public:
  void inject() override { replace("peers: [{name: half of a fi"); }
  void repair() override { declare(declared_); }
};

/// A laptop that may come and go is closed.
class RoamingLaptopCloses : public DeclaredTunnel {
 public:
  void inject() override { peer_.wireguard->signal(SIGSTOP); }
};

/// A site that must be online, whose keepalives are all there is.
class DeclaredSite : public DeclaredTunnel {
 public:
  DeclaredSite() : DeclaredTunnel("expected_online: always", {.peer_keepalive = 25}) {}
  void inject() override {}
};

}  // namespace

std::vector<Scenario> declared_scenarios() {
  return {
      {.name = "peer-undeclared",
       .alert = "WireGuardPeerUndeclared",
       .make = make_place<PeerUndeclared>},
      {.name = "peer-missing", .alert = "WireGuardPeerMissing", .make = make_place<PeerMissing>},
      {.name = "site-offline",
       .alert = "WireGuardPeerUnexpectedlyOffline",
       .make = make_place<SiteOffline>},
      {.name = "keepalive-differs",
       .alert = "WireGuardPeerDrift",
       .make = make_place<KeepaliveDiffers>},
      {.name = "allowed-ips-stolen",
       .alert = "WireGuardPeerAllowedIPsStolen",
       .make = make_place<AllowedIpsStolen>,
       .held_back = {"WireGuardPeerDrift"}},
      {.name = "allowed-ips-too-broad",
       .alert = "WireGuardPeerAllowedIPsTooBroad",
       .make = make_place<AllowedIpsTooBroad>,
       .held_back = {"WireGuardPeerDrift"}},
      {.name = "key-too-old",
       .alert = "WireGuardPeerKeyRotationDue",
       .make = make_place<KeyTooOld>},
      {.name = "interface-missing",
       .alert = "WireGuardInterfaceMissing",
       .make = make_place<InterfaceMissing>},
      {.name = "interface-undeclared",
       .alert = "WireGuardInterfaceUndeclared",
       .make = make_place<InterfaceUndeclared>},
      {.name = "handshake-overdue",
       .alert = "WireGuardPeerHandshakeOverdue",
       .make = make_place<HandshakeOverdue>},
      {.name = "port-differs", .alert = "WireGuardInterfaceDrift", .make = make_place<PortDiffers>},
      {.name = "inventory-broken",
       .alert = "WireGuardInventoryNotLoaded",
       .make = make_place<InventoryBroken>},
      {.name = "roaming-laptop-closes", .alert = "", .make = make_place<RoamingLaptopCloses>},
      {.name = "peers-in-grace", .alert = "", .make = make_place<PeersInGrace>},
      {.name = "declared-site", .alert = "", .make = make_place<DeclaredSite>},
  };
}

}  // namespace wgscope::test
