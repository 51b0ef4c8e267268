#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "wgscope/base/random.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/noise/cookies.hpp"
#include "wgscope/noise/handshake.hpp"
#include "wgscope/noise/key_pair.hpp"
#include "wgscope/noise/tai64n.hpp"
#include "wgscope/tunnel/event.hpp"
#include "wgscope/tunnel/interface.hpp"
#include "wgscope/wire/message.hpp"

#include "allowed_ips.hpp"
#include "event_queue.hpp"
#include "limits.hpp"
#include "outbox.hpp"
#include "peer.hpp"
#include "schedule.hpp"

namespace wgscope::tunnel {

/// What an Interface is made of. Its functions lie in files by subject:
///
///   handshakes.cpp  initiations, responses, cookies, both ways
///   transport.cpp   data both ways
///   timers.cpp      what time does, and how traffic moves the timers
///   interface.cpp   peers, and the public face
class Interface::Core {
 public:
  Core(InterfaceConfig config, noise::Identity identity, Random& random);

  // interface.cpp
  Result<PeerId> add_peer(Now now, PeerConfig config);
  void remove_peer(PeerId id);
  PeerState& peer(PeerId id) { return *peers_[id.value]; }
  [[nodiscard]] ReceiveLoss receive_loss(PeerId id) const;

  // handshakes.cpp
  bool initiate(Now now, PeerId id);
  void handle_initiation(Now now, const Endpoint& from, wire::Initiation message);
  void handle_response(Now now, const Endpoint& from, wire::Response message);
  void handle_cookie_reply(Now now, const Endpoint& from, wire::CookieReply message);

  // transport.cpp
  Sent send(Now now, std::span<const std::byte> packet);
  Sent send_padded(Now now, std::span<const std::byte> packet, std::size_t datagram_size);
  Received handle_transport(Now now, const Endpoint& from, std::span<std::byte> datagram);
  void send_keepalive(Now now, PeerId id);
  bool may_send(Instant now, const PeerState& peer) const;

  // timers.cpp
  void handle_timeout(Now now);

  void drop(Instant now, DropReason reason, Event details = {});
  void note_handled(std::span<const std::byte> datagram);
  void notify(Instant now, EventKind kind, PeerId id, std::uint64_t number = 0);

 private:
  friend Interface;  // whose getters look at the parts

  /// What one of this interface's receiver indexes stands for.
  struct Target {
    PeerId peer;
    /// Null: the index is of a handshake that waits for its response.
    noise::KeyPair* session = nullptr;
  };

  // handshakes.cpp
  std::uint32_t new_index();
  void forget_outstanding(PeerState& peer);
  /// The checks that come before any expensive work: mac1, and under load a cookie and
  /// the source's rate.
  bool worth_looking_at(Now now, const Endpoint& from,
                        noise::MacedMessage<const std::byte> message);
  void send_cookie(Now now, const Endpoint& to, noise::MacedMessage<const std::byte> message);
  std::optional<PeerId> authenticate(Now now, const Endpoint& from, noise::OpenedInitiation& opened,
                                     wire::Initiation message);
  void respond(Now now, const Endpoint& to, noise::OpenedInitiation& opened, PeerId id);
  void begin_session(Now now, PeerId id, std::unique_ptr<noise::KeyPair> session);
  void forget(std::unique_ptr<noise::KeyPair>& session);
  void remember_past(std::uint32_t index);
  [[nodiscard]] bool was_ours(std::uint32_t index) const;

  // transport.cpp
  bool seal(Now now, PeerId id, std::span<const std::byte> packet);
  bool seal_padded(Now now, PeerId id, std::span<const std::byte> packet, std::size_t padded);
  void send_staged(Now now, PeerId id);
  void stage(PeerState& peer, std::span<const std::byte> packet);
  void confirm_next(Now now, PeerId id);
  Received deliver(Now now, const Endpoint& from, PeerId id, std::span<std::byte> payload);
  void rekey_if_old_on_send(Now now, PeerId id);
  void rekey_if_old_on_receive(Now now, PeerId id);
  void roam(Instant now, PeerId id, const Endpoint& from);
  std::optional<PeerId> route(std::span<const std::byte> packet) const;

  // timers.cpp: what traffic does to them
  /// For each authenticated packet, sent or received.
  void packet_passed(Instant now, PeerId id);
  void packet_sent(PeerState& peer);  ///< for each authenticated packet sent, keepalives included
  /// For each authenticated packet received, keepalives included.
  void packet_received(PeerState& peer);
  void data_sent(Instant now, PeerId id);
  void data_received(Instant now, PeerId id);
  void initiation_sent(Instant now, PeerId id);
  void handshake_complete(Now now, PeerId id);
  void keys_made(Instant now, PeerId id);
  void retransmit_at(PeerId id, Instant due);
  void reschedule(PeerId id);
  Nanoseconds jitter();
  void run_timers(Now now, PeerId id);
  void retry_handshake(Now now, PeerId id);
  void give_up(Instant now, PeerId id);
  void wipe_keys(Instant now, PeerId id);
  void forget_sessions(PeerState& peer);

  Random& random_;
  noise::Identity identity_;
  noise::MacKeys mac_keys_;
  noise::CookieIssuer issuer_;
  noise::TimestampSource stamps_;
  std::size_t mtu_;

  /// Index: PeerId::value; null: that peer was removed.
  std::vector<std::unique_ptr<PeerState>> peers_;
  std::unordered_map<PublicKey, PeerId, PublicKeyHash> by_key_;
  AllowedIps allowed_ips_;
  Schedule schedule_;
  std::optional<std::array<std::byte, 3>> reserved_;
  Outbox outbox_;
  EventQueue events_;
  std::array<std::uint64_t, kDropReasonCount> dropped_{};
  std::uint16_t handled_size_ = 0;  ///< Of the datagram that is being handled; as Event::size.
  std::array<std::byte, 12> handled_begins_{};

  std::unordered_map<std::uint32_t, Target> indices_;
  std::array<std::optional<std::uint32_t>, 64> past_indices_{};  ///< a ring
  std::size_t next_past_ = 0;
  LoadMeter load_;
  SourceLimiter sources_;
  std::uint64_t jitter_state_;
};

}  // namespace wgscope::tunnel
