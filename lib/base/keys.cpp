#include "wgscope/base/keys.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "wgscope/base/secret.hpp"
#include "wgscope/base/text.hpp"

namespace wgscope {
namespace {

template <class Key>
std::optional<Key> parse(std::string_view text) {
  auto bytes = decode_key_base64(text);
  if (!bytes) return std::nullopt;
  const WipeGuard guard{std::span<std::byte>(*bytes)};
  Key key;
  std::ranges::copy(*bytes, key.secret.bytes().begin());
  return key;
}

}  // namespace

std::optional<PrivateKey> PrivateKey::from_base64(std::string_view text) {
  return parse<PrivateKey>(text);
}

std::optional<PresharedKey> PresharedKey::from_base64(std::string_view text) {
  return parse<PresharedKey>(text);
}

bool PresharedKey::is_none() const {
  std::byte any{0};
  for (const std::byte byte : secret.bytes()) any |= byte;
  return any == std::byte{0};
}

void encode_secret_base64(const Secret<32>& secret, std::span<char, 44> out) {
  encode_key_base64(secret.bytes(), out);
}

}  // namespace wgscope
