#include "gateway.hpp"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace wgscope::simulator {

Interface& Gateway::add_interface(std::string name, std::string netns, bool userspace) {
  interfaces_.push_back(std::make_unique<Interface>());
  Interface& interface = *interfaces_.back();
  interface.name = std::move(name);
  interface.netns = std::move(netns);
  interface.userspace = userspace;
  return interface;
}

Interface& Gateway::prepare_interface(std::string name, bool userspace) {
  Interface& interface = add_interface(std::move(name), "", userspace);
  interface.present = interface.at_boot = false;
  return interface;
}

void Gateway::install_interface(Interface& interface) {
  interface.at_boot = true;
  if (running_) create_interface(interface);
}

Peer& Gateway::add_peer(Interface& interface, std::string key, std::string name) {
  Peer& peer = *interface.peers.emplace_back(std::make_unique<Peer>(
      *clock_, *chance_, std::move(key), std::move(name), [this] { return offset_; }));
  if (!interface.userspace) peer.side().use_timer_wheel(booted_);
  return peer;
}

void Gateway::remove_peer(Interface& interface, const Peer& peer) {
  const auto found = std::ranges::find(interface.peers, &peer, &std::unique_ptr<Peer>::get);
  if (found == interface.peers.end()) return;
  (*found)->stop();
  interface.removed.push_back(std::move(*found));
  interface.peers.erase(found);
}

void Gateway::bring_back_peer(Interface& interface, const Peer& peer) {
  const auto found = std::ranges::find(interface.removed, &peer, &std::unique_ptr<Peer>::get);
  if (found == interface.removed.end()) return;
  Peer& back = *interface.peers.emplace_back(std::move(*found));
  interface.removed.erase(found);
  back.set_up(interface.up);
  if (running_ && interface.present) back.start();
}

void Gateway::set_allowed_ips(Interface& interface, Peer& peer, std::vector<Prefix> allowed_ips) {
  for (const auto& other : interface.peers) {
    if (other.get() == &peer) continue;
    std::vector<Prefix> kept = other->allowed_ips();
    std::erase_if(kept, [&](const Prefix& prefix) {
      return std::ranges::find(allowed_ips, prefix) != allowed_ips.end();
    });
    other->set_allowed_ips(std::move(kept));
  }
  peer.set_allowed_ips(std::move(allowed_ips));
}

void Gateway::start() {
  running_ = true;
  for (const auto& interface : interfaces_)
    if (interface->at_boot) create_interface(*interface);
}

void Gateway::delete_interface(Interface& interface) {
  interface.present = false;
  for (const auto& peer : interface.peers) peer->stop();
}

void Gateway::create_interface(Interface& interface) {
  interface.present = true;
  interface.ifindex = next_ifindex_++;
  interface.frame_errors = interface.socket_drops = 0;
  set_interface_up(interface, true);
  for (const auto& peer : interface.peers) peer->start();
}

void Gateway::set_interface_up(Interface& interface, bool up) {
  interface.up = up;
  for (const auto& peer : interface.peers) peer->set_up(up);
}

void Gateway::stop() {
  running_ = false;
  for (const auto& interface : interfaces_) delete_interface(*interface);
}

void Gateway::boot(Time offset) {
  offset_ = offset;
  start();
}

}  // namespace wgscope::simulator
