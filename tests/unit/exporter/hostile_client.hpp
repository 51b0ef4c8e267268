#pragma once

#include <cstddef>
#include <cstdint>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/socket.h>

#include "wgscope/os/unique_fd.hpp"

namespace wgscope::exporter::http {

/// A client at one of the loopback's many addresses, with a window so small and segments so short
/// that the kernel's buffers do not read for it.
inline os::UniqueFd connect_from(std::uint16_t port, std::size_t number) {
  os::UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int little = 2048;
  const int short_segments = 536;
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
  setsockopt(fd.get(), IPPROTO_TCP, TCP_MAXSEG, &short_segments, sizeof short_segments);
  sockaddr_in from{};
  from.sin_family = AF_INET;
  from.sin_addr.s_addr = htonl(0x7f010000U + static_cast<std::uint32_t>(number));
  sockaddr_in to = from;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(port);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0 ||
      connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
    throw std::runtime_error("a client cannot connect");
  return fd;
}

}  // namespace wgscope::exporter::http
