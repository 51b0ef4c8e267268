#pragma once

#include <cstdint>
#include <optional>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/public_key.hpp"

namespace wgscope::exporter {

/// What was seen to happen to a peer from one reading to the next.
struct PeerEvents {
  std::uint32_t handshakes = 0;
  std::uint32_t endpoint_changes = 0;
  std::uint32_t endpoint_alternations = 0;  ///< returns to the endpoint before the last: A-B-A

  friend bool operator==(const PeerEvents&, const PeerEvents&) = default;
};

/// Stands for an endpoint where it is only compared: 8 bytes instead of 32, twice a peer. Two
/// endpoints have one mark by a chance of 1 in 2^64, which nobody can better who does not know the
/// seed.
enum class EndpointMark : std::uint64_t { none = 0 };

EndpointMark mark_endpoint(const Endpoint& endpoint, std::uint64_t seed);

/// What the exporter remembers of one peer between collections. A hundred thousand of them are
/// ordinary.
struct PeerHistory {
  PublicKey key;
  WallTime first_seen;
  std::optional<WallTime> handshake;  ///< the last handshake's wall clock, as reported
  Instant handshake_anchor;           ///< when that was on the boot clock
  std::uint32_t last_seen = 0;        ///< number of the reading that last listed the peer
  PeerEvents events;
  EndpointMark endpoint = EndpointMark::none;  ///< the last one that was not absent
  EndpointMark endpoint_before = EndpointMark::none;
  bool watched = false;  ///< events were looked for in an earlier reading of this peer
};

/// The age of a handshake that a peer reports, on the boot clock: untouched by steps of the wall
/// clock after the handshake was first seen. A step before that cannot be told from age. Updates
/// the entry's anchor when the handshake is a new one.
Nanoseconds handshake_age(PeerHistory& peer, WallTime handshake, Now now);

/// Looks for events between the reading before and this one, and adds them to `entry.events`. To be
/// called before handshake_age(), which replaces the handshake that this compares with.
///
/// The first call for a peer counts nothing: what was before is not known. At most one handshake
/// and one change of endpoint are seen in a reading. A peer that had a handshake and has none was
/// removed and added again, and starts from 0.
void count_events(PeerHistory& entry, const Peer& peer, std::uint64_t seed, Now now);

/// For peers of an interface that was made anew: what follows has nothing to do with what was
/// before.
void restart_events(PeerHistory& entry);

}  // namespace wgscope::exporter
