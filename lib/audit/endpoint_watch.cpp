#include "wgscope/audit/endpoint_watch.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "wgscope/audit/endpoint_returns.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/model/snapshot.hpp"

namespace wgscope::audit {
namespace {

/// A laptop that tries another network and comes back returns once.
constexpr std::uint32_t kFewestReturns = 2;

}  // namespace

EndpointWatch::Interface& EndpointWatch::interface_of(const Device& device) {
  const auto known = std::ranges::find_if(interfaces_, [&device](const Interface& interface) {
    return interface.name == device.name && interface.netns == device.netns;
  });
  if (known != interfaces_.end()) return *known;
  Interface& made = interfaces_.emplace_back();
  made.netns = device.netns;
  made.name = device.name;
  made.peers = std::unordered_map<PublicKey, Track, PublicKeyHash>(0, PublicKeyHash{seed_});
  return made;
}

void EndpointWatch::look(const Snapshot& snapshot) {
  for (const Device& device : snapshot.devices) {
    Interface& interface = interface_of(device);
    for (const Peer& peer : device.peers) {
      if (!peer.endpoint) continue;
      Track& track = interface.peers[peer.public_key];
      if (track.last == peer.endpoint) continue;
      if (track.before == peer.endpoint) {
        const Nanoseconds passed = snapshot.taken.boot - track.added;
        track.level =
            endpoint_returns(track.level, std::chrono::duration<float>(passed).count(), 1);
        track.added = snapshot.taken.boot;
        track.often = track.often || keeps_returning(track.level, false);
        ++track.returns;
      }
      track.before = std::exchange(track.last, peer.endpoint);
    }
  }
}

std::vector<Alternating> EndpointWatch::found() const {
  std::vector<Alternating> found;
  for (const Interface& interface : interfaces_)
    for (const auto& [key, track] : interface.peers)
      if (track.returns >= kFewestReturns)
        found.push_back({.netns = interface.netns,
                         .interface = interface.name,
                         .key = key,
                         .one = *track.before,
                         .other = *track.last,
                         .returns = track.returns,
                         .often = track.often});
  std::ranges::sort(found, {}, [](const Alternating& one) {
    return std::tuple(!one.often, std::tie(one.netns, one.interface, one.key));
  });
  return found;
}

}  // namespace wgscope::audit
