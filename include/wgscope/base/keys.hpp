#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "wgscope/base/secret.hpp"

namespace wgscope {

/// A Curve25519 private key, as `wg genkey` makes them. Not clamped here: X25519 does that (RFC
/// 7748 §5).
struct PrivateKey {
  Secret<32> secret;

  /// Reads 44 characters of base64, as `wg genkey` prints them.
  /// @returns nothing for any other text.
  static std::optional<PrivateKey> from_base64(std::string_view text);
};

/// What both ends may mix into the handshake (whitepaper §5.2); all zero where there is none.
struct PresharedKey {
  Secret<32> secret;

  static std::optional<PresharedKey> from_base64(std::string_view text);
  /// Whether the key is all zero, so that it changes nothing; in constant time.
  [[nodiscard]] bool is_none() const;
};

/// For the one place where a key must be shown: a configuration file that is being made.
/// Wipe it afterwards.
void encode_secret_base64(const Secret<32>& secret, std::span<char, 44> out);

}  // namespace wgscope
