#include "wgscope/checks/route.hpp"

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/route.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/udp_socket.hpp"
#include "wgscope/source/netlink/dump.hpp"
#include "wgscope/source/netlink/links.hpp"
#include "wgscope/source/netlink/routes.hpp"

#include "checks/small_socket.hpp"

namespace wgscope::checks {
namespace {

using diagnosis::RouteFacts;

constexpr std::chrono::seconds kPatience{2};  ///< with the kernel, which does not need it

/// As the sockets of checks find it out: by trying.
bool may_set(std::uint32_t mark, Family family) {
  IpAddress any;
  any.family = family;
  const auto socket = os::UdpSocket::open({any, 0, 0}, small_socket(mark));
  return socket || socket.error().code != Errc::not_permitted;
}

/// What the kernel answers instead of a route: none, or one of those that drop.
bool is_no_route(int sys_errno) {
  return sys_errno == ENETUNREACH || sys_errno == EHOSTUNREACH || sys_errno == EACCES ||
         sys_errno == EINVAL;
}

class Inquiry {
 public:
  explicit Inquiry(const Endpoint& to) : to_(to) {}

  std::optional<RouteFacts> route(std::optional<std::uint32_t> mark) {
    RouteFacts facts{.to = to_.address, .mark = mark};
    const auto route = netlink::find_route(
        {.to = to_.address, .port = to_.port, .mark = mark, .ifindex = to_.scope_id}, end_,
        buffer_);
    if (!route) {
      if (is_no_route(route.error().sys_errno)) return std::nullopt;
      facts.error = route.error().context;
      return facts;
    }
    if (route->type == netlink::RouteType::rejected) return std::nullopt;
    facts.local = route->type == netlink::RouteType::local;
    facts.broadcast = route->type == netlink::RouteType::broadcast;
    facts.router = route->gateway;
    facts.source = route->source;
    name_interface(route->ifindex, facts);
    return facts;
  }

  /// Looks for a mark with which packets leave otherwise than through the tunnel of `facts`.
  void find_way_around(RouteFacts& facts) {
    const auto marks = netlink::find_rule_marks(to_.address.family, end_, buffer_);
    if (!marks) return;
    for (const std::uint32_t mark : *marks) {
      const auto other = route(mark);
      if (!other || other->error || other->local || diagnosis::is_tunnel(*other)) continue;
      facts.mark_around = mark;
      facts.interface_around = other->interface;
      return;
    }
  }

 private:
  void name_interface(std::uint32_t ifindex, RouteFacts& facts) {
    auto outlet = netlink::find_outlet(ifindex, end_, buffer_);
    if (!outlet) {
      facts.error = outlet.error().context;
      return;
    }
    facts.interface = std::move(outlet->name);
    facts.kind = std::move(outlet->kind);
    facts.ethernet = outlet->ethernet;
  }

  Endpoint to_;
  Instant end_ = os::boot_now() + kPatience;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(netlink::kReceiveBufferSize);
};

}  // namespace

std::optional<RouteFacts> find_route(const Endpoint& to, const Departure& departure) {
  const bool refused = departure.mark && !may_set(*departure.mark, to.address.family);
  Inquiry inquiry(to);
  auto facts = inquiry.route(refused ? std::nullopt : departure.mark);
  if (!facts) return std::nullopt;
  if (refused) facts->mark_refused = departure.mark;
  facts->accepted = !departure.through.empty() && facts->interface == departure.through;
  if (!facts->accepted) facts->not_through = departure.through;
  if (diagnosis::is_astray(*facts) && !refused) inquiry.find_way_around(*facts);
  return facts;
}

}  // namespace wgscope::checks
