#include "udp_receiver.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <optional>
#include <span>
#include <sys/socket.h>

#include "wgscope/base/result.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/socket_address.hpp"
#include "wgscope/os/udp_socket.hpp"

namespace wgscope::os {
namespace {

constexpr std::size_t kMaxMerged = 65536;  // what UDP_GRO makes fits an IP packet
constexpr std::size_t kMaxMessages = 64;

template <class T>
T value_of(const cmsghdr& message) {
  T value{};
  std::memcpy(&value, CMSG_DATA(&message), sizeof value);
  return value;
}

bool is(const cmsghdr& message, int level, int type) {
  return message.cmsg_level == level && message.cmsg_type == type;
}

}  // namespace

UdpSocket::Receiver::Receiver(bool merges_in_kernel, const UdpOptions& options)
    : merges_in_kernel_(merges_in_kernel),
      buffer_size_(merges_in_kernel ? kMaxMerged
                                    : std::clamp<std::size_t>(options.max_datagram, 1, kMaxMerged)),
      messages_(std::clamp<std::size_t>(options.receive_memory / buffer_size_, 1, kMaxMessages)),
      headers_(messages_.size()),
      // Not cleared: the pages of a buffer that is never used are never there.
      memory_(std::make_unique_for_overwrite<std::byte[]>(messages_.size() * buffer_size_)),
      used_(messages_.size()) {
  for (std::size_t i = 0; i < messages_.size(); ++i)
    messages_[i].buffer = {memory_.get() + i * buffer_size_, buffer_size_};
}

void UdpSocket::Receiver::prepare() {
  for (std::size_t i = 0; i < used_; ++i) {
    msghdr& header = headers_[i].msg_hdr;
    header = {};
    header.msg_name = messages_[i].from.data();
    header.msg_namelen = SocketAddress::kCapacity;
    header.msg_iov = &messages_[i].buffer;
    header.msg_iovlen = 1;
    header.msg_control = messages_[i].control.data();
    header.msg_controllen = messages_[i].control.size();
  }
  used_ = 0;
}

Result<std::size_t> UdpSocket::Receiver::fill(int fd) {
  // An error that an ICMP message left pending is reported here, once, though it says nothing of
  // what was received; it waits in the error queue. Another may come in between.
  constexpr int kTries = 8;
  int error = 0;
  for (int i = 0; i < kTries; ++i) {
    prepare();
    const int count = recvmmsg(fd, headers_.data(), static_cast<unsigned>(headers_.size()),
                               MSG_DONTWAIT, nullptr);
    if (count >= 0) {
      used_ = static_cast<std::size_t>(count);
      return used_;
    }
    error = errno;
    used_ = headers_.size();
    if (error == EAGAIN) return std::size_t{0};
  }
  return fail_errno("receive from a UDP socket", error);
}

UdpSocket::Merged UdpSocket::Receiver::at(std::size_t index) const {
  const mmsghdr& header = headers_[index];
  Merged found;
  const auto from = messages_[index].from.endpoint();
  if (!from || (header.msg_hdr.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return found;
  found.whole = true;
  found.from = *from;
  found.bytes = {memory_.get() + index * buffer_size_, header.msg_len};
  found.segment_size = std::max<std::size_t>(found.bytes.size(), 1);
  msghdr control = header.msg_hdr;  // CMSG_NXTHDR wants one that is not const
  for (const cmsghdr* message = CMSG_FIRSTHDR(&control); message != nullptr;
       message = CMSG_NXTHDR(&control, const_cast<cmsghdr*>(message))) {
    if (is(*message, IPPROTO_UDP, UDP_GRO)) {
      const int size = value_of<int>(*message);
      if (size > 0) found.segment_size = static_cast<std::size_t>(size);
    } else if (is(*message, IPPROTO_IP, IP_RECVFRAGSIZE) ||
               is(*message, IPPROTO_IPV6, IPV6_RECVFRAGSIZE)) {
      const int size = value_of<int>(*message);
      if (size > 0) found.largest_fragment = static_cast<std::size_t>(size);
    } else if (is(*message, IPPROTO_IP, IP_PKTINFO)) {
      found.to = to_address(value_of<in_pktinfo>(*message).ipi_spec_dst);
    } else if (is(*message, IPPROTO_IPV6, IPV6_PKTINFO)) {
      found.to = to_address(value_of<in6_pktinfo>(*message).ipi6_addr);
    }
  }
  return found;
}

}  // namespace wgscope::os
