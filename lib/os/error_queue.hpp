#pragma once

#include <optional>

#include "wgscope/os/udp_socket.hpp"

namespace wgscope::os {

/// The oldest error in a socket's queue; nothing when it is empty, and then none is pending either.
/// @param fd  of a UDP, ping or raw socket with IP_RECVERR or IPV6_RECVERR.
std::optional<SocketError> next_socket_error(int fd);

}  // namespace wgscope::os
