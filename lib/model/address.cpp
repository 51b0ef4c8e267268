#include "wgscope/model/address.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"

namespace wgscope {
namespace {

/// Reads a decimal number of at most `max` from the front; no sign, no leading zero.
template <class T>
std::optional<T> take_number(std::string_view& text, T max) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const auto length = static_cast<std::size_t>(end - text.data());
  if (error != std::errc{} || value > max || (length > 1 && text[0] == '0')) return std::nullopt;
  text.remove_prefix(length);
  return value;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text[0] != c) return false;
  text.remove_prefix(1);
  return true;
}

bool parse_v4(std::string_view text, IpAddress& into) {
  unsigned octet = 0;
  std::size_t digits = 0;
  std::size_t index = 0;
  for (const char c : text) {
    if (c == '.') {
      if (digits == 0 || index == 3) return false;
      into.bytes[index++] = static_cast<std::byte>(octet);
      octet = 0;
      digits = 0;
      continue;
    }
    const auto digit = static_cast<unsigned>(c - '0');
    if (digit > 9 || (digits != 0 && octet == 0))
      return false;  // no leading zeros: some read them as octal
    octet = octet * 10 + digit;
    ++digits;
    if (octet > 255) return false;
  }
  into.bytes[index] = static_cast<std::byte>(octet);
  into.family = Family::v4;
  return digits != 0 && index == 3;
}

/// Up to four hexadecimal digits from the front; nothing when there is none.
std::optional<unsigned> take_group(std::string_view& text) {
  unsigned value = 0;
  const char* last = text.data() + std::min<std::size_t>(text.size(), 4);
  const auto [end, error] = std::from_chars(text.data(), last, value, 16);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

/// RFC 4291 §2.2: groups, one "::" for any number of zero groups, an IPv4 address in place of the
/// last two.
bool parse_v6(std::string_view text, IpAddress& into) {
  auto& bytes = into.bytes;
  into.family = Family::v6;
  std::size_t filled = 0;
  std::optional<std::size_t> gap;  // what "::" stands before
  if (text.starts_with("::")) {
    gap = 0;
    text.remove_prefix(2);
  }
  while (!text.empty()) {
    if (filled == bytes.size()) return false;
    const std::string_view rest = text;
    const auto group = take_group(text);
    if (!group) return false;
    if (text.starts_with('.')) {
      IpAddress tail;
      if (filled > bytes.size() - 4 || !parse_v4(rest, tail)) return false;
      std::copy_n(tail.bytes.begin(), 4, bytes.begin() + static_cast<std::ptrdiff_t>(filled));
      filled += 4;
      break;
    }
    bytes[filled++] = static_cast<std::byte>(*group >> 8U);
    bytes[filled++] = static_cast<std::byte>(*group & 0xffU);
    if (text.empty()) break;
    if (!take(text, ':') || text.empty()) return false;
    if (take(text, ':') && std::exchange(gap, filled)) return false;
  }
  if (!gap) return filled == bytes.size();
  if (filled == bytes.size()) return false;
  const auto tail = bytes.begin() + static_cast<std::ptrdiff_t>(*gap);
  const auto end =
      std::copy_backward(tail, bytes.begin() + static_cast<std::ptrdiff_t>(filled), bytes.end());
  std::fill(tail, end, std::byte{0});
  return true;
}

bool parse_address(std::string_view text, IpAddress& into) {
  return parse_v4(text, into) || parse_v6(text, into);
}

/// "[ADDRESS]" or "[ADDRESS%ZONE]" from the front.
bool take_bracketed(std::string_view& text, Endpoint& into) {
  const std::size_t close = text.find(']');
  if (!take(text, '[') || close == std::string_view::npos) return false;
  std::string_view host = text.substr(0, close - 1);
  text.remove_prefix(close);
  if (const std::size_t percent = host.find('%'); percent != std::string_view::npos) {
    std::string_view zone = host.substr(percent + 1);
    if (zone.empty()) return false;
    // wireguard-go may print the interface's name; its index is not ours to look up in
    // a pure parser.
    const auto id = take_number<std::uint32_t>(zone, UINT32_MAX);
    into.scope_id = id && zone.empty() ? *id : 0;
    host = host.substr(0, percent);
  }
  return parse_v6(host, into.address);
}

bool parse_endpoint(std::string_view text, Endpoint& into) {
  if (text.starts_with('[')) {
    if (!take_bracketed(text, into)) return false;
  } else {
    const std::size_t colon = std::min(text.find(':'), text.size());
    if (!parse_v4(text.substr(0, colon), into.address)) return false;
    text.remove_prefix(colon);
  }
  if (!take(text, ':')) return false;
  const auto port = take_number<std::uint16_t>(text, UINT16_MAX);
  into.port = port.value_or(0);
  return port && text.empty();
}

bool parse_prefix(std::string_view text, Prefix& into) {
  const std::size_t slash = std::min(text.find('/'), text.size());
  if (!parse_address(text.substr(0, slash), into.address)) return false;
  const std::uint8_t most = into.address.family == Family::v4 ? 32 : 128;
  into.bits = most;
  if (slash == text.size()) return true;
  text.remove_prefix(slash + 1);
  const auto bits = take_number<std::uint8_t>(text, most);
  into.bits = bits.value_or(0);
  return bits && text.empty();
}

/// What `parse` makes of `text`, built where it is returned: addresses are read by
/// the hundred thousand.
template <class T>
Result<T> or_bad_value(bool (*parse)(std::string_view, T&), std::string_view what,
                       std::string_view text) {
  Result<T> value;
  if (!parse(text, *value))
    value = fail(Errc::bad_value, fmt::format("not {}: '{}'", what, printable(text)));
  return value;
}

struct Octet {
  std::array<char, 3> text{};
  std::uint8_t size = 0;
};

constexpr std::array<Octet, 256> make_octets() {
  std::array<Octet, 256> octets{};
  for (std::size_t value = 0; value < octets.size(); ++value) {
    Octet& octet = octets[value];
    if (value >= 100) octet.text[octet.size++] = static_cast<char>('0' + value / 100);
    if (value >= 10) octet.text[octet.size++] = static_cast<char>('0' + value / 10 % 10);
    octet.text[octet.size++] = static_cast<char>('0' + value % 10);
  }
  return octets;
}
constexpr auto kOctets = make_octets();

/// May use the room of the longest address.
char* put_v4(char* to, std::span<const std::byte> bytes) {
  for (std::size_t i = 0; i < 4; ++i) {
    const Octet& octet = kOctets[std::to_integer<std::size_t>(bytes[i])];
    if (i != 0) *to++ = '.';
    std::memcpy(to, octet.text.data(), octet.text.size());
    to += octet.size;
  }
  return to;
}

struct Run {
  std::size_t first = 0;
  std::size_t size = 0;
};

/// The longest run of zero groups, the first of several: what "::" stands for.
Run longest_zeros(std::span<const unsigned, 8> groups) {
  Run longest;
  Run run;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    run = groups[i] != 0 ? Run{i + 1, 0} : Run{run.first, run.size + 1};
    if (run.size > longest.size) longest = run;
  }
  return longest.size > 1 ? longest : Run{};
}

/// RFC 5952, with IPv4 addresses inside where inet_ntop(3) shows them:
/// ::ffff:192.0.2.1, ::192.0.2.1.
char* put_v6(char* to, std::span<const std::byte, 16> bytes) {
  std::array<unsigned, 8> groups{};
  for (std::size_t i = 0; i < groups.size(); ++i)
    groups[i] =
        std::to_integer<unsigned>(bytes[2 * i]) << 8U | std::to_integer<unsigned>(bytes[2 * i + 1]);
  const Run zeros = longest_zeros(groups);
  const bool has_v4 =
      zeros.first == 0 && (zeros.size == 6 || (zeros.size == 5 && groups[5] == 0xffff));
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (i == zeros.first && zeros.size != 0) {
      *to++ = ':';
      i += zeros.size;
      if (i == groups.size()) *to++ = ':';
      if (i == groups.size()) break;
    }
    if (i != 0) *to++ = ':';
    if (i == 6 && has_v4) return put_v4(to, bytes.last(4));
    to = std::to_chars(to, to + 4, groups[i], 16).ptr;
  }
  return to;
}

}  // namespace

Result<IpAddress> IpAddress::parse(std::string_view text) {
  return or_bad_value(parse_address, "an IP address", text);
}

char* IpAddress::write(char* to) const {
  return family == Family::v4 ? put_v4(to, bytes) : put_v6(to, bytes);
}

std::string IpAddress::to_string() const {
  std::array<char, kMaxTextSize> text{};
  return {text.data(), write(text.data())};
}

Result<Endpoint> Endpoint::parse(std::string_view text) {
  return or_bad_value(parse_endpoint, "an endpoint (address:port)", text);
}

char* Endpoint::write(char* to) const {
  const bool v6 = address.family == Family::v6;
  if (v6) *to++ = '[';
  to = address.write(to);
  if (v6 && scope_id != 0) {
    *to++ = '%';
    to = std::to_chars(to, to + 10, scope_id).ptr;
  }
  if (v6) *to++ = ']';
  *to++ = ':';
  return std::to_chars(to, to + 5, port).ptr;
}

std::string Endpoint::to_string() const {
  std::array<char, kMaxTextSize> text{};
  return {text.data(), write(text.data())};
}

Result<Prefix> Prefix::parse(std::string_view text) {
  return or_bad_value(parse_prefix, "an IP prefix (address/length)", text);
}

std::string Prefix::to_string() const { return fmt::format("{}/{}", address.to_string(), bits); }

}  // namespace wgscope
