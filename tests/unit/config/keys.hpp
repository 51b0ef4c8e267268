#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "wgscope/model/public_key.hpp"

namespace wgscope::config {

/// Different keys for different numbers, looking as random as real ones.
inline PublicKey key(std::uint32_t number) {
  PublicKey made;
  std::uint64_t word = number;
  for (std::size_t i = 0; i < made.bytes.size(); ++i) {
    if (i % 8 == 0)
      word = (word + 0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9;  // odd, so no two words become one
    made.bytes[i] = static_cast<std::byte>(word >> (8 * (i % 8)));
  }
  return made;
}

inline std::string key_text(std::uint32_t number) { return key(number).base64(); }

}  // namespace wgscope::config
