#include <algorithm>
#include <chrono>
#include <optional>

#include "wgscope/audit/drift.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/config/wg_quick.hpp"
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

EndpointState compare_name(const config::EndpointName& declared, const Peer& peer,
                           const Resolutions& resolutions, WallTime now) {
  if (peer.endpoint->port != declared.port)
    return is_younger(peer, now, kLiveSession) ? EndpointState::roamed : EndpointState::other;
  const auto found = resolutions.find(declared.host);
  if (found == resolutions.end() || found->second.failed || found->second.addresses.empty())
    return EndpointState::unknown;
  if (std::ranges::find(found->second.addresses, peer.endpoint->address) !=
      found->second.addresses.end())
    return EndpointState::same;
  return is_younger(peer, now, kStaleName) ? EndpointState::roamed : EndpointState::stale_name;
}

}  // namespace

EndpointState compare_endpoint(const config::DeclaredPeer& declared, const Peer& peer,
                               const Resolutions& resolutions, WallTime now) {
  if (!declared.endpoint) return EndpointState::not_declared;
  if (!peer.endpoint) return EndpointState::missing;
  const std::optional<Endpoint> address = declared.endpoint->address();
  if (!address) return compare_name(*declared.endpoint, peer, resolutions, now);
  if (is_same(*address, *peer.endpoint)) return EndpointState::same;
  return is_younger(peer, now, kLiveSession) ? EndpointState::roamed : EndpointState::other;
}

bool is_drift(EndpointState state) {
  return state == EndpointState::missing || state == EndpointState::other ||
         state == EndpointState::stale_name;
}

}  // namespace wgscope::audit
