// What happens to a gateway's interface.

#include <csignal>
#include <string>
#include <vector>

#include "scenario.hpp"
#include "tunnel.hpp"
#include "wireguard_go.hpp"

namespace wgscope::test {
namespace {

class InterfaceDown : public Tunnel {
 public:
  InterfaceDown() : Tunnel({.peer_keepalive = 25}) {}

  void inject() override { set("down"); }
  void repair() override { set("up"); }

 private:
  void set(const std::string& state) {
    gateway_.host.must({"ip", "link", "set", gateway_.wireguard->name(), state});
  }
};

class InterfaceDeleted : public Tunnel {
 public:
  InterfaceDeleted() : Tunnel({.peer_keepalive = 25}) {}

  void inject() override {
    gateway_.host.must({"ip", "link", "delete", name_});
    gateway_.wireguard.reset();
  }
  void repair() override { gateway_.start(name_); }

 private:
  std::string name_ = gateway_.wireguard->name();
};

/// As a restart of wg-quick does.
class InterfaceRecreated : public InterfaceDeleted {
 public:
  void inject() override {
    InterfaceDeleted::inject();
    InterfaceDeleted::repair();
  }
};

/// Its daemon hangs.
class InterfaceUnreadable : public Tunnel {
 public:
  void inject() override { gateway_.wireguard->signal(SIGSTOP); }
  void repair() override { gateway_.wireguard->signal(SIGCONT); }
};

/// Somebody removes a peer and adds it again.
class PeerAddedAgain : public Tunnel {
 public:
  void inject() override {
    set({"remove"});
    set({"allowed-ips", "10.9.0.2/32"});
  }

 private:
  void set(std::vector<std::string> what) {
    what.insert(what.begin(), {"set", gateway_.wireguard->name(), "peer", peer_.keys.public_key});
    gateway_.wireguard->wg(what);
  }
};

}  // namespace

std::vector<Scenario> interface_scenarios() {
  return {
      {.name = "interface-down",
       .alert = "WireGuardInterfaceDown",
       .make = make_place<InterfaceDown>},
      {.name = "interface-deleted",
       .alert = "WireGuardInterfaceGone",
       .make = make_place<InterfaceDeleted>},
      {.name = "interface-recreated", .alert = "", .make = make_place<InterfaceRecreated>},
      {.name = "interface-unreadable",
       .alert = "WireGuardInterfaceUnreadable",
       .make = make_place<InterfaceUnreadable>,
       .held_back = {"WireGuardCollectorFailing"}},
      {.name = "peer-added-again",
       .alert = "WireGuardCountersReset",
       .make = make_place<PeerAddedAgain>},
  };
}

}  // namespace wgscope::test
