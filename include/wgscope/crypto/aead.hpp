#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "wgscope/base/secret.hpp"

namespace wgscope::crypto {

inline constexpr std::size_t kAeadTagSize = 16;

/// ChaCha20-Poly1305 (RFC 8439) under one key in one direction, with WireGuard's nonce: four zero
/// bytes, then the counter in little-endian (whitepaper §5.4.6). The cipher context is kept, so
/// that a packet costs no key set-up and no allocation. Move-only; one thread at a time.
class Aead {
 public:
  enum class Direction : std::uint8_t { seal, open };

  Aead(Direction direction, const Secret<32>& key);
  Aead(const Aead&) = delete;
  Aead& operator=(const Aead&) = delete;
  Aead(Aead&&) noexcept;
  Aead& operator=(Aead&&) noexcept;
  ~Aead();

  /// Writes ciphertext and tag: `out` has plain.size() + kAeadTagSize bytes and may begin where
  /// `plain` does. Never use a counter twice.
  void seal(std::uint64_t counter, std::span<const std::byte> plain, std::span<std::byte> out);

  /// `sealed` ends with the tag; `out` has sealed.size() - kAeadTagSize bytes and may begin where
  /// `sealed` does.
  /// @returns false when it is not authentic (or shorter than a tag); `out` then holds nothing to
  /// be used.
  [[nodiscard]] bool open(std::uint64_t counter, std::span<const std::byte> sealed,
                          std::span<std::byte> out);

 private:
  struct Handle;
  std::unique_ptr<Handle> handle_;
};

/// One message under a key used once, counter 0, as the handshake does: `data`
/// is authenticated too.
void seal_once(const Secret<32>& key, std::span<const std::byte> data,
               std::span<const std::byte> plain, std::span<std::byte> out);
[[nodiscard]] bool open_once(const Secret<32>& key, std::span<const std::byte> data,
                             std::span<const std::byte> sealed, std::span<std::byte> out);

/// XChaCha20-Poly1305 with a random nonce, for cookies (whitepaper §5.4.7;
/// draft-irtf-cfrg-xchacha).
void seal_cookie(std::span<const std::byte, 32> key, std::span<const std::byte, 24> nonce,
                 std::span<const std::byte> data, std::span<const std::byte, 16> plain,
                 std::span<std::byte, 32> out);
[[nodiscard]] bool open_cookie(std::span<const std::byte, 32> key,
                               std::span<const std::byte, 24> nonce,
                               std::span<const std::byte> data,
                               std::span<const std::byte, 32> sealed, std::span<std::byte, 16> out);

}  // namespace wgscope::crypto
