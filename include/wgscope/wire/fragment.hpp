#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace wgscope::wire {

/// Every IPv4 host takes packets of this size (RFC 791 §3.1). Below it nothing is cut.
inline constexpr std::size_t kLeastCut = 576;
/// Every router forwards IPv4 packets of this size (RFC 791 §3.2).
inline constexpr std::size_t kLeastPiece = 68;

/// A packet cut into pieces (RFC 791 §3.2, RFC 8200 §4.5), each of which is a packet.
class Pieces {
 public:
  /// @param whole  a packet without options and extension headers, longer than `mtu`; outlives the
  /// pieces.
  /// @param mtu  bytes of the largest piece; at least kLeastPiece.
  /// @param id  what the pieces have in common; of IPv4 the lower 16 bits.
  Pieces(std::span<const std::byte> whole, std::size_t mtu, std::uint32_t id);

  [[nodiscard]] std::size_t count() const;
  [[nodiscard]] std::size_t size(std::size_t piece) const;  ///< bytes
  /// @param out  of size(piece).
  void write(std::size_t piece, std::span<std::byte> out) const;

 private:
  [[nodiscard]] std::span<const std::byte> part(std::size_t piece) const;

  std::span<const std::byte> header_;
  std::span<const std::byte> payload_;
  std::size_t extra_;  ///< bytes of IPv6's fragment header
  std::size_t step_;   ///< bytes of payload in each piece but the last
  std::uint32_t id_;
};

}  // namespace wgscope::wire
