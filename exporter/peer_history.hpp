#pragma once

#include <cstdint>
#include <optional>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/public_key.hpp"

#include "exporter/peer_verdict.hpp"

namespace wgscope::exporter {

/// What was seen to happen to a peer from one reading to the next.
struct PeerEvents {
  std::uint32_t handshakes = 0;
  std::uint32_t endpoint_changes = 0;
  std::uint32_t endpoint_alternations = 0;  ///< returns to the endpoint before the last: A-B-A

  friend bool operator==(const PeerEvents&, const PeerEvents&) = default;
};

/// Stands for an endpoint where it is only compared: 4 bytes instead of 32, twice a peer. Two
/// endpoints have one mark by a chance of 1 in 2^32, which nobody can better who does not know the
/// seed. Then one change is not counted.
enum class EndpointMark : std::uint32_t { none = 0 };

EndpointMark mark_endpoint(const Endpoint& endpoint, std::uint64_t seed);

/// What the exporter remembers of one peer between collections. A hundred thousand of
/// them are ordinary.
struct PeerHistory {
  PublicKey key;
  WallTime first_seen;
  std::optional<WallTime> handshake;  ///< the last handshake's wall clock, as reported
  Instant handshake_anchor;           ///< when that was on the boot clock
  /// Number of the reading that last listed the peer. It may wrap around: only the peers of an
  /// interface that is never read whole stay unlisted for longer than a reading.
  std::uint16_t last_seen = 0;
  bool restored : 1 = false;  ///< this process did not see it appear
  bool outlived : 1 = false;  ///< an earlier interface had it, when the clock may have been another
  bool had_handshake : 1 = false;  ///< in this process, also before it was removed and added again
  PeerEvents events;
  EndpointMark endpoint = EndpointMark::none;  ///< the last one that was not absent
  EndpointMark endpoint_before = EndpointMark::none;
  PeerJudge judge;
};

/// What changed from the reading before to this one.
struct PeerChanges {
  bool made_anew = false;  ///< the peer was removed and added again
  bool new_handshake = false;
  bool endpoint_returned = false;
};

/// The age of a handshake that a peer reports, on the boot clock: untouched by steps of the wall
/// clock after the handshake was first seen. A step before that cannot be told from age. Updates
/// the entry's anchor when the handshake is a new one.
Nanoseconds handshake_age(PeerHistory& peer, WallTime handshake, Now now);

/// Looks for what changed between the reading before and this one. To be called before
/// handshake_age(), which replaces the handshake that this compares with.
///
/// A peer that had a handshake and has none, or whose counters went back, was removed and added
/// again, and starts from nothing.
///
/// With a seed, which the marks of endpoints need, events are added to `entry.events` as well. The
/// first call for a peer counts nothing: what was before is not known. At most one handshake and
/// one change of endpoint are seen in a reading.
PeerChanges look_for_changes(PeerHistory& entry, const Peer& peer,
                             std::optional<std::uint64_t> seed, Now now);

/// For peers of an interface that was made anew: what follows has nothing to do with
/// what was before.
void restart_events(PeerHistory& entry);

}  // namespace wgscope::exporter
