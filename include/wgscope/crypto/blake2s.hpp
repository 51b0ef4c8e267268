#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <span>

#include "wgscope/base/secret.hpp"

// BLAKE2s (RFC 7693) as WireGuard uses it (whitepaper §5.4). Contexts are kept for each thread.

namespace wgscope::crypto {

using Hash = std::array<std::byte, 32>;
using Mac = std::array<std::byte, 16>;

/// HASH(parts one after the other).
Hash hash(std::initializer_list<std::span<const std::byte>> parts);

/// MAC(key, data): keyed BLAKE2s with 16 bytes of output; the key has 16 or 32 bytes.
Mac mac(std::span<const std::byte> key, std::span<const std::byte> data);

/// HMAC-BLAKE2s (RFC 2104) of the parts one after the other. `out` may be `key`.
void hmac(std::span<const std::byte, 32> key,
          std::initializer_list<std::span<const std::byte>> parts, std::span<std::byte, 32> out);

/// Overwrites the key that this thread's kept HMAC context still holds: call when a handshake's
/// step is done.
void forget_hmac_key();

/// Compares in constant time. Sizes must be equal.
[[nodiscard]] bool equal(std::span<const std::byte> a, std::span<const std::byte> b);

}  // namespace wgscope::crypto
