// What differs from an inventory, and what is wrong with the inventory itself.
//
// No handshake is overdue here: a grace period has hours at the least. tests/unit/exporter/declared_test.cpp
// lets them pass.

#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "exporter.hpp"
#include "files.hpp"
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
    exporter_.emplace(ExporterOptions{
        .flags = {"--interface.include=" + interface(), "--inventory=" + folder_.path().string()},
        .log_level = "info"});
  }

 protected:
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
      {.name = "port-differs", .alert = "WireGuardInterfaceDrift", .make = make_place<PortDiffers>},
      {.name = "inventory-broken",
       .alert = "WireGuardInventoryNotLoaded",
       .make = make_place<InventoryBroken>},
      {.name = "roaming-laptop-closes", .alert = "", .make = make_place<RoamingLaptopCloses>},
      {.name = "declared-site", .alert = "", .make = make_place<DeclaredSite>},
  };
}

}  // namespace wgscope::test
