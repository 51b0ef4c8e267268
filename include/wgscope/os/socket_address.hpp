#pragma once

#include <netinet/in.h>
#include <optional>
#include <sys/socket.h>

#include "wgscope/model/address.hpp"

namespace wgscope::os {

/// An Endpoint as the kernel takes and gives it: sockaddr_in or sockaddr_in6 (ip(7), ipv6(7)).
class SocketAddress {
 public:
  SocketAddress() = default;  ///< room for an address that the kernel fills in through data()
  explicit SocketAddress(const Endpoint& endpoint);

  [[nodiscard]] sockaddr* data() { return &any_.header; }
  [[nodiscard]] const sockaddr* data() const { return &any_.header; }
  [[nodiscard]] socklen_t size() const;  ///< bytes of the address that it holds
  static constexpr socklen_t kCapacity = sizeof(sockaddr_in6);

  /// The endpoint that it holds; nothing: its family is neither IPv4 nor IPv6.
  [[nodiscard]] std::optional<Endpoint> endpoint() const;

 private:
  union {
    sockaddr header;
    sockaddr_in v4;
    sockaddr_in6 v6;
  } any_{.v6 = {}};
};

in_addr to_in_addr(const IpAddress& address);
in6_addr to_in6_addr(const IpAddress& address);
IpAddress to_address(const in_addr& address);
IpAddress to_address(const in6_addr& address);

}  // namespace wgscope::os
