#include "wgscope/base/text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <fmt/core.h>

namespace wgscope {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kInvalid = 0xff;

constexpr std::array<std::uint8_t, 256> make_base64_values() {
  std::array<std::uint8_t, 256> values{};
  values.fill(kInvalid);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i)
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  return values;
}

constexpr std::array<std::uint8_t, 256> make_hex_values() {
  std::array<std::uint8_t, 256> values{};
  values.fill(kInvalid);
  for (std::uint8_t i = 0; i < 10; ++i) values[static_cast<std::size_t>('0') + i] = i;
  for (std::uint8_t i = 0; i < 6; ++i) {
    values[static_cast<std::size_t>('a') + i] = static_cast<std::uint8_t>(10 + i);
    values[static_cast<std::size_t>('A') + i] = static_cast<std::uint8_t>(10 + i);
  }
  return values;
}

constexpr auto kBase64Values = make_base64_values();
constexpr auto kHexValues = make_hex_values();

/// Length of the valid UTF-8 sequence at the start of `text`, 0 if there is none (RFC 3629 §4).
std::size_t utf8_sequence(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  std::size_t length = 0;
  if (lead >= 0xc2 && lead <= 0xdf) length = 2;
  if (lead >= 0xe0 && lead <= 0xef) length = 3;
  if (lead >= 0xf0 && lead <= 0xf4) length = 4;
  if (length == 0 || text.size() < length) return 0;
  unsigned char low = 0x80;
  unsigned char high = 0xbf;
  if (lead == 0xe0) low = 0xa0;   // no overlong forms
  if (lead == 0xed) high = 0x9f;  // no surrogates
  if (lead == 0xf0) low = 0x90;
  if (lead == 0xf4) high = 0x8f;  // nothing above U+10FFFF
  if (byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i)
    if (byte(i) < 0x80 || byte(i) > 0xbf) return 0;
  return length;
}

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

/// Whether `text` starts with what to_valid_utf8 writes for a byte.
bool looks_repaired(std::string_view text) {
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return text.size() >= kReplacement.size() + 2 && text.starts_with(kReplacement) &&
         is_digit(text[kReplacement.size()]) && is_digit(text[kReplacement.size() + 1]);
}

}  // namespace

void encode_key_base64(std::span<const std::byte, 32> key, std::span<char, kKeyBase64Size> out) {
  const auto at = [&](std::size_t i) { return std::to_integer<std::uint32_t>(key[i]); };
  std::size_t o = 0;
  for (std::size_t i = 0; i < 30; i += 3) {
    const std::uint32_t group = at(i) << 16U | at(i + 1) << 8U | at(i + 2);
    out[o++] = kAlphabet[group >> 18U];
    out[o++] = kAlphabet[group >> 12U & 63U];
    out[o++] = kAlphabet[group >> 6U & 63U];
    out[o++] = kAlphabet[group & 63U];
  }
  const std::uint32_t tail = at(30) << 16U | at(31) << 8U;
  out[o++] = kAlphabet[tail >> 18U];
  out[o++] = kAlphabet[tail >> 12U & 63U];
  out[o++] = kAlphabet[tail >> 6U & 63U];
  out[o] = '=';
}

std::optional<std::array<std::byte, 32>> decode_key_base64(std::string_view text) {
  if (text.size() != kKeyBase64Size || text.back() != '=') return std::nullopt;
  std::array<std::byte, 32> key{};
  std::uint32_t pending = 0;
  unsigned bits = 0;
  std::size_t written = 0;
  for (const char c : text.substr(0, kKeyBase64Size - 1)) {
    const std::uint8_t value = kBase64Values[static_cast<unsigned char>(c)];
    if (value == kInvalid) return std::nullopt;
    pending = pending << 6U | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      key[written++] = static_cast<std::byte>(pending >> bits);
      pending &= (1U << bits) - 1U;
    }
  }
  if (pending != 0) return std::nullopt;
  return key;
}

bool decode_hex(std::string_view text, std::span<std::byte> out) {
  if (text.size() != out.size() * 2) return false;
  unsigned bad = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const unsigned high = kHexValues[static_cast<unsigned char>(text[2 * i])];
    const unsigned low = kHexValues[static_cast<unsigned char>(text[2 * i + 1])];
    bad |= high | low;
    out[i] = static_cast<std::byte>(high << 4U | (low & 15U));
  }
  return bad < 16;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

bool iequals(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::string to_valid_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_sequence(text);
    if (length != 0 && !looks_repaired(text)) {
      valid += text.substr(0, length);
      text.remove_prefix(length);
      continue;
    }
    for (const char c : text.substr(0, std::max<std::size_t>(length, 1)))
      valid += fmt::format("{}{:02x}", kReplacement, static_cast<unsigned char>(c));
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return valid;
}

bool is_valid_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_sequence(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string printable(std::string_view bytes, std::size_t limit) {
  std::string shown;
  for (const char c : bytes.substr(0, limit)) {
    if (c >= 0x20 && c < 0x7f && c != '\\')
      shown += c;
    else
      shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  }
  if (bytes.size() > limit) shown += "...";
  return shown;
}

}  // namespace wgscope
