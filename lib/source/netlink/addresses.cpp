#include "wgscope/source/netlink/addresses.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <sys/socket.h>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/source/netlink/attributes.hpp"
#include "wgscope/source/netlink/dump.hpp"

namespace wgscope::netlink {
namespace {

Result<> read_ip(const Attribute& attribute, std::string_view name, Family family,
                 std::optional<IpAddress>& into) {
  IpAddress address{.bytes = {}, .family = family};
  const std::size_t size = address.octets().size();
  if (attribute.payload.size() != size) return wrong_length(attribute, name, size);
  std::ranges::copy(attribute.payload, address.bytes.begin());
  into = address;
  return {};
}

Result<std::vector<Prefix>> list_once(std::uint32_t ifindex, Instant deadline,
                                      std::span<std::byte> buffer) {
  Request request(RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP);
  ifaddrmsg which{};
  which.ifa_index = ifindex;
  request.put_bytes(std::as_bytes(std::span(&which, 1)));
  request.filter_strictly();
  std::vector<Prefix> found;
  const auto on_message = [&](std::uint16_t type, std::span<const std::byte> payload) -> Result<> {
    if (type != RTM_NEWADDR) return {};
    const auto address = decode_address(payload);
    if (!address) return tl::unexpected(address.error());
    // Old kernels do not filter.
    if (address->ifindex == ifindex) found.push_back(address->address);
    return {};
  };
  if (auto asked = ask_kernel(NETLINK_ROUTE, request, deadline, buffer, on_message); !asked)
    return tl::unexpected(asked.error());
  return found;
}

}  // namespace

Result<InterfaceAddress> decode_address(std::span<const std::byte> payload) {
  ifaddrmsg message{};
  if (payload.size() < sizeof message)
    return fail(Errc::truncated, "RTM_NEWADDR without its ifaddrmsg");
  std::memcpy(&message, payload.data(), sizeof message);
  if (message.ifa_family != AF_INET && message.ifa_family != AF_INET6)
    return fail(Errc::bad_length, "RTM_NEWADDR of a family that is not IP");
  const Family family = message.ifa_family == AF_INET6 ? Family::v6 : Family::v4;
  std::optional<IpAddress> address;
  std::optional<IpAddress> local;
  AttributeWalk walk(payload.subspan(sizeof message));
  for (Attribute a; walk.next(a);) {
    Result<> decoded;
    switch (a.type) {
      case IFA_ADDRESS: decoded = read_ip(a, "IFA_ADDRESS", family, address); break;
      case IFA_LOCAL: decoded = read_ip(a, "IFA_LOCAL", family, local); break;
      default: break;
    }
    if (!decoded) return tl::unexpected(decoded.error());
  }
  if (!walk.ok()) return fail(Errc::bad_length, "RTM_NEWADDR: malformed attributes");
  // Of a point-to-point link IFA_ADDRESS is the other end (if_addr.h).
  if (local) address = local;
  if (!address) return fail(Errc::bad_length, "RTM_NEWADDR without an address");
  if (message.ifa_prefixlen > address->octets().size() * 8)
    return fail(Errc::bad_length,
                fmt::format("RTM_NEWADDR: a prefix of {} bits", message.ifa_prefixlen));
  return InterfaceAddress{.address = {*address, message.ifa_prefixlen},
                          .ifindex = message.ifa_index};
}

Result<std::vector<Prefix>> list_addresses(std::uint32_t ifindex, Instant deadline,
                                           std::span<std::byte> buffer) {
  for (int attempt = 1;; ++attempt) {
    auto listed = list_once(ifindex, deadline, buffer);
    if (listed) return listed;
    if (listed.error().code != Errc::interrupted || attempt == kDumpAttempts) {
      Error error = std::move(listed).error();
      error.context = "list addresses: " + error.context;
      return tl::unexpected(std::move(error));
    }
  }
}

}  // namespace wgscope::netlink
