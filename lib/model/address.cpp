#include "wgscope/model/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

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

std::optional<IpAddress> parse_v4(std::string_view text) {
  IpAddress address;
  for (std::size_t i = 0; i < 4; ++i) {
    if (i > 0 && !take(text, '.')) return std::nullopt;
    unsigned octet = 0;
    std::size_t digits = 0;
    while (digits < text.size() && digits < 3 && text[digits] >= '0' && text[digits] <= '9')
      octet = octet * 10 + static_cast<unsigned>(text[digits++] - '0');
    if (digits == 0 || octet > 255 || (digits > 1 && text[0] == '0')) return std::nullopt;
    address.bytes[i] = static_cast<std::byte>(octet);
    text.remove_prefix(digits);
  }
  if (!text.empty()) return std::nullopt;
  return address;
}

std::optional<IpAddress> parse_v6(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() >= terminated.size() || text.find('\0') != std::string_view::npos)
    return std::nullopt;
  std::ranges::copy(text, terminated.begin());
  IpAddress address;
  address.family = Family::v6;
  if (inet_pton(AF_INET6, terminated.data(), address.bytes.data()) != 1) return std::nullopt;
  return address;
}

std::optional<IpAddress> parse_address(std::string_view text) {
  return text.find(':') == std::string_view::npos ? parse_v4(text) : parse_v6(text);
}

std::optional<Endpoint> parse_endpoint(std::string_view text) {
  Endpoint endpoint;
  std::string_view host;
  if (take(text, '[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    host = text.substr(0, close);
    text.remove_prefix(close + 1);
    if (const std::size_t percent = host.find('%'); percent != std::string_view::npos) {
      std::string_view zone = host.substr(percent + 1);
      if (zone.empty()) return std::nullopt;
      // wireguard-go may print the interface's name; its index is not ours to look up in a pure parser.
      const auto id = take_number<std::uint32_t>(zone, UINT32_MAX);
      endpoint.scope_id = id && zone.empty() ? *id : 0;
      host = host.substr(0, percent);
    }
    const auto address = parse_v6(host);
    if (!address) return std::nullopt;
    endpoint.address = *address;
  } else {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto address = parse_v4(text.substr(0, colon));
    if (!address) return std::nullopt;
    endpoint.address = *address;
    text.remove_prefix(colon);
  }
  if (!take(text, ':')) return std::nullopt;
  const auto port = take_number<std::uint16_t>(text, UINT16_MAX);
  if (!port || !text.empty()) return std::nullopt;
  endpoint.port = *port;
  return endpoint;
}

std::optional<Prefix> parse_prefix(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  if (!address) return std::nullopt;
  const std::uint8_t most = address->family == Family::v4 ? 32 : 128;
  Prefix prefix{*address, most};
  if (slash == std::string_view::npos) return prefix;
  std::string_view length = text.substr(slash + 1);
  const auto bits = take_number<std::uint8_t>(length, most);
  if (!bits || !length.empty()) return std::nullopt;
  prefix.bits = *bits;
  return prefix;
}

template <class T>
Result<T> or_bad_value(std::optional<T> value, std::string_view what, std::string_view text) {
  if (!value) return fail(Errc::bad_value, fmt::format("not {}: '{}'", what, printable(text)));
  return *value;
}

}  // namespace

Result<IpAddress> IpAddress::parse(std::string_view text) {
  return or_bad_value(parse_address(text), "an IP address", text);
}

std::string IpAddress::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int af = family == Family::v4 ? AF_INET : AF_INET6;
  return inet_ntop(af, bytes.data(), text.data(), text.size());
}

Result<Endpoint> Endpoint::parse(std::string_view text) {
  return or_bad_value(parse_endpoint(text), "an endpoint (address:port)", text);
}

std::string Endpoint::to_string() const {
  if (address.family == Family::v4) return fmt::format("{}:{}", address.to_string(), port);
  if (scope_id != 0) return fmt::format("[{}%{}]:{}", address.to_string(), scope_id, port);
  return fmt::format("[{}]:{}", address.to_string(), port);
}

Result<Prefix> Prefix::parse(std::string_view text) {
  return or_bad_value(parse_prefix(text), "an IP prefix (address/length)", text);
}

std::string Prefix::to_string() const { return fmt::format("{}/{}", address.to_string(), bits); }

}  // namespace wgscope
