// Handshakes and cookies, both ways (whitepaper §5.4.2 to §5.4.5, §5.4.7).
//
// What is expensive comes last: mac1 (a hash) before anything, a cookie and the source's rate when
// handshakes come faster than we like, one multiplication to learn who it is, a comparison of
// stamps, and only then the rest.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/noise/constants.hpp"
#include "wgscope/noise/cookies.hpp"
#include "wgscope/noise/handshake.hpp"
#include "wgscope/noise/key_pair.hpp"
#include "wgscope/tunnel/event.hpp"
#include "wgscope/tunnel/interface.hpp"
#include "wgscope/wire/message.hpp"

#include "core.hpp"
#include "peer.hpp"

namespace wgscope::tunnel {
namespace {

/// Initiations of one peer closer together than this are refused: each costs three multiplications
/// (kernel, messages.h: INITIATIONS_PER_SECOND).
constexpr std::chrono::milliseconds kBetweenInitiations{20};

}  // namespace

std::uint32_t Interface::Core::new_index() {
  std::array<std::byte, 4> bytes{};
  std::uint32_t index = 0;
  do {
    random_.fill(bytes);
    index = load_le32(bytes);
  } while (indices_.contains(index));
  return index;
}

void Interface::Core::forget_outstanding(PeerState& peer) {
  if (!peer.outstanding) return;
  // One that became a session stays; begin_session() has it by then.
  remember_past(peer.outstanding->index);
  indices_.erase(peer.outstanding->index);
  peer.outstanding.reset();
}

void Interface::Core::forget(std::unique_ptr<noise::KeyPair>& session) {
  if (!session) return;
  const auto entry = indices_.find(session->indices().local);
  peer(entry->second.peer).ended_sessions += session->received();
  remember_past(entry->first);
  indices_.erase(entry);
  session.reset();
}

void Interface::Core::remember_past(std::uint32_t index) {
  past_indices_[next_past_] = index;
  next_past_ = (next_past_ + 1) % past_indices_.size();
}

bool Interface::Core::was_ours(std::uint32_t index) const {
  return std::ranges::find(past_indices_, std::optional(index)) != past_indices_.end();
}

bool Interface::Core::initiate(Now now, PeerId id) {
  PeerState& peer = this->peer(id);
  if (!peer.endpoint) return false;
  if (peer.last_handshake_sent && now.boot - *peer.last_handshake_sent < noise::kRekeyTimeout)
    return false;
  const std::span<std::byte> room = outbox_.open(wire::kInitiationSize);
  if (room.empty()) return false;
  const auto out = std::span<std::byte, wire::kInitiationSize>(room);

  const std::uint32_t index = new_index();
  const wire::InitiationView<std::byte> view{out};
  store_le32(view.sender(), index);
  auto sent = noise::initiate(identity_, peer.remote, stamps_.take(now.wall), random_, view);
  if (!sent) {
    drop(now.boot, DropReason::no_resources, {.peer = id});
    return false;
  }
  peer.cookies.add_macs(now.boot, {out});
  forget_outstanding(peer);
  peer.outstanding.emplace(Outstanding{std::move(*sent), index});
  indices_.emplace(index, Target{id, nullptr});
  outbox_.commit(*peer.endpoint, out.size());
  peer.transmit_bytes += out.size();
  ++peer.initiations_sent;
  peer.last_handshake_sent = now.boot;
  initiation_sent(now.boot, id);
  notify(now.boot, EventKind::handshake_sent, id, peer.attempts);
  return true;
}

bool Interface::Core::worth_looking_at(Now now, const Endpoint& from,
                                       noise::MacedMessage<const std::byte> message) {
  if (!noise::mac1_is_valid(mac_keys_, message)) {
    drop(now.boot, DropReason::bad_mac1, {.address = from});
    return false;
  }
  if (!load_.note(now.boot)) return true;
  if (!issuer_.mac2_is_valid(now.boot, from, message)) {
    drop(now.boot, DropReason::under_load, {.address = from});
    send_cookie(now, from, message);
    return false;
  }
  if (sources_.allow(now.boot, from.address)) return true;
  drop(now.boot, DropReason::rate_limited, {.address = from});
  return false;
}

void Interface::Core::send_cookie(Now now, const Endpoint& to,
                                  noise::MacedMessage<const std::byte> message) {
  const std::span<std::byte> room = outbox_.open(wire::kCookieReplySize);
  if (room.empty()) return;
  const auto out = std::span<std::byte, wire::kCookieReplySize>(room);
  // The sender index has the same place in both messages that a cookie may answer.
  issuer_.write_reply(now.boot, to, message, message.bytes.subspan<4, 4>(), random_, out);
  outbox_.commit(to, out.size());
  events_.push({.kind = EventKind::cookie_sent, .at = now.boot, .address = to});
}

void Interface::Core::handle_initiation(Now now, const Endpoint& from, wire::Initiation message) {
  if (!worth_looking_at(now, from, {message.bytes})) return;
  auto opened = noise::open_initiation(identity_, message);
  if (!opened) return drop(now.boot, DropReason::not_for_us, {.address = from});
  const auto id = authenticate(now, from, *opened, message);
  if (id) respond(now, from, *opened, *id);
}

std::optional<PeerId> Interface::Core::authenticate(Now now, const Endpoint& from,
                                                    noise::OpenedInitiation& opened,
                                                    wire::Initiation message) {
  const auto refuse = [&](DropReason reason, std::optional<PeerId> id = {}) {
    drop(now.boot, reason, {.peer = id, .address = from, .key = opened.initiator()});
    return std::nullopt;
  };
  const auto found = by_key_.find(opened.initiator());
  if (found == by_key_.end()) return refuse(DropReason::unknown_peer);
  const PeerId id = found->second;
  PeerState& peer = this->peer(id);
  const auto stamp = opened.read_timestamp(peer.remote, message);
  if (!stamp) return refuse(DropReason::not_authentic, id);
  if (peer.newest_stamp && *stamp <= *peer.newest_stamp)
    return refuse(DropReason::stale_timestamp, id);
  if (peer.last_initiation_received &&
      now.boot - *peer.last_initiation_received < kBetweenInitiations)
    return refuse(DropReason::too_soon, id);
  peer.newest_stamp = *stamp;
  peer.last_initiation_received = now.boot;
  return id;
}

void Interface::Core::respond(Now now, const Endpoint& to, noise::OpenedInitiation& opened,
                              PeerId id) {
  PeerState& peer = this->peer(id);
  const std::span<std::byte> room = outbox_.open(wire::kResponseSize);
  if (room.empty()) return drop(now.boot, DropReason::no_resources, {.peer = id, .address = to});
  const auto out = std::span<std::byte, wire::kResponseSize>(room);
  const wire::ResponseView<std::byte> view{out};
  const std::uint32_t index = new_index();
  store_le32(view.sender(), index);
  auto keys = opened.respond(peer.preshared_key, random_, view);
  if (!keys) return drop(now.boot, DropReason::low_order, {.peer = id, .address = to});
  peer.cookies.add_macs(now.boot, {out});

  const noise::KeyPair::Indices indices{.local = index, .remote = load_le32(view.receiver())};
  forget(peer.sessions.previous);
  forget(peer.sessions.next);
  peer.sessions.next =
      std::make_unique<noise::KeyPair>(*keys, indices, noise::Role::responder, now.boot);
  indices_.emplace(index, Target{id, peer.sessions.next.get()});

  roam(now.boot, id, to);
  peer.receive_bytes += wire::kInitiationSize;
  outbox_.commit(to, out.size());
  peer.transmit_bytes += out.size();
  ++peer.responses_sent;
  peer.last_handshake_sent = now.boot;
  keys_made(now.boot, id);
  packet_sent(peer);
  packet_received(peer);
  packet_passed(now.boot, id);
  notify(now.boot, EventKind::initiation_accepted, id);
}

void Interface::Core::handle_response(Now now, const Endpoint& from, wire::Response message) {
  if (!worth_looking_at(now, from, {message.bytes})) return;
  const auto found = indices_.find(load_le32(message.receiver()));
  if (found == indices_.end()) return drop(now.boot, DropReason::unknown_index, {.address = from});
  const PeerId id = found->second.peer;
  PeerState& peer = this->peer(id);
  if (found->second.session != nullptr)
    return drop(now.boot, DropReason::response_unexpected, {.peer = id, .address = from});

  auto outcome = peer.outstanding->sent.consume_response(identity_, peer.preshared_key, message);
  if (outcome.verdict == noise::SentInitiation::Verdict::low_order)
    return drop(now.boot, DropReason::low_order, {.peer = id, .address = from});
  if (outcome.verdict == noise::SentInitiation::Verdict::not_decrypted) {
    drop(now.boot, DropReason::response_not_decrypted, {.peer = id, .address = from});
    peer.trial = std::move(outcome.trial);
    events_.push(
        {.kind = EventKind::response_not_decrypted, .at = now.boot, .peer = id, .address = from});
    return;
  }
  const noise::KeyPair::Indices indices{.local = peer.outstanding->index,
                                        .remote = load_le32(message.sender())};
  forget_outstanding(peer);
  peer.receive_bytes += wire::kResponseSize;
  roam(now.boot, id, from);
  begin_session(
      now, id,
      std::make_unique<noise::KeyPair>(*outcome.keys, indices, noise::Role::initiator, now.boot));
}

/// We initiated: the new session is the current one at once, and the responder waits for a sign
/// that we have it.
void Interface::Core::begin_session(Now now, PeerId id, std::unique_ptr<noise::KeyPair> session) {
  PeerState& peer = this->peer(id);
  Sessions& sessions = peer.sessions;
  forget(sessions.previous);
  if (sessions.next) {
    sessions.previous = std::move(sessions.next);
    forget(sessions.current);
  } else {
    sessions.previous = std::move(sessions.current);
  }
  sessions.current = std::move(session);
  indices_.emplace(sessions.current->indices().local, Target{id, sessions.current.get()});
  keys_made(now.boot, id);
  handshake_complete(now, id);
  packet_received(peer);
  packet_passed(now.boot, id);
  notify(now.boot, EventKind::response_accepted, id);
  if (peer.staged.empty()) {
    send_keepalive(now, id);
  } else {
    send_staged(now, id);
  }
}

void Interface::Core::handle_cookie_reply(Now now, const Endpoint& from,
                                          wire::CookieReply message) {
  const auto found = indices_.find(load_le32(message.receiver()));
  if (found == indices_.end()) return drop(now.boot, DropReason::unknown_index, {.address = from});
  const PeerId id = found->second.peer;
  // Not an answer to try again at once: the cookie is for the next attempt, at its time.
  if (!peer(id).cookies.take_reply(now.boot, message))
    return drop(now.boot, DropReason::cookie_unexpected, {.peer = id, .address = from});
  events_.push({.kind = EventKind::cookie_received, .at = now.boot, .peer = id, .address = from});
}

}  // namespace wgscope::tunnel
