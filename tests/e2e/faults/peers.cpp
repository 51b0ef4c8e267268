// What goes wrong between a gateway and a peer.

#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "netns.hpp"
#include "process.hpp"
#include "scenario.hpp"
#include "tunnel.hpp"
#include "wireguard_go.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;

/// The gateway's replies to a site that keeps alive are dropped.
class RepliesDropped : public Tunnel {
 public:
  RepliesDropped() : Tunnel({.peer_keepalive = 25}) {}

  void inject() override { drop(peer_.host, "input"); }
  void repair() override { drop_nothing(peer_.host); }

 protected:
  static void drop(const NetworkNamespace& host, const std::string& hook) {
    host.must({"nft", "-f", "-"}, "table inet drops {\n chain one {\n  type filter hook " + hook +
                                      " priority 0\n  udp sport 51820 drop\n }\n}\n");
  }
  static void drop_nothing(const NetworkNamespace& host) {
    host.must({"nft", "delete", "table", "inet", "drops"});
  }
};

/// By the gateway's own firewall, so that wireguard-go does not count them as sent.
class RepliesNotSent : public RepliesDropped {
 public:
  void inject() override { drop(gateway_.host, "output"); }
  void repair() override { drop_nothing(gateway_.host); }
};

/// The peer's daemon is killed while the gateway sends to it.
class PeerDies : public Tunnel {
 public:
  void inject() override {
    peer_.wireguard->signal(SIGKILL);
    peer_.wireguard.reset();
  }
  void repair() override { peer_.start(); }

 private:
  std::unique_ptr<Process> traffic_ = ping(gateway_.host, peer_.address);
};

/// Data had an answer, until the peer forgot which addresses are the gateway's.
class OneWayData : public Tunnel {
 public:
  void inject() override { allow("10.9.9.9/32"); }
  void repair() override { allow("10.9.0.1/32"); }

 private:
  void allow(const std::string& addresses) {
    peer_.wireguard->wg({"set", peer_.wireguard->name(), "peer", gateway_.keys.public_key,
                         "allowed-ips", addresses});
  }

  std::unique_ptr<Process> traffic_ = ping(gateway_.host, peer_.address, "0.2", 1000);
};

/// A peer without keepalive behind a router that translates and soon forgets: after a silence, what
/// the gateway sends does not reach the peer.
///
///   gateway 198.51.100.10 ---- 198.51.100.2 router 10.7.0.1 ---- 10.7.0.2 peer
class NatBindingLost : public Tunnel {
 public:
  NatBindingLost() : Tunnel(Unconnected{}) {
    const Veth outside = connect(gateway_.host, "198.51.100.10/24", router_, "198.51.100.2/24");
    connect(router_, "10.7.0.1/24", peer_.host, "10.7.0.2/24");
    peer_.host.ip("route add default via 10.7.0.1");
    router_.must({"sysctl", "-qw", "net.ipv4.ip_forward=1"});
    router_.must({"nft", "-f", "-"},
                 fmt::format("table ip nat {{\n"
                             " chain out {{\n  type nat hook postrouting priority 100\n"
                             "  oifname \"{0}\" masquerade\n }}\n"
                             " chain in {{\n  type filter hook input priority 0\n"
                             "  iifname \"{0}\" udp dport != 0 drop\n }}\n}}\n",
                             outside.right));
    router_.must({"sysctl", "-qw", "net.netfilter.nf_conntrack_udp_timeout=8",
                  "net.netfilter.nf_conntrack_udp_timeout_stream=8"});
    start("198.51.100.10", {});
  }

  void inject() override { traffic_ = ping(gateway_.host, peer_.address); }
  /// As its runbook says.
  void repair() override {
    peer_.wireguard->wg({"set", peer_.wireguard->name(), "peer", gateway_.keys.public_key,
                         "persistent-keepalive", "5"});
  }

 private:
  NetworkNamespace router_;
  std::unique_ptr<Process> traffic_;
};

/// One key on two devices that are both in use. They do not send in step with the exporter, which
/// might then see the same one at each look.
///
///   gateway 192.0.3.1 ------ 192.0.3.2 other
class KeyOnTwoDevices : public Tunnel {
 public:
  KeyOnTwoDevices() {
    connect(gateway_.host, "192.0.3.1/24", other_.host, "192.0.3.2/24");
    other_.config = fmt::format(R"([Interface]
PrivateKey = {}
[Peer]
PublicKey = {}
Endpoint = 192.0.3.1:51820
AllowedIPs = 10.9.0.1/32
)",
                                peer_.keys.private_key, gateway_.keys.public_key);
  }

  void inject() override {
    other_.start();
    other_traffic_ = ping(other_.host, gateway_.address, "4.3");
  }
  void repair() override { other_.wireguard.reset(); }

 private:
  End other_{.host = {}, .wireguard = {}, .address = "10.9.0.2", .config = {}};
  std::unique_ptr<Process> traffic_ = ping(peer_.host, gateway_.address, "3.1");
  std::unique_ptr<Process> other_traffic_;
};

/// A laptop is closed; nobody sends to it.
class IdleLaptop : public Tunnel {
 public:
  void inject() override { peer_.wireguard->signal(SIGSTOP); }
};

/// A site whose keepalives are all there is.
class HealthySite : public Tunnel {
 public:
  HealthySite() : Tunnel({.peer_keepalive = 25}) {}

  void inject() override {}
};

/// A peer of the gateway's configuration that nobody has seen yet, beside one that works.
class PeerNeverCame : public Tunnel {
 public:
  void inject() override {
    gateway_.wireguard->wg({"set", gateway_.wireguard->name(), "peer", make_key_pair().public_key,
                            "allowed-ips", "10.9.0.3/32"});
  }
};

}  // namespace

std::vector<Scenario> peer_scenarios() {
  return {
      {.name = "replies-dropped",
       .alert = "WireGuardPeerRepliesLost",
       .make = make_place<RepliesDropped>},
      {.name = "replies-not-sent",
       .alert = "WireGuardPeerRepliesLost",
       .make = make_place<RepliesNotSent>},
      {.name = "peer-dies", .alert = "WireGuardPeerUnanswered", .make = make_place<PeerDies>},
      {.name = "nat-binding-lost",
       .alert = "WireGuardPeerUnanswered",
       .make = make_place<NatBindingLost>,
       .settle = 25s},
      {.name = "one-way-data",
       .alert = "WireGuardPeerTurnedOneWay",
       .make = make_place<OneWayData>,
       .settle = 130s},
      {.name = "key-on-two-devices",
       .alert = "WireGuardPeerEndpointFlapping",
       .make = make_place<KeyOnTwoDevices>},
      {.name = "idle-laptop", .alert = "", .make = make_place<IdleLaptop>},
      {.name = "healthy-site", .alert = "", .make = make_place<HealthySite>},
      {.name = "peer-never-came", .alert = "", .make = make_place<PeerNeverCame>},
  };
}

}  // namespace wgscope::test
