#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "wgscope/base/result.hpp"
#include "wgscope/wire/ip.hpp"

// TCP segments, as far as a connection attempt needs them. A complete TCP is in inner/tcp.hpp.

namespace wgscope::wire {

inline constexpr std::size_t kTcpHeaderSize = 20;  // RFC 9293 §3.1, without options
/// The segment size for a receiver that announces none (RFC 9293 §3.7.1).
inline constexpr std::uint16_t kDefaultMss4 = 536;
inline constexpr std::uint16_t kDefaultMss6 = 1220;

struct TcpSegment {
  std::uint16_t source = 0;       ///< the sender's port
  std::uint16_t destination = 0;  ///< the receiver's port
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgement = 0;  ///< only valid with `ack`
  bool syn = false;
  bool ack = false;
  bool fin = false;
  bool rst = false;
  std::uint16_t window = 0;
  std::span<const std::byte> payload{};  ///< points into the packet
  /// All options as they are; points into the packet; ignored in writing.
  std::span<const std::byte> options{};
};

/// Takes the payload of a whole (not fragmented) packet apart and checks its checksum.
/// @returns truncated, bad_length; bad_value for a wrong checksum or another protocol.
Result<TcpSegment> parse_tcp(const IpPacket& packet);

/// The maximum segment size that the sender announces, or a router on the path has set, in bytes of
/// payload. If the option is present twice, the last one counts, as with Linux.
/// @returns nothing where it is not announced; bad_length for an option that contradicts itself.
Result<std::optional<std::uint16_t>> maximum_segment_size(const TcpSegment& segment);

constexpr std::size_t tcp_packet_size(Family family, std::size_t payload_size) {
  return ip_header_size(family) + kTcpHeaderSize + payload_size;
}

/// Writes a whole packet into `packet`, whose size is tcp_packet_size(). header.protocol is
/// ignored.
void write_tcp_packet(std::span<std::byte> packet, IpHeader header, const TcpSegment& segment);

}  // namespace wgscope::wire
