// Keys as text: what is accepted is canonical, so that a key has one spelling.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "wgscope/base/text.hpp"
#include "wgscope/model/public_key.hpp"

#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wgscope;
  const std::string_view text = fuzz::as_text(data, size);

  const auto key = PublicKey::from_base64(text);
  WGSCOPE_PROMISE(key.has_value() == decode_key_base64(text).has_value());
  if (key) {
    WGSCOPE_PROMISE(key->base64() == text);
  } else {
    WGSCOPE_PROMISE(!fuzz::repeats_a_key(key.error().context, text));
  }

  const auto hex = PublicKey::from_hex(text);
  if (!hex) {
    WGSCOPE_PROMISE(!fuzz::repeats_a_key(hex.error().context, text));
  }

  if (size == 32) {  // any 32 bytes are a key
    PublicKey any;
    for (std::size_t i = 0; i < size; ++i) any.bytes[i] = std::byte{data[i]};
    WGSCOPE_PROMISE(PublicKey::from_base64(any.base64()).value() == any);
  }
  return 0;
}
