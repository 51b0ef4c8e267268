#include <algorithm>
#include <chrono>

#include "wgscope/audit/drift.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/device.hpp"

namespace wgscope::audit {
namespace {

/// Whether the last handshake is younger than a limit. One that is a little in the future is young:
/// the clock was set back a moment ago.
bool is_younger(const Peer& peer, WallTime now, Nanoseconds limit) {
  return peer.last_handshake && std::chrono::abs(now - *peer.last_handshake) < limit;
}

/// A port or scope that is not the declared one is another endpoint. A declared address without a
/// scope says nothing about it.
bool is_same(const Endpoint& declared, const Endpoint& there) {
  return declared.address == there.address && declared.port == there.port &&
         (declared.scope_id == 0 || declared.scope_id == there.scope_id);
}

EndpointState compare_name(const Peer& peer, const Resolution* resolution, WallTime now) {
  if (resolution == nullptr || resolution->failed || resolution->addresses.empty())
    return EndpointState::unknown;
  if (std::ranges::find(resolution->addresses, peer.endpoint->address) !=
      resolution->addresses.end())
    return EndpointState::same;
  return is_younger(peer, now, kStaleName) ? EndpointState::roamed : EndpointState::stale_name;
}

}  // namespace

EndpointState compare_endpoint(const Declared::Terms& declared, const Peer& peer,
                               const Resolution* resolution, WallTime now) {
  if (declared.port == 0) return EndpointState::not_declared;
  if (!peer.endpoint) return EndpointState::missing;
  if (!declared.address && peer.endpoint->port == declared.port)
    return compare_name(peer, resolution, now);
  if (declared.address && is_same(*declared.address, *peer.endpoint)) return EndpointState::same;
  return is_younger(peer, now, kLiveSession) ? EndpointState::roamed : EndpointState::other;
}

bool is_drift(EndpointState state) {
  return state == EndpointState::missing || state == EndpointState::other ||
         state == EndpointState::stale_name;
}

}  // namespace wgscope::audit
