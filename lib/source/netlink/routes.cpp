#include "wgscope/source/netlink/routes.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <netinet/in.h>
#include <optional>
#include <span>
#include <string_view>
#include <sys/socket.h>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <linux/fib_rules.h>
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

RouteType type_of(unsigned char type) {
  switch (type) {
    case RTN_UNICAST: return RouteType::unicast;
    case RTN_LOCAL: return RouteType::local;
    case RTN_BROADCAST: return RouteType::broadcast;
    case RTN_UNREACHABLE:
    case RTN_PROHIBIT:
    case RTN_BLACKHOLE: return RouteType::rejected;
    default: return RouteType::other;
  }
}

/// Rules may look at protocols and ports (ip-rule(8)), so the question says which.
void put_udp(Request& request, std::uint16_t port) {
  if (port == 0) return;
  const std::uint8_t protocol = IPPROTO_UDP;
  request.put_attribute(RTA_IP_PROTO, std::as_bytes(std::span(&protocol, 1)));
  const std::uint16_t network_order = htons(port);
  request.put_attribute(RTA_DPORT, std::as_bytes(std::span(&network_order, 1)));
}

unsigned char kernel_family(Family family) { return family == Family::v6 ? AF_INET6 : AF_INET; }

}  // namespace

Result<Route> decode_route(std::span<const std::byte> payload) {
  rtmsg message{};
  if (payload.size() < sizeof message)
    return fail(Errc::truncated, "RTM_NEWROUTE without its rtmsg");
  std::memcpy(&message, payload.data(), sizeof message);
  const Family family = message.rtm_family == AF_INET6 ? Family::v6 : Family::v4;
  Route route;
  route.type = type_of(message.rtm_type);
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

Result<Route> find_route(const RouteQuery& query, Instant deadline, std::span<std::byte> buffer) {
  Request request(RTM_GETROUTE, NLM_F_REQUEST | NLM_F_ACK);
  rtmsg message{};
  message.rtm_family = kernel_family(query.to.family);
  message.rtm_dst_len = static_cast<unsigned char>(query.to.octets().size() * 8);
  request.put_bytes(std::as_bytes(std::span(&message, 1)));
  request.put_attribute(RTA_DST, query.to.octets());
  if (query.mark) request.put_u32(RTA_MARK, *query.mark);
  if (query.ifindex != 0) request.put_u32(RTA_OIF, query.ifindex);
  put_udp(request, query.port);
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
    error.context = fmt::format("route to {}: {}", query.to.to_string(), error.context);
    return tl::unexpected(std::move(error));
  }
  if (!found)
    return fail(Errc::io,
                fmt::format("route to {}: the kernel's answer has no route", query.to.to_string()));
  return *found;
}

Result<TableRoute> decode_table_route(std::span<const std::byte> payload) {
  rtmsg message{};
  if (payload.size() < sizeof message)
    return fail(Errc::truncated, "RTM_NEWROUTE without its rtmsg");
  std::memcpy(&message, payload.data(), sizeof message);
  const Family family = message.rtm_family == AF_INET6 ? Family::v6 : Family::v4;
  TableRoute route;
  route.type = type_of(message.rtm_type);
  route.table = message.rtm_table;
  route.of_kernel = message.rtm_protocol == RTPROT_KERNEL;
  // Without RTA_DST it is the default route.
  std::optional<IpAddress> to = IpAddress{.bytes = {}, .family = family};
  if (message.rtm_dst_len > to->octets().size() * 8)
    return fail(Errc::bad_length,
                fmt::format("RTM_NEWROUTE: a prefix of {} bits", message.rtm_dst_len));
  AttributeWalk walk(payload.subspan(sizeof message));
  for (Attribute a; walk.next(a);) {
    Result<> decoded;
    switch (a.type) {
      case RTA_DST: decoded = read_address(a, "RTA_DST", family, to); break;
      case RTA_OIF: decoded = read_attribute(a, "RTA_OIF", route.ifindex); break;
      case RTA_TABLE: decoded = read_attribute(a, "RTA_TABLE", route.table); break;
      default: break;
    }
    if (!decoded) return tl::unexpected(decoded.error());
  }
  if (!walk.ok()) return fail(Errc::bad_length, "RTM_NEWROUTE: malformed attributes");
  route.to = {*to, message.rtm_dst_len};
  return route;
}

namespace {

Result<std::vector<TableRoute>> list_routes_once(Family family, std::uint32_t ifindex,
                                                 Instant deadline, std::span<std::byte> buffer) {
  Request request(RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP);
  rtmsg which{};
  which.rtm_family = kernel_family(family);
  request.put_bytes(std::as_bytes(std::span(&which, 1)));
  request.put_u32(RTA_OIF, ifindex);
  request.filter_strictly();  // a router may have a million other routes
  std::vector<TableRoute> routes;
  const auto on_message = [&](std::uint16_t type, std::span<const std::byte> payload) -> Result<> {
    if (type != RTM_NEWROUTE) return {};
    const auto route = decode_table_route(payload);
    if (!route) return tl::unexpected(route.error());
    if (route->ifindex != ifindex) return {};
    if (routes.size() == kMaxTableRoutes)
      return fail(Errc::too_large,
                  fmt::format("more than {} routes lead to the interface", kMaxTableRoutes));
    routes.push_back(*route);
    return {};
  };
  if (auto asked = ask_kernel(NETLINK_ROUTE, request, deadline, buffer, on_message); !asked)
    return tl::unexpected(asked.error());
  return routes;
}

}  // namespace

Result<std::vector<TableRoute>> list_routes(Family family, std::uint32_t ifindex, Instant deadline,
                                            std::span<std::byte> buffer) {
  for (int attempt = 1;; ++attempt) {
    auto listed = list_routes_once(family, ifindex, deadline, buffer);
    if (listed) return listed;
    if (listed.error().code != Errc::interrupted || attempt == kDumpAttempts) {
      Error error = std::move(listed).error();
      error.context = "list routes: " + error.context;
      return tl::unexpected(std::move(error));
    }
  }
}

Result<std::optional<std::uint32_t>> decode_rule_mark(std::span<const std::byte> payload) {
  if (payload.size() < sizeof(fib_rule_hdr))
    return fail(Errc::truncated, "RTM_NEWRULE without its fib_rule_hdr");
  std::optional<std::uint32_t> mark;
  AttributeWalk walk(payload.subspan(sizeof(fib_rule_hdr)));
  for (Attribute a; walk.next(a);) {
    if (a.type != FRA_FWMARK) continue;
    std::uint32_t value = 0;
    if (auto read = read_attribute(a, "FRA_FWMARK", value); !read)
      return tl::unexpected(read.error());
    mark = value;
  }
  if (!walk.ok()) return fail(Errc::bad_length, "RTM_NEWRULE: malformed attributes");
  return mark;
}

Result<std::vector<std::uint32_t>> find_rule_marks(Family family, Instant deadline,
                                                   std::span<std::byte> buffer) {
  Request request(RTM_GETRULE, NLM_F_REQUEST | NLM_F_DUMP);
  fib_rule_hdr header{};
  header.family = kernel_family(family);
  request.put_bytes(std::as_bytes(std::span(&header, 1)));
  std::vector<std::uint32_t> marks;
  const auto on_message = [&](std::uint16_t type, std::span<const std::byte> payload) -> Result<> {
    if (type != RTM_NEWRULE) return {};
    auto mark = decode_rule_mark(payload);
    if (!mark) return tl::unexpected(mark.error());
    // A mark of zero is what packets have that were given none.
    if (*mark && **mark != 0 && std::ranges::find(marks, **mark) == marks.end())
      marks.push_back(**mark);
    return {};
  };
  auto asked = ask_kernel(NETLINK_ROUTE, request, deadline, buffer, on_message);
  if (!asked) return tl::unexpected(asked.error());
  return marks;
}

}  // namespace wgscope::netlink
