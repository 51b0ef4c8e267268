#include "wgscope/os/local_address.hpp"

#include <cstdint>
#include <cstring>
#include <ifaddrs.h>
#include <memory>
#include <net/if.h>  // NOLINT(misc-include-cleaner): IFF_UP is a macro for itself
#include <netinet/in.h>
#include <optional>
#include <sys/socket.h>

#include "wgscope/model/address.hpp"
#include "wgscope/os/socket_address.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::os {
namespace {

bool is_link_local(const sockaddr& address) {
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    return IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr) != 0;
  }
  constexpr std::uint32_t kLinkLocal = 0xa9fe0000;  // 169.254.0.0/16, RFC 3927
  sockaddr_in v4{};
  std::memcpy(&v4, &address, sizeof v4);
  return (ntohl(v4.sin_addr.s_addr) & 0xffff0000) == kLinkLocal;
}

}  // namespace

std::optional<IpAddress> local_address_towards(const Endpoint& to) {
  const int family = to.address.family == Family::v4 ? AF_INET : AF_INET6;
  const UniqueFd fd(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP));
  if (!fd) return std::nullopt;
  const SocketAddress there(to);
  if (connect(fd.get(), there.data(), there.size()) != 0) return std::nullopt;
  SocketAddress here;
  socklen_t size = SocketAddress::kCapacity;
  if (getsockname(fd.get(), here.data(), &size) != 0) return std::nullopt;
  const auto local = here.endpoint();
  if (!local) return std::nullopt;
  return local->address;
}

std::optional<bool> has_address(Family family) {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return std::nullopt;
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owned(list, &freeifaddrs);
  const int wanted = family == Family::v4 ? AF_INET : AF_INET6;
  for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || (one->ifa_flags & IFF_UP) == 0 ||
        (one->ifa_flags & IFF_LOOPBACK) != 0)
      continue;
    if (one->ifa_addr->sa_family == wanted && !is_link_local(*one->ifa_addr)) return true;
  }
  return false;
}

}  // namespace wgscope::os
