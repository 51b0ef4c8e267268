#include "wgscope/model/device.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "wgscope/model/address.hpp"

namespace wgscope {

namespace {

/// A peer continued after others: rare, so its list moves to the end instead of every list being
/// its own.
[[gnu::cold]] void move_to_end(Peer& peer, std::vector<Prefix>& all) {
  const auto moved = static_cast<std::uint32_t>(all.size());
  for (std::uint32_t i = 0; i < peer.allowed_ips_count; ++i) {
    const Prefix copy = all[peer.allowed_ips_first + i];
    all.push_back(copy);
  }
  peer.allowed_ips_first = moved;
}

}  // namespace

Prefix& Device::add_allowed_ip(std::size_t index) {
  Peer& peer = peers[index];
  const std::size_t size = allowed_ips.size();
  if (peer.allowed_ips_count == 0)
    peer.allowed_ips_first = static_cast<std::uint32_t>(size);
  else if (std::size_t{peer.allowed_ips_first} + peer.allowed_ips_count != size)
    move_to_end(peer, allowed_ips);
  ++peer.allowed_ips_count;
  return allowed_ips.emplace_back();
}

void Device::remove_last_peer() {
  // Without any, its first index means nothing.
  allowed_ips.resize(allowed_ips.size() - peers.back().allowed_ips_count);
  peers.pop_back();
}

void Device::clear() {
  std::vector<Peer> kept_peers = std::move(peers);
  std::vector<Prefix> kept_prefixes = std::move(allowed_ips);
  kept_peers.clear();
  kept_prefixes.clear();
  *this = Device{};
  peers = std::move(kept_peers);
  allowed_ips = std::move(kept_prefixes);
}

}  // namespace wgscope
