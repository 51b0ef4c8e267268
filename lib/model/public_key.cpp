#include "wgscope/model/public_key.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <fmt/core.h>

#include "wgscope/base/key_text.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/model/keyed_hash.hpp"

namespace wgscope {
// Neither error repeats the text: where a public key is expected, a private one may
// stand by mistake.

Result<PublicKey> PublicKey::from_base64(std::string_view text) {
  const auto bytes = decode_key_base64(text);
  if (!bytes) return fail(Errc::bad_value, describe_bad_key(text));
  return PublicKey{*bytes};
}

Result<PublicKey> PublicKey::from_hex(std::string_view text) {
  PublicKey key;
  if (!decode_hex(text, key.bytes))
    return fail(Errc::bad_value,
                fmt::format("not a hexadecimal key of 64 digits ({} characters)", text.size()));
  return key;
}

std::string PublicKey::base64() const {
  std::string text(kKeyBase64Size, '\0');
  encode_key_base64(bytes, std::span<char, kKeyBase64Size>(text));
  return text;
}

std::size_t PublicKeyHash::operator()(const PublicKey& key) const {
  return keyed_hash(seed, key.bytes);
}

}  // namespace wgscope
