#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "wgscope/base/result.hpp"
#include "wgscope/wire/ip.hpp"

namespace wgscope::wire {

inline constexpr std::size_t kUdpHeaderSize = 8;  // RFC 768

struct UdpPorts {
  std::uint16_t source = 0;
  std::uint16_t destination = 0;
};

struct UdpDatagram {
  UdpPorts ports;
  std::span<const std::byte> payload;  ///< points into the packet
};

/// Takes the payload of a whole (not fragmented) packet apart and checks its checksum, which only
/// IPv4 may leave out (RFC 8200 §8.1).
/// @returns truncated, bad_length, bad_value for a wrong checksum.
Result<UdpDatagram> parse_udp(const IpPacket& packet);

constexpr std::size_t udp_packet_size(Family family, std::size_t payload_size) {
  return ip_header_size(family) + kUdpHeaderSize + payload_size;
}

/// Writes a whole packet into `packet`, whose size is udp_packet_size(). header.protocol is
/// ignored.
void write_udp_packet(std::span<std::byte> packet, IpHeader header, UdpPorts ports,
                      std::span<const std::byte> payload);

}  // namespace wgscope::wire
