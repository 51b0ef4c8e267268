#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "wgscope/base/result.hpp"

namespace wgscope {

enum class Family : std::uint8_t { v4, v6 };

/// An IP address. An IPv4 address uses the first four bytes; the rest are zero.
struct IpAddress {
  std::array<std::byte, 16> bytes{};
  Family family = Family::v4;

  [[nodiscard]] std::span<const std::byte> octets() const {
    return std::span(bytes).first(family == Family::v4 ? 4 : 16);
  }
  /// Dotted quad, or RFC 4291 text without a scope. @returns bad_value.
  static Result<IpAddress> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;

  /// Writes to_string() to where there is room for kMaxTextSize characters, all of which may be
  /// used. @returns its end.
  char* write(char* to) const;
  static constexpr std::size_t kMaxTextSize = 45;

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
};

/// Where a peer was last heard from (WGPEER_A_ENDPOINT).
struct Endpoint {
  IpAddress address;
  std::uint32_t scope_id = 0;  ///< interface index of a link-local IPv6 address, else 0
  std::uint16_t port = 0;

  /// "192.0.2.1:51820", "[2001:db8::1]:51820", "[fe80::1%3]:51820"; a zone that is a name is
  /// accepted and leaves scope_id 0. @returns bad_value.
  static Result<Endpoint> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;

  /// Writes to_string(), as IpAddress::write() does.
  char* write(char* to) const;
  /// And "[", "%zone", "]:port".
  static constexpr std::size_t kMaxTextSize = IpAddress::kMaxTextSize + 19;

  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

/// One of a peer's allowed IPs.
struct Prefix {
  IpAddress address;
  std::uint8_t bits = 0;  ///< length of the prefix, at most 32 or 128

  /// "10.0.0.0/8", "fd00::/64"; an address alone is a host prefix. @returns bad_value.
  static Result<Prefix> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;

  friend auto operator<=>(const Prefix&, const Prefix&) = default;
};

}  // namespace wgscope
