#pragma once

#include <array>
#include <compare>
#include <cstddef>
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

}  // namespace wgscope
