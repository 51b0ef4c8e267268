#pragma once

#include <cstdint>
#include <optional>

#include "wgscope/os/udp_socket.hpp"

namespace wgscope::checks {

/// A socket for a few small datagrams and what comes back about them, whose memory stays small
/// where a check needs many.
inline os::UdpOptions small_socket(std::optional<std::uint32_t> mark) {
  os::UdpOptions options;
  options.mark = mark;
  options.offload = false;
  options.socket_buffer = 16384;
  options.receive_memory = 4096;
  options.max_datagram = 2048;
  return options;
}

}  // namespace wgscope::checks
