#include "wgscope/base/key_text.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/core.h>

#include "wgscope/base/text.hpp"

namespace wgscope {
namespace {

constexpr std::size_t kHexSize = 64;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_hexadecimal(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_base64(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' || c == '/';
}

struct LookAlike {
  std::uint32_t code;
  std::string_view what;
};

/// What copies from web pages and word processors carry along.
constexpr LookAlike kLookAlikes[] = {
    {0xa0, "a no-break space (U+00A0), which looks like a blank"},
    {0x200b, "a zero-width space (U+200B), which cannot be seen"},
    {0x2011, "a hyphen (U+2011)"},
    {0x2018, "a quotation mark (U+2018)"},
    {0x2019, "a quotation mark (U+2019)"},
    {0x201c, "a quotation mark (U+201C)"},
    {0x201d, "a quotation mark (U+201D)"},
    {0x202f, "a narrow no-break space (U+202F), which looks like a blank"},
    {0x2060, "a word joiner (U+2060), which cannot be seen"},
    {0xfeff, "a byte order mark (U+FEFF), which cannot be seen"},
};

/// The code point of up to three bytes that `text` starts with; 0: it starts with none.
std::uint32_t code_point(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  for (const std::size_t size : {2U, 3U}) {
    if (text.size() < size || !is_valid_utf8(text.substr(0, size))) continue;
    if (size == 2 && byte(0) >= 0xc2) return (byte(0) & 0x1fU) << 6U | (byte(1) & 0x3fU);
    if (size == 3 && byte(0) >= 0xe0)
      return (byte(0) & 0xfU) << 12U | (byte(1) & 0x3fU) << 6U | (byte(2) & 0x3fU);
  }
  return 0;
}

/// What the first character of `text` is, which is not one of base64.
std::string describe(std::string_view text) {
  const char first = text.front();
  if (first == '"' || first == '\'') return "a quotation mark: keys stand without any";
  if (first == ' ' || first == '\t') return "a blank";
  if (first == '-' || first == '_')
    return "one of URL-safe base64: write + instead of -, and / instead of _";
  if (first == '=') return "'=', which stands only at the end";
  if (static_cast<unsigned char>(first) < 0x80) return "not one of base64";
  const std::uint32_t code = code_point(text);
  const auto* const known = std::ranges::find(kLookAlikes, code, &LookAlike::code);
  if (known != std::end(kLookAlikes)) return std::string(known->what);
  return "not ASCII";
}

/// Bytes that go on with a character are not counted.
std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; }));
}

}  // namespace

std::string describe_bad_key(std::string_view text) {
  constexpr std::string_view kNoKey = "not a base64 key of 44 characters";
  if (text.size() == kHexSize && std::ranges::all_of(text, is_hexadecimal))
    return fmt::format("{}: it is hexadecimal, and files have keys in base64", kNoKey);
  const std::string_view body = text.ends_with('=') ? text.substr(0, text.size() - 1) : text;
  const auto odd = std::ranges::find_if_not(body, is_base64);
  const auto at = static_cast<std::size_t>(odd - body.begin());
  // Of a text that is far too long nobody wants to know a character, nor of one with more behind
  // its end.
  const bool is_odd = odd != body.end() && (*odd != '=' || text.size() == kKeyBase64Size);
  if (is_odd && text.size() <= kHexSize)
    return fmt::format("{}: character {} is {}", kNoKey, characters(body.substr(0, at)) + 1,
                       describe(body.substr(at)));
  if (text.size() != kKeyBase64Size) return fmt::format("{} ({} given)", kNoKey, text.size());
  if (!text.ends_with('=')) return fmt::format("{}: the last one must be '='", kNoKey);
  return fmt::format("{}: no key ends with this letter before its '=', so a character is mistyped",
                     kNoKey);
}

}  // namespace wgscope
