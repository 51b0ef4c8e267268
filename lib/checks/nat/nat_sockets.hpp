#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/os/udp_socket.hpp"

namespace wgscope::checks {

/// Adds to what was sent to the same address before.
void add_sent(const diagnosis::SentTo& more, std::vector<diagnosis::SentTo>& sent);

/// Many small UDP sockets on one loop, known by their index.
class NatSockets {
 public:
  /// What to do about what comes. Each may be left out.
  struct Handlers {
    std::function<void(Instant, std::size_t socket, const Endpoint& from,
                       std::span<const std::byte>)>
        on_datagram = {};
    /// A datagram to `destination` could not be sent, or an ICMP error said that it cannot arrive.
    std::function<void(Instant, std::size_t socket, const Endpoint& destination)> on_unreachable =
        {};
    /// An error of a socket's queue, whatever it is. It comes before on_unreachable.
    std::function<void(std::size_t socket, const os::SocketError&)> on_error = {};
  };

  /// @param handlers called until the sockets end. Declare them behind everything that the handlers
  ///                  use.
  /// @param mark  the firewall mark of what is sent; needs CAP_NET_ADMIN.
  NatSockets(Run& run, Handlers handlers, std::optional<std::uint32_t> mark = std::nullopt)
      : run_(run), handlers_(std::move(handlers)), mark_(mark) {}
  NatSockets(const NatSockets&) = delete;
  NatSockets& operator=(const NatSockets&) = delete;
  ~NatSockets() = default;

  /// Opens one more socket, on a free port of `local`. @returns as UdpSocket::open() and
  /// PollLoop::add().
  Result<std::size_t> open(const IpAddress& local);
  /// What cannot be sent is handed to Handlers::on_unreachable.
  void send(std::size_t socket, const Endpoint& to, std::span<const std::byte> bytes);
  Result<> set_hop_limit(std::size_t socket, std::uint8_t limit) {
    return sockets_[socket].socket.set_hop_limit(limit);
  }
  [[nodiscard]] const Endpoint& local(std::size_t socket) const;
  /// What has left this host so far.
  [[nodiscard]] const std::vector<diagnosis::SentTo>& sent() const { return sent_; }

 private:
  struct Open {  // the watch ends before its socket
    os::UdpSocket socket;
    os::PollLoop::Watch watch;
  };
  void read(std::size_t socket);
  void tell_unreachable(std::size_t socket, const Endpoint& destination) const;

  Run& run_;
  Handlers handlers_;
  std::optional<std::uint32_t> mark_;
  std::vector<Open> sockets_;
  std::vector<diagnosis::SentTo> sent_;
};

}  // namespace wgscope::checks
