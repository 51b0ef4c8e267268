#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::netlink {

/// What the kernel does with packets to an address.
enum class RouteType : std::uint8_t {
  unicast,    ///< sends them to `gateway`, or on the link
  local,      ///< keeps them: the address is one of this host's
  rejected,   ///< drops them: an unreachable, prohibit or blackhole route
  broadcast,  ///< sends them to all hosts of a link: the address is a network's broadcast address
  other,      ///< such as multicast
};

/// The way that the kernel takes to one address.
struct Route {
  RouteType type = RouteType::unicast;
  std::optional<IpAddress> gateway;  ///< the next router; nothing: the destination is on the link
  /// The address of this host that packets are sent from; nothing: unknown.
  std::optional<IpAddress> source;
  std::uint32_t ifindex = 0;  ///< the interface that packets leave by; 0: unknown

  friend bool operator==(const Route&, const Route&) = default;
};

/// What the kernel is asked about: a UDP datagram of this user.
struct RouteQuery {
  IpAddress to;
  std::uint16_t port = 0;  ///< the destination's, for rules that look at it; 0: none
  std::optional<std::uint32_t> mark = {};  ///< the firewall mark that it carries
  std::uint32_t ifindex = 0;               ///< it has to leave there; 0: anywhere
};

/// Decodes one RTM_NEWROUTE message: `payload` starts at struct rtmsg. A gateway of another family
/// than the route's (RTA_VIA) is none.
/// @returns truncated, bad_length. Source: uapi/linux/rtnetlink.h, rtnetlink(7).
Result<Route> decode_route(std::span<const std::byte> payload);

/// Which way the kernel takes to an address, in the calling thread's network namespace.
/// Needs no capability, not even for a mark.
/// @returns io (ENETUNREACH: none), what ask_kernel returns.
Result<Route> find_route(const RouteQuery& query, Instant deadline, std::span<std::byte> buffer);

/// A route of a routing table.
struct TableRoute {
  Prefix to;
  std::uint32_t table = 0;    ///< 254: main, 255: local (ip-route(8))
  std::uint32_t ifindex = 0;  ///< 0: of several next hops, or of none
  RouteType type = RouteType::unicast;
  bool of_kernel = false;  ///< the kernel made it by itself, as for the prefix of an address

  friend bool operator==(const TableRoute&, const TableRoute&) = default;
};

/// Decodes one RTM_NEWROUTE message of a dump. @returns truncated, bad_length.
Result<TableRoute> decode_table_route(std::span<const std::byte> payload);

/// No list of routes is longer.
inline constexpr std::size_t kMaxTableRoutes = 100'000;

/// The routes of a family that lead to one interface, of all tables, in the calling thread's
/// network namespace. Needs no capability. Interrupted dumps are repeated up to kDumpAttempts
/// times in all.
/// @returns too_large (kMaxTableRoutes), interrupted, what ask_kernel returns.
Result<std::vector<TableRoute>> list_routes(Family family, std::uint32_t ifindex, Instant deadline,
                                            std::span<std::byte> buffer);

/// Decodes one RTM_NEWRULE message: `payload` starts at struct fib_rule_hdr.
/// @returns the firewall mark that the policy rule looks for, inverted or not; nothing where it
/// looks for none. truncated, bad_length. Source: uapi/linux/fib_rules.h, ip-rule(8).
Result<std::optional<std::uint32_t>> decode_rule_mark(std::span<const std::byte> payload);

/// The firewall marks that policy rules of a family look for, each once. With wg-quick's rule "not
/// from all fwmark 0xca6c lookup 51820" that is the mark which keeps packets out of the tunnel.
/// Needs no capability. @returns what ask_kernel returns.
Result<std::vector<std::uint32_t>> find_rule_marks(Family family, Instant deadline,
                                                   std::span<std::byte> buffer);

}  // namespace wgscope::netlink
