#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "wgscope/base/random.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/inner/event_queue.hpp"
#include "wgscope/inner/packet_queue.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/wire/ip.hpp"

namespace wgscope::inner {

class Reassembly;
class Tcp;

/// Why a received packet was dropped, or a packet was not sent.
enum class Drop : std::uint8_t {
  malformed,     ///< lengths or headers contradict each other
  bad_checksum,  ///< in any layer
  bad_source,    ///< the source is multicast, unspecified, loopback or IPv4-mapped
  own_source,    ///< the source is one of our own addresses
  not_ours,      ///< for another destination; this host does not forward packets
  fragment,      ///< a fragment that is not reassembled, or whose datagram never was complete
  routed_on,     ///< a routing header names further hops
  protocol,      ///< a protocol that this host does not support
  unsolicited,   ///< an echo reply or ICMP error about nothing that we sent
  too_big,       ///< our answer would exceed the MTU
  tcp_limit,     ///< too many connections
  tcp_segment,   ///< contradictory flags, or a sequence number far from any window
  queue_full,    ///< too many packets or events are waiting
};
inline constexpr std::size_t kDropCount = 13;

std::string_view to_string(Drop reason);

struct HostStats {
  std::uint64_t received_packets = 0;  ///< all packets that were handed in
  std::uint64_t sent_packets = 0;      ///< all packets that were polled
  std::array<std::uint64_t, kDropCount> drops{};

  [[nodiscard]] std::uint64_t dropped(Drop reason) const {
    return drops[static_cast<std::size_t>(reason)];
  }
};

struct HostConfig {
  std::vector<Prefix> addresses;  ///< our addresses, each with its prefix
  std::uint16_t mtu = 1420;       ///< bytes of the largest inner packet; with IPv6 at least 1280
  /// Reassemble fragments, up to 64 KiB, and fragment answers above the MTU. If this is off, or the
  /// MTU is below wire::kLeastCut, both are dropped.
  bool fragments = false;
};

struct EchoRequest {
  IpAddress to;
  std::uint16_t id = 0;  ///< from Host::open_echo()
  std::uint16_t sequence = 0;
  std::size_t payload_size = 56;  ///< bytes
  std::uint8_t hop_limit = 64;
  bool dont_fragment = false;  ///< IPv4 only; routers never fragment IPv6
};

struct UdpSend {
  Endpoint to;
  std::uint16_t from_port = 0;      ///< need not be bound
  std::optional<IpAddress> from{};  ///< one of our addresses; nothing: chosen by the destination
  std::uint8_t hop_limit = 64;
};

/// A small IP host whose network card is a tunnel. It takes the packets that the tunnel decrypted,
/// and makes the packets that the tunnel encrypts. It answers echo requests, answers datagrams to
/// UDP ports that are not bound with "port unreachable", and offers TCP through tcp().
///
/// It owns no socket, no clock and no thread. It is not thread-safe, and because of TCP only one
/// thread at a time may use any of the hosts of a process (inner/tcp.hpp). It accepts any bytes as
/// a packet. Sources: RFC 1122, 4443, 792, 768.
class Host {
 public:
  /// @param random  for ports, identifiers and sequence numbers; must outlive the host.
  Host(HostConfig config, Random& random);
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;
  ~Host();

  [[nodiscard]] const HostConfig& config() const { return config_; }
  [[nodiscard]] HostStats stats() const;
  [[nodiscard]] bool is_own(const IpAddress& address) const;
  /// The source address for packets to `destination`; nothing if we have none of its family.
  [[nodiscard]] std::optional<IpAddress> source_for(const IpAddress& destination) const;
  /// When to call handle_timeout(); nothing: no timer is running.
  [[nodiscard]] std::optional<Instant> next_timeout() const;

  /// @param packet  one packet; not retained.
  void handle_packet(Instant now, std::span<const std::byte> packet);
  void handle_timeout(Instant now);
  /// Changes HostConfig::fragments.
  void allow_fragments(bool allowed);

  /// Returns an identifier for our echo requests, to be released with close_echo().
  std::uint16_t open_echo();
  void close_echo(std::uint16_t id);
  /// @returns bad_value if we have no address of that family or the destination is our own,
  /// too_large above the MTU, io if the queue is full.
  Result<> send_echo(const EchoRequest& request);

  /// Binds a UDP port; 0 takes a random one of 49152…65535 (RFC 6335). @returns the port; refused
  /// if it is in use, or if no random one was free.
  Result<std::uint16_t> bind_udp(std::uint16_t port);
  void close_udp(std::uint16_t port);
  /// @returns the errors of send_echo().
  Result<> send_udp(const UdpSend& to, std::span<const std::byte> payload);

  Tcp& tcp();

  /// The next packet for the tunnel; empty if there is none. It is valid until the next call of a
  /// non-const function.
  std::span<const std::byte> poll_packet();
  std::optional<Event> poll_event();

 private:
  void drop(Drop reason) { ++stats_.drops[static_cast<std::size_t>(reason)]; }
  [[nodiscard]] std::optional<Drop> refuse(const wire::IpPacket& packet) const;
  void handle_fragment(Instant now, const wire::IpPacket& piece);
  void handle_whole(Instant now, const wire::IpPacket& packet, std::span<const std::byte> whole);
  void handle_icmp(Instant now, const wire::IpPacket& packet);
  void handle_icmp_error(Instant now, const wire::IpPacket& packet,
                         const wire::IcmpMessage& message);
  void handle_echo_reply(Instant now, const wire::IpPacket& packet,
                         const wire::IcmpMessage& message);
  void answer_echo(const wire::IpPacket& packet, const wire::IcmpMessage& message);
  void handle_udp(Instant now, const wire::IpPacket& packet, std::span<const std::byte> whole);
  void answer_closed_port(const wire::IpPacket& packet, std::span<const std::byte> whole);

  /// Memory for a packet to be sent; empty if the queue is full. commit() fragments packets above
  /// the MTU.
  std::span<std::byte> room(std::size_t size);
  /// Queues the packet that was written into the memory from room().
  void commit(std::span<std::byte> packet);
  Result<std::span<std::byte>> room_to(const IpAddress& destination, std::size_t size,
                                       std::size_t most);
  wire::IpHeader answer_header(const wire::IpPacket& packet);
  [[nodiscard]] std::uint64_t payload_mark(std::uint16_t id, std::uint16_t sequence) const;
  std::uint16_t random16();

  HostConfig config_;
  Random* random_;
  HostStats stats_;
  PacketQueue packets_;
  EventQueue events_;
  std::vector<std::uint16_t> udp_ports_;    ///< sorted
  std::vector<std::uint16_t> echo_ids_;     ///< sorted
  std::uint16_t next_id_ = 0;               ///< next identification of an IPv4 packet
  std::uint64_t echo_secret_ = 0;           ///< marks the payloads of our echo requests
  std::vector<std::byte> uncut_;            ///< a packet above the MTU, before it is fragmented
  std::unique_ptr<Reassembly> reassembly_;  ///< created when first needed
  std::unique_ptr<Tcp> tcp_;                ///< created when first needed
};

}  // namespace wgscope::inner
