#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "wgscope/base/keys.hpp"
#include "wgscope/base/random.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/noise/handshake.hpp"
#include "wgscope/noise/tai64n.hpp"
#include "wgscope/tunnel/event.hpp"

namespace wgscope::tunnel {

inline constexpr std::size_t kDefaultMtu = 1420;

struct InterfaceConfig {
  PrivateKey private_key;
  /// The largest inner packet in bytes; padding makes none longer.
  std::size_t mtu = kDefaultMtu;
  /// The timestamp of this key's last handshake: see Interface::last_stamp().
  noise::Tai64n last_stamp;
  /// More handshakes than this are load: then a source must prove its address with a cookie first.
  /// Each costs about 150 µs.
  std::uint32_t handshakes_per_second = 1000;
  std::uint32_t handshake_burst = 512;
  /// The three bytes after the type in each message that is sent; some providers mark their clients
  /// with them. If they are set, these bytes of received messages are ignored. MACs do not cover
  /// them: they are made, and checked, with zeros in their place. Nothing: zeros are sent, and
  /// messages with other values are malformed (whitepaper §5.4).
  std::optional<std::array<std::byte, 3>> reserved = {};
};

struct PeerConfig {
  PublicKey public_key;
  PresharedKey preshared_key;
  std::vector<Prefix> allowed_ips;
  std::optional<Endpoint> endpoint;
  std::chrono::seconds persistent_keepalive{0};  ///< 0: off
};

/// What a peer looks like from outside, as `wg show` has it.
struct PeerStatus {
  PublicKey public_key;
  bool has_preshared_key = false;
  std::optional<Endpoint> endpoint;
  std::optional<WallTime> last_handshake;
  std::uint64_t receive_bytes = 0;   ///< bytes of whole datagrams that were accepted
  std::uint64_t transmit_bytes = 0;  ///< bytes of whole datagrams that were sent
  std::uint64_t packets_sent = 0;    ///< in sessions, with and without content
  std::uint64_t initiations_sent = 0;
  std::uint64_t responses_sent = 0;
  std::chrono::seconds persistent_keepalive{0};
  std::vector<Prefix> allowed_ips;
};

/// What became of the packets that a peer sent to us, keepalives included, as their counters tell:
/// each sender counts its packets in every session from 0, without gaps (whitepaper §5.4.6), so
/// what is missing was lost on its way, whatever program the peer is. Sums over all sessions.
///
/// It cannot tell of packets that were sent after the last one that came: their counters are not
/// known until another comes, and those at a session's end never are.
struct ReceiveLoss {
  std::uint64_t received = 0;   ///< packets that arrived
  std::uint64_t missing = 0;    ///< packets that did not arrive; fewer again when one comes late
  std::uint64_t reordered = 0;  ///< packets that arrived after one that was sent later
  /// Packets that were dropped: they came twice, or some 8000 packets late.
  std::uint64_t replayed = 0;
};

/// One or more datagrams for one address, back to back, all of `segment_size` but for the last,
/// which may be shorter: what UDP_SEGMENT takes.
struct Transmit {
  Endpoint to;
  std::span<const std::byte> bytes;
  std::size_t segment_size;
};

/// What came of a datagram: an inner packet in the datagram's own memory, or nothing.
struct Received {
  std::optional<PeerId> peer;
  std::span<std::byte> packet;
};

enum class Sent : std::uint8_t {
  sealed,       ///< the packet is encrypted, and poll_transmit() gives it
  staged,       ///< the packet waits for a handshake
  blocked,      ///< nothing was taken, because poll_transmit() has too much: empty it first
  no_peer,      ///< no peer's allowed IPs contain this destination
  no_endpoint,  ///< the peer's address is not known
  malformed,    ///< not an IP packet, or larger than any datagram
  no_session,   ///< only by send_padded(): without a session nothing is sent, and nothing waits
};

/// A WireGuard interface with its peers, without sockets and clocks (whitepaper §5, §6):
/// datagrams and inner packets go in, datagrams, inner packets and events come out. In the
/// grammar of sans-IO protocols:
///
///   handle_…   what happened outside: a datagram came, time passed
///   send, …    what the owner wants
///   poll_…     what the interface wants: call until there is nothing, after each of the above
///
/// One thread at a time. The packet path allocates nothing once it is warm; handshakes and staged
/// packets do.
class Interface {
 public:
  /// @param random  must outlive the interface.
  /// @returns io when the crypto library cannot.
  static Result<Interface> create(InterfaceConfig config, Random& random);
  Interface(const Interface&) = delete;
  Interface& operator=(const Interface&) = delete;
  Interface(Interface&&) noexcept;
  Interface& operator=(Interface&&) noexcept;
  ~Interface();

  /// An allowed IP that another peer has moves to this one, as `wg set` does.
  /// With a persistent keepalive and an endpoint the handshake begins at the next handle_timeout().
  /// @returns bad_value: our own key, a key that is a peer's already, a low-order point.
  Result<PeerId> add_peer(Now now, PeerConfig config);
  void remove_peer(PeerId peer);

  /// Takes one datagram and decrypts it in place.
  Received handle_datagram(Now now, const Endpoint& from, std::span<std::byte> datagram);
  /// Call at next_timeout() or later; earlier does nothing.
  void handle_timeout(Now now);
  /// When to call handle_timeout(). Nothing: no timer is running.
  [[nodiscard]] std::optional<Instant> next_timeout() const;

  /// Sends an inner packet to the peer whose allowed IPs have its destination. Without a session
  /// the packet waits for one (up to 128 a peer, then the oldest goes), and a handshake begins.
  Sent send(Now now, std::span<const std::byte> packet);
  /// Sends an inner packet with as many zero bytes behind it as make the datagram, WireGuard's
  /// header and tag included, exactly `datagram_size` bytes long, whatever the MTU says. Receivers
  /// take what is behind a packet's own length for padding (whitepaper §5.4.6), so this makes a
  /// datagram of any size that a peer answers as it answers the packet. Needs a session.
  /// @returns also malformed, where the packet does not fit that size.
  Sent send_padded(Now now, std::span<const std::byte> packet, std::size_t datagram_size);
  /// Begins a handshake, also when there is a session.
  /// @returns false without an endpoint, or within 5 s of our last initiation or response
  /// (REKEY_TIMEOUT): then nothing is changed.
  bool initiate(Now now, PeerId peer);
  /// Sends an empty packet, by which the other side knows that we have the session's keys.
  void send_keepalive(Now now, PeerId peer);

  /// The bytes are valid until the next call of a function other than
  /// poll_transmit() and poll_event().
  std::optional<Transmit> poll_transmit();
  /// Oldest first. At most 256 wait; then the oldest are lost and counted.
  std::optional<Event> poll_event();
  [[nodiscard]] std::uint64_t events_lost() const;

  [[nodiscard]] PublicKey public_key() const;
  [[nodiscard]] std::optional<PeerId> find_peer(const PublicKey& key) const;
  [[nodiscard]] std::vector<PeerId> peers() const;
  /// The peer must exist.
  [[nodiscard]] PeerStatus status(PeerId peer) const;
  /// The peer must exist.
  [[nodiscard]] ReceiveLoss receive_loss(PeerId peer) const;
  /// How many packets with content were sent to the peer in all its sessions.
  [[nodiscard]] std::uint64_t data_sent(PeerId peer) const;
  /// Whether packets would be sent at once: a session younger than 180 s.
  [[nodiscard]] bool has_session(Instant now, PeerId peer) const;
  /// For UAPI, which shows it to every user who may read the socket.
  [[nodiscard]] const PresharedKey& preshared_key(PeerId peer) const;
  /// After EventKind::response_not_decrypted: what other preshared keys can be tried on. Gives it
  /// once.
  std::optional<noise::PresharedKeyTrial> take_trial(PeerId peer);
  [[nodiscard]] std::uint64_t dropped(DropReason reason) const;
  /// The stamp of the last initiation. Keep it: an interface made later with the same key must
  /// begin above it, or peers that accepted it silently refuse its handshakes.
  [[nodiscard]] noise::Tai64n last_stamp() const;

 private:
  class Core;
  explicit Interface(std::unique_ptr<Core> core);
  std::unique_ptr<Core> core_;
};

}  // namespace wgscope::tunnel
