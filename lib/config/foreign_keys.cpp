#include "foreign_keys.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/text.hpp"
#include "wgscope/config/wg_quick.hpp"

#include "wg_quick_lines.hpp"
#include "wg_quick_values.hpp"

namespace wgscope::config {
namespace {

struct AmneziaKey {
  std::string_view name;
  enum class Effect : std::uint8_t { type, size, junk } effect;
  std::uint32_t usual = 0;  ///< the value that changes nothing
};
using enum AmneziaKey::Effect;

constexpr AmneziaKey kAmneziaKeys[] = {
    {"Jc", junk},    {"Jmin", junk}, {"Jmax", junk},  {"S1", size},    {"S2", size},
    {"S3", size},    {"S4", size},   {"H1", type, 1}, {"H2", type, 2}, {"H3", type, 3},
    {"H4", type, 4}, {"I1", junk},   {"I2", junk},    {"I3", junk},    {"I4", junk},
    {"I5", junk},    {"J1", junk},   {"J2", junk},    {"J3", junk},    {"Itime", junk},
};

std::string joined(const std::vector<std::string>& keys) {
  std::string text;
  for (std::size_t i = 0; i < keys.size(); ++i)
    text += fmt::format("{}{}", i == 0 ? "" : i + 1 == keys.size() ? " and " : ", ", keys[i]);
  return text;
}

std::string_view verb(const std::vector<std::string>& keys, std::string_view one,
                      std::string_view many) {
  return keys.size() == 1 ? one : many;
}

/// Three numbers, with commas between them.
std::optional<ReservedBytes> parse_list(std::string_view value) {
  if (value.starts_with('[') && value.ends_with(']')) value = value.substr(1, value.size() - 2);
  ReservedBytes bytes{};
  for (std::byte& byte : bytes) {
    const std::size_t end = std::min(value.find(','), value.size());
    const bool is_last = &byte == &bytes.back();
    const auto number = parse_decimal(trim_blanks(value.substr(0, end)), UINT8_MAX);
    if (!number || (end == value.size()) != is_last) return std::nullopt;
    byte = static_cast<std::byte>(*number);
    if (!is_last) value.remove_prefix(end + 1);
  }
  return bytes;
}

/// Four characters of base64. A key's decoder reads them in front of a key of zeros.
std::optional<ReservedBytes> parse_base64(std::string_view value) {
  constexpr std::size_t kSize = 4;
  if (value.size() != kSize) return std::nullopt;
  std::string key(kKeyBase64Size, 'A');
  key.replace(0, kSize, value);
  key.back() = '=';
  const auto decoded = decode_key_base64(key);
  if (!decoded) return std::nullopt;
  return ReservedBytes{(*decoded)[0], (*decoded)[1], (*decoded)[2]};
}

}  // namespace

bool AmneziaKeys::take(std::size_t line, std::string_view key, std::string_view value) {
  const auto* const known = std::ranges::find_if(
      kAmneziaKeys, [&](const AmneziaKey& one) { return iequals(one.name, key); });
  if (known == std::end(kAmneziaKeys)) return false;
  if (line_ == 0) line_ = line;
  const bool changes =
      known->effect != junk && parse_number(value, UINT32_MAX) != std::optional(known->usual);
  auto& keys = changes ? changing_ : adding_;
  if (std::ranges::find(keys, known->name) == keys.end()) keys.emplace_back(known->name);
  return true;
}

std::optional<Warning> AmneziaKeys::warning() const {
  if (changing_.empty() && adding_.empty()) return std::nullopt;
  const std::string harmless =
      adding_.empty() ? std::string()
                      : fmt::format("{} {}", joined(adding_), verb(adding_, "does", "do"));
  if (changing_.empty())
    return Warning{line_,
                   fmt::format("the file is for AmneziaWG, and {} not change WireGuard's "
                               "messages, so plain WireGuard works without {}",
                               harmless, verb(adding_, "it", "them")),
                   WarningKind::obfuscating};
  std::string text = fmt::format(
      "the file is for AmneziaWG, and {} {} WireGuard's messages, so plain WireGuard and this "
      "gateway do not understand each other",
      joined(changing_), verb(changing_, "changes", "change"));
  if (!adding_.empty()) text += fmt::format("; {} not matter", harmless);
  return Warning{line_, std::move(text), WarningKind::obfuscated};
}

std::optional<ReservedBytes> parse_reserved(std::string_view value) {
  if (const auto bytes = parse_list(value)) return bytes;
  constexpr std::size_t kHexSize = 8;  // 0x and six digits
  ReservedBytes bytes{};
  if (is_hexadecimal(value) && value.size() == kHexSize && decode_hex(value.substr(2), bytes))
    return bytes;
  return parse_base64(value);
}

}  // namespace wgscope::config
