#include "wg_quick_values.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::config {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c);
}

bool is_host_character(char c) {
  return is_alphanumeric(c) || std::string_view(".-_:%").find(c) != std::string_view::npos;
}

tl::unexpected<Error> no_endpoint() {
  return fail(Errc::bad_value,
              "not a valid endpoint: expected HOST:PORT, such as gw.example.net:51820 or "
              "[2001:db8::1]:51820");
}

/// What stands before the zone is an IPv6 address.
bool is_ipv6(std::string_view host) {
  const auto address = IpAddress::parse(host.substr(0, host.find('%')));
  return address && address->family == Family::v6;
}

}  // namespace

std::optional<std::uint32_t> parse_decimal(std::string_view text, std::uint32_t most) {
  return is_hexadecimal(text) ? std::nullopt : parse_number(text, most);
}

bool is_hexadecimal(std::string_view text) {
  return text.starts_with("0x") || text.starts_with("0X");
}

std::optional<std::uint32_t> parse_number(std::string_view text, std::uint32_t most) {
  const bool hexadecimal = is_hexadecimal(text);
  if (hexadecimal) text.remove_prefix(2);
  std::uint32_t value = 0;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value, hexadecimal ? 16 : 10);
  if (error != std::errc{} || end != last || value > most) return std::nullopt;
  return value;
}

std::optional<std::uint32_t> parse_fwmark(std::string_view text) {
  return iequals(text, "off") ? 0U : parse_number(text, UINT32_MAX);
}

bool is_host(std::string_view text) {
  constexpr std::size_t kLongest = 253;
  return !text.empty() && text.size() <= kLongest && std::ranges::all_of(text, is_host_character);
}

bool is_dns_item(std::string_view text) {
  return text == "~." || is_host(text.starts_with('~') ? text.substr(1) : text);
}

std::optional<Prefix> parse_allowed_ip(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  const std::uint32_t most = address->family == Family::v4 ? 32 : 128;
  if (slash == std::string_view::npos) return Prefix{*address, static_cast<std::uint8_t>(most)};
  const auto bits = parse_decimal(text.substr(slash + 1), most);
  if (!bits) return std::nullopt;
  return Prefix{*address, static_cast<std::uint8_t>(*bits)};
}

bool is_unspecified(const IpAddress& address) {
  return std::ranges::all_of(address.octets(), [](std::byte b) { return b == std::byte{0}; });
}

Prefix without_host_bits(Prefix prefix) {
  for (std::size_t i = 0; i < prefix.address.bytes.size(); ++i) {
    const std::size_t kept = std::clamp<std::size_t>(prefix.bits, 8 * i, 8 * i + 8) - 8 * i;
    prefix.address.bytes[i] &= static_cast<std::byte>(0xff00U >> kept);
  }
  return prefix;
}

std::string_view showable_key(std::string_view key) {
  constexpr std::size_t kLongest = 20;  // PersistentKeepalive has 19; secrets have 44
  const bool word = key.size() <= kLongest && std::ranges::all_of(key, is_alphanumeric);
  return word ? key : std::string_view();
}

Result<EndpointName> EndpointName::parse(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return no_endpoint();
  std::string_view host = text.substr(0, colon);
  const auto port = parse_decimal(text.substr(colon + 1), UINT16_MAX);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (!is_host(host) || !port) return no_endpoint();
  // A colon is in no name.
  if (host.find(':') != std::string_view::npos && !is_ipv6(host)) return no_endpoint();
  if (*port == 0)
    return fail(Errc::bad_value, "not a valid endpoint: nothing can be sent to port 0");
  return EndpointName{std::string(host), static_cast<std::uint16_t>(*port)};
}

std::string EndpointName::to_string() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port)
                                             : fmt::format("[{}]:{}", host, port);
}

std::optional<Endpoint> EndpointName::address() const {
  // A zone that is a name must be looked up, and Endpoint::parse() would leave it out.
  const std::size_t zone = host.find('%');
  if (zone != std::string::npos &&
      !std::all_of(host.begin() + static_cast<std::ptrdiff_t>(zone) + 1, host.end(), is_digit))
    return std::nullopt;
  auto parsed = Endpoint::parse(to_string());
  return parsed ? std::optional<Endpoint>(*parsed) : std::nullopt;
}

}  // namespace wgscope::config
