#include "networkd_values.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "wgscope/base/text.hpp"
#include "wgscope/model/address.hpp"

#include "wg_quick_values.hpp"

namespace wgscope::config {
namespace {

/// The whole text as a number in one base, without any sign.
std::optional<std::uint64_t> whole_number(std::string_view text, int base) {
  std::uint64_t value = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value, base);
  if (error != std::errc{} || end != last) return std::nullopt;
  return value;
}

int take_base(std::string_view& text) {
  if (text.size() < 2 || text[0] != '0') return 10;
  struct Sign {
    char letter;
    int base;
  };
  for (const auto [letter, base] : {Sign{'x', 16}, Sign{'b', 2}, Sign{'o', 8}}) {
    if ((text[1] | 0x20) != letter) continue;
    text.remove_prefix(2);
    return base;
  }
  return 8;
}

/// What networkd asks of a name: no label is empty, but that behind a dot at the end, and none is
/// longer than DNS allows (RFC 1035 §2.3.4), and there are no control characters. A backslash escapes what networkd then refuses or DNS
/// does not have.
bool has_valid_labels(std::string_view name) {
  constexpr std::size_t kLongest = 63;
  if (name.empty() || name == ".") return true;  // the root
  const bool is_text =
      std::ranges::all_of(name, [](unsigned char c) { return c >= ' ' && c != 0x7F; });
  if (!is_text) return false;
  if (name.ends_with('.')) name.remove_suffix(1);
  for (;;) {
    const std::size_t end = std::min(name.find('.'), name.size());
    if (end == 0 || end > kLongest) return false;
    if (end == name.size()) return true;
    name.remove_prefix(end + 1);
  }
}

}  // namespace

std::optional<std::uint32_t> parse_unit_number(std::string_view text, std::uint32_t most) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const int base = take_base(text);
  const auto number = whole_number(text, base);
  if (!number || *number > most) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

std::optional<std::uint32_t> parse_unit_size(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = whole_number(text.substr(0, digits), 10);
  if (!number) return std::nullopt;
  const std::string_view unit = trim(text.substr(digits));
  std::uint64_t factor = 1;
  if (unit == "K")
    factor = std::uint64_t{1} << 10U;
  else if (unit == "M")
    factor = std::uint64_t{1} << 20U;
  else if (!unit.empty() && unit != "B")
    return std::nullopt;
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
  if (*number > kMost / factor) return std::nullopt;
  return static_cast<std::uint32_t>(*number * factor);
}

Boolean parse_unit_boolean(std::string_view text) {
  const auto is = [text](std::string_view word) { return iequals(text, word); };
  for (const std::string_view word : {"0", "no", "n", "false", "f", "off"})
    if (is(word)) return Boolean::no;
  for (const std::string_view word : {"1", "yes", "y", "true", "t", "on"})
    if (is(word)) return Boolean::yes;
  return Boolean::neither;
}

std::optional<UnitPrefix> parse_unit_prefix(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  const std::uint32_t most = address->family == Family::v4 ? 32 : 128;
  if (slash == std::string_view::npos)
    return UnitPrefix{.prefix = {*address, static_cast<std::uint8_t>(most)}};
  const std::string_view length = text.substr(slash + 1);
  const auto bits = parse_unit_number(length, most);
  if (!bits) return std::nullopt;
  return UnitPrefix{.prefix = {*address, static_cast<std::uint8_t>(*bits)},
                    .has_length = true,
                    .has_odd_length = whole_number(length, 10) != *bits};
}

UnitEndpoint parse_unit_endpoint(std::string_view text) {
  using Kind = UnitEndpoint::Kind;
  // networkd takes an address without a port, and port 0 with it.
  if (IpAddress::parse(text)) return {.kind = Kind::unreachable, .endpoint = {}};
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return {};
  const auto port = parse_unit_number(text.substr(colon + 1), UINT16_MAX);
  if (!port || *port == 0) return {};
  std::string_view host = text.substr(0, colon);
  const bool has_brackets = host.starts_with('[') && host.ends_with(']');
  if (has_brackets) host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::parse(host.substr(0, host.find('%')));
  const bool is_ipv6 = address && address->family == Family::v6;
  // Only an IPv6 address may have brackets.
  if (has_brackets && !is_ipv6) return {.kind = Kind::unreachable, .endpoint = {}};
  if (!has_valid_labels(host)) return {};
  if (!is_host(host) || (host.find(':') != std::string_view::npos && !is_ipv6))
    return {.kind = Kind::unreachable, .endpoint = {}};
  return {.kind = Kind::usable, .endpoint = {std::string(host), static_cast<std::uint16_t>(*port)}};
}

bool is_credential(std::string_view text) {
  constexpr std::size_t kLongest = 255;  // as credential_name_valid() of systemd
  return text.size() > 1 && text.size() <= kLongest && text.starts_with('@') &&
         text.find_first_of("/\t\n\r ") == std::string_view::npos && is_valid_utf8(text);
}

}  // namespace wgscope::config
