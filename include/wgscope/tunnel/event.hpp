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
  handshake_sent,  ///< an initiation was sent; `number` counts the attempts from 1
  /// No response came for 90 s (REKEY_ATTEMPT_TIME), so packets that waited were dropped.
  handshake_gave_up,
  initiation_accepted,  ///< a peer's initiation was valid, and the response went out
  response_accepted,    ///< the peer responded to our initiation, and the session is ready
  /// The peer, who initiated, has used the new session: from now on we may send in it.
  key_confirmed,
  /// The peer has another preshared key, or the response is a forgery; Interface::take_trial() has
  /// what can tell.
  response_not_decrypted,
  /// The peer is under load; the cookie also shows that our key for it is right.
  cookie_received,
  cookie_sent,  ///< we are under load and want proof of the sender's address
  keepalive_received,
  roamed,  ///< an authenticated packet came from a new address, which is the peer's endpoint now
  session_expired,  ///< no new handshake was completed for 540 s, so the keys are wiped
  dropped,          ///< a datagram or inner packet was refused; `reason` tells why
};

/// Why something received was dropped. Interface::dropped() counts each.
enum class DropReason : std::uint8_t {
  malformed,      ///< type and length are not those of a WireGuard message
  bad_mac1,       ///< the sender does not know our public key, or the message was damaged
  not_for_us,     ///< an initiation whose static key our private key does not decrypt
  unknown_peer,   ///< an initiation with a key that no peer has: Event::key
  not_authentic,  ///< a timestamp, transport message or cookie does not decrypt
  low_order,      ///< an ephemeral key is a low-order point, which would make the keys public
  /// The timestamp is not later than the last: a replay, or the peer's clock was set back.
  stale_timestamp,
  too_soon,                ///< an initiation came less than 20 ms after the peer's last one
  under_load,              ///< we are under load, and answered with a cookie instead
  rate_limited,            ///< we are under load, and this source sends too many handshakes
  unknown_index,           ///< no session or handshake has this index, or none has it any more
  response_unexpected,     ///< a response to a handshake that is over
  response_not_decrypted,  ///< as EventKind::response_not_decrypted
  cookie_unexpected,       ///< a cookie reply that answers nothing that we sent
  replayed,                ///< the counter was seen before, or is too old to tell
  exhausted,               ///< the counter is beyond REJECT_AFTER_MESSAGES
  session_expired,         ///< the session is older than 180 s
  inner_malformed,         ///< what was decrypted is not an IP packet
  source_not_allowed,      ///< the inner source is not in the peer's allowed IPs: Event::inner
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
