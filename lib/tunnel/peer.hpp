#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "wgscope/base/keys.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/noise/cookies.hpp"
#include "wgscope/noise/handshake.hpp"
#include "wgscope/noise/key_pair.hpp"
#include "wgscope/noise/replay_window.hpp"
#include "wgscope/noise/tai64n.hpp"
#include "wgscope/tunnel/event.hpp"
#include "wgscope/tunnel/interface.hpp"

namespace wgscope::tunnel {

/// A handshake that we began. One of the peer's does not end it: if both began at once, each
/// answers the other, both sessions come up, and each side reads the other's in `previous`
/// or `next`. Would each give its own up, both would fail, and on a way longer than the
/// jitter for ever.
struct Outstanding {
  noise::SentInitiation sent;
  std::uint32_t index;
};

/// The sessions with a peer. A responder may not send in `next` before the initiator has used it:
/// only then is it certain that the initiator has the keys. `previous` is kept to read what is
/// still under way.
struct Sessions {
  std::unique_ptr<noise::KeyPair> previous;
  std::unique_ptr<noise::KeyPair> current;
  std::unique_ptr<noise::KeyPair> next;
};

/// When something is to be done for a peer (whitepaper §6). What is not set does not run.
struct Timers {
  /// Our initiation is not answered yet: send another one.
  std::optional<Instant> retransmit_handshake;
  /// Data came in and nothing was sent since: send a keepalive.
  std::optional<Instant> send_keepalive;
  /// Data was sent and nothing came in since: the session may be dead.
  std::optional<Instant> new_handshake;
  /// No new session was made: the old keys must not stay in memory.
  std::optional<Instant> wipe_keys;
  std::optional<Instant> persistent_keepalive;

  [[nodiscard]] std::optional<Instant> next() const;
};

ReceiveLoss& operator+=(ReceiveLoss& sum, const noise::ReplayWindow::Tally& session);

struct PeerState {
  PeerState(PeerConfig config, noise::RemoteStatic remote_key);

  noise::RemoteStatic remote;
  PresharedKey preshared_key;
  std::vector<Prefix> allowed_ips;
  std::optional<Endpoint> endpoint;
  std::chrono::seconds persistent_keepalive;

  noise::CookieJar cookies;
  /// The latest timestamp of the peer's initiations, against replays.
  std::optional<noise::Tai64n> newest_stamp;
  std::optional<Instant> last_initiation_received;
  /// Initiation or response: a handshake that the peer is about to confirm is not overtaken by one
  /// of ours (kernel, send.c: last_sent_handshake).
  std::optional<Instant> last_handshake_sent;
  std::optional<Outstanding> outstanding;
  std::optional<noise::PresharedKeyTrial> trial;
  Sessions sessions;

  Timers timers;
  std::uint32_t attempts = 0;  ///< initiations sent since the last session was made
  /// How many of `attempts` a timer made, since there was something to send.
  std::uint32_t retries = 0;
  bool needs_another_keepalive = false;  ///< data came while a keepalive was already waiting
  /// A received packet began a new handshake, 165 s after the current one: once a session.
  bool late_rekey_begun = false;

  /// Inner packets that wait for a session; an empty one is a keepalive.
  std::list<std::vector<std::byte>> staged;

  std::optional<WallTime> last_handshake;
  std::uint64_t receive_bytes = 0;
  std::uint64_t transmit_bytes = 0;
  std::uint64_t packets_sent = 0;
  std::uint64_t data_sent = 0;  ///< of these, the ones with content
  std::uint64_t initiations_sent = 0;
  std::uint64_t responses_sent = 0;
  ReceiveLoss ended_sessions;  ///< the sums of sessions that are over
};

}  // namespace wgscope::tunnel
