#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/os/udp_socket.hpp"

namespace wgscope::checks {

/// A packet's life ended on the way (RFC 792, RFC 4443 §3.3; code 0).
inline bool is_time_exceeded(const os::SocketError& error) {
  constexpr std::uint8_t kV4 = 11;
  constexpr std::uint8_t kV6 = 3;
  if (error.code != 0) return false;
  if (error.origin == os::SocketError::Origin::icmp) return error.type == kV4;
  return error.origin == os::SocketError::Origin::icmpv6 && error.type == kV6;
}

/// Nobody has the port (RFC 792; RFC 4443 §3.1, code 4).
inline bool is_port_unreachable(const os::SocketError& error) {
  if (error.origin == os::SocketError::Origin::icmp) return error.type == 3 && error.code == 3;
  return error.origin == os::SocketError::Origin::icmpv6 && error.type == 1 && error.code == 4;
}

/// Errors of more kinds than this are counted with the last: whoever forges them may vary them.
inline constexpr std::size_t kMostIcmpKinds = 16;

/// Counts an error with those of its sender, type and code.
inline void count_error(const diagnosis::IcmpReport& error,
                        std::vector<diagnosis::IcmpReport>& kinds) {
  const auto known = std::ranges::find_if(kinds, [&](const diagnosis::IcmpReport& kind) {
    return kind.from == error.from && kind.type == error.type && kind.code == error.code;
  });
  if (known != kinds.end()) {
    ++known->count;
  } else if (kinds.size() == kMostIcmpKinds) {
    ++kinds.back().count;
  } else {
    kinds.push_back(error);
  }
}

}  // namespace wgscope::checks
