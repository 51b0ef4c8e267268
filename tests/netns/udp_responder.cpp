#include "udp_responder.hpp"

#include <netinet/in.h>
#include <optional>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <utility>

#include "wgscope/model/address.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/os/socket_address.hpp"
#include "wgscope/os/udp_socket.hpp"

#include "endpoint_fixture.hpp"
#include "udp_sockets.hpp"

namespace wgscope::test {

UdpResponder::UdpResponder(const std::string& netns_path, const std::string& local, Answer answer,
                           const std::optional<std::string>& group, const std::string& joined_at)
    : answer_(std::move(answer)), loop_(os::PollLoop::open().value()) {
  inside(netns_path, [&] {
    socket_.emplace(must_open(Endpoint::parse(local).value()));
    if (!group) return;
    const ip_mreq join{.imr_multiaddr = os::to_in_addr(IpAddress::parse(*group).value()),
                       .imr_interface = os::to_in_addr(IpAddress::parse(joined_at).value())};
    if (setsockopt(socket_->fd(), IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof join) != 0)
      throw std::runtime_error("cannot join " + *group);
  });
  const auto drop_errors = [this] { socket_->read_errors([](const os::SocketError&) {}); };
  watch_ = loop_
               .add(socket_->fd(),
                    {.readable = [this] { answer_all(); }, .writable = {}, .error = drop_errors})
               .value();
  thread_ = std::thread([this] { static_cast<void>(loop_.run()); });
}

UdpResponder::~UdpResponder() {
  loop_.stop();
  thread_.join();
  watch_.remove();
}

void UdpResponder::answer_all() {
  const auto received = socket_->receive([&](const os::Received& one) {
    for (const Bytes& bytes : answer_(one.from, one.datagram)) {
      const os::SendBatch batch{
          .to = one.from, .bytes = bytes, .segment_size = bytes.size(), .from = {}};
      socket_->send({&batch, 1});
    }
  });
  static_cast<void>(received);
}

}  // namespace wgscope::test
