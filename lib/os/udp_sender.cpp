#include "udp_sender.hpp"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <span>
#include <sys/socket.h>
#include <sys/uio.h>

#include "wgscope/model/address.hpp"
#include "wgscope/os/socket_address.hpp"
#include "wgscope/os/udp_socket.hpp"

#include "pending_error.hpp"

namespace wgscope::os {
namespace {

// What UDP_SEGMENT takes in one message: 64 datagrams (UDP_MAX_SEGMENTS, include/linux/udp.h, until
// 6.9 doubled it), and as many bytes as an IPv4 packet has room for.
constexpr std::size_t kMaxSegments = 64;
constexpr std::size_t kMaxMessage = 65507;

std::size_t count_datagrams(std::size_t bytes, std::size_t segment_size) {
  return bytes == 0 ? 1 : (bytes + segment_size - 1) / segment_size;
}

/// Whether an ICMP message may be behind it (icmp_err_convert in net/ipv4/icmp.c, tab_unreach
/// in net/ipv6/icmp.c). The kernel then reports it to the next system call on the socket,
/// whatever that is.
bool may_be_anothers(int error) {
  switch (error) {
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EMSGSIZE:
    case EACCES:
    case EPROTO:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case EHOSTDOWN:
    case ENONET: return true;
    default: return false;
  }
}

/// Writes control messages one after the other into a message's room for them.
class ControlWriter {
 public:
  explicit ControlWriter(std::span<std::byte> room) : room_(room) {}

  template <class T>
  void add(int level, int type, const T& value) {
    cmsghdr header{};
    header.cmsg_len = CMSG_LEN(sizeof value);
    header.cmsg_level = level;
    header.cmsg_type = type;
    assert(used_ + CMSG_SPACE(sizeof value) <= room_.size());
    std::memcpy(room_.data() + used_, &header, sizeof header);
    std::memcpy(room_.data() + used_ + CMSG_LEN(0), &value, sizeof value);
    used_ += CMSG_SPACE(sizeof value);
  }
  [[nodiscard]] std::size_t used() const { return used_; }

 private:
  std::span<std::byte> room_;
  std::size_t used_ = 0;
};

void add_source(ControlWriter& control, const IpAddress& from, const Endpoint& to) {
  if (from.family == Family::v4) {
    in_pktinfo info{};
    info.ipi_spec_dst = to_in_addr(from);
    control.add(IPPROTO_IP, IP_PKTINFO, info);
  } else {
    in6_pktinfo info{};
    info.ipi6_addr = to_in6_addr(from);
    info.ipi6_ifindex = to.scope_id;
    control.add(IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
}

}  // namespace

UdpSocket::Sender::Sender(bool cuts_in_kernel) : cuts_in_kernel_(cuts_in_kernel) {
  failures_.reserve(kMessages);
}

SendReport UdpSocket::Sender::send(int fd, std::span<const SendBatch> batches) {
  batches_ = batches;
  cursor_ = {};
  sent_ = 0;
  cut_here_ = 0;
  asked_again_ = false;
  failures_.clear();
  SendReport report;
  while (!done() && !report.blocked) {
    const int taken = sendmmsg(fd, headers_.data(), fill(), MSG_DONTWAIT);
    if (taken > 0)
      move_on(static_cast<std::size_t>(taken));
    else if (errno == EAGAIN)
      report.blocked = true;
    else if (errno != EINTR)
      handle(fd, errno);
  }
  batches_ = {};
  report.batches = cursor_.batch;
  report.bytes_of_next = cursor_.offset;
  report.datagrams = sent_;
  report.failures = failures_;
  return report;
}

/// Makes messages of what follows the cursor. @returns how many.
unsigned UdpSocket::Sender::fill() {
  unsigned count = 0;
  for (Cursor at = cursor_; count < kMessages && at.batch < batches_.size(); ++count) {
    fill_one(headers_[count], messages_[count], at);
    advance(at, batches_[at.batch], messages_[count].piece.iov_len);
  }
  return count;
}

void UdpSocket::Sender::fill_one(mmsghdr& header, Message& message, const Cursor& at) {
  const SendBatch& batch = batches_[at.batch];
  const auto rest = batch.bytes.subspan(at.offset);
  assert(batch.segment_size > 0 || batch.bytes.empty());
  const bool by_kernel = cuts_in_kernel_ && at.batch >= cut_here_ && batch.segment_size > 0;
  const std::size_t segments =
      by_kernel ? std::clamp<std::size_t>(kMaxMessage / batch.segment_size, 1, kMaxSegments) : 1;
  const std::size_t size = std::min(rest.size(), segments * batch.segment_size);

  message.to = SocketAddress(batch.to);
  // sendmsg(2) does not write to what iovec points to; the type serves recvmsg(2) as well.
  message.piece = {const_cast<std::byte*>(rest.data()), size};
  message.datagrams = count_datagrams(size, batch.segment_size);
  ControlWriter control(message.control);
  if (message.datagrams > 1)
    control.add(IPPROTO_UDP, UDP_SEGMENT, static_cast<std::uint16_t>(batch.segment_size));
  if (batch.from) add_source(control, *batch.from, batch.to);

  msghdr& out = header.msg_hdr;
  out = {};
  out.msg_name = message.to.data();
  out.msg_namelen = message.to.size();
  out.msg_iov = &message.piece;
  out.msg_iovlen = 1;
  if (control.used() > 0) out.msg_control = message.control.data();
  out.msg_controllen = control.used();
}

void UdpSocket::Sender::advance(Cursor& cursor, const SendBatch& batch, std::size_t bytes) {
  cursor.offset += bytes;
  if (cursor.offset < batch.bytes.size()) return;
  cursor = {cursor.batch + 1, 0};
}

/// The kernel took that many messages.
void UdpSocket::Sender::move_on(std::size_t messages) {
  for (std::size_t i = 0; i < messages; ++i) {
    sent_ += messages_[i].datagrams;
    advance(cursor_, batches_[cursor_.batch], messages_[i].piece.iov_len);
  }
  asked_again_ = false;
}

/// The message at the cursor was refused: finds out whether it is to blame, and passes it
/// over if so.
void UdpSocket::Sender::handle(int fd, int error) {
  const Message& refused = messages_.front();
  const SendBatch& batch = batches_[cursor_.batch];
  if (refused.datagrams > 1) {
    // EIO: the way out cannot finish the checksums of datagrams that it cuts itself (an interface
    // without checksum offload, IPsec). EINVAL, since 6.14 EMSGSIZE: one datagram does not fit the
    // MTU, so the kernel would have to fragment it, which it does only for single ones
    // (udp_send_skb in net/ipv4/udp.c).
    if (error == EIO) cuts_in_kernel_ = false;
    if (error == EINVAL || error == EMSGSIZE) cut_here_ = cursor_.batch + 1;
    if (error == EIO || error == EINVAL || error == EMSGSIZE) return;
  }
  if (may_be_anothers(error) && !asked_again_) {
    asked_again_ = true;
    return clear_pending_error(fd);
  }
  asked_again_ = false;
  const bool queue_full = error == ENOBUFS;
  const std::size_t bytes =
      queue_full ? refused.piece.iov_len : batch.bytes.size() - cursor_.offset;
  lose(count_datagrams(bytes, batch.segment_size), error);
  advance(cursor_, batch, bytes);
}

void UdpSocket::Sender::lose(std::size_t datagrams, int error) {
  if (failures_.empty() || failures_.back().batch != cursor_.batch)
    failures_.push_back({batches_[cursor_.batch].to, cursor_.batch, 0, 0});
  failures_.back().sys_errno = error;
  failures_.back().datagrams += datagrams;
}

}  // namespace wgscope::os
