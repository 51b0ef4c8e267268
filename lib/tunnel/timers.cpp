// What time does to a peer, and how traffic moves its timers (whitepaper §6).
//
//   we send data ─────────> nothing comes for 15 s ──> new handshake (new_handshake)
//   data comes ───────────> we send nothing for 10 s ──> keepalive (send_keepalive)
//   initiation sent ──────> no response for 5 s ──> again, for 90 s (retransmit_handshake)
//   keys made ────────────> no new ones for 540 s ──> wiped (wipe_keys)
//   any packet, any way ──> silence for the configured time ──> keepalive (persistent_keepalive)
//
// Keepalives are not data. If they counted when sent, an idle tunnel would handshake every 15 s;
// would they count when received, two idle peers would answer each other for ever.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

#include "wgscope/base/time.hpp"
#include "wgscope/noise/constants.hpp"
#include "wgscope/tunnel/event.hpp"
#include "wgscope/tunnel/interface.hpp"

#include "core.hpp"
#include "peer.hpp"

namespace wgscope::tunnel {
namespace {

/// So that two sides that began at once do not do so again (whitepaper §6.1:
/// Rekey-Timeout plus jitter).
constexpr std::chrono::milliseconds kMaxJitter{333};
constexpr auto kNewHandshakeAfter = noise::kKeepaliveTimeout + noise::kRekeyTimeout;
constexpr auto kWipeAfter = 3 * noise::kRejectAfterTime;
constexpr std::chrono::milliseconds kLeastWait{1};
constexpr std::uint32_t kMaxRetries = noise::kRekeyAttemptTime / noise::kRekeyTimeout;

bool take_if_due(std::optional<Instant>& timer, Instant now) {
  if (!timer || *timer > now) return false;
  timer.reset();
  return true;
}

}  // namespace

std::optional<Instant> Timers::next() const {
  std::optional<Instant> earliest;
  for (const auto& timer :
       {retransmit_handshake, send_keepalive, new_handshake, wipe_keys, persistent_keepalive})
    if (timer && (!earliest || *timer < *earliest)) earliest = timer;
  return earliest;
}

Nanoseconds Interface::Core::jitter() {
  // xorshift64: no secret depends on it, and the real source costs more than a packet.
  jitter_state_ ^= jitter_state_ << 13U;
  jitter_state_ ^= jitter_state_ >> 7U;
  jitter_state_ ^= jitter_state_ << 17U;
  return std::chrono::milliseconds(jitter_state_ %
                                   static_cast<std::uint64_t>(kMaxJitter.count() + 1));
}

void Interface::Core::reschedule(PeerId id) {
  if (const auto next = peer(id).timers.next()) schedule_.by(id, *next);
}

void Interface::Core::packet_passed(Instant now, PeerId id) {
  PeerState& peer = this->peer(id);
  if (peer.persistent_keepalive.count() == 0) return;
  const Instant due = now + peer.persistent_keepalive;
  peer.timers.persistent_keepalive = due;
  schedule_.by(id, due);
}

void Interface::Core::packet_sent(PeerState& peer) {
  peer.timers.send_keepalive.reset();
  peer.needs_another_keepalive = false;
}

void Interface::Core::packet_received(PeerState& peer) { peer.timers.new_handshake.reset(); }

void Interface::Core::data_sent(Instant now, PeerId id) {
  PeerState& peer = this->peer(id);
  ++peer.data_sent;
  auto& timer = peer.timers.new_handshake;
  if (timer) return;
  timer = now + kNewHandshakeAfter + jitter();
  schedule_.by(id, *timer);
}

void Interface::Core::data_received(Instant now, PeerId id) {
  PeerState& peer = this->peer(id);
  if (peer.timers.send_keepalive) {
    peer.needs_another_keepalive = true;
    return;
  }
  peer.timers.send_keepalive = now + noise::kKeepaliveTimeout;
  schedule_.by(id, *peer.timers.send_keepalive);
}

void Interface::Core::initiation_sent(Instant now, PeerId id) {
  PeerState& peer = this->peer(id);
  ++peer.attempts;
  peer.timers.retransmit_handshake = now + noise::kRekeyTimeout + jitter();
  packet_sent(peer);
  packet_passed(now, id);
  reschedule(id);
}

void Interface::Core::retransmit_at(PeerId id, Instant due) {
  peer(id).timers.retransmit_handshake = due;
  schedule_.by(id, due);
}

void Interface::Core::handshake_complete(Now now, PeerId id) {
  PeerState& peer = this->peer(id);
  peer.timers.retransmit_handshake.reset();
  peer.attempts = peer.retries = 0;
  peer.late_rekey_begun = false;
  peer.last_handshake = now.wall;
}

void Interface::Core::keys_made(Instant now, PeerId id) {
  peer(id).timers.wipe_keys = now + kWipeAfter;
  reschedule(id);
}

void Interface::Core::handle_timeout(Now now) {
  while (const auto id = schedule_.pop(now.boot)) {
    run_timers(now, *id);
    reschedule(*id);
  }
}

void Interface::Core::run_timers(Now now, PeerId id) {
  PeerState& peer = this->peer(id);
  Timers& timers = peer.timers;
  if (take_if_due(timers.wipe_keys, now.boot)) wipe_keys(now.boot, id);
  if (!peer.staged.empty() && may_send(now.boot, peer)) send_staged(now, id);
  if (take_if_due(timers.retransmit_handshake, now.boot)) {
    retry_handshake(now, id);
  }
  if (take_if_due(timers.new_handshake, now.boot)) {
    peer.retries = 0;
    initiate(now, id);
  }
  if (take_if_due(timers.send_keepalive, now.boot)) {
    const bool another = peer.needs_another_keepalive;
    send_keepalive(now, id);
    if (another) timers.send_keepalive = now.boot + noise::kKeepaliveTimeout;
  }
  if (take_if_due(timers.persistent_keepalive, now.boot)) {
    // Set before it is sent, which moves it: else, without an endpoint, it would never run again.
    timers.persistent_keepalive = now.boot + peer.persistent_keepalive;
    if (peer.endpoint) send_keepalive(now, id);
  }
}

void Interface::Core::retry_handshake(Now now, PeerId id) {
  PeerState& peer = this->peer(id);
  if (peer.retries == kMaxRetries) return give_up(now.boot, id);
  ++peer.retries;
  if (initiate(now, id)) return;
  // Too soon after our last response, or the outbox is full.
  const Instant since =
      std::max(peer.last_handshake_sent.value_or(now.boot), now.boot - noise::kRekeyTimeout);
  retransmit_at(id, since + noise::kRekeyTimeout + std::max<Nanoseconds>(jitter(), kLeastWait));
}

void Interface::Core::give_up(Instant now, PeerId id) {
  PeerState& peer = this->peer(id);
  notify(now, EventKind::handshake_gave_up, id, peer.attempts);
  peer.staged.clear();
  peer.timers.send_keepalive.reset();
  peer.attempts = peer.retries = 0;
  forget_outstanding(peer);
  if (!peer.timers.wipe_keys) peer.timers.wipe_keys = now + kWipeAfter;
}

void Interface::Core::wipe_keys(Instant now, PeerId id) {
  PeerState& peer = this->peer(id);
  const bool had_keys = peer.sessions.previous || peer.sessions.current || peer.sessions.next;
  forget_sessions(peer);
  // One that is being tried ends by itself; it may have begun just now, after a long sleep.
  if (!peer.timers.retransmit_handshake) forget_outstanding(peer);
  if (had_keys) notify(now, EventKind::session_expired, id);
}

void Interface::Core::forget_sessions(PeerState& peer) {
  forget(peer.sessions.previous);
  forget(peer.sessions.current);
  forget(peer.sessions.next);
  peer.trial.reset();
}

}  // namespace wgscope::tunnel
