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

/// Why a packet was not taken, or not sent.
enum class Drop : std::uint8_t {
  malformed,     ///< lengths or headers that contradict themselves
  bad_checksum,  ///< of any layer
  bad_source,    ///< multicast, unspecified, loopback or IPv4-mapped
  own_source,    ///< claims to come from ourselves
  not_ours,      ///< for another destination: this host forwards nothing
  fragment,      ///< a piece of a datagram that is not put together, or never was complete
  routed_on,     ///< a routing header with further stops
  protocol,      ///< none that is spoken here
  unsolicited,   ///< an echo reply or ICMP error to nothing we sent
  too_big,       ///< an answer above the MTU
  tcp_limit,     ///< too many connections
  tcp_segment,   ///< flags that exclude each other, or a sequence number far from any window
  queue_full,    ///< more than can wait
};
inline constexpr std::size_t kDropCount = 13;

std::string_view to_string(Drop reason);

struct HostStats {
  std::uint64_t received_packets = 0;  ///< all that were handed in
  std::uint64_t sent_packets = 0;      ///< all that were polled
  std::array<std::uint64_t, kDropCount> drops{};

  [[nodiscard]] std::uint64_t dropped(Drop reason) const {
    return drops[static_cast<std::size_t>(reason)];
  }
};

struct HostConfig {
  std::vector<Prefix> addresses;  ///< ours, each with the prefix it stands in
  std::uint16_t mtu = 1420;       ///< bytes of the largest inner packet; at least 1280 with IPv6
  /// Pieces of datagrams are put together, up to 64 KiB, and answers above the MTU are cut. When
  /// off, or with an MTU below wire::kLeastCut, either is dropped.
  bool fragments = false;
};

struct EchoRequest {
  IpAddress to;
  std::uint16_t id = 0;  ///< from Host::open_echo()
  std::uint16_t sequence = 0;
  std::size_t payload_size = 56;  ///< bytes
  std::uint8_t hop_limit = 64;
  bool dont_fragment = false;  ///< IPv4; IPv6 is never fragmented on its way
};

struct UdpSend {
  Endpoint to;
  std::uint16_t from_port = 0;      ///< bound or not
  std::optional<IpAddress> from{};  ///< one of ours; chosen by the destination if absent
  std::uint8_t hop_limit = 64;
};

/// A small IP host whose network card is a tunnel. It takes the packets that the tunnel decrypted
/// and makes the packets that the tunnel encrypts. It answers echo requests, answers "port
/// unreachable" for UDP ports that are not bound, and speaks TCP through tcp().
///
/// Owns no socket, no clock and no thread; not safe for use by several threads, and because of TCP
/// all hosts of a process are used by one thread at a time (inner/tcp.hpp). Any bytes may be handed
/// in. Sources: RFC 1122, 4443, 792, 768.
class Host {
 public:
  /// @param random  outlives the host; ports, identifiers and sequence numbers come from it.
  Host(HostConfig config, Random& random);
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;
  ~Host();

  [[nodiscard]] const HostConfig& config() const { return config_; }
  [[nodiscard]] HostStats stats() const;
  [[nodiscard]] bool is_own(const IpAddress& address) const;
  /// The address we speak to `destination` from; nothing when we have none of its family.
  [[nodiscard]] std::optional<IpAddress> source_for(const IpAddress& destination) const;
  /// When handle_timeout() is due; nothing while there is nothing to wait for.
  [[nodiscard]] std::optional<Instant> next_timeout() const;

  /// Takes one packet; not retained.
  void handle_packet(Instant now, std::span<const std::byte> packet);
  void handle_timeout(Instant now);
  /// HostConfig::fragments, from now on.
  void allow_fragments(bool allowed);

  /// An identifier for echo requests of our own. close_echo() gives it back.
  std::uint16_t open_echo();
  void close_echo(std::uint16_t id);
  /// @returns bad_value without an address of that family or when it is our own, too_large above
  /// the MTU, io when the queue is full.
  Result<> send_echo(const EchoRequest& request);

  /// Takes a UDP port, a random one of 49152…65535 (RFC 6335) for 0. @returns the port; refused
  /// when it is taken.
  Result<std::uint16_t> bind_udp(std::uint16_t port);
  void close_udp(std::uint16_t port);
  /// @returns as send_echo().
  Result<> send_udp(const UdpSend& to, std::span<const std::byte> payload);

  Tcp& tcp();

  /// The next packet for the tunnel; empty when there is none. Valid until the next call that is
  /// not const.
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

  /// Room for a packet of ours; empty when the queue is full. What is above the MTU is to be cut.
  std::span<std::byte> room(std::size_t size);
  /// Passes on what was written into that room.
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
  std::uint16_t next_id_ = 0;               ///< of IPv4 packets
  std::uint64_t echo_secret_ = 0;           ///< marks our echo requests' payloads
  std::vector<std::byte> uncut_;            ///< a packet above the MTU
  std::unique_ptr<Reassembly> reassembly_;  ///< made when first needed
  std::unique_ptr<Tcp> tcp_;                ///< made when first needed
};

}  // namespace wgscope::inner
