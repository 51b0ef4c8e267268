#pragma once

#include <cstdint>

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

}  // namespace wgscope::checks
