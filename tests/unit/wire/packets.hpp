#pragma once

#include <cstddef>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "wgscope/base/text.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::wire::testing {

using Bytes = std::vector<std::byte>;

/// Bytes from hexadecimal digits; blanks are skipped.
inline Bytes hex(std::string_view text) {
  std::string digits;
  for (const char c : text)
    if (c != ' ') digits += c;
  Bytes bytes(digits.size() / 2);
  if (!decode_hex(digits, bytes)) return {};
  return bytes;
}

inline Bytes join(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

inline IpAddress address(std::string_view text) { return IpAddress::parse(text).value(); }

}  // namespace wgscope::wire::testing
