#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"

namespace wgscope::tunnel {

/// A peer of one Interface. Never given to another peer again.
struct PeerId {
  std::uint32_t value = 0;

  friend bool operator==(const PeerId&, const PeerId&) = default;
};

enum class EventKind : std::uint8_t {
  handshake_sent,          ///< an initiation went out; `number` is the attempt, from 1
  handshake_gave_up,       ///< no answer, and nothing more to send, for 90 s (REKEY_ATTEMPT_TIME):
                           ///< what waited was dropped
  initiation_accepted,     ///< a peer's initiation was valid, and the response went out
  response_accepted,       ///< we initiated, and have a session
  key_confirmed,           ///< the peer initiated and has used the new session: from now on we may
  response_not_decrypted,  ///< another preshared key or a forgery; Interface::take_trial() has what
                           ///< can tell
  cookie_received,  ///< the peer is under load, and our key for it is right: it answered a valid
                    ///< mac1
  cookie_sent,      ///< we are under load and asked for proof of address
  keepalive_received,
  roamed,  ///< an authenticated packet came from another address, which is the peer's endpoint now
  session_expired,  ///< 540 s without a new handshake: its keys are wiped
  dropped,          ///< a datagram or inner packet was refused; `reason` tells why
};

/// Why something received was dropped. Interface::dropped() counts each.
enum class DropReason : std::uint8_t {
  malformed,               ///< no WireGuard message by its type and length
  bad_mac1,                ///< the sender does not know our public key, or it was damaged
  not_for_us,              ///< an initiation whose static key does not decrypt with ours
  unknown_peer,            ///< an initiation of a key that is none of our peers': `key` names it
  not_authentic,           ///< a timestamp, transport message or cookie that does not decrypt
  low_order,               ///< an ephemeral key that hides nothing
  stale_timestamp,         ///< a replayed initiation, or the peer's clock was set back
  too_soon,                ///< less than 20 ms after the last initiation of this peer
  under_load,              ///< answered with a cookie instead
  rate_limited,            ///< this source handshakes too often while we are under load
  unknown_index,           ///< no session or handshake has this index, or no longer
  response_unexpected,     ///< a response to a handshake that is over
  response_not_decrypted,  ///< see EventKind::response_not_decrypted
  cookie_unexpected,       ///< a cookie reply to nothing we sent
  replayed,                ///< a counter that was seen, or is too old to tell
  exhausted,               ///< a counter beyond REJECT_AFTER_MESSAGES
  session_expired,         ///< for a session older than 180 s
  inner_malformed,         ///< decrypted, but no IP packet
  source_not_allowed,      ///< inner source outside the peer's allowed IPs
  no_resources,            ///< the crypto library failed
};
inline constexpr std::size_t kDropReasonCount = 20;

std::string_view to_string(EventKind kind);
std::string_view to_string(DropReason reason);

struct Event {
  EventKind kind = EventKind::dropped;
  Instant at = {};
  std::optional<PeerId> peer = {};        ///< where it is known
  std::optional<Endpoint> address = {};   ///< the other end's, where there is one
  std::optional<DropReason> reason = {};  ///< if dropped
  std::optional<PublicKey> key = {};      ///< unknown_peer: whose
  std::optional<IpAddress> inner = {};    ///< source_not_allowed: the source
  std::uint64_t number = 0;
  /// If dropped: the size of the datagram and its first bytes, zeros where it is shorter.
  std::uint16_t size = 0;
  std::array<std::byte, 12> begins = {};
  /// Of unknown_index: a transport message came for a session that this interface never had, as far
  /// as it remembers (64 indexes). Late packets of a session that is over are not such.
  bool never_ours = false;
};

}  // namespace wgscope::tunnel
