#pragma once

#include <cstddef>
#include <span>

#include "wgscope/base/secret.hpp"

namespace wgscope::noise {

/// KDF1, KDF2 and KDF3 (whitepaper §5.4; RFC 5869 with HMAC-BLAKE2s and no info). Each output may
/// be `key` itself.
void kdf(const Secret<32>& key, std::span<const std::byte> input, Secret<32>& first);
void kdf(const Secret<32>& key, std::span<const std::byte> input, Secret<32>& first,
         Secret<32>& second);
void kdf(const Secret<32>& key, std::span<const std::byte> input, Secret<32>& first,
         Secret<32>& second, Secret<32>& third);

}  // namespace wgscope::noise
