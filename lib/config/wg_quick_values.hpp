#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "wgscope/model/address.hpp"

namespace wgscope::config {

/// Parses the whole text as a decimal number, or as a hexadecimal one after "0x" or "0X". @returns
/// nothing for anything else, and for numbers above `most`.
std::optional<std::uint32_t> parse_number(std::string_view text, std::uint32_t most);

/// Like parse_number(), but decimal only, as wg reads most numbers.
std::optional<std::uint32_t> parse_decimal(std::string_view text, std::uint32_t most);
bool is_hexadecimal(std::string_view text);  ///< begins with "0x" or "0X"

/// Whether the text can be the name of a host or domain, or an address, maybe with a zone: at most
/// 253 letters, digits and characters of ".-_:%" (RFC 1035 §3.1).
bool is_host(std::string_view text);

/// Whether the text can be an item of DNS: an address or a domain. A domain of systemd-resolved that
/// is for routing alone begins with a tilde.
bool is_dns_item(std::string_view text);

/// Parses a prefix as wg does: its length may have leading zeros. @returns nothing if invalid.
std::optional<Prefix> parse_allowed_ip(std::string_view text);

/// Whether it is 0.0.0.0 or [::].
bool is_unspecified(const IpAddress& address);

/// Clears the host bits of a prefix, as WireGuard does with allowed IPs.
Prefix without_host_bits(Prefix prefix);

/// The key if it can be shown: up to 20 letters and digits, as all keys of the format are. Empty
/// for anything else, which may be a secret in the wrong place.
std::string_view showable_key(std::string_view key);

}  // namespace wgscope::config
