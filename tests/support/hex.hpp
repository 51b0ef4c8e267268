#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/secret.hpp"
#include "wgscope/base/text.hpp"

namespace wgscope::test {

/// Bytes as vectors are printed. Failing comparisons of strings are readable, those of
/// arrays are not.
inline std::string hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte byte : bytes) text += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
  return text;
}

/// A test's own constants: throws where they are malformed.
inline std::vector<std::byte> unhex(std::string_view text) {
  std::vector<std::byte> bytes(text.size() / 2);
  if (!decode_hex(text, bytes)) throw std::invalid_argument("malformed hex in a test");
  return bytes;
}

template <std::size_t N>
std::array<std::byte, N> unhex_array(std::string_view text) {
  std::array<std::byte, N> bytes{};
  if (!decode_hex(text, bytes)) throw std::invalid_argument("malformed hex in a test");
  return bytes;
}

inline Secret<32> secret_of(std::string_view text) {
  Secret<32> secret;
  if (!decode_hex(text, secret.bytes())) throw std::invalid_argument("malformed hex in a test");
  return secret;
}

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

}  // namespace wgscope::test
