#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "wgscope/base/result.hpp"
#include "wgscope/model/address.hpp"

// The two requests of NAT-PMP (RFC 6886) and PCP (RFC 6887) that ask a router something without
// having it create anything, and the answers. Both protocols share one port; the first byte of a
// message says which protocol it belongs to.

namespace wgscope::wire {

inline constexpr std::uint16_t kPortControlPort = 5351;  // RFC 6886 §3, RFC 6887 §19.1

/// Asks for the outer address (RFC 6886 §3.2).
std::array<std::byte, 2> nat_pmp_address_request();
/// ANNOUNCE (RFC 6887 §14.1), which only asks whether somebody is there.
/// @param client  that it is sent from; a server that sees another one says so.
std::array<std::byte, 24> pcp_announce_request(const IpAddress& client);

// Result codes that matter here. RFC 6886 §3.5, RFC 6887 §7.4.
inline constexpr unsigned kPortControlSuccess = 0;
inline constexpr unsigned kUnsupportedVersion = 1;   ///< the same number in both protocols
inline constexpr unsigned kPcpAddressMismatch = 12;  ///< the server sees another client address

struct PortControlAnswer {
  enum class Protocol : std::uint8_t { nat_pmp, pcp };

  Protocol protocol = Protocol::nat_pmp;
  std::uint8_t version = 0;  ///< the protocol's version as the router wrote it; NAT-PMP: 0
  unsigned result = 0;       ///< a result code, such as kPortControlSuccess
  std::uint32_t epoch = 0;   ///< seconds since the router last lost all mappings, as it says
  /// Only of NAT-PMP's success: the outer address, 0.0.0.0 included.
  std::optional<IpAddress> outer = {};

  friend bool operator==(const PortControlAnswer&, const PortControlAnswer&) = default;
};

/// Reads one datagram, an answer to either of the requests above.
/// @returns truncated, bad_length (PCP: RFC 6887 §8), bad_value (no such answer).
Result<PortControlAnswer> parse_port_control(std::span<const std::byte> datagram);

}  // namespace wgscope::wire
