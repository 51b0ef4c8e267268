#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/key_text.hpp"
#include "wgscope/base/keys.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/secret_string.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/config/tunnel_file.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"

#include "wg_quick_reader.hpp"
#include "wg_quick_values.hpp"

namespace wgscope::config {
namespace {

bool is_zero(std::span<const std::byte, 32> bytes) {
  return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

/// Gives the items of a list to `take`, one after the other, until one fails. wg-quick splits its
/// lists at commas and blanks alike, and does not mind empty items.
template <class Take>
Result<> each_word(std::string_view list, Take take) {
  constexpr std::string_view kBetween = ", \t\v\f\r";
  for (;;) {
    list.remove_prefix(std::min(list.find_first_not_of(kBetween), list.size()));
    if (list.empty()) return {};
    const std::size_t end = std::min(list.find_first_of(kBetween), list.size());
    if (auto taken = take(list.substr(0, end)); !taken) return taken;
    list.remove_prefix(end);
  }
}

}  // namespace

Result<> WgQuickReader::private_key(std::string_view value) {
  config_.private_key = PrivateKey::from_base64(value);
  if (!config_.private_key)
    return bad(fmt::format("PrivateKey is {}; `wg genkey` makes a key", describe_bad_key(value)));
  private_key_line_ = line_;
  if (all_) place(PrivateKey{config_.private_key->secret.clone()}, value, tunnel().private_key);
  config_.private_key_is_zero = is_zero(config_.private_key->secret.bytes());
  if (!config_.private_key_is_zero) return {};
  config_.private_key.reset();
  warn("PrivateKey is all zeros, which means that there is none", WarningKind::of_value);
  return {};
}

Result<> WgQuickReader::address(std::string_view value) {
  return each_word(value, [&](std::string_view item) -> Result<> {
    if (all_) places_.of(item);
    const auto prefix = Prefix::parse(item);
    if (!prefix)
      return bad("Address must be a list of addresses such as 10.0.0.2/24 or fd00::2/64");
    config_.addresses.push_back(*prefix);
    if (all_) place_prefix(*prefix, item, tunnel().addresses);
    return {};
  });
}

Result<> WgQuickReader::listen_port(std::string_view value) {
  const auto port = parse_number(value, UINT16_MAX);
  warn_of_hexadecimal(value);
  if (!port) return bad("ListenPort must be a number from 0 to 65535; 0 means any free port");
  if (all_) place(static_cast<std::uint16_t>(*port), value, tunnel().listen_port);
  config_.listen_port.reset();
  if (*port != 0) config_.listen_port = static_cast<std::uint16_t>(*port);
  return {};
}

Result<> WgQuickReader::mtu(std::string_view value) {
  constexpr std::uint32_t kLeast = 68;  // IPv4's (RFC 791 §3.2)
  config_.mtu.reset();
  if (all_) tunnel().mtu.reset();
  if (value.empty()) return {};  // not set, to wg-quick
  const auto size = parse_number(value, UINT16_MAX);
  if (!size || *size < kLeast) return bad("MTU must be a number from 68 to 65535");
  config_.mtu = static_cast<std::uint16_t>(*size);
  if (all_) place(*config_.mtu, value, tunnel().mtu);
  return {};
}

Result<> WgQuickReader::fwmark(std::string_view value) {
  const auto mark = parse_fwmark(value);
  if (!mark) return bad("FwMark must be a number such as 51820 or 0xca6c, or off");
  if (value.starts_with("0X"))
    warn("FwMark has 0X in front, which wg refuses: write 0x", WarningKind::refused);
  if (all_) place(*mark, value, tunnel().fwmark);
  config_.fwmark.reset();
  if (*mark != 0) config_.fwmark = mark;
  return {};
}

Result<> WgQuickReader::dns(std::string_view value) {
  return each_word(value, [&](std::string_view item) -> Result<> {
    if (all_) places_.of(item);
    if (!is_dns_item(item)) return bad("DNS must be a list of addresses and search domains");
    config_.dns.emplace_back(item);
    if (all_) tunnel().dns.push_back({std::string(item), places_.here()});
    return {};
  });
}

Result<> WgQuickReader::table(std::string_view value) {
  constexpr std::size_t kLongest = 32;
  config_.table.reset();
  if (all_) tunnel().table.reset();
  if (value.empty()) return {};  // not set, to wg-quick
  if (value.size() > kLongest || !is_host(value))
    return bad("Table must be off, auto, or the number or name of a routing table");
  config_.table = value;
  if (all_) place(std::string(value), value, tunnel().table);
  return {};
}

Result<> WgQuickReader::kept(std::string_view value) {
  if (all_)
    tunnel().commands.push_back(
        {key_, SecretString(value), whole_.find('#') != std::string_view::npos, places_.of(value)});
  config_.kept.push_back({SecretString(key_), SecretString(value), line_});
  return {};
}

Result<> WgQuickReader::save_config(std::string_view value) {
  if (!iequals(value, "true") && !iequals(value, "false"))
    warn("SaveConfig is neither true nor false, so wg-quick refuses the file",
         WarningKind::refused);
  if (all_) place(iequals(value, "true"), value, tunnel().save_config);
  config_.kept.push_back({SecretString(key_), SecretString(value), line_});
  return {};
}

/// Decimal numbers alone are numbers to wg where it does not expect bits.
void WgQuickReader::warn_of_hexadecimal(std::string_view value) {
  if (!is_hexadecimal(value)) return;
  warn(fmt::format("{} is hexadecimal, which wg refuses: write it in decimal", key_),
       WarningKind::refused);
}

Result<> WgQuickReader::public_key(std::string_view value) {
  const auto key = PublicKey::from_base64(value);
  if (!key) {
    lines().is_key_bad = true;
    return bad(fmt::format("PublicKey is {}", key.error().context));
  }
  if (const std::size_t before = lines().public_key; before != 0 && peer().public_key != *key) {
    namer_.second_key();
    warn(fmt::format("this section has a PublicKey in line {} already, which is lost, and this "
                     "one gets the settings of both: most likely a [Peer] is missing above",
                     before),
         WarningKind::header_missing);
  }
  peer().public_key = *key;
  lines().public_key = line_;
  if (all_) located_peer().public_key = {*key, places_.of(value)};
  return {};
}

Result<> WgQuickReader::preshared_key(std::string_view value) {
  peer().preshared_key = PresharedKey::from_base64(value);
  if (!peer().preshared_key)
    return bad(fmt::format("PresharedKey is {}; `wg genpsk` makes a key", describe_bad_key(value)));
  if (all_)
    place(PresharedKey{peer().preshared_key->secret.clone()}, value, located_peer().preshared_key);
  if (peer().preshared_key->is_none()) peer().preshared_key.reset();
  return {};
}

Result<> WgQuickReader::allowed_ips(std::string_view value) {
  if (value.empty()) {
    warn("AllowedIPs has no value, which wg refuses: remove the line", WarningKind::refused);
    return {};
  }
  bool has_gap = false;
  for (std::size_t end = 0; end != std::string_view::npos;) {
    end = value.find(',');
    const std::string_view item = value.substr(0, end);
    value.remove_prefix(std::min(item.size() + 1, value.size()));
    has_gap |= item.empty();
    if (item.empty()) continue;
    if (all_) places_.of(item);
    const auto prefix = parse_allowed_ip(item);
    if (!prefix)
      return bad("AllowedIPs must be a list of prefixes such as 10.0.0.0/24 or fd00::/64");
    const Prefix network = without_host_bits(*prefix);
    if (network != *prefix)
      warn(fmt::format("AllowedIPs {} means {}", prefix->to_string(), network.to_string()),
           WarningKind::of_value);
    warn_of_single(network, item);
    peer().allowed_ips.push_back(network);
    if (all_) place_prefix(*prefix, item, located_peer().allowed_ips);
    lines().allowed_ips.push_back(line_);
  }
  if (has_gap)
    warn("AllowedIPs has a comma with no prefix beside it, which wg refuses: remove the comma",
         WarningKind::refused);
  return {};
}

void WgQuickReader::place_prefix(const Prefix& prefix, std::string_view part,
                                 std::vector<LocatedPrefix>& into) {
  into.push_back({prefix, part.find('/') != std::string_view::npos, places_.of(part)});
}

void WgQuickReader::warn_of_single(const Prefix& prefix, std::string_view item) {
  if (is_unspecified(prefix.address) && item.find('/') == std::string_view::npos)
    warn(fmt::format("AllowedIPs {0} is the one address {0}/{1}, which no host has: all "
                     "addresses are {0}/0",
                     prefix.address.to_string(), prefix.bits),
         WarningKind::single_address);
}

Result<> WgQuickReader::endpoint(std::string_view value) {
  auto parsed = EndpointName::parse(value);
  if (!parsed) return bad(fmt::format("Endpoint is {}", parsed.error().context));
  if (!value.starts_with('[') && parsed->host.find(':') != std::string::npos)
    warn(
        "Endpoint has an IPv6 address without brackets: the digits after its last colon are read "
        "as the port",
        WarningKind::value_unclear);
  if (all_) place(*parsed, value, located_peer().endpoint);
  peer().endpoint = std::move(*parsed);
  return {};
}

Result<> WgQuickReader::persistent_keepalive(std::string_view value) {
  const auto seconds = iequals(value, "off") ? 0U : parse_number(value, UINT16_MAX);
  if (!seconds)
    return bad("PersistentKeepalive must be a number of seconds from 0 to 65535, or off");
  warn_of_hexadecimal(value);
  if (all_) place(std::chrono::seconds(*seconds), value, located_peer().persistent_keepalive);
  peer().persistent_keepalive.reset();
  if (*seconds != 0) peer().persistent_keepalive = std::chrono::seconds(*seconds);
  return {};
}

}  // namespace wgscope::config
