#include "operators.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <stdexcept>

#include <fmt/format.h>

#include "wgscope/config/wg_quick.hpp"

#include "exporter.hpp"

namespace wgscope::simulator {
namespace {

using namespace std::chrono_literals;

constexpr Time kKeepalive = 25s;

config::Schedule schedule_of(const LocalHours& hours) {
  auto spans = config::parse_hours(hours.text());
  if (!spans) throw std::runtime_error("hours: " + spans.error().context);
  return {hours.zone, config::merge(std::move(*spans))};
}

Address some_address(Chance& chance) {
  return {0x0b000000U + static_cast<std::uint32_t>(chance.below(1U << 24U)), 51820};
}

}  // namespace

config::DeclaredInterface declaration_of(const Gateway& gateway, const Interface& interface) {
  config::DeclaredInterface declared;
  declared.name = interface.name;
  declared.hosts = {gateway.name()};
  declared.listen_port = interface.listen_port;
  declared.fwmark = 0;
  return declared;
}

config::DeclaredPeer declaration_of(const Interface& interface, const Peer& peer) {
  config::DeclaredPeer declared;
  declared.name = peer.name();
  declared.public_key = key_of(peer.key());
  declared.interfaces = {{interface.name, ""}};
  declared.allowed_ips = peer.allowed_ips();
  declared.persistent_keepalive = std::chrono::ceil<std::chrono::seconds>(peer.keepalive());
  declared.preshared_key = config::PresharedKeyRule::required;
  return declared;
}

void Operators::declare_interface(const Interface& interface) {
  registry_->change([&](config::Inventory& inventory) {
    inventory.interfaces.push_back(declaration_of(*gateway_, interface));
    if (inventory.policies.widest_prefix.empty())
      inventory.policies.widest_prefix.push_back({{}, 24, 64, {}});
  });
}

Prefix Operators::next_address() {
  const int number = ++addresses_;
  return Prefix::parse(fmt::format("10.9.{}.{}/32", number / 200, 1 + number % 200)).value();
}

void Operators::declare(Interface& interface, Peer& peer, Life& life, const Terms& terms) {
  if (peer.allowed_ips().empty()) peer.set_allowed_ips({next_address()});
  config::DeclaredPeer declared = declaration_of(interface, peer);
  declared.expected_online = terms.online;
  if (terms.hours) declared.schedule = schedule_of(*terms.hours);
  declared.grace = 1h;
  declared.key_created = day_.sunday - std::chrono::days(30);
  declared.rotation = std::chrono::days(31);  // due the day after
  std::string host;
  if (terms.kind == Kind::site) {
    const Address address = peer.configured_endpoint().value();
    host = terms.named_endpoint ? peer.key().substr(0, peer.key().find('A')) + ".example.net"
                                : endpoint_of(address).address.to_string();
    declared.endpoint = config::EndpointName{host, address.port};
    if (terms.named_endpoint) registry_->set_address(host, address);
  }
  registry_->change(
      [&](config::Inventory& inventory) { inventory.peers.push_back(std::move(declared)); });
  entries_.push_back(std::make_unique<Entry>(Entry{&interface, &peer, &life, terms, host}));
}

Operators::Entry* Operators::some(const std::function<bool(const Entry&)>& fits) {
  std::vector<Entry*> all;
  for (const auto& entry : entries_)
    if (!entry->changed && fits(*entry)) all.push_back(entry.get());
  if (all.empty()) return nullptr;
  Entry* chosen = all[chance_->below(all.size())];
  chosen->changed = true;
  return chosen;
}

void Operators::deploy(Edit edit, std::function<void()> act, std::function<void()> then) {
  // Nobody changes an inventory that cannot be read.
  if (registry_->broken())
    return clock_->after(10min, [this, edit = std::move(edit), act = std::move(act),
                                 then = std::move(then)] { deploy(edit, act, then); });
  ++deployments_;
  const Time lag = chance_->between(0s, kDeployment);
  const auto commit = [this, edit = std::move(edit)] { registry_->change(edit); };
  if (chance_->happens(0.5)) {
    commit();
    clock_->after(lag, std::move(act));
  } else {
    act();
    clock_->after(lag, commit);
  }
  clock_->after(lag, [this, then = std::move(then)] {
    --deployments_;
    if (then) then();
  });
}

std::string Operators::new_name(const char* kind) { return fmt::format("{}{}", kind, ++names_); }

/// A peer that is not configured yet.
Operators::Entry& Operators::hire(Interface& interface, const std::string& name) {
  Peer& peer = gateway_->add_peer(interface, key_text(gateway_->name(), name), name);
  gateway_->remove_peer(interface, peer);
  peer.set_allowed_ips({next_address()});
  return *entries_.emplace_back(
      std::make_unique<Entry>(Entry{&interface, &peer, nullptr, {}, "", true}));
}

void Operators::add_laptop() {
  Entry& entry = hire(*gateway_->interfaces()[chance_->below(2)], new_name("joined"));
  lives_.push_back(make_laptop(*clock_, *chance_, *entry.peer, 0));
  config::DeclaredPeer declared = declaration_of(*entry.interface, *entry.peer);
  declared.grace = 24h;
  deploy([declared](config::Inventory& inventory) { inventory.peers.push_back(declared); },
         [this, &entry] { gateway_->bring_back_peer(*entry.interface, *entry.peer); },
         [&life = *lives_.back()] { life.start(); });
}

/// Configured first, and built up within its grace period.
void Operators::add_site() {
  Entry& entry = hire(*gateway_->interfaces()[chance_->below(2)], new_name("site"));
  lives_.push_back(make_site(*clock_, *chance_, *entry.peer));
  entry.peer->device().set_connected(false);
  config::DeclaredPeer declared = declaration_of(*entry.interface, *entry.peer);
  declared.grace = 1h;
  declared.expected_online = config::ExpectedOnline::always;
  deploy([declared](config::Inventory& inventory) { inventory.peers.push_back(declared); },
         [this, &entry] { gateway_->bring_back_peer(*entry.interface, *entry.peer); },
         [this, &entry, &life = *lives_.back()] {
           clock_->after(chance_->between(0s, 20min), [&entry, &life] {
             entry.peer->device().set_connected(true);
             life.start();
           });
         });
}

void Operators::remove_laptop() {
  Entry* entry = some([](const Entry& each) { return each.terms.kind == Kind::laptop; });
  if (entry == nullptr) return;
  entry->life->stop();
  deploy(
      [name = entry->peer->name()](config::Inventory& inventory) {
        std::erase_if(inventory.peers, [&](const auto& peer) { return peer.name == name; });
      },
      [this, entry] { gateway_->remove_peer(*entry->interface, *entry->peer); });
}

void Operators::extend_allowed_ips() {
  Entry* entry = some([](const Entry& each) { return each.terms.kind == Kind::laptop; });
  if (entry == nullptr) return;
  std::vector<Prefix> more = entry->peer->allowed_ips();
  more.push_back(next_address());
  deploy([name = entry->peer->name(), more](
             config::Inventory& inventory) { Registry::peer(inventory, name).allowed_ips = more; },
         [entry, more] { Gateway::set_allowed_ips(*entry->interface, *entry->peer, more); });
}

/// A peer's only address, to another peer.
void Operators::move_allowed_ip() {
  Entry* from = some([](const Entry& each) { return each.terms.kind == Kind::laptop; });
  if (from == nullptr) return;
  Entry* to = some([&](const Entry& each) {
    return each.terms.kind == Kind::laptop && each.interface == from->interface;
  });
  if (to == nullptr) return;
  std::vector<Prefix> more = to->peer->allowed_ips();
  more.push_back(from->peer->allowed_ips().front());
  const std::vector<Prefix> other{next_address()};
  deploy(
      [from, to, more, other](config::Inventory& inventory) {
        Registry::peer(inventory, from->peer->name()).allowed_ips = other;
        Registry::peer(inventory, to->peer->name()).allowed_ips = more;
      },
      [from, to, more, other] {
        Gateway::set_allowed_ips(*to->interface, *to->peer, more);
        Gateway::set_allowed_ips(*from->interface, *from->peer, other);
      });
}

void Operators::change_keepalive() {
  Entry* entry = some([](const Entry& each) { return each.peer->keepalive() == kKeepalive; });
  if (entry == nullptr) return;
  deploy(
      [name = entry->peer->name()](config::Inventory& inventory) {
        Registry::peer(inventory, name).persistent_keepalive = 20s;
      },
      [entry] { entry->peer->set_keepalive(20s); });
}

void Operators::change_port() {
  Interface& interface = *gateway_->interfaces()[chance_->below(2)];
  const auto port = static_cast<std::uint16_t>(interface.listen_port + 1);
  deploy(
      [name = interface.name, port](config::Inventory& inventory) {
        for (config::DeclaredInterface& declared : inventory.interfaces)
          if (declared.name == name) declared.listen_port = port;
      },
      [&interface, port] { interface.listen_port = port; });
}

/// One more, with a peer that nobody uses yet.
Interface& Operators::next_interface(const char* kind) {
  const std::string name = new_name(kind);
  Interface& interface = gateway_->prepare_interface(name, chance_->happens(0.5));
  Peer& peer = gateway_->add_peer(interface, key_text(gateway_->name(), name), "of " + name);
  peer.set_allowed_ips({next_address()});
  lives_.push_back(make_unused(*clock_, *chance_, peer));
  return interface;
}

void Operators::add_interface() {
  Interface& interface = next_interface("more");
  deploy(
      [interface = declaration_of(*gateway_, interface),
       peer = declaration_of(interface, *interface.peers.front())](config::Inventory& inventory) {
        inventory.interfaces.push_back(interface);
        inventory.peers.push_back(peer);
      },
      [this, &interface] { gateway_->install_interface(interface); });
}

/// Of other software, which brings its own peers.
void Operators::exempt_interface() {
  Interface& interface = next_interface("mesh");
  deploy(
      [name = interface.name](config::Inventory& inventory) {
        inventory.unmanaged_interfaces.push_back({name, ""});
      },
      [this, &interface] { gateway_->install_interface(interface); });
}

/// As docs/rotation.md describes it: the new key without allowed IPs, then the switch, then the old key
/// goes.
void Operators::rotate_key() {
  Entry* entry = some([](const Entry& each) {
    return each.terms.kind == Kind::laptop ||
           (each.terms.kind == Kind::site && !each.terms.named_endpoint);
  });
  if (entry == nullptr) return;
  Peer& next = gateway_->add_peer(
      *entry->interface, key_text(gateway_->name(), new_name("rotated")), entry->peer->name());
  gateway_->remove_peer(*entry->interface, next);
  Life& life = make_next_life(*entry, next);
  deploy(
      [name = entry->peer->name(), key = key_of(next.key()),
       until = day_.sunday + std::chrono::days(14)](config::Inventory& inventory) {
        Registry::peer(inventory, name).successor = config::Successor{key, until};
      },
      [this, entry, &next] { gateway_->bring_back_peer(*entry->interface, next); },
      [this, entry, &next, &life] {
        clock_->after(chance_->between(Time(20min), Time(3h)),
                      [this, entry, &next, &life] { switch_key(*entry, next, life); });
      });
}

void Operators::switch_key(Entry& entry, Peer& next, Life& life) {
  entry.life->stop();
  entry.peer->device().set_connected(false);
  next.device().set_connected(true);
  const std::vector<Prefix> allowed_ips = entry.peer->allowed_ips();
  Gateway::set_allowed_ips(*entry.interface, next, allowed_ips);
  if (entry.terms.kind == Kind::site) {
    next.set_endpoint(*entry.peer->configured_endpoint());
    next.set_keepalive(entry.peer->keepalive());
    next.device().join(entry.peer->device().network());
  }
  life.start();
  clock_->after(chance_->between(5min, 20min),
                [this, &entry, &next] { finish_rotation(entry, next); });
}

/// The machine as it will be with its next key. Nothing is configured for it but the key.
Life& Operators::make_next_life(const Entry& entry, Peer& next) {
  lives_.push_back(entry.terms.kind == Kind::laptop ? make_laptop(*clock_, *chance_, next, 0)
                                                    : make_site(*clock_, *chance_, next));
  next.configure(0s, std::nullopt);
  next.device().set_connected(false);
  return *lives_.back();
}

/// Not before the tunnel carried data with the new key.
void Operators::finish_rotation(Entry& entry, Peer& next) {
  if (!next.side().last_handshake())
    return clock_->after(10min, [this, &entry, &next] { finish_rotation(entry, next); });
  deploy(
      [name = next.name(), key = key_of(next.key()),
       today = day_.sunday](config::Inventory& inventory) {
        config::DeclaredPeer& declared = Registry::peer(inventory, name);
        declared.public_key = key;
        declared.successor.reset();
        declared.key_created = today;
      },
      [this, &entry] { gateway_->remove_peer(*entry.interface, *entry.peer); });
}

/// A line with another address each day: the site notices, its name follows within minutes.
void Operators::move_named_site() {
  Entry* entry = some([](const Entry& each) { return each.terms.named_endpoint; });
  if (entry == nullptr) return;
  entry->changed = false;  // that happens to it beside everything else
  Peer& peer = *entry->peer;
  const Address address = some_address(*chance_);
  peer.device().set_connected(false);
  clock_->after(chance_->between(5s, 90s), [&peer, address] {
    peer.device().join(address.host);
    peer.device().set_connected(true);
  });
  clock_->after(chance_->between(10s, 5min), [this, &peer, host = entry->host, address] {
    registry_->set_address(host, address);
    clock_->after(chance_->between(1s, 30s), [&peer, address] { peer.set_endpoint(address); });
  });
}

void Operators::restart_router() {
  Entry* entry =
      some([](const Entry& each) { return each.terms.online == config::ExpectedOnline::always; });
  if (entry == nullptr) return;
  entry->peer->device().set_connected(false);
  clock_->after(chance_->between(1min, 8min),
                [entry] { entry->peer->device().set_connected(true); });
}

void Operators::break_inventory() {
  if (deployments_ > 0 || registry_->broken()) return;
  registry_->set_broken(true);
  clock_->after(chance_->between(10s, kDeployment), [this] { registry_->set_broken(false); });
}

void Operators::lose_name_server() {
  registry_->set_name_server_answers(false);
  clock_->after(chance_->between(Time(1min), Time(1h)),
                [this] { registry_->set_name_server_answers(true); });
}

}  // namespace wgscope::simulator
