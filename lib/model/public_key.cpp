#include "wgscope/model/public_key.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"

namespace wgscope {
namespace {

/// Both halves of the product, folded: each bit of one factor reaches the whole result, in a way
/// the other decides.
std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
  __extension__ using Product = unsigned __int128;
  const Product product = Product{a} * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

}  // namespace

// Neither error repeats the text: where a public key is expected, a private one may stand by
// mistake.

Result<PublicKey> PublicKey::from_base64(std::string_view text) {
  const auto bytes = decode_key_base64(text);
  if (!bytes)
    return fail(Errc::bad_value,
                fmt::format("not a base64 key of 44 characters ({} given)", text.size()));
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
  std::array<std::uint64_t, 4> words{};
  std::memcpy(words.data(), key.bytes.data(), sizeof words);
  // The seed stands in both factors of each product. A factor that is known lets chosen differences
  // through: the highest bit of a word times any odd number stays alone, and can be taken back in
  // the next word, whatever the seed.
  const std::uint64_t other = fold(seed ^ 0x9e3779b97f4a7c15, 0xff51afd7ed558ccd);
  const std::uint64_t half = fold(words[0] ^ seed, words[1] ^ other);
  const std::uint64_t whole = fold(words[2] ^ seed ^ half, words[3] ^ other);
  return fold(whole ^ seed, 0xff51afd7ed558ccd);
}

}  // namespace wgscope
