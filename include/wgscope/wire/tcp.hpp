#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "wgscope/base/result.hpp"
#include "wgscope/wire/ip.hpp"

namespace wgscope::wire {

inline constexpr std::size_t kTcpHeaderSize = 20;  // RFC 9293 §3.1, without options

/// A TCP segment, as far as it matters to whoever speaks no more than the beginning of TCP.
struct TcpSegment {
  std::uint16_t source = 0;  ///< port
  std::uint16_t destination = 0;
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgement = 0;  ///< only with `ack`
  bool syn = false;
  bool ack = false;
  bool fin = false;
  bool rst = false;
  std::uint16_t window = 0;
  std::span<const std::byte> payload{};  ///< points into the packet
};

/// Takes the payload of a whole (not fragmented) packet apart and checks its checksum. Options are
/// skipped.
/// @returns truncated, bad_length, bad_value for a wrong checksum.
Result<TcpSegment> parse_tcp(const IpPacket& packet);

constexpr std::size_t tcp_packet_size(Family family, std::size_t payload_size) {
  return ip_header_size(family) + kTcpHeaderSize + payload_size;
}

/// Writes a whole packet into `packet`, whose size is tcp_packet_size(). header.protocol is not
/// looked at.
void write_tcp_packet(std::span<std::byte> packet, IpHeader header, const TcpSegment& segment);

}  // namespace wgscope::wire
