#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wgscope/audit/drift.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/snapshot.hpp"

#include "../config/keys.hpp"

// Small inventories and snapshots to compare.

namespace wgscope::audit {

inline constexpr std::chrono::year_month_day kToday{std::chrono::year(2026), std::chrono::month(8),
                                                    std::chrono::day(1)};
inline constexpr std::uint64_t kSeed = 42;

inline std::vector<Prefix> prefixes(const std::vector<std::string_view>& texts) {
  std::vector<Prefix> made;
  for (const std::string_view text : texts) made.push_back(*Prefix::parse(text));
  return made;
}

inline config::DeclaredPeer declare(std::uint32_t number,
                                    const std::vector<std::string_view>& allowed_ips) {
  config::DeclaredPeer peer;
  peer.name = "peer-" + std::to_string(number);
  peer.public_key = config::key(number);
  peer.allowed_ips = prefixes(allowed_ips);
  return peer;
}

/// Noon of kToday, with one interface.
inline Snapshot snapshot_of(Device device) {
  Snapshot snapshot;
  snapshot.taken.wall.since_epoch =
      std::chrono::sys_days(kToday).time_since_epoch() + std::chrono::hours(12);
  snapshot.devices.push_back(std::move(device));
  return snapshot;
}

inline Device interface(std::string name = "wg0") {
  Device device;
  device.name = std::move(name);
  return device;
}

inline Peer& add_peer(Device& device, std::uint32_t number,
                      const std::vector<std::string_view>& allowed_ips) {
  const std::size_t index = device.peers.size();
  device.peers.emplace_back().public_key = config::key(number);
  for (const std::string_view text : allowed_ips)
    device.add_allowed_ip(index, *Prefix::parse(text));
  return device.peers.back();
}

inline Drift drift_of(config::Inventory inventory, const Snapshot& snapshot,
                      const Resolutions& resolutions = {}, bool complete = true) {
  Drift drift;
  compare(Declared(std::move(inventory), "gw-1", complete, kSeed), snapshot, resolutions, drift);
  return drift;
}

/// The first peer of the first interface.
inline PeerDrift first_peer(config::Inventory inventory, const Snapshot& snapshot) {
  return drift_of(std::move(inventory), snapshot).interfaces.at(0).peers.at(0);
}

inline config::Inventory inventory_of(std::vector<config::DeclaredPeer> peers) {
  config::Inventory inventory;
  inventory.peers = std::move(peers);
  return inventory;
}

}  // namespace wgscope::audit
