#include "wgscope/tunnel/interface.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/keys.hpp"
#include "wgscope/base/random.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/noise/cookies.hpp"
#include "wgscope/noise/handshake.hpp"
#include "wgscope/noise/replay_window.hpp"
#include "wgscope/noise/tai64n.hpp"
#include "wgscope/tunnel/event.hpp"
#include "wgscope/wire/message.hpp"

#include "core.hpp"
#include "peer.hpp"

namespace wgscope::tunnel {
namespace {

std::uint64_t random_number(Random& random) {
  std::array<std::byte, 8> bytes{};
  random.fill(bytes);
  return load_le64(bytes);
}

/// Without the bits behind the prefix, and each once, as `wg show` has them: so that a prefix that
/// another peer takes is found by its value.
std::vector<Prefix> tidy(const std::vector<Prefix>& prefixes) {
  std::vector<Prefix> tidied;
  for (Prefix prefix : prefixes) {
    for (std::size_t i = 0; i < prefix.address.bytes.size(); ++i) {
      const std::size_t kept =
          std::min<std::size_t>(8, std::max<std::size_t>(prefix.bits, 8 * i) - 8 * i);
      prefix.address.bytes[i] &= std::byte{0xff} << (8 - kept);
    }
    if (!std::ranges::count(tidied, prefix)) tidied.push_back(prefix);
  }
  return tidied;
}

}  // namespace

PeerState::PeerState(PeerConfig config, noise::RemoteStatic remote_key)
    : remote(std::move(remote_key)),
      preshared_key(std::move(config.preshared_key)),
      allowed_ips(tidy(config.allowed_ips)),
      endpoint(config.endpoint),
      persistent_keepalive(config.persistent_keepalive),
      cookies(config.public_key) {}

Interface::Core::Core(InterfaceConfig config, noise::Identity identity, Random& random)
    : random_(random),
      identity_(std::move(identity)),
      mac_keys_(noise::MacKeys::of(identity_.public_key())),
      issuer_(identity_.public_key()),
      stamps_(config.last_stamp),
      mtu_(config.mtu),
      by_key_(0, PublicKeyHash{random_number(random)}),
      reserved_(config.reserved),
      outbox_(config.reserved),
      load_(config.handshakes_per_second, config.handshake_burst),
      sources_(random_number(random)),
      jitter_state_(random_number(random) | 1U) {}

void Interface::Core::drop(Instant now, DropReason reason, Event details) {
  ++dropped_[static_cast<std::size_t>(reason)];
  details.kind = EventKind::dropped;
  details.at = now;
  details.reason = reason;
  details.size = handled_size_;
  details.begins = handled_begins_;
  events_.push(details);
}

/// For drop(): by then the datagram may have been decrypted in place.
void Interface::Core::note_handled(std::span<const std::byte> datagram) {
  handled_size_ = static_cast<std::uint16_t>(std::min<std::size_t>(datagram.size(), UINT16_MAX));
  handled_begins_ = {};
  std::ranges::copy(datagram.first(std::min(datagram.size(), handled_begins_.size())),
                    handled_begins_.begin());
}

void Interface::Core::notify(Instant now, EventKind kind, PeerId id, std::uint64_t number) {
  events_.push(
      {.kind = kind, .at = now, .peer = id, .address = peer(id).endpoint, .number = number});
}

Result<PeerId> Interface::Core::add_peer(Now now, PeerConfig config) {
  if (config.public_key == identity_.public_key())
    return fail(Errc::bad_value, "a peer has this interface's own public key");
  if (by_key_.contains(config.public_key))
    return fail(Errc::bad_value, "two peers have the public key " + config.public_key.base64());
  auto remote = noise::RemoteStatic::create(identity_, config.public_key);
  if (!remote) return tl::unexpected(remote.error());

  const PeerId id{static_cast<std::uint32_t>(peers_.size())};
  schedule_.add(id);
  by_key_.emplace(config.public_key, id);
  peers_.push_back(std::make_unique<PeerState>(std::move(config), std::move(*remote)));
  PeerState& peer = this->peer(id);
  for (const Prefix& prefix : peer.allowed_ips) {
    const auto previous = allowed_ips_.insert(prefix, id);
    if (previous && *previous != id) std::erase(this->peer(*previous).allowed_ips, prefix);
  }
  if (peer.persistent_keepalive.count() > 0) {
    peer.timers.persistent_keepalive = now.boot;
    schedule_.by(id, now.boot);
  }
  return id;
}

void Interface::Core::remove_peer(PeerId id) {
  forget_sessions(peer(id));
  forget_outstanding(peer(id));
  schedule_.remove(id);
  allowed_ips_.remove_peer(id);
  by_key_.erase(peer(id).remote.public_key());
  peers_[id.value].reset();
}

ReceiveLoss& operator+=(ReceiveLoss& sum, const noise::ReplayWindow::Tally& session) {
  sum.received += session.received;
  sum.missing += session.missing;
  sum.reordered += session.reordered;
  sum.replayed += session.replayed;
  return sum;
}

ReceiveLoss Interface::Core::receive_loss(PeerId id) const {
  const PeerState& peer = *peers_[id.value];
  ReceiveLoss sum = peer.ended_sessions;
  const Sessions& sessions = peer.sessions;
  for (const auto* session : {&sessions.previous, &sessions.current, &sessions.next})
    if (*session) sum += (*session)->received();
  return sum;
}

// --- the public face ---

Result<Interface> Interface::create(InterfaceConfig config, Random& random) {
  auto identity = noise::Identity::create(config.private_key);
  if (!identity) return tl::unexpected(identity.error());
  return Interface(std::make_unique<Core>(std::move(config), std::move(*identity), random));
}

Interface::Interface(std::unique_ptr<Core> core) : core_(std::move(core)) {}
Interface::Interface(Interface&&) noexcept = default;
Interface& Interface::operator=(Interface&&) noexcept = default;
Interface::~Interface() = default;

Result<PeerId> Interface::add_peer(Now now, PeerConfig config) {
  return core_->add_peer(now, std::move(config));
}

void Interface::remove_peer(PeerId peer) { core_->remove_peer(peer); }

Received Interface::handle_datagram(Now now, const Endpoint& from, std::span<std::byte> datagram) {
  using wire::MessageType;
  core_->note_handled(datagram);
  if (core_->reserved_ && datagram.size() >= 4)
    std::ranges::fill(datagram.subspan(1, 3), std::byte{});
  const auto type = wire::classify(datagram);
  if (!type) {
    core_->drop(now.boot, DropReason::malformed, {.address = from});
    return {};
  }
  switch (*type) {
    case MessageType::transport: return core_->handle_transport(now, from, datagram);
    case MessageType::initiation:
      core_->handle_initiation(now, from, {datagram.first<wire::kInitiationSize>()});
      break;
    case MessageType::response:
      core_->handle_response(now, from, {datagram.first<wire::kResponseSize>()});
      break;
    case MessageType::cookie_reply:
      core_->handle_cookie_reply(now, from, {datagram.first<wire::kCookieReplySize>()});
      break;
  }
  return {};
}

void Interface::handle_timeout(Now now) { core_->handle_timeout(now); }

std::optional<Instant> Interface::next_timeout() const { return core_->schedule_.next(); }

Sent Interface::send(Now now, std::span<const std::byte> packet) {
  return core_->send(now, packet);
}

Sent Interface::send_padded(Now now, std::span<const std::byte> packet, std::size_t datagram_size) {
  return core_->send_padded(now, packet, datagram_size);
}

bool Interface::initiate(Now now, PeerId peer) { return core_->initiate(now, peer); }

void Interface::send_keepalive(Now now, PeerId peer) { core_->send_keepalive(now, peer); }

std::optional<Transmit> Interface::poll_transmit() { return core_->outbox_.take(); }

std::optional<Event> Interface::poll_event() { return core_->events_.pop(); }

std::uint64_t Interface::events_lost() const { return core_->events_.lost(); }

PublicKey Interface::public_key() const { return core_->identity_.public_key(); }

std::optional<PeerId> Interface::find_peer(const PublicKey& key) const {
  const auto found = core_->by_key_.find(key);
  return found == core_->by_key_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<PeerId> Interface::peers() const {
  std::vector<PeerId> ids;
  for (std::uint32_t i = 0; i < core_->peers_.size(); ++i)
    if (core_->peers_[i]) ids.push_back({i});
  return ids;
}

PeerStatus Interface::status(PeerId id) const {
  const PeerState& peer = core_->peer(id);
  return {.public_key = peer.remote.public_key(),
          .has_preshared_key = !peer.preshared_key.is_none(),
          .endpoint = peer.endpoint,
          .last_handshake = peer.last_handshake,
          .receive_bytes = peer.receive_bytes,
          .transmit_bytes = peer.transmit_bytes,
          .packets_sent = peer.packets_sent,
          .initiations_sent = peer.initiations_sent,
          .responses_sent = peer.responses_sent,
          .persistent_keepalive = peer.persistent_keepalive,
          .allowed_ips = peer.allowed_ips};
}

ReceiveLoss Interface::receive_loss(PeerId peer) const { return core_->receive_loss(peer); }

std::uint64_t Interface::data_sent(PeerId peer) const { return core_->peer(peer).data_sent; }

bool Interface::has_session(Instant now, PeerId peer) const {
  return core_->may_send(now, core_->peer(peer));
}

const PresharedKey& Interface::preshared_key(PeerId peer) const {
  return core_->peer(peer).preshared_key;
}

std::optional<noise::PresharedKeyTrial> Interface::take_trial(PeerId peer) {
  return std::exchange(core_->peer(peer).trial, std::nullopt);
}

std::uint64_t Interface::dropped(DropReason reason) const {
  return core_->dropped_[static_cast<std::size_t>(reason)];
}

noise::Tai64n Interface::last_stamp() const { return core_->stamps_.last(); }

}  // namespace wgscope::tunnel
