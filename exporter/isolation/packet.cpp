#include "exporter/isolation/packet.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <optional>
#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::exporter {
namespace {

constexpr std::size_t kControlSize = CMSG_SPACE(sizeof(int));

/// For poll(2), rounded up: it must not end before the deadline.
int milliseconds_until(std::optional<Instant> deadline) {
  if (!deadline) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - os::boot_now());
  return static_cast<int>(std::clamp<std::chrono::milliseconds::rep>(left.count(), 0, 1'000'000));
}

bool wait_readable(int socket, std::optional<Instant> deadline) {
  while (true) {
    pollfd one{socket, POLLIN, 0};
    const int ready = poll(&one, 1, milliseconds_until(deadline));
    if (ready > 0 || (ready < 0 && errno != EINTR)) return true;  // recvmsg says what is wrong
    if (deadline && os::boot_now() >= *deadline) return false;
  }
}

void take_descriptor(msghdr& message, os::UniqueFd& into) {
  for (cmsghdr* one = CMSG_FIRSTHDR(&message); one != nullptr; one = CMSG_NXTHDR(&message, one)) {
    if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SCM_RIGHTS) continue;
    if (one->cmsg_len != CMSG_LEN(sizeof(int))) continue;
    int descriptor = -1;
    std::memcpy(&descriptor, CMSG_DATA(one), sizeof descriptor);
    into.reset(descriptor);
  }
}

}  // namespace

Result<SocketPair> make_socket_pair() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return fail_errno("open a pair of sockets", errno);
  return SocketPair{os::UniqueFd(ends[0]), os::UniqueFd(ends[1])};
}

bool send_packet(int socket, const void* data, std::size_t size, int descriptor) {
  iovec piece{const_cast<void*>(data), size};
  alignas(cmsghdr) std::array<std::byte, kControlSize> control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  if (descriptor >= 0) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof descriptor);
    std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  }
  ssize_t sent = -1;
  do sent = sendmsg(socket, &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(size);
}

Arrival receive_packet(int socket, void* data, std::size_t size, os::UniqueFd& descriptor,
                       std::optional<Instant> deadline) {
  if (!wait_readable(socket, deadline)) return Arrival::late;
  iovec piece{data, size};
  alignas(cmsghdr) std::array<std::byte, kControlSize> control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t received = -1;
  do received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  while (received < 0 && errno == EINTR);
  if (received >= 0) take_descriptor(message, descriptor);
  const bool whole = received == static_cast<ssize_t>(size) && (message.msg_flags & MSG_TRUNC) == 0;
  return whole ? Arrival::packet : Arrival::ended;
}

}  // namespace wgscope::exporter
