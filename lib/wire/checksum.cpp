#include "wgscope/wire/checksum.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "wgscope/base/bytes.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::wire {

// The sum of 16-bit words is the same in either byte order up to a swap of the result, and carries
// may be folded in later (RFC 1071 §2). So eight bytes at a time are added as two halves in the
// machine's order; 2^32 of them fit before anything overflows.
void Checksum::add(std::span<const std::byte> piece) {
  const std::byte* at = piece.data();
  std::size_t left = piece.size();
  std::uint64_t sum = 0;
  for (; left >= 8; left -= 8, at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    sum += (word & 0xffffffffU) + (word >> 32U);
  }
  if (left != 0) {
    std::uint64_t word = 0;  // zeros behind an odd end count as nothing
    std::memcpy(&word, at, left);
    sum += (word & 0xffffffffU) + (word >> 32U);
  }
  sum_ += sum;
}

std::uint16_t Checksum::value() const {
  std::uint64_t sum = (sum_ & 0xffffffffU) + (sum_ >> 32U);
  while (sum > 0xffffU) sum = (sum & 0xffffU) + (sum >> 16U);
  if constexpr (std::endian::native == std::endian::little)
    sum = ((sum & 0xffU) << 8U) | (sum >> 8U);
  return static_cast<std::uint16_t>(~sum & 0xffffU);
}

std::uint16_t transport_checksum(const IpAddress& source, const IpAddress& destination,
                                 std::uint8_t protocol, std::span<const std::byte> segment) {
  // Length and protocol take 16 bits each in IPv4's pseudo header and 32 in IPv6's: the same sum.
  std::array<std::byte, 8> tail{};
  store_be32(std::span(tail).first<4>(), static_cast<std::uint32_t>(segment.size()));
  tail[7] = std::byte{protocol};
  Checksum sum;
  sum.add(source.octets());
  sum.add(destination.octets());
  sum.add(tail);
  sum.add(segment);
  return sum.value();
}

}  // namespace wgscope::wire
