#include "sender_watch.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <ctime>
#include <net/if.h>
#include <netinet/in.h>
#include <optional>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <system_error>
#include <utility>

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "wgscope/os/unique_fd.hpp"

#include "endpoint_fixture.hpp"
#include "netns.hpp"

namespace wgscope::test {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kApart{1000};

/// Whether an IPv4 packet is a datagram to port 51820.
bool is_wireguard(const unsigned char* packet, std::size_t size) {
  constexpr unsigned char kUdp = 17;
  if (size < 28 || packet[9] != kUdp) return false;
  const std::size_t header = std::size_t{packet[0] & 0xFU} * 4;
  return header + 8 <= size && packet[header + 2] * 256 + packet[header + 3] == 51820;
}

std::optional<SenderWatch::Time> timestamp_of(msghdr& message) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_TIMESTAMPNS) continue;
    timespec time{};
    std::memcpy(&time, CMSG_DATA(part), sizeof time);
    return SenderWatch::Time(std::chrono::seconds(time.tv_sec) +
                             std::chrono::nanoseconds(time.tv_nsec));
  }
  return std::nullopt;
}

}  // namespace

SenderWatch::SenderWatch(const NetworkNamespace& router, const std::string& interface) {
  inside(router.path(), [&] {
    socket_ = os::UniqueFd(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_IP);
    address.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
    const int on = 1;
    if (!socket_ || setsockopt(socket_.get(), SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) != 0 ||
        bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      throw std::system_error(errno, std::generic_category(), "packet socket");
  });
}

std::optional<SenderWatch::Burst> SenderWatch::next(Time since, std::chrono::milliseconds timeout) {
  const auto deadline = steady_clock::now() + timeout;
  std::optional<Time> begin = std::exchange(early_, std::nullopt);
  while (!begin || *begin <= since) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
    begin = datagram(std::max(left, std::chrono::milliseconds(0)));
    if (!begin) return std::nullopt;
  }
  Burst burst{.begin = *begin, .end = *begin};
  while (const auto more = datagram(kApart)) {
    if (*more - burst.end > kApart) {
      early_ = more;
      break;
    }
    burst.end = *more;
  }
  return burst;
}

std::optional<SenderWatch::Time> SenderWatch::datagram(std::chrono::milliseconds timeout) {
  const auto deadline = steady_clock::now() + timeout;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
    pollfd wanted{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    if (poll(&wanted, 1, static_cast<int>(std::max(left, std::chrono::milliseconds(0)).count())) !=
        1)
      return std::nullopt;
    std::array<unsigned char, 128> packet{};
    std::array<char, 256> extra{};
    iovec buffer{.iov_base = packet.data(), .iov_len = packet.size()};
    msghdr message{};
    message.msg_iov = &buffer;
    message.msg_iovlen = 1;
    message.msg_control = extra.data();
    message.msg_controllen = extra.size();
    const ssize_t size = recvmsg(socket_.get(), &message, MSG_DONTWAIT);
    if (size > 0 && is_wireguard(packet.data(), static_cast<std::size_t>(size)))
      return timestamp_of(message);
  }
}

}  // namespace wgscope::test
