#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <utility>

#include "wgscope/base/random.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/secret.hpp"

namespace wgscope::crypto {

/// An X25519 key pair (RFC 7748). Making one costs the multiplication that gives its public key;
/// each agreement costs one more. Move-only.
class X25519Key {
 public:
  /// @returns io when libsodium cannot.
  static Result<X25519Key> from_private(const Secret<32>& private_key);
  static Result<X25519Key> generate(Random& random);

  [[nodiscard]] const std::array<std::byte, 32>& public_key() const { return public_key_; }

  /// The shared secret with `peer`. @returns false for a low-order point, whose secret would be all
  /// zero and known to everyone (RFC 7748 §6.1); `shared` is then unspecified.
  [[nodiscard]] bool agree(std::span<const std::byte, 32> peer, Secret<32>& shared) const;

 private:
  X25519Key(Secret<32> private_key, const std::array<std::byte, 32>& public_key)
      : private_key_(std::move(private_key)), public_key_(public_key) {}

  Secret<32> private_key_;
  std::array<std::byte, 32> public_key_;
};

/// The public key of an X25519 private key (RFC 7748 §6.1); clamping is part of it.
/// UAPI reports only the private key of an interface, so its identity must be derived.
/// @returns io when libsodium cannot.
Result<std::array<std::byte, 32>> derive_public_key(const Secret<32>& private_key);

}  // namespace wgscope::crypto
