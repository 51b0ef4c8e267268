// The error queue of a socket: ip(7) and ipv6(7), IP_RECVERR and IPV6_RECVERR.

#include "error_queue.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <netinet/in.h>
#include <optional>
#include <sys/socket.h>
#include <sys/uio.h>

#include <linux/errqueue.h>

#include "wgscope/model/address.hpp"
#include "wgscope/os/socket_address.hpp"
#include "wgscope/os/udp_socket.hpp"

#include "pending_error.hpp"

namespace wgscope::os {
namespace {

/// What a control message of the error queue holds: the error, then the sender of the ICMP message
/// (SO_EE_OFFENDER), whose family is AF_UNSPEC where there was none.
struct Report {
  sock_extended_err error;
  SocketAddress offender;
};

std::optional<Report> find_report(msghdr& header) {
  for (cmsghdr* message = CMSG_FIRSTHDR(&header); message != nullptr;
       message = CMSG_NXTHDR(&header, message)) {
    const bool v4 = message->cmsg_level == IPPROTO_IP && message->cmsg_type == IP_RECVERR;
    const bool v6 = message->cmsg_level == IPPROTO_IPV6 && message->cmsg_type == IPV6_RECVERR;
    if (!v4 && !v6) continue;
    const std::size_t offender_size = v4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    if (message->cmsg_len < CMSG_LEN(sizeof(sock_extended_err) + offender_size)) continue;
    Report found{};
    std::memcpy(&found.error, CMSG_DATA(message), sizeof found.error);
    std::memcpy(found.offender.data(), CMSG_DATA(message) + sizeof found.error, offender_size);
    return found;
  }
  return std::nullopt;
}

std::optional<SocketError::Origin> to_origin(std::uint8_t origin) {
  switch (origin) {
    case SO_EE_ORIGIN_LOCAL: return SocketError::Origin::local;
    case SO_EE_ORIGIN_ICMP: return SocketError::Origin::icmp;
    case SO_EE_ORIGIN_ICMP6: return SocketError::Origin::icmpv6;
    default: return std::nullopt;  // time stamps and the like, which were not requested
  }
}

}  // namespace

std::optional<SocketError> next_socket_error(int fd) {
  constexpr std::size_t kControl = CMSG_SPACE(sizeof(sock_extended_err) + sizeof(sockaddr_in6)) +
                                   CMSG_SPACE(sizeof(in6_pktinfo));
  for (;;) {
    SocketAddress destination;
    alignas(cmsghdr) std::array<std::byte, kControl> control{};
    SocketError error;
    iovec quote{error.quoted.data(), error.quoted.size()};
    msghdr header{};
    header.msg_name = destination.data();
    header.msg_namelen = SocketAddress::kCapacity;
    header.msg_iov = &quote;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const ssize_t got = recvmsg(fd, &header, MSG_ERRQUEUE | MSG_DONTWAIT);
    if (got < 0) {
      if (errno == EINTR) continue;
      // An error may be pending without its details, when the queue had no room for them; poll(2)
      // would show it for ever.
      clear_pending_error(fd);
      return std::nullopt;
    }
    const auto report = find_report(header);
    const auto to = destination.endpoint();
    const auto origin = report ? to_origin(report->error.ee_origin) : std::nullopt;
    if (!to || !origin) continue;
    error.destination = *to;
    error.sys_errno = static_cast<int>(report->error.ee_errno);
    error.origin = *origin;
    error.type = report->error.ee_type;
    error.code = report->error.ee_code;
    error.info = report->error.ee_info;
    error.quoted_size = std::min(static_cast<std::size_t>(got), error.quoted.size());
    if (const auto offender = report->offender.endpoint(); offender)
      error.offender = offender->address;
    return error;
  }
}

}  // namespace wgscope::os
