#include "wgscope/os/dont_fragment.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <netinet/in.h>
#include <optional>
#include <span>
#include <string>
#include <sys/socket.h>
#include <utility>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/socket_address.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::os {
namespace {

constexpr std::size_t kIpHeader = 20;
constexpr std::size_t kUdpHeader = 8;
constexpr std::uint16_t kDontFragment = 0x4000;
constexpr std::uint16_t kOffset = 0x1fff;
constexpr std::size_t kHeaders =
    60 + kUdpHeader;  ///< with all options that an IPv4 header can have

}  // namespace

std::optional<bool> dont_fragment_of(std::span<const std::byte> packet, std::uint16_t port) {
  if (packet.size() < kIpHeader || (packet[0] >> 4U) != std::byte{4}) return std::nullopt;
  const std::size_t size = std::to_integer<std::size_t>(packet[0] & std::byte{0x0f}) * 4;
  if (size < kIpHeader || size + kUdpHeader > packet.size()) return std::nullopt;
  const std::uint16_t flags = load_be16(packet.subspan<6, 2>());
  if (packet[9] != std::byte{IPPROTO_UDP} || (flags & kOffset) != 0) return std::nullopt;
  if (load_be16(packet.subspan(size + 2).first<2>()) != port) return std::nullopt;
  return (flags & kDontFragment) != 0;
}

Result<DontFragmentTap> DontFragmentTap::open(const IpAddress& from, std::uint16_t port) {
  constexpr const char* kWhat = "read the headers of arriving datagrams";
  UniqueFd fd(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP));
  if (!fd) {
    if (errno == EPERM || errno == EACCES)
      return fail(Errc::not_permitted, std::string(kWhat) + ": not permitted (needs CAP_NET_RAW)",
                  errno);
    return fail_errno(kWhat, errno);
  }
  const SocketAddress gateway(wgscope::Endpoint{from, 0, 0});
  if (connect(fd.get(), gateway.data(), gateway.size()) != 0) return fail_errno(kWhat, errno);
  return DontFragmentTap(std::move(fd), port);
}

DontFragmentTap::Seen DontFragmentTap::read() {
  Seen seen;
  std::array<std::byte, kHeaders> packet{};
  for (;;) {
    const ssize_t size = recv(fd_.get(), packet.data(), packet.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return seen;
    const auto flag =
        dont_fragment_of(std::span(packet).first(static_cast<std::size_t>(size)), port_);
    if (flag) ++(*flag ? seen.set : seen.clear);
  }
}

}  // namespace wgscope::os
