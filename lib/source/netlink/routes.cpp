#include "wgscope/source/netlink/routes.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <sys/socket.h>
#include <utility>

#include <fmt/core.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/source/netlink/attributes.hpp"
#include "wgscope/source/netlink/dump.hpp"

namespace wgscope::netlink {
namespace {

Result<> read_address(const Attribute& attribute, std::string_view name, Family family,
                      std::optional<IpAddress>& into) {
  IpAddress address{.bytes = {}, .family = family};
  const std::size_t size = address.octets().size();
  if (attribute.payload.size() != size) return wrong_length(attribute, name, size);
  std::ranges::copy(attribute.payload, address.bytes.begin());
  into = address;
  return {};
}

}  // namespace

Result<Route> decode_route(std::span<const std::byte> payload) {
  rtmsg message{};
  if (payload.size() < sizeof message)
    return fail(Errc::truncated, "RTM_NEWROUTE without its rtmsg");
  std::memcpy(&message, payload.data(), sizeof message);
  const Family family = message.rtm_family == AF_INET6 ? Family::v6 : Family::v4;
  Route route;
  AttributeWalk walk(payload.subspan(sizeof message));
  for (Attribute a; walk.next(a);) {
    Result<> decoded;
    switch (a.type) {
      case RTA_GATEWAY: decoded = read_address(a, "RTA_GATEWAY", family, route.gateway); break;
      case RTA_PREFSRC: decoded = read_address(a, "RTA_PREFSRC", family, route.source); break;
      case RTA_OIF: decoded = read_attribute(a, "RTA_OIF", route.ifindex); break;
      default: break;
    }
    if (!decoded) return tl::unexpected(decoded.error());
  }
  if (!walk.ok()) return fail(Errc::bad_length, "RTM_NEWROUTE: malformed attributes");
  return route;
}

Result<Route> find_route(const IpAddress& to, Instant deadline, std::span<std::byte> buffer) {
  Request request(RTM_GETROUTE, NLM_F_REQUEST | NLM_F_ACK);
  rtmsg message{};
  message.rtm_family = to.family == Family::v6 ? AF_INET6 : AF_INET;
  message.rtm_dst_len = static_cast<unsigned char>(to.octets().size() * 8);
  request.put_bytes(std::as_bytes(std::span(&message, 1)));
  request.put_attribute(RTA_DST, to.octets());
  std::optional<Route> found;
  const auto on_message = [&](std::uint16_t type, std::span<const std::byte> payload) -> Result<> {
    if (type != RTM_NEWROUTE) return {};
    auto route = decode_route(payload);
    if (!route) return tl::unexpected(route.error());
    found = *route;
    return {};
  };
  auto asked = ask_kernel(NETLINK_ROUTE, request, deadline, buffer, on_message);
  if (!asked) {
    Error error = std::move(asked).error();
    error.context = fmt::format("route to {}: {}", to.to_string(), error.context);
    return tl::unexpected(std::move(error));
  }
  if (!found)
    return fail(Errc::io,
                fmt::format("route to {}: the kernel's answer has no route", to.to_string()));
  return *found;
}

}  // namespace wgscope::netlink
