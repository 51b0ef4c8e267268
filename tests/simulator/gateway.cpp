#include "gateway.hpp"

#include <utility>

namespace wgscope::simulator {

Interface& Gateway::add_interface(std::string name, std::string netns, bool userspace) {
  interfaces_.push_back(std::make_unique<Interface>());
  Interface& interface = *interfaces_.back();
  interface.name = std::move(name);
  interface.netns = std::move(netns);
  interface.userspace = userspace;
  return interface;
}

Peer& Gateway::add_peer(Interface& interface, std::string key, std::string name) {
  Peer& peer = *interface.peers.emplace_back(std::make_unique<Peer>(
      *clock_, *chance_, std::move(key), std::move(name), [this] { return offset_; }));
  if (!interface.userspace) peer.side().use_timer_wheel(booted_);
  return peer;
}

void Gateway::start() {
  running_ = true;
  for (const auto& interface : interfaces_) create_interface(*interface);
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
