#include "probe/commands/drift_host.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "wgscope/audit/drift.hpp"
#include "wgscope/audit/drift_report.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/snapshot.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/source/netlink/addresses.hpp"
#include "wgscope/source/netlink/dump.hpp"
#include "wgscope/source/netlink/links.hpp"
#include "wgscope/source/netlink/routes.hpp"
#include "wgscope/source/visit.hpp"

namespace wgscope::probe {
namespace {

using audit::HostFacts;
using audit::Way;

/// The kernel is asked for so many prefixes of an interface. Each question takes about 20 µs.
constexpr std::size_t kMostWays = 5000;

/// An address of a prefix that stands for all of it: not the network's own, and not one that means
/// something else (0.0.0.0/8, ::/3).
IpAddress sample(const Prefix& prefix) {
  IpAddress address = prefix.address;
  const std::size_t size = address.octets().size();
  if (prefix.bits + 1U >= size * 8) return address;
  const bool is_v4 = address.family == Family::v4;
  const bool is_zero =
      std::ranges::all_of(address.octets(), [](std::byte b) { return b == std::byte{0}; });
  if (is_zero && prefix.bits < (is_v4 ? 8 : 3))
    address.bytes[0] = std::byte{is_v4 ? std::uint8_t{1} : std::uint8_t{0x20}};
  address.bytes[size - 1] |= std::byte{1};
  return address;
}

/// Reads for one interface after the other, on a thread that is in their network namespace.
class Reader {
 public:
  explicit Reader(Instant deadline) : deadline_(deadline), buffer_(netlink::kReceiveBufferSize) {}

  void read(const audit::Declared& declared, const Device& device, HostFacts& into) {
    const std::uint32_t ifindex = device.link->ifindex;
    if (auto addresses = netlink::list_addresses(ifindex, deadline_, buffer_))
      into.addresses = std::move(*addresses);
    read_routes(ifindex, into);
    const auto expected = declared.expected_on(device.name);
    for (const auto& peers : {expected.named, expected.everywhere})
      for (const std::uint32_t peer : peers)
        for (const Prefix& prefix : declared.inventory().peers[peer].allowed_ips)
          add_way(prefix, peer, ifindex, into);
  }

 private:
  void read_routes(std::uint32_t ifindex, HostFacts& into) {
    std::vector<audit::HostRoute> routes;
    for (const Family family : {Family::v4, Family::v6}) {
      const auto listed = netlink::list_routes(family, ifindex, deadline_, buffer_);
      if (!listed) return;
      for (const netlink::TableRoute& route : *listed)
        if (route.type == netlink::RouteType::unicast)
          routes.push_back({.to = route.to, .table = route.table, .of_kernel = route.of_kernel});
    }
    into.routes = std::move(routes);
  }

  void add_way(const Prefix& prefix, std::uint32_t peer, std::uint32_t ifindex, HostFacts& into) {
    if (into.ways.size() == kMostWays || os::boot_now() >= deadline_) {
      ++into.ways_not_asked;
      return;
    }
    Way way{.to = prefix, .peer = peer};
    const auto route = netlink::find_route({.to = sample(prefix)}, deadline_, buffer_);
    if (route)
      judge(*route, ifindex, way);
    else if (is_refusal(route.error().sys_errno))
      way.kind = Way::Kind::none;
    into.ways.push_back(std::move(way));
  }

  /// What the kernel says where there is no route, or one that rejects (ip-route(8)).
  static bool is_refusal(int error) {
    return error == ENETUNREACH || error == EHOSTUNREACH || error == EACCES || error == EINVAL;
  }

  void judge(const netlink::Route& route, std::uint32_t ifindex, Way& way) {
    using netlink::RouteType;
    if (route.type == RouteType::rejected) {
      way.kind = Way::Kind::none;
    } else if (route.type == RouteType::local) {
      way.kind = Way::Kind::own;
    } else if (route.ifindex == ifindex) {
      way.kind = Way::Kind::here;
    } else if (route.ifindex != 0) {
      way.kind = Way::Kind::elsewhere;
      way.outlet = name_of(route.ifindex);
    }
  }

  std::string name_of(std::uint32_t ifindex) {
    const auto [known, is_new] = names_.try_emplace(ifindex);
    if (is_new)
      if (auto outlet = netlink::find_outlet(ifindex, deadline_, buffer_))
        known->second = std::move(outlet->name);
    return known->second;
  }

  Instant deadline_;
  std::vector<std::byte> buffer_;
  std::map<std::uint32_t, std::string> names_;
};

}  // namespace

std::vector<HostFacts> read_hosts(const audit::Declared& declared, const Snapshot& snapshot,
                                  const audit::Drift& drift, Instant deadline) {
  std::vector<HostFacts> hosts(snapshot.devices.size());
  std::map<std::string, std::vector<std::size_t>> by_netns;
  for (std::size_t i = 0; i < hosts.size(); ++i)
    if (drift.interfaces[i].comparison == audit::Comparison::compared && snapshot.devices[i].link)
      by_netns[snapshot.devices[i].netns].push_back(i);
  for (const auto& [netns, indexes] : by_netns) {
    // Where a namespace cannot be entered, nothing is known.
    static_cast<void>(source::visit_netns(netns, [&] {
      Reader reader(deadline);
      for (const std::size_t i : indexes) reader.read(declared, snapshot.devices[i], hosts[i]);
    }));
  }
  return hosts;
}

}  // namespace wgscope::probe
