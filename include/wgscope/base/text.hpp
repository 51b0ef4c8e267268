#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace wgscope {

/// Characters of a base64-encoded 32-byte key, its final '=' included.
inline constexpr std::size_t kKeyBase64Size = 44;

/// Encodes 32 bytes as RFC 4648 base64 with padding, as `wg` prints keys.
void encode_key_base64(std::span<const std::byte, 32> key, std::span<char, kKeyBase64Size> out);

/// Decodes what `wg` prints. Refuses other lengths, other alphabets and stray bits after
/// the last byte.
std::optional<std::array<std::byte, 32>> decode_key_base64(std::string_view text);

/// Decodes exactly 2 * out.size() hexadecimal digits of either case into `out`.
/// @returns false when the length or a digit is wrong; `out` is then unspecified.
bool decode_hex(std::string_view text, std::span<std::byte> out);

/// `text` without blanks, tabs and carriage returns at either end.
std::string_view trim(std::string_view text);

/// ASCII case-insensitive equality, as HTTP header names and wg-quick keys need.
bool iequals(std::string_view a, std::string_view b);

/// `text` with every byte that is not valid UTF-8 (RFC 3629) made "\uFFFD" and two hexadecimal
/// digits, so that what is shown is valid and different inputs stay different. Valid text stays as
/// it is, unless it holds what looks like such a repair: its U+FFFD is then repaired too.
std::string to_valid_utf8(std::string_view text);
bool is_valid_utf8(std::string_view text);

/// What can be shown of untrusted bytes in an error or a log line: at most `limit` bytes, printable
/// ASCII, the rest as \xNN.
std::string printable(std::string_view bytes, std::size_t limit = 64);

}  // namespace wgscope
