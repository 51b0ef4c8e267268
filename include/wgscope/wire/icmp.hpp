#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "wgscope/base/result.hpp"
#include "wgscope/wire/ip.hpp"

namespace wgscope::wire {

inline constexpr std::size_t kIcmpHeaderSize = 8;  // RFC 792, RFC 4443 §2.1

/// What an ICMP or ICMPv6 message says, in words common to both.
enum class IcmpKind : std::uint8_t {
  echo_request,
  echo_reply,
  no_route,    ///< there is no route to the network (IPv4: "network unreachable"; ICMPv6: code 0)
  prohibited,  ///< a firewall forbids it ("administratively prohibited")
  /// The host, or anything else that has no word of its own here, is unreachable.
  host_unreachable,
  port_unreachable,  ///< nothing has the port; also "protocol unreachable"
  /// The packet is larger than the next link takes (IPv4: "fragmentation needed").
  packet_too_big,
  time_exceeded,  ///< the hop limit reached 0, or reassembly took too long
  parameter_problem,
  other,
};

constexpr bool is_icmp_error(IcmpKind kind) {
  return kind >= IcmpKind::no_route && kind <= IcmpKind::parameter_problem;
}

struct IcmpMessage {
  IcmpKind kind = IcmpKind::other;
  std::uint8_t type = 0;            ///< type number of ICMP or ICMPv6
  std::uint8_t code = 0;            ///< code number of ICMP or ICMPv6
  std::uint16_t echo_id = 0;        ///< only of echo messages
  std::uint16_t echo_sequence = 0;  ///< only of echo messages
  /// Only of packet_too_big: bytes; nothing: the router named none.
  std::optional<std::uint32_t> mtu;
  /// The echo payload or the quoted packet; points into the packet.
  std::span<const std::byte> body;
};

/// Takes the payload of a whole packet of protocol icmp or icmpv6 apart, checksum included.
/// @returns truncated, bad_value for a wrong checksum or the other family's protocol.
Result<IcmpMessage> parse_icmp(const IpPacket& packet);

/// Which of our packets an ICMP error is about.
struct QuotedPacket {
  IpAddress source;
  IpAddress destination;
  Protocol protocol = Protocol::none;
  std::uint16_t source_port = 0;  ///< only of TCP and UDP
  std::uint16_t destination_port = 0;
  std::uint16_t echo_id = 0;  ///< only of echo requests
  std::uint16_t echo_sequence = 0;
};

/// Reads the packet quoted by an error: at least eight bytes behind its headers (RFC 792).
/// @returns truncated, bad_length or bad_value as parse_quoted_ip(); bad_value for ICMP that is no
/// echo request, and for pieces of datagrams other than the first.
Result<QuotedPacket> parse_quoted(std::span<const std::byte> body);

/// An echo request or reply.
struct Echo {
  std::uint16_t id = 0;
  std::uint16_t sequence = 0;
  std::span<const std::byte> payload;
};

constexpr std::size_t echo_packet_size(Family family, std::size_t payload_size) {
  return ip_header_size(family) + kIcmpHeaderSize + payload_size;
}

/// Writes a whole packet into `packet`, whose size is echo_packet_size(). header.protocol is
/// ignored.
void write_echo_request(std::span<std::byte> packet, const IpHeader& header, const Echo& echo);
void write_echo_reply(std::span<std::byte> packet, const IpHeader& header, const Echo& echo);

/// How much of a packet of `size` bytes an error quotes: as much as keeps the error itself within
/// 576 bytes (RFC 1812 §4.3.2.3) or 1280 (RFC 4443 §2.4 c).
std::size_t quote_size(Family family, std::size_t size);

/// Writes "port unreachable" about the packet that `quote` is the beginning of. The size of
/// `packet` is that of an echo packet with the quote as payload.
void write_port_unreachable(std::span<std::byte> packet, const IpHeader& header,
                            std::span<const std::byte> quote);

}  // namespace wgscope::wire
