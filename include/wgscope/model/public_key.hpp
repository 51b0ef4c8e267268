#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "wgscope/base/result.hpp"

namespace wgscope {

/// A peer's or an interface's Curve25519 public key: the identity WireGuard knows peers by.
struct PublicKey {
  std::array<std::byte, 32> bytes{};

  /// 44 characters of base64, as `wg` prints. @returns bad_value.
  static Result<PublicKey> from_base64(std::string_view text);
  /// 64 hexadecimal digits, as UAPI carries. @returns bad_value.
  static Result<PublicKey> from_hex(std::string_view text);
  [[nodiscard]] std::string base64() const;

  friend auto operator<=>(const PublicKey&, const PublicKey&) = default;
};

/// Hashes all 32 bytes under a seed. Anyone who may register a peer chooses its 32 bytes freely, so
/// a table of peers takes a random seed; tables of what the operator wrote can do without.
struct PublicKeyHash {
  std::uint64_t seed = 0x9e3779b97f4a7c15;

  std::size_t operator()(const PublicKey& key) const;
};

}  // namespace wgscope
