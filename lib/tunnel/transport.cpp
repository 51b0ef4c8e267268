// Data in both directions (whitepaper §5.4.6).

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/noise/constants.hpp"
#include "wgscope/noise/key_pair.hpp"
#include "wgscope/tunnel/event.hpp"
#include "wgscope/tunnel/interface.hpp"
#include "wgscope/wire/message.hpp"

#include "core.hpp"
#include "outbox.hpp"
#include "peer.hpp"

namespace wgscope::tunnel {
namespace {

/// Packets that wait for a handshake; then the oldest goes (kernel,
/// messages.h: MAX_STAGED_PACKETS).
constexpr std::size_t kMaxStaged = 128;

/// What fits a UDP datagram over IPv4. One that does not could never leave, and would hold up all
/// behind it.
constexpr std::size_t kMaxPacket = 65'507 - wire::kTransportOverhead;

/// A session rekeys on receiving when it has less than a keepalive and a handshake's time left to
/// live, for the other side might have nothing to send that would make it rekey (whitepaper §6.2).
constexpr auto kRekeyOnReceive =
    noise::kRejectAfterTime - noise::kKeepaliveTimeout - noise::kRekeyTimeout;

/// By then the caller that polls has emptied the outbox.
constexpr std::chrono::milliseconds kOutboxFull{1};

bool expired(const noise::KeyPair& session, Instant now) {
  return now - session.created() >= noise::kRejectAfterTime;
}

/// Where source and destination stand in an IP packet.
struct Addresses {
  std::span<const std::byte> source;
  std::span<const std::byte> destination;
  Family family;
};

/// @param packet  as wire::trim_padding() gives it, or of that form.
Addresses addresses_of(std::span<const std::byte> packet) {
  if ((packet[0] >> 4U) == std::byte{4})
    return {packet.subspan(12, 4), packet.subspan(16, 4), Family::v4};
  return {packet.subspan(8, 16), packet.subspan(24, 16), Family::v6};
}

bool looks_like_ip(std::span<const std::byte> packet) {
  if (packet.empty()) return false;
  const auto version = std::to_integer<unsigned>(packet[0] >> 4U);
  return (version == 4 && packet.size() >= 20) || (version == 6 && packet.size() >= 40);
}

IpAddress to_address(std::span<const std::byte> octets, Family family) {
  IpAddress address{.family = family};
  std::ranges::copy(octets, address.bytes.begin());
  return address;
}

}  // namespace

bool Interface::Core::may_send(Instant now, const PeerState& peer) const {
  const noise::KeyPair* session = peer.sessions.current.get();
  return session != nullptr && !expired(*session, now) &&
         session->sent() < noise::kRejectAfterMessages;
}

std::optional<PeerId> Interface::Core::route(std::span<const std::byte> packet) const {
  const Addresses addresses = addresses_of(packet);
  return allowed_ips_.find(addresses.destination, addresses.family);
}

Sent Interface::Core::send(Now now, std::span<const std::byte> packet) {
  if (!looks_like_ip(packet) || packet.size() > kMaxPacket) return Sent::malformed;
  const auto id = route(packet);
  if (!id) return Sent::no_peer;
  PeerState& peer = this->peer(*id);
  if (!peer.endpoint) return Sent::no_endpoint;
  if (may_send(now.boot, peer)) {
    send_staged(now, *id);  // in order
    return peer.staged.empty() && seal(now, *id, packet) ? Sent::sealed : Sent::blocked;
  }
  stage(peer, packet);
  send_staged(now, *id);
  return Sent::staged;
}

Sent Interface::Core::send_padded(Now now, std::span<const std::byte> packet,
                                  std::size_t datagram_size) {
  const bool fits = datagram_size >= packet.size() + wire::kTransportOverhead &&
                    datagram_size <= kMaxPacket + wire::kTransportOverhead;
  if (!looks_like_ip(packet) || !fits) return Sent::malformed;
  const auto id = route(packet);
  if (!id) return Sent::no_peer;
  const PeerState& peer = this->peer(*id);
  if (!peer.endpoint) return Sent::no_endpoint;
  if (!may_send(now.boot, peer)) return Sent::no_session;
  send_staged(now, *id);  // in order
  return peer.staged.empty() &&
                 seal_padded(now, *id, packet, datagram_size - wire::kTransportOverhead)
             ? Sent::sealed
             : Sent::blocked;
}

void Interface::Core::stage(PeerState& peer, std::span<const std::byte> packet) {
  if (peer.staged.size() == kMaxStaged) peer.staged.pop_front();
  peer.staged.emplace_back(packet.begin(), packet.end());
}

/// Encrypts one packet, or a keepalive, in the current session. @returns false when the
/// outbox is full.
bool Interface::Core::seal(Now now, PeerId id, std::span<const std::byte> packet) {
  return seal_padded(now, id, packet, wire::padded_size(packet.size(), mtu_));
}

/// @param padded  bytes of what is encrypted; at least the packet's.
bool Interface::Core::seal_padded(Now now, PeerId id, std::span<const std::byte> packet,
                                  std::size_t padded) {
  PeerState& peer = this->peer(id);
  const std::size_t reserve = packet.empty() ? 0 : Outbox::kReserve;
  const std::span<std::byte> out = outbox_.open(padded + wire::kTransportOverhead, reserve);
  if (out.empty()) return false;
  const auto plain = out.subspan(wire::kTransportHeaderSize, padded);
  if (!packet.empty()) std::memcpy(plain.data(), packet.data(), packet.size());
  std::ranges::fill(plain.subspan(packet.size()), std::byte{0});
  if (!peer.sessions.current->seal(plain, out)) return false;
  outbox_.commit(*peer.endpoint, out.size());
  peer.transmit_bytes += out.size();
  ++peer.packets_sent;

  packet_sent(peer);
  packet_passed(now.boot, id);
  if (!packet.empty()) data_sent(now.boot, id);
  rekey_if_old_on_send(now, id);
  return true;
}

void Interface::Core::send_staged(Now now, PeerId id) {
  PeerState& peer = this->peer(id);
  while (!peer.staged.empty() && may_send(now.boot, peer)) {
    if (!seal(now, id, peer.staged.front())) {
      schedule_.by(id, now.boot + kOutboxFull);  // run_timers() goes on with them
      return;
    }
    peer.staged.pop_front();
  }
  if (peer.staged.empty()) return;
  peer.retries = 0;  // a peer with new data to send does not give up (whitepaper §6.4)
  if (initiate(now, id) || peer.timers.retransmit_handshake) return;
  // It is too soon after our last: then as soon as it may be, unless a session comes first.
  if (peer.last_handshake_sent)
    retransmit_at(id, *peer.last_handshake_sent + noise::kRekeyTimeout + jitter());
}

void Interface::Core::send_keepalive(Now now, PeerId id) {
  PeerState& peer = this->peer(id);
  if (peer.staged.empty()) {
    // Not by way of the list, which would allocate.
    if (may_send(now.boot, peer) && seal(now, id, {})) return;
    stage(peer, {});
  }
  send_staged(now, id);
}

void Interface::Core::rekey_if_old_on_send(Now now, PeerId id) {
  const noise::KeyPair& session = *peer(id).sessions.current;
  // Only who initiated this session renews it by time, or both sides would.
  if (session.sent() > noise::kRekeyAfterMessages ||
      (session.role() == noise::Role::initiator &&
       now.boot - session.created() >= noise::kRekeyAfterTime))
    initiate(now, id);
}

void Interface::Core::rekey_if_old_on_receive(Now now, PeerId id) {
  PeerState& peer = this->peer(id);
  const noise::KeyPair* session = peer.sessions.current.get();
  if (session == nullptr || peer.late_rekey_begun || session->role() != noise::Role::initiator ||
      now.boot - session->created() < kRekeyOnReceive)
    return;
  peer.late_rekey_begun = initiate(now, id);
}

void Interface::Core::roam(Instant now, PeerId id, const Endpoint& from) {
  PeerState& peer = this->peer(id);
  if (peer.endpoint == from) return;
  const bool moved = peer.endpoint.has_value();
  peer.endpoint = from;
  if (moved) notify(now, EventKind::roamed, id);
}

/// The initiator has used the session we answered with: it is the current one from now on.
void Interface::Core::confirm_next(Now now, PeerId id) {
  PeerState& peer = this->peer(id);
  forget(peer.sessions.previous);
  peer.sessions.previous = std::move(peer.sessions.current);
  peer.sessions.current = std::move(peer.sessions.next);
  handshake_complete(now, id);
  forget_outstanding(peer);  // if both sides began at once, the peer's came through first
  notify(now.boot, EventKind::key_confirmed, id);
  send_staged(now, id);
}

Received Interface::Core::handle_transport(Now now, const Endpoint& from,
                                           std::span<std::byte> datagram) {
  const wire::Transport message{datagram};
  const auto refuse = [&](DropReason reason, std::optional<PeerId> id = {}) {
    drop(now.boot, reason, {.peer = id, .address = from});
    return Received{};
  };
  const std::uint32_t index = load_le32(message.receiver());
  const auto found = indices_.find(index);
  if (found == indices_.end() || found->second.session == nullptr) {
    const bool never_ours = found == indices_.end() && !was_ours(index);
    drop(now.boot, DropReason::unknown_index, {.address = from, .never_ours = never_ours});
    return {};
  }
  const auto [id, session] = found->second;
  if (expired(*session, now.boot)) return refuse(DropReason::session_expired, id);
  switch (session->open(datagram)) {
    case noise::KeyPair::Opened::ok: break;
    case noise::KeyPair::Opened::not_authentic: return refuse(DropReason::not_authentic, id);
    case noise::KeyPair::Opened::replayed: return refuse(DropReason::replayed, id);
    case noise::KeyPair::Opened::exhausted: return refuse(DropReason::exhausted, id);
  }

  PeerState& peer = this->peer(id);
  peer.receive_bytes += datagram.size();
  roam(now.boot, id, from);
  if (session == peer.sessions.next.get()) confirm_next(now, id);
  rekey_if_old_on_receive(now, id);
  packet_received(peer);
  packet_passed(now.boot, id);
  return deliver(
      now, from, id,
      datagram.subspan(wire::kTransportHeaderSize, datagram.size() - wire::kTransportOverhead));
}

Received Interface::Core::deliver(Now now, const Endpoint& from, PeerId id,
                                  std::span<std::byte> payload) {
  if (payload.empty()) {
    events_.push(
        {.kind = EventKind::keepalive_received, .at = now.boot, .peer = id, .address = from});
    return {};
  }
  data_received(now.boot, id);
  const auto packet = wire::trim_padding(payload);
  if (!packet) {
    drop(now.boot, DropReason::inner_malformed, {.peer = id, .address = from});
    return {};
  }
  const Addresses addresses = addresses_of(packet->bytes);
  if (allowed_ips_.find(addresses.source, addresses.family) != id) {
    drop(now.boot, DropReason::source_not_allowed,
         {.peer = id, .address = from, .inner = to_address(addresses.source, addresses.family)});
    return {};
  }
  return {id, packet->bytes};
}

}  // namespace wgscope::tunnel
