#include "wgscope/wire/udp.hpp"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/wire/checksum.hpp"
#include "wgscope/wire/ip.hpp"

namespace wgscope::wire {
namespace {

std::uint16_t checksum(const IpAddress& source, const IpAddress& destination,
                       std::span<const std::byte> segment) {
  return transport_checksum(source, destination, static_cast<std::uint8_t>(Protocol::udp), segment);
}

}  // namespace

Result<UdpDatagram> parse_udp(const IpPacket& packet) {
  if (packet.payload.size() < kUdpHeaderSize) return fail(Errc::truncated, "UDP header");
  const auto header = packet.payload.first<kUdpHeaderSize>();
  const std::size_t length = load_be16(header.subspan<4, 2>());
  if (length < kUdpHeaderSize || length > packet.payload.size())
    return fail(Errc::bad_length, "UDP length");
  const auto segment = packet.payload.first(length);
  const bool summed = load_be16(header.subspan<6, 2>()) != 0;
  if (summed ? checksum(packet.source, packet.destination, segment) != 0
             : packet.source.family == Family::v6)
    return fail(Errc::bad_value, "UDP checksum");
  return UdpDatagram{{load_be16(header.first<2>()), load_be16(header.subspan<2, 2>())},
                     segment.subspan(kUdpHeaderSize)};
}

void write_udp_packet(std::span<std::byte> packet, IpHeader header, UdpPorts ports,
                      std::span<const std::byte> payload) {
  assert(packet.size() == udp_packet_size(header.source.family, payload.size()));
  header.protocol = Protocol::udp;
  write_ip_header(packet, header);
  const auto segment = packet.subspan(ip_header_size(header.source.family));
  const auto fixed = segment.first<kUdpHeaderSize>();
  store_be16(fixed.first<2>(), ports.source);
  store_be16(fixed.subspan<2, 2>(), ports.destination);
  store_be16(fixed.subspan<4, 2>(), static_cast<std::uint16_t>(segment.size()));
  store_be16(fixed.subspan<6, 2>(), 0);
  std::copy_n(payload.data(), payload.size(), segment.subspan(kUdpHeaderSize).data());
  const std::uint16_t sum = checksum(header.source, header.destination, segment);
  store_be16(fixed.subspan<6, 2>(), sum == 0 ? 0xffff : sum);  // 0 would mean "not summed"
}

}  // namespace wgscope::wire
