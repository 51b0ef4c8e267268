#pragma once

#include <array>
#include <cstddef>

#include "wgscope/base/result.hpp"
#include "wgscope/base/secret.hpp"

namespace wgscope::crypto {

/// The public key of an X25519 private key (RFC 7748 §6.1); clamping is part of it.
/// UAPI reports only the private key of an interface, so its identity must be derived.
/// @returns io when OpenSSL cannot (out of memory, provider missing).
Result<std::array<std::byte, 32>> derive_public_key(const Secret<32>& private_key);

}  // namespace wgscope::crypto
