#include "wgscope/os/udp_socket.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <optional>
#include <span>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/socket_address.hpp"
#include "wgscope/os/unique_fd.hpp"

#include "error_queue.hpp"
#include "udp_receiver.hpp"
#include "udp_sender.hpp"

namespace wgscope::os {
namespace {

bool set(int fd, int level, int option, int value) {
  return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

Result<> set_or_fail(int fd, int level, int option, int value) {
  if (set(fd, level, option, value)) return {};
  return fail_errno("set an option of a UDP socket", errno);
}

/// Asks for more than net.core.{r,w}mem_max where that is allowed (CAP_NET_ADMIN).
void set_buffers(int fd, std::size_t bytes) {
  const int size =
      static_cast<int>(std::min<std::size_t>(bytes, std::numeric_limits<int>::max() / 2));
  if (!set(fd, SOL_SOCKET, SO_RCVBUFFORCE, size)) set(fd, SOL_SOCKET, SO_RCVBUF, size);
  if (!set(fd, SOL_SOCKET, SO_SNDBUFFORCE, size)) set(fd, SOL_SOCKET, SO_SNDBUF, size);
}

Result<> set_family_options(int fd, Family family) {
  if (family == Family::v4) {
    if (auto done = set_or_fail(fd, IPPROTO_IP, IP_RECVERR, 1); !done) return done;
    return set_or_fail(fd, IPPROTO_IP, IP_PKTINFO, 1);
  }
  for (const int option : {IPV6_V6ONLY, IPV6_RECVERR, IPV6_RECVPKTINFO})
    if (auto done = set_or_fail(fd, IPPROTO_IPV6, option, 1); !done) return done;
  return {};
}

Result<> ask_for_fragments(int fd, Family family) {
  if (family == Family::v4) return set_or_fail(fd, IPPROTO_IP, IP_RECVFRAGSIZE, 1);
  return set_or_fail(fd, IPPROTO_IPV6, IPV6_RECVFRAGSIZE, 1);
}

Result<> set_mark_of(int fd, std::uint32_t mark) {
  if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) == 0) return {};
  const int error = errno;
  const std::string what = fmt::format("set the firewall mark {:#x} of a UDP socket", mark);
  if (error == EPERM)
    return fail(Errc::not_permitted, what + ": not permitted (needs CAP_NET_ADMIN)", error);
  return fail_errno(what, error);
}

Result<> set_fragmentation_of(int fd, Family family, Fragmentation fragmentation) {
  static_assert(IP_PMTUDISC_DONT == IPV6_PMTUDISC_DONT && IP_PMTUDISC_DO == IPV6_PMTUDISC_DO &&
                IP_PMTUDISC_PROBE == IPV6_PMTUDISC_PROBE);
  const int value = fragmentation == Fragmentation::allow    ? IP_PMTUDISC_DONT
                    : fragmentation == Fragmentation::forbid ? IP_PMTUDISC_DO
                                                             : IP_PMTUDISC_PROBE;
  if (family == Family::v4) return set_or_fail(fd, IPPROTO_IP, IP_MTU_DISCOVER, value);
  return set_or_fail(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, value);
}

std::string advice(int sys_errno) {
  switch (sys_errno) {
    case EADDRINUSE:
      return " (another program uses this port: choose another one, or 0 for any free port)";
    case EADDRNOTAVAIL: return " (this host does not have this address)";
    case EAFNOSUPPORT:
      return " (this kernel does not support the address family, or it is disabled)";
    case EACCES: return " (ports below 1024 need CAP_NET_BIND_SERVICE)";
    default: return "";
  }
}

tl::unexpected<Error> cannot_open(const Endpoint& local, int error) {
  auto failure = fail_errno(fmt::format("open UDP {}", local.to_string()), error);
  failure.value().context += advice(error);
  return failure;
}

}  // namespace

Result<UdpSocket> UdpSocket::open(const Endpoint& local, const UdpOptions& options) {
  const Family family = local.address.family;
  UniqueFd fd(::socket(family == Family::v4 ? AF_INET : AF_INET6,
                       SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP));
  if (!fd) return cannot_open(local, errno);
  if (auto done = set_family_options(fd.get(), family); !done) return tl::unexpected(done.error());
  if (auto done = set_fragmentation_of(fd.get(), family, options.fragmentation); !done)
    return tl::unexpected(done.error());
  if (options.report_fragments)
    if (auto done = ask_for_fragments(fd.get(), family); !done) return tl::unexpected(done.error());
  if (options.mark)
    if (auto done = set_mark_of(fd.get(), *options.mark); !done)
      return tl::unexpected(done.error());
  set_buffers(fd.get(), options.socket_buffer);
  const SocketAddress wanted(local);
  SocketAddress bound;
  socklen_t size = SocketAddress::kCapacity;
  if (bind(fd.get(), wanted.data(), wanted.size()) != 0 ||
      getsockname(fd.get(), bound.data(), &size) != 0)
    return cannot_open(local, errno);
  return UdpSocket(std::move(fd), bound.endpoint().value_or(local), options);
}

// Setting UDP_SEGMENT to 0 changes nothing and fails on a kernel that does not know it (before
// 4.18; UDP_GRO came with 5.0).
UdpSocket::UdpSocket(UniqueFd fd, const Endpoint& local, const UdpOptions& options)
    : fd_(std::move(fd)),
      local_(local),
      fragmentation_(options.fragmentation),
      sender_(
          std::make_unique<Sender>(options.offload && set(fd_.get(), IPPROTO_UDP, UDP_SEGMENT, 0))),
      receiver_(std::make_unique<Receiver>(
          options.offload && set(fd_.get(), IPPROTO_UDP, UDP_GRO, 1), options)) {}

UdpSocket::UdpSocket(UdpSocket&&) noexcept = default;
UdpSocket& UdpSocket::operator=(UdpSocket&&) noexcept = default;
UdpSocket::~UdpSocket() = default;

bool UdpSocket::cuts_in_kernel() const { return sender_->cuts_in_kernel(); }
bool UdpSocket::merges_in_kernel() const { return receiver_->merges_in_kernel(); }

Result<> UdpSocket::set_fragmentation(Fragmentation fragmentation) {
  if (fragmentation == fragmentation_) return {};
  auto set = set_fragmentation_of(fd_.get(), local_.address.family, fragmentation);
  if (set) fragmentation_ = fragmentation;
  return set;
}

Result<> UdpSocket::set_mark(std::uint32_t mark) { return set_mark_of(fd_.get(), mark); }

Result<> UdpSocket::set_hop_limit(std::optional<std::uint8_t> limit) {
  const int value = limit ? int{*limit} : -1;
  if (local_.address.family == Family::v4) return set_or_fail(fd_.get(), IPPROTO_IP, IP_TTL, value);
  return set_or_fail(fd_.get(), IPPROTO_IPV6, IPV6_UNICAST_HOPS, value);
}

std::optional<SocketError> UdpSocket::next_error() { return next_socket_error(fd_.get()); }

SendReport UdpSocket::send(std::span<const SendBatch> batches) {
  return sender_->send(fd_.get(), batches);
}

Result<std::size_t> UdpSocket::fill_buffers() { return receiver_->fill(fd_.get()); }

bool UdpSocket::filled_all(std::size_t count) const { return count == receiver_->capacity(); }

UdpSocket::Merged UdpSocket::merged(std::size_t index) const { return receiver_->at(index); }

}  // namespace wgscope::os
