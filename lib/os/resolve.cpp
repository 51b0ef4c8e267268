#include "wgscope/os/resolve.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/socket_address.hpp"

namespace wgscope::os {
namespace {

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

tl::unexpected<Error> cannot_resolve(const std::string& host, std::optional<Family> family,
                                     int error, int sys_errno) {
  const std::string what =
      fmt::format("look up {}{}", printable(host),
                  !family ? "" : (*family == Family::v4 ? " over IPv4" : " over IPv6"));
  switch (error) {
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
      return fail(Errc::bad_value, what +
                                       ": the name does not exist, or has no address of this IP "
                                       "version (check its spelling)");
    case EAI_AGAIN:
      return fail(Errc::timeout,
                  what +
                      ": no name server gave an answer (check /etc/resolv.conf and the "
                      "network)");
    case EAI_FAIL: return fail(Errc::io, what + ": the name server refused or failed");
    case EAI_SYSTEM: return fail_errno(what, sys_errno);
    default: return fail(Errc::io, fmt::format("{}: {}", what, gai_strerror(error)));
  }
}

}  // namespace

Result<std::vector<Endpoint>> resolve(const std::string& host, std::uint16_t port,
                                      std::optional<Family> family) {
  if (host.empty() || host.find('\0') != std::string::npos)
    return fail(Errc::bad_value,
                fmt::format("look up '{}': this is not a valid name", printable(host)));
  addrinfo hints{};
  hints.ai_family = !family ? AF_UNSPEC : (*family == Family::v4 ? AF_INET : AF_INET6);
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* list = nullptr;
  if (const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
      error != 0)
    return cannot_resolve(host, family, error, errno);
  const Addresses addresses(list);
  std::vector<Endpoint> found;
  for (const addrinfo* info = addresses.get(); info != nullptr; info = info->ai_next) {
    if (info->ai_addrlen > SocketAddress::kCapacity) continue;
    SocketAddress address;
    std::memcpy(address.data(), info->ai_addr, info->ai_addrlen);
    const auto endpoint = address.endpoint();
    if (endpoint && std::ranges::find(found, *endpoint) == found.end()) found.push_back(*endpoint);
  }
  if (found.empty()) return cannot_resolve(host, family, EAI_NONAME, 0);
  return found;
}

}  // namespace wgscope::os
