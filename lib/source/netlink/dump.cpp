#include "wgscope/source/netlink/dump.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <poll.h>
#include <span>
#include <string>
#include <string_view>
#include <sys/socket.h>

#include <fmt/core.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/secret.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/os/clock.hpp"

namespace wgscope::netlink {
namespace {

std::uint32_t next_sequence() {
  static std::atomic<std::uint32_t> sequence{0};
  return ++sequence;
}

struct CloseSocket {
  void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
};
using Socket = std::unique_ptr<mnl_socket, CloseSocket>;

/// The errno that stands negated at the start of NLMSG_ERROR's and NLMSG_DONE's payload, 0 where
/// there is none.
int reported_error(std::span<const std::byte> payload) {
  int error = 0;
  if (payload.size() >= sizeof error) std::memcpy(&error, payload.data(), sizeof error);
  constexpr int kMaxErrno = 4095;  // include/linux/err.h, MAX_ERRNO
  if (error >= 0) return 0;
  return error >= -kMaxErrno ? -error : EPROTO;
}

Result<std::size_t> receive(mnl_socket* socket, std::span<std::byte> buffer, Instant deadline) {
  for (;;) {
    const ssize_t size = mnl_socket_recvfrom(socket, buffer.data(), buffer.size());
    if (size >= 0) return static_cast<std::size_t>(size);
    if (errno == EINTR) continue;
    if (errno == ENOSPC) {
      wipe(buffer);  // what did fit into it may hold keys
      return fail(Errc::truncated, "the kernel sent a larger block than the buffer", ENOSPC);
    }
    if (errno != EAGAIN) return fail_errno("receive from the kernel", errno);
    pollfd readable{mnl_socket_get_fd(socket), POLLIN, 0};
    const int ready = poll(&readable, 1, os::poll_timeout_ms(deadline));
    if (ready == 0) return fail(Errc::timeout, "the kernel did not answer in time");
    if (ready < 0 && errno != EINTR) return fail_errno("wait for the kernel", errno);
  }
}

}  // namespace

Result<bool> DumpReader::feed(std::span<const std::byte> datagram) {
  while (!datagram.empty()) {
    nlmsghdr header{};
    if (datagram.size() < sizeof header)
      return fail(Errc::truncated, "a netlink message ends inside its header");
    std::memcpy(&header, datagram.data(), sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > datagram.size())
      return fail(Errc::truncated, fmt::format("a netlink message claims {} bytes where {} are",
                                               header.nlmsg_len, datagram.size()));
    const auto payload = datagram.subspan(sizeof header, header.nlmsg_len - sizeof header);
    const std::size_t padded = NLMSG_ALIGN(std::size_t{header.nlmsg_len});
    datagram = datagram.subspan(std::min(padded, datagram.size()));
    if (header.nlmsg_seq != sequence_) continue;  // an answer to another request
    if ((header.nlmsg_flags & NLM_F_DUMP_INTR) != 0) interrupted_ = true;

    switch (header.nlmsg_type) {
      case NLMSG_NOOP: break;
      case NLMSG_OVERRUN: return fail(Errc::io, "the kernel lost part of its answer");
      case NLMSG_ERROR:
        if (payload.size() < sizeof(nlmsgerr::error))
          return fail(Errc::truncated, "NLMSG_ERROR without its errno");
        [[fallthrough]];
      case NLMSG_DONE:
        if (const int error = reported_error(payload); error != 0)
          return fail_errno("the kernel refused", error);
        return true;
      default:
        if (auto handled = on_message_(header.nlmsg_type, payload); !handled)
          return tl::unexpected(handled.error());
    }
  }
  return false;
}

Request::Request(std::uint16_t type, std::uint16_t flags) {
  nlmsghdr* header = mnl_nlmsg_put_header(buffer_);
  header->nlmsg_type = type;
  header->nlmsg_flags = flags;
  header->nlmsg_seq = next_sequence();
}

namespace {
nlmsghdr* header_of(std::byte* buffer) { return reinterpret_cast<nlmsghdr*>(buffer); }
}  // namespace

void Request::put_generic_header(std::uint8_t command, std::uint8_t version) {
  auto* generic =
      static_cast<genlmsghdr*>(mnl_nlmsg_put_extra_header(header_of(buffer_), sizeof(genlmsghdr)));
  generic->cmd = command;
  generic->version = version;
}

void Request::put_bytes(std::span<const std::byte> fixed) {
  std::memcpy(mnl_nlmsg_put_extra_header(header_of(buffer_), fixed.size()), fixed.data(),
              fixed.size());
}

void Request::put_u32(std::uint16_t type, std::uint32_t value) {
  mnl_attr_put_u32(header_of(buffer_), type, value);
}

void Request::put_attribute(std::uint16_t type, std::span<const std::byte> value) {
  mnl_attr_put(header_of(buffer_), type, value.size(), value.data());
}

void Request::put_string(std::uint16_t type, std::string_view value) {
  mnl_attr_put_strz(header_of(buffer_), type, std::string(value).c_str());
}

void Request::begin_nest(std::uint16_t type) {
  nest_ = static_cast<std::size_t>(
      reinterpret_cast<std::byte*>(mnl_attr_nest_start(header_of(buffer_), type)) - buffer_);
}

void Request::end_nest() {
  mnl_attr_nest_end(header_of(buffer_), reinterpret_cast<nlattr*>(buffer_ + nest_));
}

std::span<const std::byte> Request::bytes() const {
  return {buffer_, reinterpret_cast<const nlmsghdr*>(buffer_)->nlmsg_len};
}

std::uint32_t Request::sequence() const {
  return reinterpret_cast<const nlmsghdr*>(buffer_)->nlmsg_seq;
}

Result<> ask_kernel(int protocol, const Request& request, Instant deadline,
                    std::span<std::byte> buffer, const OnMessage& on_message) {
  const Socket socket(mnl_socket_open2(protocol, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket) return fail_errno("open a netlink socket", errno);
  if (mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0)
    return fail_errno("bind a netlink socket", errno);
  if (int on = 1; request.is_strict())
    static_cast<void>(mnl_socket_setsockopt(socket.get(), NETLINK_GET_STRICT_CHK, &on, sizeof on));
  if (mnl_socket_sendto(socket.get(), request.bytes().data(), request.bytes().size()) < 0)
    return fail_errno("ask the kernel", errno);

  DumpReader reader(request.sequence(), on_message);
  for (;;) {
    auto size = receive(socket.get(), buffer, deadline);
    if (!size) return tl::unexpected(size.error());
    const WipeGuard guard(buffer.first(*size));
    auto done = reader.feed(buffer.first(*size));
    if (!done) return tl::unexpected(done.error());
    if (*done) break;
    if (os::boot_now() >= deadline) return fail(Errc::timeout, "the kernel did not answer in time");
  }
  if (reader.interrupted())
    return fail(Errc::interrupted, "the kernel's state changed while it was being read");
  return {};
}

}  // namespace wgscope::netlink
