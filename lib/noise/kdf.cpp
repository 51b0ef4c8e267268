#include "kdf.hpp"

#include <array>
#include <cstddef>
#include <span>

#include "wgscope/base/secret.hpp"
#include "wgscope/crypto/blake2s.hpp"

namespace wgscope::noise {
namespace {

constexpr std::array<std::byte, 1> kOne{std::byte{1}};
constexpr std::array<std::byte, 1> kTwo{std::byte{2}};
constexpr std::array<std::byte, 1> kThree{std::byte{3}};

Secret<32> extract(const Secret<32>& key, std::span<const std::byte> input) {
  Secret<32> extracted;
  crypto::hmac(key.bytes(), {input}, extracted.bytes());
  return extracted;
}

}  // namespace

void kdf(const Secret<32>& key, std::span<const std::byte> input, Secret<32>& first) {
  const Secret<32> extracted = extract(key, input);
  crypto::hmac(extracted.bytes(), {kOne}, first.bytes());
}

void kdf(const Secret<32>& key, std::span<const std::byte> input, Secret<32>& first,
         Secret<32>& second) {
  const Secret<32> extracted = extract(key, input);
  crypto::hmac(extracted.bytes(), {kOne}, first.bytes());
  crypto::hmac(extracted.bytes(), {first.bytes(), kTwo}, second.bytes());
}

void kdf(const Secret<32>& key, std::span<const std::byte> input, Secret<32>& first,
         Secret<32>& second, Secret<32>& third) {
  const Secret<32> extracted = extract(key, input);
  crypto::hmac(extracted.bytes(), {kOne}, first.bytes());
  crypto::hmac(extracted.bytes(), {first.bytes(), kTwo}, second.bytes());
  crypto::hmac(extracted.bytes(), {second.bytes(), kThree}, third.bytes());
}

}  // namespace wgscope::noise
