#include "wgscope/wire/ip.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/wire/checksum.hpp"

namespace wgscope::wire {
namespace {

constexpr unsigned kMoreFragments = 0x2000;
constexpr unsigned kDontFragment = 0x4000;
constexpr unsigned kOffsetMask = 0x1fff;
// More than any sender has a use for; a chain is walked for every packet.
constexpr int kMostExtensions = 8;

enum class End : std::uint8_t { whole, quoted };

IpAddress address_v4(std::span<const std::byte, 4> bytes) {
  IpAddress address;
  std::ranges::copy(bytes, address.bytes.begin());
  return address;
}

IpAddress address_v6(std::span<const std::byte, 16> bytes) {
  IpAddress address;
  std::ranges::copy(bytes, address.bytes.begin());
  address.family = Family::v6;
  return address;
}

std::uint8_t number(std::byte byte) { return std::to_integer<std::uint8_t>(byte); }

Result<IpPacket> parse_v4(std::span<const std::byte> bytes, End end) {
  if (bytes.size() < kIpv4HeaderSize) return fail(Errc::truncated, "IPv4 header");
  const auto fixed = bytes.first<kIpv4HeaderSize>();
  const std::size_t header_size = (number(fixed[0]) & 0xfU) * 4UL;
  const std::size_t total = load_be16(fixed.subspan<2, 2>());
  if (header_size < kIpv4HeaderSize || total < header_size)
    return fail(Errc::bad_length, "IPv4 length");
  if (bytes.size() < (end == End::whole ? total : header_size))
    return fail(Errc::truncated, "IPv4 packet");

  const unsigned flags = load_be16(fixed.subspan<6, 2>());
  IpPacket packet;
  packet.source = address_v4(fixed.subspan<12, 4>());
  packet.destination = address_v4(fixed.subspan<16, 4>());
  packet.protocol = Protocol{number(fixed[9])};
  packet.hop_limit = number(fixed[8]);
  packet.traffic_class = number(fixed[1]);
  packet.dont_fragment = (flags & kDontFragment) != 0;
  if ((flags & (kMoreFragments | kOffsetMask)) != 0)
    packet.fragment = Fragment{load_be16(fixed.subspan<4, 2>()), (flags & kOffsetMask) * 8U,
                               (flags & kMoreFragments) != 0};
  packet.header = bytes.first(header_size);
  packet.payload = bytes.first(std::min(total, bytes.size())).subspan(header_size);
  return packet;
}

bool is_extension(Protocol protocol) {
  switch (protocol) {
    case Protocol::hop_by_hop:
    case Protocol::routing:
    case Protocol::fragment:
    case Protocol::authentication:
    case Protocol::destination_options: return true;
    default: return false;
  }
}

/// The size of the extension header at the front of `rest`; 0 when it does not fit.
std::size_t extension_size(Protocol kind, std::span<const std::byte> rest) {
  if (rest.size() < 8) return 0;
  std::size_t size = 8;
  if (kind == Protocol::authentication)
    size = (number(rest[1]) + std::size_t{2}) * 4;  // RFC 4302 §2.2 counts in words, less two
  else if (kind != Protocol::fragment)
    size = (number(rest[1]) + std::size_t{1}) * 8;
  return size >= 8 && size <= rest.size() ? size : 0;
}

void note_fragment(IpPacket& packet, std::span<const std::byte, 8> header) {
  const unsigned field = load_be16(header.subspan<2, 2>());
  const Fragment piece{load_be32(header.subspan<4, 4>()), field & 0xfff8U, (field & 1U) != 0};
  // "Atomic" fragments are whole datagrams (RFC 6946).
  if (piece.offset_bytes != 0 || piece.more) packet.fragment = piece;
}

/// Moves the extension headers from the front of packet.payload into packet.header.
Result<> skip_extensions(IpPacket& packet, std::span<const std::byte> bytes) {
  std::size_t skipped = 0;
  for (int count = 0; is_extension(packet.protocol); ++count) {
    // What follows in later pieces of a datagram is not a header.
    if (packet.fragment && packet.fragment->offset_bytes != 0) break;
    if (count == kMostExtensions) return fail(Errc::bad_value, "IPv6 extensions");
    const auto rest = packet.payload.subspan(skipped);
    const std::size_t size = extension_size(packet.protocol, rest);
    if (size == 0) return fail(Errc::truncated, "IPv6 extension");
    if (packet.protocol == Protocol::fragment) note_fragment(packet, rest.first<8>());
    if (packet.protocol == Protocol::routing && rest[3] != std::byte{0}) packet.routed_on = true;
    packet.protocol = Protocol{number(rest[0])};
    skipped += size;
  }
  packet.header = bytes.first(kIpv6HeaderSize + skipped);
  packet.payload = packet.payload.subspan(skipped);
  return {};
}

Result<IpPacket> parse_v6(std::span<const std::byte> bytes, End end) {
  if (bytes.size() < kIpv6HeaderSize) return fail(Errc::truncated, "IPv6 header");
  const auto fixed = bytes.first<kIpv6HeaderSize>();
  // A payload length of 0 announces a jumbogram (RFC 2675) or an empty packet; either way there is
  // nothing in it for us.
  const std::size_t total = kIpv6HeaderSize + load_be16(fixed.subspan<4, 2>());
  if (end == End::whole && bytes.size() < total) return fail(Errc::truncated, "IPv6 packet");

  IpPacket packet;
  packet.source = address_v6(fixed.subspan<8, 16>());
  packet.destination = address_v6(fixed.subspan<24, 16>());
  packet.protocol = Protocol{number(fixed[6])};
  packet.hop_limit = number(fixed[7]);
  packet.traffic_class = static_cast<std::uint8_t>(load_be16(fixed.first<2>()) >> 4U & 0xffU);
  packet.payload = bytes.first(std::min(total, bytes.size())).subspan(kIpv6HeaderSize);
  if (auto skipped = skip_extensions(packet, bytes); !skipped)
    return tl::unexpected(std::move(skipped.error()));
  return packet;
}

Result<IpPacket> parse(std::span<const std::byte> bytes, End end) {
  if (bytes.empty()) return fail(Errc::truncated, "IP header");
  switch (number(bytes[0]) >> 4U) {
    case 4: return parse_v4(bytes, end);
    case 6: return parse_v6(bytes, end);
    default: return fail(Errc::bad_value, "IP version");
  }
}

void write_v4(std::span<std::byte> packet, const IpHeader& header) {
  const auto fixed = packet.first<kIpv4HeaderSize>();
  std::ranges::fill(fixed, std::byte{0});
  fixed[0] = std::byte{0x45};
  store_be16(fixed.subspan<2, 2>(), static_cast<std::uint16_t>(packet.size()));
  store_be16(fixed.subspan<4, 2>(), header.id);
  store_be16(fixed.subspan<6, 2>(), header.dont_fragment ? kDontFragment : 0);
  fixed[8] = std::byte{header.hop_limit};
  fixed[9] = static_cast<std::byte>(header.protocol);
  std::ranges::copy(header.source.octets(), fixed.subspan<12, 4>().begin());
  std::ranges::copy(header.destination.octets(), fixed.subspan<16, 4>().begin());
  Checksum sum;
  sum.add(fixed);
  store_be16(fixed.subspan<10, 2>(), sum.value());
}

void write_v6(std::span<std::byte> packet, const IpHeader& header) {
  const auto fixed = packet.first<kIpv6HeaderSize>();
  store_be32(fixed.first<4>(), 0x60000000U);
  store_be16(fixed.subspan<4, 2>(), static_cast<std::uint16_t>(packet.size() - kIpv6HeaderSize));
  fixed[6] = static_cast<std::byte>(header.protocol);
  fixed[7] = std::byte{header.hop_limit};
  std::ranges::copy(header.source.octets(), fixed.subspan<8, 16>().begin());
  std::ranges::copy(header.destination.octets(), fixed.subspan<24, 16>().begin());
}

bool starts_with_zeros(const IpAddress& address, std::size_t count) {
  return std::all_of(address.bytes.begin(),
                     address.bytes.begin() + static_cast<std::ptrdiff_t>(count),
                     [](std::byte byte) { return byte == std::byte{0}; });
}

}  // namespace

Result<IpPacket> parse_ip(std::span<const std::byte> bytes) { return parse(bytes, End::whole); }

Result<IpPacket> parse_quoted_ip(std::span<const std::byte> bytes) {
  return parse(bytes, End::quoted);
}

bool ipv4_header_intact(const IpPacket& packet) {
  if (packet.source.family == Family::v6) return true;
  Checksum sum;
  sum.add(packet.header);
  return sum.value() == 0;
}

void write_ip_header(std::span<std::byte> packet, const IpHeader& header) {
  assert(header.source.family == header.destination.family);
  assert(packet.size() >= ip_header_size(header.source.family) && packet.size() <= UINT16_MAX);
  header.source.family == Family::v4 ? write_v4(packet, header) : write_v6(packet, header);
}

bool is_unspecified(const IpAddress& address) {
  // 0.0.0.0/8 as a whole means "this network" (RFC 6890).
  return starts_with_zeros(address, address.family == Family::v4 ? 1 : 16);
}

bool is_multicast(const IpAddress& address) {
  if (address.family == Family::v6) return address.bytes[0] == std::byte{0xff};
  return address.bytes[0] >= std::byte{0xe0} && address.bytes[0] <= std::byte{0xef}
             ? true
             : std::ranges::all_of(address.octets(),
                                   [](std::byte byte) { return byte == std::byte{0xff}; });
}

bool is_loopback(const IpAddress& address) {
  if (address.family == Family::v4) return address.bytes[0] == std::byte{127};
  return starts_with_zeros(address, 15) && address.bytes[15] == std::byte{1};
}

bool is_mapped(const IpAddress& address) {
  return address.family == Family::v6 && starts_with_zeros(address, 10) &&
         address.bytes[10] == std::byte{0xff} && address.bytes[11] == std::byte{0xff};
}

bool contains(const Prefix& prefix, const IpAddress& address) {
  if (prefix.address.family != address.family) return false;
  const std::size_t whole = prefix.bits / 8U;
  if (!std::equal(address.bytes.begin(), address.bytes.begin() + static_cast<std::ptrdiff_t>(whole),
                  prefix.address.bytes.begin()))
    return false;
  const unsigned rest = prefix.bits % 8U;
  if (rest == 0) return true;
  const auto differing = prefix.address.bytes[whole] ^ address.bytes[whole];
  return (differing >> (8U - rest)) == std::byte{0};
}

}  // namespace wgscope::wire
