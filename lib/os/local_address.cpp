#include "wgscope/os/local_address.hpp"

#include <netinet/in.h>
#include <optional>
#include <sys/socket.h>

#include "wgscope/model/address.hpp"
#include "wgscope/os/socket_address.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::os {

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

}  // namespace wgscope::os
