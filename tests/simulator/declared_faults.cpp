// The faults that alerts/declared.yaml names, at gateways that have an inventory.

#include <chrono>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "calendar.hpp"
#include "exporter.hpp"
#include "faults.hpp"

namespace wgscope::simulator {
namespace {

using namespace std::chrono_literals;

/// Until the exporter has read a peer for the first time, at the most.
constexpr Time kReading = 6s;
constexpr Time kGrace = 1h;

Prefix prefix(const char* text) { return Prefix::parse(text).value(); }

}  // namespace

void Faults::declared_faults() {
  faults_of_members();
  faults_of_configurations();
  faults_of_prefixes();
  undeclared_interfaces();
  faults_at_times();
  late_office();
}

Peer& Faults::declared_peer(const Place& at, const std::string& name,
                            std::unique_ptr<Life> (*life)(Clock&, Chance&, Peer&)) {
  Peer& peer =
      at.member.gateway.add_peer(at.interface, key_text(at.member.gateway.name(), name), name);
  fleet_->lives_.push_back(life(fleet_->clock_, fleet_->chance_, peer));
  Life& made = *fleet_->lives_.back();
  Terms terms;
  if (made.always_online()) terms.online = config::ExpectedOnline::always;
  at.member.operators->declare(at.interface, peer, made, terms);
  return peer;
}

std::function<void()> Faults::configured(const Place& at, Peer& peer, bool is) {
  return [gateway = &at.member.gateway, interface = &at.interface, &peer, is] {
    is ? gateway->bring_back_peer(*interface, peer) : gateway->remove_peer(*interface, peer);
  };
}

/// A peer that is neither configured nor declared.
Peer& Faults::hidden_peer(const Place& at, const std::string& name) {
  Peer& peer =
      at.member.gateway.add_peer(at.interface, key_text(at.member.gateway.name(), name), name);
  peer.add_device(std::nullopt).set_connected(false);
  at.member.gateway.remove_peer(at.interface, peer);
  peer.set_allowed_ips({at.member.operators->next_address()});
  return peer;
}

/// Who is there, and who should be.
void Faults::faults_of_members() {
  const Place first = place(0);
  const Place second = place(1);
  Peer& unexpected = hidden_peer(first, "unexpected");
  plan_at(first, unexpected,
          {"a key that nobody declared", "WireGuardPeerUndeclared",
           configured(first, unexpected, true), configured(first, unexpected, false)});

  Peer& missing = declared_peer(second, "missing", make_sensor);
  plan_at(second, missing,
          {"a declared peer is removed", "WireGuardPeerMissing", configured(second, missing, false),
           configured(second, missing, true)});

  // The fault begins when the grace period is over, which the exporter counts from its first reading.
  Peer& overdue = hidden_peer(first, "overdue");
  Fault never{"a new peer never comes", "WireGuardPeerHandshakeOverdue", [] {},
              [registry = first.member.registry.get(), &overdue,
               remove = configured(first, overdue, false)] {
                registry->change([&](config::Inventory& inventory) {
                  std::erase_if(inventory.peers,
                                [&](const auto& peer) { return peer.name == overdue.name(); });
                });
                remove();
              }};
  never.prepare = [registry = first.member.registry.get(), interface = &first.interface, &overdue,
                   bring = configured(first, overdue, true)] {
    config::DeclaredPeer declared = declaration_of(*interface, overdue);
    declared.grace = std::chrono::duration_cast<std::chrono::hours>(kGrace);
    registry->change([&](config::Inventory& inventory) { inventory.peers.push_back(declared); });
    bring();
  };
  never.lead = kGrace + kReading;
  never.unsure = kReading;
  plan_at(first, overdue, std::move(never));

  Peer& offline = declared_peer(second, "offline", make_site);
  plan_at(second, offline,
          {"a site that is always online goes", "WireGuardPeerUnexpectedlyOffline",
           [&offline] { offline.device().set_connected(false); },
           [&offline] { offline.device().set_connected(true); }});
}

/// A setting that somebody changed.
void Faults::faults_of_configurations() {
  const Place first = place(0);
  const Place second = place(1);
  Peer& keepalive = declared_peer(first, "keepalive", make_site);
  plan_at(first, keepalive,
          {"another keepalive", "WireGuardPeerDrift", [&keepalive] { keepalive.set_keepalive(5s); },
           [&keepalive] { keepalive.set_keepalive(25s); }});

  Peer& secret = declared_peer(second, "secret", make_sensor);
  plan_at(
      second, secret,
      {"no preshared key", "WireGuardPeerDrift", [&secret] { secret.set_has_preshared_key(false); },
       [&secret] { secret.set_has_preshared_key(true); }});

  Peer& resolved = declared_peer(first, "resolved", make_unused);
  constexpr Address kOld{0x0c000002, 51820};
  constexpr Address kNew{0x0c000003, 51820};
  resolved.configure(0s, kOld);
  const std::string host = "moved.example.net";
  first.member.registry->set_address(host, kOld);
  first.member.registry->change([&](config::Inventory& inventory) {
    Registry::peer(inventory, resolved.name()).endpoint = config::EndpointName{host, kOld.port};
  });
  // The name was resolved when the interface was made, and never again. The exporter asks every 5 min.
  Fault stale{"an old address of a name", "WireGuardPeerDrift", [] {},
              [&resolved, kNew] { resolved.set_endpoint(kNew); }};
  stale.lead = 5min;
  stale.prepare = [registry = first.member.registry.get(), host, kNew] {
    registry->set_address(host, kNew);
  };
  plan_at(first, resolved, std::move(stale));
}

void Faults::faults_of_prefixes() {
  const Place first = place(0);
  const Place second = place(1);
  Peer& victim = declared_peer(second, "victim", make_unused);
  Peer& thief = declared_peer(second, "thief", make_unused);
  const std::vector<Prefix> own = thief.allowed_ips();
  std::vector<Prefix> both = own;
  both.push_back(victim.allowed_ips().front());
  Interface& interface = second.interface;
  plan_at(second, victim,
          {"another peer gets its prefix",
           "WireGuardPeerAllowedIPsStolen",
           [&interface, &thief, both] { Gateway::set_allowed_ips(interface, thief, both); },
           [&interface, &thief, &victim, own, stolen = victim.allowed_ips()] {
             Gateway::set_allowed_ips(interface, thief, own);
             Gateway::set_allowed_ips(interface, victim, stolen);
           },
           true,
           {"WireGuardPeerDrift"}});
  Truth has_it = fleet_->truths_.back();
  has_it.scope.key = thief.key();
  has_it.injected = false;
  fleet_->truths_.push_back(has_it);

  Peer& broad = declared_peer(first, "broad", make_unused);
  std::vector<Prefix> wide = broad.allowed_ips();
  wide.push_back(prefix("10.64.0.0/10"));
  plan_at(first, broad,
          {"a prefix that is too wide",
           "WireGuardPeerAllowedIPsTooBroad",
           [&broad, wide] { broad.set_allowed_ips(wide); },
           [&broad, narrow = broad.allowed_ips()] { broad.set_allowed_ips(narrow); },
           true,
           {"WireGuardPeerDrift"}});
}

Interface& Faults::prepared_interface(Fleet::Member& member, const std::string& name) {
  Interface& interface = member.gateway.prepare_interface(name, false);
  Peer& peer =
      member.gateway.add_peer(interface, key_text(member.gateway.name(), name), "of " + name);
  peer.add_device(std::nullopt).set_connected(false);
  return interface;
}

/// One appears and goes again. The other one loses its declaration, and is exempted.
void Faults::undeclared_interfaces() {
  const std::vector<std::string> also{"WireGuardInterfaceGone", "WireGuardPeerUndeclared"};
  Fleet::Member& first = place(0).member;
  Interface& added = prepared_interface(first, "added");
  plan_at({first, added}, "",
          {"an interface that nobody declared", "WireGuardInterfaceUndeclared",
           [gateway = &first.gateway, &added] { gateway->create_interface(added); },
           [gateway = &first.gateway, &added] { gateway->delete_interface(added); }, true, also});

  Fleet::Member& second = place(1).member;
  Interface& left = prepared_interface(second, "left");
  left.at_boot = true;
  second.operators->declare_interface(left);
  const Peer& peer = *left.peers.front();
  Registry& registry = *second.registry;
  registry.change(
      [&](config::Inventory& inventory) { inventory.peers.push_back(declaration_of(left, peer)); });
  plan_at({second, left}, "",
          {"an interface loses its declaration",
           "WireGuardInterfaceUndeclared",
           [&registry, &left, &peer] {
             registry.change([&](config::Inventory& inventory) {
               std::erase_if(inventory.interfaces,
                             [&](const auto& declared) { return declared.name == left.name; });
               std::erase_if(inventory.peers,
                             [&](const auto& declared) { return declared.name == peer.name(); });
             });
           },
           [&registry, &left] {
             registry.change([&](config::Inventory& inventory) {
               inventory.unmanaged_interfaces.push_back({left.name, ""});
             });
           },
           true,
           {"WireGuardPeerUndeclared"}});
}

/// At midnight.
void Faults::faults_at_times() {
  const std::chrono::sys_days sunday = fleet_->day_.sunday;
  const Place first = place(0);
  Peer& old = declared_peer(first, "oldkey", make_unused);
  const auto declare = [&](const Peer& peer, const auto& edit) {
    first.member.registry->change(
        [&](config::Inventory& inventory) { edit(Registry::peer(inventory, peer.name())); });
  };
  declare(old, [&](config::DeclaredPeer& peer) {
    peer.key_created = sunday - std::chrono::days(90);
    peer.rotation = std::chrono::days(90);
  });
  Fault due{"a key gets too old", "WireGuardPeerKeyRotationDue", [] {},
            [registry = first.member.registry.get(), name = old.name(), sunday] {
              registry->change([&](config::Inventory& inventory) {
                Registry::peer(inventory, name).key_created = sunday;
              });
            }};
  due.at = kMidnight;
  plan_at(first, old, std::move(due));

  Peer& retired = declared_peer(first, "retired", make_unused);
  Peer& successor = first.member.gateway.add_peer(
      first.interface, key_text(first.member.gateway.name(), "successor"), retired.name());
  successor.add_device(std::nullopt);
  declare(retired, [&](config::DeclaredPeer& peer) {
    peer.successor = config::Successor{key_of(successor.key()), sunday - std::chrono::days(1)};
  });
  Gateway::set_allowed_ips(first.interface, successor, retired.allowed_ips());
  Fault stays{"an old key stays after its last day", "WireGuardPeerUndeclared", [] {},
              [gateway = &first.member.gateway, interface = &first.interface, &retired] {
                gateway->remove_peer(*interface, retired);
              }};
  stays.at = kMidnight;
  plan_at(first, retired, std::move(stays));
}

/// On the first day whose hours begin late enough. Where an hour is repeated in autumn, they begin a second
/// time.
void Faults::late_office() {
  const Place second = place(1);
  const LocalHours hours = some_hours().front();
  Peer& peer = second.member.gateway.add_peer(
      second.interface, key_text(second.member.gateway.name(), "office"), "office");
  fleet_->lives_.push_back(make_unused(fleet_->clock_, fleet_->chance_, peer));
  Terms terms;
  terms.online = config::ExpectedOnline::scheduled;
  terms.hours = hours;
  second.member.operators->declare(second.interface, peer, *fleet_->lives_.back(), terms);
  for (const auto& [begin, end] : spans_of(hours, fleet_->day_)) {
    if (begin < 50min) continue;
    Fault late{"a machine does not come when its hours begin", "WireGuardPeerUnexpectedlyOffline",
               [] {}, [] {}};
    late.at = begin;
    late.until = end;
    return plan_at(second, peer, std::move(late));
  }
}

Faults::Fault Faults::missing_interface(Gateway& gateway, Interface& interface) {
  return {"a declared interface is gone",
          "WireGuardInterfaceMissing",
          [&] { gateway.delete_interface(interface); },
          [&] { gateway.create_interface(interface); },
          true,
          {"WireGuardInterfaceGone"}};
}

Faults::Fault Faults::other_port(Interface& interface) {
  return {"another port", "WireGuardInterfaceDrift", [&interface] { ++interface.listen_port; },
          [&interface] { --interface.listen_port; }};
}

Faults::Fault Faults::broken_inventory(Registry& registry) {
  return {"the inventory is broken", "WireGuardInventoryNotLoaded",
          [&registry] { registry.set_broken(true); }, [&registry] { registry.set_broken(false); }};
}

}  // namespace wgscope::simulator
