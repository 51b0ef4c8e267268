#include "wgscope/source/netlink/links.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <net/if.h>
#include <net/if_arp.h>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/source/netlink/attributes.hpp"
#include "wgscope/source/netlink/dump.hpp"

namespace wgscope::netlink {
namespace {

constexpr const char* kWireguardKind = "wireguard";

/// Newer kernels append fields to struct rtnl_link_stats64, older ones have fewer: what is used
/// must be there.
Result<> decode_stats(const Attribute& a, std::optional<LinkStats>& out) {
  constexpr std::size_t kUsed = offsetof(rtnl_link_stats64, rx_fifo_errors);
  rtnl_link_stats64 raw{};
  if (a.payload.size() < kUsed)
    return fail(Errc::bad_length, fmt::format("IFLA_STATS64: {} bytes", a.payload.size()));
  std::memcpy(&raw, a.payload.data(), std::min(a.payload.size(), sizeof raw));
  out = LinkStats{
      .receive_packets = raw.rx_packets,
      .transmit_packets = raw.tx_packets,
      .receive_bytes = raw.rx_bytes,
      .transmit_bytes = raw.tx_bytes,
      .receive_errors = raw.rx_errors,
      .transmit_errors = raw.tx_errors,
      .receive_dropped = raw.rx_dropped,
      .transmit_dropped = raw.tx_dropped,
      .receive_length_errors = raw.rx_length_errors,
      .receive_frame_errors = raw.rx_frame_errors,
  };
  return {};
}

Result<> decode_link_info(const Attribute& info, std::string& kind) {
  AttributeWalk walk(info.payload);
  for (Attribute a; walk.next(a);)
    if (a.type == IFLA_INFO_KIND) return read_string(a, "IFLA_INFO_KIND", kind);
  if (!walk.ok()) return fail(Errc::bad_length, "IFLA_LINKINFO: malformed attributes inside");
  return {};
}

}  // namespace

Result<Link> decode_link(std::span<const std::byte> payload) {
  ifinfomsg info{};
  if (payload.size() < sizeof info)
    return fail(Errc::truncated, "RTM_NEWLINK without its ifinfomsg");
  std::memcpy(&info, payload.data(), sizeof info);
  Link link;
  link.ifindex = static_cast<std::uint32_t>(info.ifi_index);
  link.up = (info.ifi_flags & IFF_UP) != 0;
  AttributeWalk walk(payload.subspan(sizeof info));
  for (Attribute a; walk.next(a);) {
    Result<> decoded;
    switch (a.type) {
      case IFLA_IFNAME: decoded = read_string(a, "IFLA_IFNAME", link.name); break;
      case IFLA_MTU: decoded = read_attribute(a, "IFLA_MTU", link.mtu_bytes); break;
      case IFLA_STATS64: decoded = decode_stats(a, link.stats); break;
      case IFLA_LINKINFO: decoded = decode_link_info(a, link.kind); break;
      default: break;
    }
    if (!decoded) return tl::unexpected(decoded.error());
  }
  if (!walk.ok()) return fail(Errc::bad_length, "RTM_NEWLINK: malformed attributes");
  return link;
}

Result<> list_wireguard_links(Instant deadline, std::span<std::byte> buffer,
                              std::vector<Link>& into) {
  const auto on_message = [&](std::uint16_t type, std::span<const std::byte> payload) -> Result<> {
    if (type != RTM_NEWLINK) return {};
    auto link = decode_link(payload);
    if (!link) return tl::unexpected(link.error());
    // Without the module the kernel does not know the kind and so does not filter.
    if (link->kind == kWireguardKind) into.push_back(std::move(*link));
    return {};
  };
  for (int attempt = 1;; ++attempt) {
    into.clear();
    Request request(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP);
    const ifinfomsg any{};
    request.put_bytes(std::as_bytes(std::span(&any, 1)));
    request.begin_nest(IFLA_LINKINFO);
    request.put_string(IFLA_INFO_KIND, kWireguardKind);
    request.end_nest();
    auto asked = ask_kernel(NETLINK_ROUTE, request, deadline, buffer, on_message);
    if (asked) return asked;
    if (asked.error().code != Errc::interrupted || attempt == kDumpAttempts) {
      Error error = std::move(asked).error();
      error.context = "list interfaces: " + error.context;
      return tl::unexpected(std::move(error));
    }
  }
}

Result<Link> find_link(const std::string& name, Instant deadline, std::span<std::byte> buffer) {
  if (name.empty() || name.size() >= IFNAMSIZ)
    return fail(Errc::no_device, "not a valid interface name");
  Request request(RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK);
  const ifinfomsg any{};
  request.put_bytes(std::as_bytes(std::span(&any, 1)));
  request.put_string(IFLA_IFNAME, name);
  std::optional<Link> found;
  const auto on_message = [&](std::uint16_t type, std::span<const std::byte> payload) -> Result<> {
    if (type != RTM_NEWLINK) return {};
    auto link = decode_link(payload);
    if (!link) return tl::unexpected(link.error());
    found = std::move(*link);
    return {};
  };
  auto asked = ask_kernel(NETLINK_ROUTE, request, deadline, buffer, on_message);
  if (!asked) {
    Error error = std::move(asked).error();
    error.context = fmt::format("interface {}: {}", name, error.context);
    return tl::unexpected(std::move(error));
  }
  if (!found) return fail(Errc::no_device, fmt::format("interface {}: none", name), ENODEV);
  return std::move(*found);
}

Result<Outlet> decode_outlet(std::span<const std::byte> payload) {
  auto link = decode_link(payload);
  if (!link) return tl::unexpected(link.error());
  ifinfomsg info{};
  std::memcpy(&info, payload.data(), sizeof info);  // decode_link() has seen that it is there
  return Outlet{.name = std::move(link->name),
                .kind = std::move(link->kind),
                .ethernet = info.ifi_type == ARPHRD_ETHER};
}

Result<Outlet> find_outlet(std::uint32_t ifindex, Instant deadline, std::span<std::byte> buffer) {
  Request request(RTM_GETLINK, NLM_F_REQUEST | NLM_F_ACK);
  ifinfomsg which{};
  which.ifi_index = static_cast<int>(ifindex);
  request.put_bytes(std::as_bytes(std::span(&which, 1)));
  std::optional<Outlet> found;
  const auto on_message = [&](std::uint16_t type, std::span<const std::byte> payload) -> Result<> {
    if (type != RTM_NEWLINK) return {};
    auto outlet = decode_outlet(payload);
    if (!outlet) return tl::unexpected(outlet.error());
    found = std::move(*outlet);
    return {};
  };
  auto asked = ask_kernel(NETLINK_ROUTE, request, deadline, buffer, on_message);
  if (!asked) {
    Error error = std::move(asked).error();
    error.context = fmt::format("interface {}: {}", ifindex, error.context);
    return tl::unexpected(std::move(error));
  }
  if (!found) return fail(Errc::no_device, fmt::format("interface {}: none", ifindex), ENODEV);
  return std::move(*found);
}

}  // namespace wgscope::netlink
