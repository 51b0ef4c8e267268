#include "nat_sockets.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/udp_socket.hpp"

#include "checks/small_socket.hpp"

namespace wgscope::checks {

void add_sent(const diagnosis::SentTo& more, std::vector<diagnosis::SentTo>& sent) {
  const auto known = std::ranges::find(sent, more.to, &diagnosis::SentTo::to);
  if (known == sent.end())
    sent.push_back(more);
  else
    known->count += more.count;
}

Result<std::size_t> NatSockets::open(const IpAddress& local) {
  auto socket = os::UdpSocket::open({local, 0, 0}, small_socket(mark_));
  if (!socket) return tl::unexpected(socket.error());
  const std::size_t index = sockets_.size();
  auto watch = run_.watch(socket->fd(), [this, index] { read(index); });
  if (!watch) return tl::unexpected(watch.error());
  sockets_.push_back({std::move(*socket), std::move(*watch)});
  return index;
}

const Endpoint& NatSockets::local(std::size_t socket) const {
  return sockets_[socket].socket.local();
}

void NatSockets::send(std::size_t socket, const Endpoint& to, std::span<const std::byte> bytes) {
  const std::array batch{
      os::SendBatch{.to = to, .bytes = bytes, .segment_size = bytes.size(), .from = {}}};
  const os::SendReport sent = sockets_[socket].socket.send(batch);
  // A full buffer costs this datagram, as the full buffer of a router would.
  if (sent.failures.empty())
    add_sent({.to = to, .count = 1}, sent_);
  else
    tell_unreachable(socket, to);
}

void NatSockets::tell_unreachable(std::size_t socket, const Endpoint& destination) const {
  if (handlers_.on_unreachable) handlers_.on_unreachable(os::boot_now(), socket, destination);
}

void NatSockets::read(std::size_t socket) {
  sockets_[socket].socket.read_errors([&](const os::SocketError& error) {
    if (handlers_.on_error) handlers_.on_error(socket, error);
    tell_unreachable(socket, error.destination);
  });
  // What fails here is in the error queue as well.
  static_cast<void>(sockets_[socket].socket.receive([&](const os::Received& received) {
    if (handlers_.on_datagram)
      handlers_.on_datagram(os::boot_now(), socket, received.from, received.datagram);
  }));
}

}  // namespace wgscope::checks
