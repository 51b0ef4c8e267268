#include "wgscope/os/socket_address.hpp"

#include <cstring>
#include <netinet/in.h>
#include <optional>
#include <sys/socket.h>

#include "wgscope/model/address.hpp"

namespace wgscope::os {

in_addr to_in_addr(const IpAddress& address) {
  in_addr to{};
  std::memcpy(&to, address.bytes.data(), sizeof to);
  return to;
}

in6_addr to_in6_addr(const IpAddress& address) {
  in6_addr to{};
  std::memcpy(&to, address.bytes.data(), sizeof to);
  return to;
}

IpAddress to_address(const in_addr& address) {
  IpAddress to{.bytes = {}, .family = Family::v4};
  std::memcpy(to.bytes.data(), &address, sizeof address);
  return to;
}

IpAddress to_address(const in6_addr& address) {
  IpAddress to{.bytes = {}, .family = Family::v6};
  std::memcpy(to.bytes.data(), &address, sizeof address);
  return to;
}

SocketAddress::SocketAddress(const Endpoint& endpoint) {
  if (endpoint.address.family == Family::v4) {
    any_.v4 = {};
    any_.v4.sin_family = AF_INET;
    any_.v4.sin_port = htons(endpoint.port);
    any_.v4.sin_addr = to_in_addr(endpoint.address);
  } else {
    any_.v6 = {};
    any_.v6.sin6_family = AF_INET6;
    any_.v6.sin6_port = htons(endpoint.port);
    any_.v6.sin6_addr = to_in6_addr(endpoint.address);
    any_.v6.sin6_scope_id = endpoint.scope_id;
  }
}

socklen_t SocketAddress::size() const {
  return any_.header.sa_family == AF_INET ? sizeof any_.v4 : sizeof any_.v6;
}

std::optional<Endpoint> SocketAddress::endpoint() const {
  if (any_.header.sa_family == AF_INET)
    return Endpoint{to_address(any_.v4.sin_addr), 0, ntohs(any_.v4.sin_port)};
  if (any_.header.sa_family == AF_INET6)
    return Endpoint{to_address(any_.v6.sin6_addr), any_.v6.sin6_scope_id, ntohs(any_.v6.sin6_port)};
  return std::nullopt;
}

}  // namespace wgscope::os
