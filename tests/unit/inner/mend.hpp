#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "wgscope/base/bytes.hpp"
#include "wgscope/wire/checksum.hpp"
#include "wgscope/wire/ip.hpp"

namespace wgscope::inner::testing {

/// Makes the checksums of an IPv4 or IPv6 packet right as far as its lengths allow.
inline void mend(std::vector<std::byte>& bytes) {
  if (bytes.size() >= 20 && (bytes[0] >> 4U) == std::byte{4}) {
    const std::size_t size = std::to_integer<std::size_t>(bytes[0] & std::byte{15}) * 4;
    if (size < 20 || size > bytes.size()) return;
    store_be16(std::span(bytes).subspan<10, 2>(), 0);
    wire::Checksum sum;
    sum.add(std::span(bytes).first(size));
    store_be16(std::span(bytes).subspan<10, 2>(), sum.value());
  }
  const auto packet = wire::parse_ip(bytes);
  if (!packet) return;
  std::size_t field = 2;  // of ICMP
  if (packet->protocol == wire::Protocol::tcp) field = 16;
  if (packet->protocol == wire::Protocol::udp) field = 6;
  const auto segment = std::span(bytes).subspan(packet->header.size(), packet->payload.size());
  if (segment.size() < field + 2) return;
  store_be16(segment.subspan(field).first<2>(), 0);
  wire::Checksum plain;
  plain.add(segment);
  const std::uint16_t sum =
      packet->protocol == wire::Protocol::icmp
          ? plain.value()
          : wire::transport_checksum(packet->source, packet->destination,
                                     static_cast<std::uint8_t>(packet->protocol), segment);
  store_be16(segment.subspan(field).first<2>(), sum);
}

}  // namespace wgscope::inner::testing
