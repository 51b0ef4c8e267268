#include "wgscope/os/echo_socket.hpp"

#include <array>
#include <cassert>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <optional>
#include <span>
#include <string>
#include <sys/socket.h>
#include <sys/uio.h>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <linux/icmp.h>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/random.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/socket_address.hpp"
#include "wgscope/os/udp_socket.hpp"
#include "wgscope/os/unique_fd.hpp"

#include "error_queue.hpp"
#include "pending_error.hpp"

namespace wgscope::os {
namespace {

constexpr std::size_t kHeader = 8;
constexpr std::size_t kLongestPacket = 65'535;

UniqueFd make_socket(Family family, int type) {
  const bool v4 = family == Family::v4;
  return UniqueFd(::socket(v4 ? AF_INET : AF_INET6, type | SOCK_CLOEXEC | SOCK_NONBLOCK,
                           v4 ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6}));
}

tl::unexpected<Error> cannot_open(int error) {
  if (error != EPERM && error != EACCES) return fail_errno("open a socket for ICMP", error);
  return fail(
      Errc::not_permitted,
      "not permitted to send ICMP echo requests outside the tunnel: allow it for every user "
      "with `sysctl -w net.ipv4.ping_group_range='0 2147483647'`, or for this program with "
      "CAP_NET_RAW",
      error);
}

/// A raw socket gets a copy of every ICMP message of this host: all but replies stay in the kernel.
/// An optimisation, so that a failure costs nothing else.
void let_in_replies_only(int fd, Family family) {
  if (family == Family::v4) {
    icmp_filter filter{};
    filter.data = ~(1U << unsigned{ICMP_ECHOREPLY});
    static_cast<void>(setsockopt(fd, SOL_RAW, ICMP_FILTER, &filter, sizeof filter));
  } else {
    icmp6_filter filter{};
    ICMP6_FILTER_SETBLOCKALL(&filter);
    ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
    static_cast<void>(setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter));
  }
}

Result<> set_mark(int fd, std::uint32_t mark) {
  if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) == 0) return {};
  const int error = errno;
  const std::string what = fmt::format("set the firewall mark {:#x} of an ICMP socket", mark);
  if (error == EPERM)
    return fail(Errc::not_permitted, what + ": not permitted (needs CAP_NET_ADMIN)", error);
  return fail_errno(what, error);
}

/// Requests may be cut up, as datagrams of kernel WireGuard may.
void allow_fragments(int fd, Family family) {
  const int value = IP_PMTUDISC_DONT;
  const bool v4 = family == Family::v4;
  static_cast<void>(setsockopt(fd, v4 ? int{IPPROTO_IP} : int{IPPROTO_IPV6},
                               v4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER, &value, sizeof value));
}

Result<> set_option(int fd, int level, int option, int value) {
  if (setsockopt(fd, level, option, &value, sizeof value) == 0) return {};
  return fail_errno("set an option of an ICMP socket", errno);
}

/// What a control message says of a reply that came in fragments.
std::optional<std::size_t> largest_fragment(msghdr& header) {
  for (cmsghdr* message = CMSG_FIRSTHDR(&header); message != nullptr;
       message = CMSG_NXTHDR(&header, message)) {
    const bool v4 = message->cmsg_level == IPPROTO_IP && message->cmsg_type == IP_RECVFRAGSIZE;
    const bool v6 = message->cmsg_level == IPPROTO_IPV6 && message->cmsg_type == IPV6_RECVFRAGSIZE;
    if (!v4 && !v6) continue;
    int size = 0;
    std::memcpy(&size, CMSG_DATA(message), sizeof size);
    if (size > 0) return static_cast<std::size_t>(size);
  }
  return std::nullopt;
}

/// RFC 1071. That of ICMPv6 has a pseudo header, and the kernel writes it.
std::uint16_t checksum(std::span<const std::byte> message) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < message.size(); ++i)
    sum += std::to_integer<std::uint32_t>(message[i]) << (i % 2 == 0 ? 8U : 0U);
  while ((sum >> 16U) != 0) sum = (sum & 0xffffU) + (sum >> 16U);
  return static_cast<std::uint16_t>(~sum);
}

}  // namespace

Result<EchoSocket> EchoSocket::open(Family family, Random& random,
                                    std::optional<std::uint32_t> mark) {
  bool raw = false;
  UniqueFd fd = make_socket(family, SOCK_DGRAM);
  if (!fd) {
    fd = make_socket(family, SOCK_RAW);
    raw = true;
  }
  if (!fd) return cannot_open(errno);
  if (raw) let_in_replies_only(fd.get(), family);
  if (mark)
    if (auto done = set_mark(fd.get(), *mark); !done) return tl::unexpected(done.error());
  allow_fragments(fd.get(), family);
  return EchoSocket(std::move(fd), family, raw, random);
}

EchoSocket::EchoSocket(UniqueFd fd, Family family, bool raw, Random& random)
    : fd_(std::move(fd)), family_(family), raw_(raw), buffer_(kLongestPacket) {
  std::array<std::byte, 10> bytes{};
  random.fill(bytes);
  const std::span<const std::byte, 10> all(bytes);
  id_ = load_be16(all.first<2>());
  secret_ = load_be64(all.last<8>());
}

std::byte EchoSocket::payload_byte(std::uint16_t sequence, std::size_t at) const {
  const std::uint64_t mark = (secret_ ^ sequence) * 0x9e3779b97f4a7c15U;  // differs in all bytes
  return static_cast<std::byte>(mark >> (8 * (at % sizeof mark)));
}

Result<> EchoSocket::watch_errors() {
  watches_errors_ = true;
  const bool v4 = family_ == Family::v4;
  return set_option(fd_.get(), v4 ? int{IPPROTO_IP} : int{IPPROTO_IPV6},
                    v4 ? IP_RECVERR : IPV6_RECVERR, 1);
}

Result<> EchoSocket::watch_path() {
  const bool v4 = family_ == Family::v4;
  const int level = v4 ? int{IPPROTO_IP} : int{IPPROTO_IPV6};
  const int discover = v4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER;
  static_assert(IP_PMTUDISC_PROBE == IPV6_PMTUDISC_PROBE);
  if (auto set = watch_errors(); !set) return set;
  if (auto set = set_option(fd_.get(), level, discover, IP_PMTUDISC_PROBE); !set) return set;
  return set_option(fd_.get(), level, v4 ? IP_RECVFRAGSIZE : IPV6_RECVFRAGSIZE, 1);
}

Result<> EchoSocket::set_hop_limit(std::optional<std::uint8_t> limit) {
  const int value = limit ? int{*limit} : -1;
  if (family_ == Family::v4) return set_option(fd_.get(), IPPROTO_IP, IP_TTL, value);
  return set_option(fd_.get(), IPPROTO_IPV6, IPV6_UNICAST_HOPS, value);
}

Result<> EchoSocket::send(const Endpoint& to, std::uint16_t sequence, std::size_t payload_size) {
  assert(to.address.family == family_ && payload_size <= kMaxPayload);
  const auto message = std::span(buffer_).first(kHeader + payload_size);
  const auto header = message.first<kHeader>();
  const bool v4 = family_ == Family::v4;
  header[0] = static_cast<std::byte>(v4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST);
  header[1] = std::byte{0};
  store_be16(header.subspan<2, 2>(), 0);
  store_be16(header.subspan<4, 2>(), id_);
  store_be16(header.subspan<6, 2>(), sequence);
  for (std::size_t i = 0; i < payload_size; ++i) message[kHeader + i] = payload_byte(sequence, i);
  if (v4) store_be16(header.subspan<2, 2>(), checksum(message));

  Endpoint where = to;
  where.port = 0;  // of a raw IPv6 socket it would be a protocol
  const SocketAddress address(where);
  // An error about an earlier request would be returned instead; its details stay in the queue.
  if (watches_errors_) clear_pending_error(fd_.get());
  for (;;) {
    if (sendto(fd_.get(), message.data(), message.size(), 0, address.data(), address.size()) >= 0)
      return {};
    if (errno != EINTR) return fail_errno("send an ICMP echo request", errno);
  }
}

std::optional<EchoReply> EchoSocket::receive() {
  // An error that is pending is of an earlier request, and taken by being returned; but one socket
  // cannot have them without end.
  constexpr int kErrorsAtOnce = 8;
  for (int errors = 0; errors < kErrorsAtOnce;) {
    SocketAddress from;
    iovec piece{buffer_.data(), buffer_.size()};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
    msghdr header{};
    header.msg_name = from.data();
    header.msg_namelen = SocketAddress::kCapacity;
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const ssize_t got = recvmsg(fd_.get(), &header, MSG_DONTWAIT);
    if (got < 0) {
      if (errno == EAGAIN) return std::nullopt;
      ++errors;
      continue;
    }
    const auto sender = from.endpoint();
    if (!sender) continue;
    auto reply = accept(std::span(buffer_).first(static_cast<std::size_t>(got)), sender->address);
    if (!reply) continue;
    reply->largest_fragment = largest_fragment(header);
    return reply;
  }
  return std::nullopt;
}

/// The quote begins with the request's own header, which routers must repeat (RFC 792). A raw
/// socket hears of everybody's requests.
std::optional<EchoError> EchoSocket::next_error() {
  while (const auto error = next_socket_error(fd_.get())) {
    if (error->origin == SocketError::Origin::local) return EchoError{*error, std::nullopt};
    if (error->quoted_size < kHeader) continue;
    const std::span<const std::byte, 16> quoted(error->quoted);
    if (raw_ && load_be16(quoted.subspan<4, 2>()) != id_) continue;
    return EchoError{*error, load_be16(quoted.subspan<6, 2>())};
  }
  return std::nullopt;
}

std::optional<EchoReply> EchoSocket::accept(std::span<const std::byte> received,
                                            const IpAddress& from) const {
  const EchoFraming framing = family_ == Family::v6 ? EchoFraming::v6
                              : raw_                ? EchoFraming::v4_with_ip_header
                                                    : EchoFraming::v4;
  const auto message = parse_echo_reply(received, framing);
  if (!message || (raw_ && message->id != id_)) return std::nullopt;
  EchoReply reply{
      .from = from, .sequence = message->sequence, .payload_size = message->payload.size()};
  while (reply.matching < reply.payload_size &&
         message->payload[reply.matching] == payload_byte(reply.sequence, reply.matching))
    ++reply.matching;
  reply.intact = reply.matching == reply.payload_size;
  return reply;
}

}  // namespace wgscope::os
