#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "wgscope/base/result.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::wire {

/// IANA protocol numbers, as far as this code tells them apart. Others are values without a name.
enum class Protocol : std::uint8_t {
  hop_by_hop = 0,
  icmp = 1,
  tcp = 6,
  udp = 17,
  routing = 43,
  fragment = 44,
  authentication = 51,
  icmpv6 = 58,
  none = 59,
  destination_options = 60,
};

/// That a packet is one piece of a datagram.
struct Fragment {
  std::uint32_t id = 0;
  std::uint32_t offset_bytes = 0;
  bool more = false;  ///< more fragments of the same datagram follow
};

/// An IP packet taken apart. The spans point into what was parsed.
struct IpPacket {
  IpAddress source;
  IpAddress destination;
  Protocol protocol = Protocol::none;  ///< protocol of `payload`, behind all extension headers
  std::uint8_t hop_limit = 0;          ///< in IPv4 the time to live
  std::uint8_t traffic_class = 0;
  bool dont_fragment = false;        ///< IPv4 only
  std::optional<Fragment> fragment;  ///< nothing: the packet is a whole datagram
  /// A routing header that asks for further stops. An end host must not follow it (RFC
  /// 5095, 8200 §4.4).
  bool routed_on = false;
  std::span<const std::byte> header;   ///< options and extension headers included
  std::span<const std::byte> payload;  ///< ends where the header says, so padding is cut off
};

inline constexpr std::size_t kIpv4HeaderSize = 20;  // RFC 791 §3.1, without options
inline constexpr std::size_t kIpv6HeaderSize = 40;  // RFC 8200 §3

/// Takes a whole packet apart. IPv4 options are tolerated, IPv6 extension headers skipped (RFC 8200
/// §4). No checksum is verified: ipv4_header_intact() does that.
/// @returns truncated when the packet says it is longer than `bytes`, bad_length for lengths that
/// contradict themselves, bad_value for another version than 4 and 6 and for chains of more than 8
/// extension headers.
Result<IpPacket> parse_ip(std::span<const std::byte> bytes);

/// The same for a packet quoted in an ICMP error, whose end may be missing; payload is
/// what there is.
Result<IpPacket> parse_quoted_ip(std::span<const std::byte> bytes);

/// Whether the checksum of an IPv4 header is right. IPv6 has none: true.
bool ipv4_header_intact(const IpPacket& packet);

/// What a header is written from.
struct IpHeader {
  IpAddress source;
  IpAddress destination;  ///< must be of the same family as `source`
  Protocol protocol = Protocol::none;
  std::uint8_t hop_limit = 64;
  std::uint16_t id = 0;        ///< IPv4 only
  bool dont_fragment = false;  ///< IPv4 only
};

constexpr std::size_t ip_header_size(Family family) {
  return family == Family::v4 ? kIpv4HeaderSize : kIpv6HeaderSize;
}

/// Writes the header of `packet`, whose size is the whole packet's; its payload stays untouched.
/// The packet is at least a header and at most 65535 bytes long.
void write_ip_header(std::span<std::byte> packet, const IpHeader& header);

/// What kind of address it is, by RFC 6890 and RFC 4291.
bool is_unspecified(const IpAddress& address);
bool is_multicast(const IpAddress& address);  ///< also true for IPv4's limited broadcast
bool is_loopback(const IpAddress& address);
/// Whether it lies in ::ffff:0:0/96, which must not appear in packets (RFC 4942 §2.2).
bool is_mapped(const IpAddress& address);

/// Whether `address` lies in `prefix`.
bool contains(const Prefix& prefix, const IpAddress& address);

}  // namespace wgscope::wire
