#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/address.hpp"

// Values as systemd reads them.

namespace wgscope::config {

/// A number in the base that its beginning tells: 0x, 0b, 0o, or octal after a 0; a '+' may stand
/// in front. @returns nothing for anything else, and for numbers above `most`.
std::optional<std::uint32_t> parse_unit_number(std::string_view text, std::uint32_t most);

/// A size in bytes: a decimal number, maybe with B, K or M (of 1024) behind it. @returns nothing
/// for other text, of which systemd takes some: fractions and sums.
std::optional<std::uint32_t> parse_unit_size(std::string_view text);

enum class Boolean : std::uint8_t { no, yes, neither };
Boolean parse_unit_boolean(std::string_view text);

/// An address, maybe with a length behind a '/', which may be hexadecimal or octal.
struct UnitPrefix {
  Prefix prefix;  ///< with its host bits; without a length all bits
  bool has_length = false;
  bool has_odd_length = false;  ///< one that is not decimal
};
std::optional<UnitPrefix> parse_unit_prefix(std::string_view text);

/// What networkd makes of an Endpoint.
struct UnitEndpoint {
  enum class Kind : std::uint8_t {
    usable,
    unreachable,  ///< networkd takes it, but nothing can be sent there
    malformed,    ///< networkd ignores the whole section
  };
  Kind kind = Kind::malformed;
  EndpointName endpoint;  ///< of a usable one
};
UnitEndpoint parse_unit_endpoint(std::string_view text);

/// Whether the text is "@" and the name of a credential.
bool is_credential(std::string_view text);

/// Gives the words of a list to `take`, with their offsets. A backslash takes the character behind
/// it literally, which may be one of `between`.
/// @returns false for a backslash at the end, which ends the list before its word.
template <class Take>
bool each_unit_word(std::string_view list, std::string_view between, Take take) {
  for (std::size_t at = 0; (at = list.find_first_not_of(between, at)) != list.npos;) {
    const std::size_t begin = at;
    std::string word;
    for (; at < list.size() && between.find(list[at]) == between.npos; ++at) {
      if (list[at] == '\\') ++at;
      if (at == list.size()) return false;
      word += list[at];
    }
    take(std::string_view(word), begin);
  }
  return true;
}

}  // namespace wgscope::config
