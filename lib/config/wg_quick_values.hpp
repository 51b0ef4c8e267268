#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "wgscope/model/address.hpp"

namespace wgscope::config {

/// Decimal, or hexadecimal behind "0x"; all of the text. @returns nothing for anything else, and
/// above `most`.
std::optional<std::uint32_t> parse_number(std::string_view text, std::uint32_t most);

/// Decimal alone, as wg takes most numbers.
std::optional<std::uint32_t> parse_decimal(std::string_view text, std::uint32_t most);
bool is_hexadecimal(std::string_view text);  ///< begins with "0x"

/// What can be a host's or a domain's name, or an address, with a zone behind it: letters, digits
/// and ".-_:%", at most 253 of them (RFC 1035 §3.1).
bool is_host(std::string_view text);

/// A prefix as wg takes it: its length may have zeros in front. @returns nothing for anything else.
std::optional<Prefix> parse_allowed_ip(std::string_view text);

/// 0.0.0.0 or [::].
bool is_unspecified(const IpAddress& address);

/// The prefix without its host bits, as WireGuard keeps allowed IPs.
Prefix without_host_bits(Prefix prefix);

/// A key as far as it can be shown: nothing for what may be a secret in the wrong place.
/// Up to 20 letters and digits, as all keys are.
std::string_view showable_key(std::string_view key);

}  // namespace wgscope::config
