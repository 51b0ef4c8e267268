#include "exporter/peer_history.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/keyed_hash.hpp"

namespace wgscope::exporter {
namespace {

/// How far apart two reports of one handshake may be that were reckoned from its age: the age is
/// told some time after the collection's clock was read, at most half of --collect.timeout.
constexpr std::chrono::seconds kAgeTolerance{3};

Instant anchor_of(WallTime handshake, Now now) {
  return now.boot - std::max(Nanoseconds(0), now.wall - handshake);
}

/// Implementations take the wall clock at the handshake and report that ever after (Linux:
/// drivers/net/wireguard/timers.c, wg_timers_handshake_complete). So a step of the clock changes no
/// report, and a report that changes is another handshake, even one that seems to be earlier.
bool is_new_handshake(const PeerHistory& entry, const Peer& peer, Now now) {
  if (!peer.last_handshake || entry.handshake == peer.last_handshake) return false;
  if (!entry.handshake || !peer.handshake_from_age) return true;
  return anchor_of(*peer.last_handshake, now) - entry.handshake_anchor > kAgeTolerance;
}

/// @returns whether it is the one before the last.
bool count_endpoint(PeerHistory& entry, EndpointMark endpoint) {
  if (endpoint == EndpointMark::none || endpoint == entry.endpoint) return false;
  bool returned = false;
  if (entry.endpoint != EndpointMark::none) {
    returned = endpoint == entry.endpoint_before;
    ++entry.events.endpoint_changes;
    if (returned) ++entry.events.endpoint_alternations;
    entry.endpoint_before = entry.endpoint;
  }
  entry.endpoint = endpoint;
  return returned;
}

}  // namespace

EndpointMark mark_endpoint(const Endpoint& endpoint, std::uint64_t seed) {
  std::array<std::byte, 32> bytes{};
  std::memcpy(bytes.data(), endpoint.address.bytes.data(), 16);
  std::memcpy(bytes.data() + 16, &endpoint.scope_id, sizeof endpoint.scope_id);
  std::memcpy(bytes.data() + 20, &endpoint.port, sizeof endpoint.port);
  bytes[22] = static_cast<std::byte>(endpoint.address.family);
  const auto hash = static_cast<std::uint32_t>(keyed_hash(seed, bytes));
  return EndpointMark{hash == 0 ? 1 : hash};
}

Nanoseconds handshake_age(PeerHistory& peer, WallTime handshake, Now now) {
  if (peer.handshake != handshake) {
    peer.handshake = handshake;
    peer.handshake_anchor = anchor_of(handshake, now);
  }
  return std::max(Nanoseconds(0), now.boot - peer.handshake_anchor);
}

PeerChanges look_for_changes(PeerHistory& entry, const Peer& peer,
                             std::optional<std::uint64_t> seed, Now now) {
  PeerChanges changes;
  changes.made_anew = (entry.handshake && !peer.last_handshake) ||
                      entry.judge.went_back(peer.receive_bytes, peer.transmit_bytes);
  if (changes.made_anew) restart_events(entry);
  changes.new_handshake = is_new_handshake(entry, peer, now);
  if (!seed) return changes;
  if (entry.judge.known() && changes.new_handshake) ++entry.events.handshakes;
  changes.endpoint_returned = count_endpoint(
      entry, peer.endpoint ? mark_endpoint(*peer.endpoint, *seed) : EndpointMark::none);
  return changes;
}

void restart_events(PeerHistory& entry) {
  entry.handshake.reset();
  entry.events = {};
  entry.endpoint = EndpointMark::none;
  entry.endpoint_before = EndpointMark::none;
  entry.judge.restart();
}

}  // namespace wgscope::exporter
