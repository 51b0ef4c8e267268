#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "wgscope/model/address.hpp"

namespace wgscope::wire {

/// The internet checksum (RFC 1071), gathered over several pieces. Every piece but the last must be
/// of even length.
class Checksum {
 public:
  void add(std::span<const std::byte> piece);

  /// What belongs in the checksum field, as a number in host order. Over bytes whose checksum field
  /// is filled and right it is 0.
  [[nodiscard]] std::uint16_t value() const;

 private:
  std::uint64_t sum_ = 0;  ///< sum of 16-bit words in the byte order of memory
};

/// The checksum of a transport segment under its pseudo header (RFC 768, 9293 §3.1, 8200 §8.1).
/// Both addresses are of one family.
std::uint16_t transport_checksum(const IpAddress& source, const IpAddress& destination,
                                 std::uint8_t protocol, std::span<const std::byte> segment);

}  // namespace wgscope::wire
