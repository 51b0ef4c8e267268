#pragma once

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <poll.h>
#include <stdexcept>
#include <utility>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/udp_socket.hpp"

namespace wgscope::test {

inline Endpoint loopback(Family family, std::uint16_t port = 0) {
  return {IpAddress::parse(family == Family::v4 ? "127.0.0.1" : "::1").value(), 0, port};
}

inline os::UdpSocket must_open(const Endpoint& local, const os::UdpOptions& options = {}) {
  auto socket = os::UdpSocket::open(local, options);
  if (!socket) throw std::runtime_error(socket.error().context);
  return std::move(*socket);
}

/// Waits until poll(2) reports one of `events`. @returns what it reports, 0 after 10 s.
inline short wait_for(const os::UdpSocket& socket, short events) {
  const Instant deadline = os::boot_now() + std::chrono::seconds{10};
  for (;;) {
    pollfd wait{socket.fd(), events, 0};
    const int ready = poll(&wait, 1, os::poll_timeout_ms(deadline));
    if (ready < 0 && errno == EINTR) continue;
    return ready > 0 ? wait.revents : short{0};
  }
}

struct Arrived {
  Endpoint from;
  std::optional<IpAddress> to;
  std::vector<std::byte> bytes;
};

/// Receives until there are `count` datagrams, or none comes for 10 s.
inline std::vector<Arrived> receive_count(os::UdpSocket& socket, std::size_t count) {
  std::vector<Arrived> all;
  while (all.size() < count && (wait_for(socket, POLLIN) & POLLIN) != 0) {
    const auto report = socket.receive([&](const os::Received& one) {
      all.push_back({one.from, one.to, {one.datagram.begin(), one.datagram.end()}});
    });
    if (!report) throw std::runtime_error(report.error().context);
  }
  return all;
}

/// Bytes of which no two neighbouring blocks look alike.
inline std::vector<std::byte> pattern(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>((i * 2654435761U) >> 13);
  return bytes;
}

/// The next error of a socket whose queue may still be empty.
inline std::optional<os::SocketError> wait_for_error(os::UdpSocket& socket) {
  wait_for(socket, 0);  // POLLERR is always reported
  return socket.next_error();
}

}  // namespace wgscope::test
