#include "wgscope/diagnosis/route.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"

// A full tunnel with wg-quick has a firewall mark: its own packets carry the mark, and a policy rule
// sends everything else into the tunnel. A probe that sets no mark is "everything else".
//
// Not every tunnel below is a mistake: a gateway may be reached through another VPN on purpose. The
// kernel does not tell which of the two it is, so the user does (--through).

namespace wgscope::diagnosis {
namespace {

using enum CheckKind;

/// Kinds of interfaces (rtnl_link_ops), in words.
struct Kind {
  std::string_view kind;
  Words words;
  bool is_tunnel = false;  ///< packets that leave there travel encrypted to the other end of a VPN
};

constexpr std::array kKinds{
    Kind{"wireguard", "a WireGuard interface", true},
    Kind{"amneziawg", "an AmneziaWG interface", true},
    Kind{"ovpn", "an OpenVPN interface", true},
    Kind{"ovpn-dco", "an OpenVPN interface", true},
    Kind{"xfrm", "an IPsec interface", true},
    Kind{"vti", "an IPsec interface", true},
    Kind{"vti6", "an IPsec interface", true},
    Kind{"tun", "a userspace tunnel (TUN)", true},
    Kind{"veth", "veth"},
    Kind{"bridge", "a bridge"},
    Kind{"bond", "a bond"},
    Kind{"team", "a bond"},
    Kind{"vlan", "a VLAN"},
    Kind{"macvlan", "macvlan"},
    Kind{"ipvlan", "ipvlan"},
    Kind{"ppp", "PPP"},
    Kind{"dummy", "a dummy interface"},
    Kind{"gre", "a GRE tunnel"},
    Kind{"ip6gre", "a GRE tunnel"},
    Kind{"ipip", "an IPIP tunnel"},
    Kind{"sit", "a tunnel of IPv6 in IPv4"},
    Kind{"ip6tnl", "a tunnel in IPv6"},
    Kind{"vxlan", "VXLAN"},
};

const Kind* kind_of_route(const RouteFacts& route) {
  const auto* const found = std::ranges::find(kKinds, route.kind, &Kind::kind);
  return found == kKinds.end() ? nullptr : found;
}

/// A virtual machine's network, or a tunnel of frames: the kernel has one kind for TUN and TAP.
bool is_tap(const RouteFacts& route) { return route.kind == "tun" && route.ethernet; }

/// Whether packets only reach a host at the other end of the TAP. A virtual machine that runs beside
/// this host is such a one. What a router beyond the TAP forwards comes out somewhere else, whether a
/// VPN or a virtual machine does that.
bool is_link_of_tap(const RouteFacts& route) { return is_tap(route) && !route.router; }

Text hexadecimal(std::uint32_t mark) { return vouched(fmt::format("{:#x}", mark)); }

/// "ip route get 192.0.2.1 mark 0xca6c"
Text route_command(const RouteFacts& route) {
  Text command = text("ip route get {}", route.to);
  if (route.mark) command.add(" mark ").add(hexadecimal(*route.mark));
  return command;
}

std::vector<Text> evidence_of(const RouteFacts& route) {
  std::vector<Text> lines;
  Text first = text("the kernel's route to {}", route.to);
  if (route.mark)
    first.add(" with the firewall mark ").add(hexadecimal(*route.mark));
  else
    first.add(" without a firewall mark");
  lines.push_back(first.add(text(" leads {}", through_text(route))));
  if (route.mark_refused)
    lines.push_back(text("the firewall mark {} could not be set: that needs CAP_NET_ADMIN",
                         hexadecimal(*route.mark_refused)));
  if (route.mark_around)
    lines.push_back(
        text("with the firewall mark {}, which a policy rule of this host names, the "
             "route leads to {} instead",
             hexadecimal(*route.mark_around), Name{route.interface_around}));
  return lines;
}

std::vector<Text> ways_around(const RouteFacts& route) {
  const Name interface{route.interface};
  std::vector<Text> fix;
  if (route.mark_refused) {
    fix.emplace_back("run the probe as root or with CAP_NET_ADMIN, so that it can set the mark");
  } else if (route.mark_around) {
    const Text mark = hexadecimal(*route.mark_around);
    fix.push_back(
        text("send with the mark that keeps packets out of {}, as root: --fwmark {}, or "
             "FwMark = {} in [Interface]",
             interface, mark, mark));
  } else {
    if (route.kind == "wireguard" || route.kind == "tun")
      fix.push_back(
          text("send with the mark that keeps packets out of {}, as root: --fwmark MARK, "
               "or FwMark = MARK in [Interface] (on this host: wg show {} fwmark)",
               interface, interface));
    fix.push_back(text("or route around it: ip {}route add {} via ROUTER",
                       either(route.to.family == Family::v6, "-6 ", ""), route.to));
  }
  fix.push_back(text("if the path through {} is what you want to measure: --through {}", interface,
                     interface));
  return fix;
}

Check through_tunnel(const RouteFacts& route) {
  return make_check(
      path_route, Status::warning, text("{}: not the direct path", through_text(route)),
      {.id = FindingId::through_tunnel,
       .cause = text("the probe's own packets to {} travel {}, so they measure the path through "
                     "that tunnel, not the direct path",
                     route.to, through_text(route)),
       .evidence = evidence_of(route),
       .fix = ways_around(route)});
}

/// The kernel refuses to send there, so this is known without a firewall.
Check to_all_hosts(const RouteFacts& route) {
  return make_check(
      path_route, Status::critical,
      text("{} is the broadcast address of a network of this host", route.to),
      {.id = FindingId::endpoint_unusable,
       .cause = text("nothing was sent: the endpoint's address {} is the broadcast address of a "
                     "network of this host, to which no gateway answers",
                     route.to),
       .evidence = {text("the kernel's route to {} is of the type broadcast, on the interface {}",
                         route.to, Name{route.interface})},
       .fix = {"set Endpoint to the gateway's address or name",
               text("if the gateway has this address: correct the prefix length of this host's "
                    "address: ip address show dev {}",
                    Name{route.interface})}});
}

Check to_this_host(const RouteFacts& route, bool answered) {
  Text summary =
      text("{} is an address of this host: packets to it do not leave this host", route.to);
  if (answered) return make_check(path_route, Status::ok, std::move(summary));
  return make_check(
      path_route, Status::warning, std::move(summary),
      {.id = FindingId::endpoint_is_this_host,
       .cause = text("{} is an address of this host itself, not of another host", route.to),
       .evidence = {text("the kernel's route to {} is local", route.to)},
       .fix = {"if the gateway is another host: correct Endpoint, or where its name points to",
               text("show which interface has the address: ip address show to {}", route.to)}});
}

/// "over eth0 (veth), next router 10.1.0.2"
Text way_of(const RouteFacts& route) {
  Text made = text("over {}", Name{route.interface});
  const Kind* kind = kind_of_route(route);
  if (is_tap(route))
    made.add(" (TAP: a virtual machine, or a tunnel of frames)");
  else if (kind != nullptr)
    made.add(" (").add(kind->words).add(")");
  if (route.router)
    made.add(text(", next router {}", *route.router));
  else
    made.add(", on the link");
  if (route.mark) made.add(", firewall mark ").add(hexadecimal(*route.mark));
  if (route.mark_refused)
    made.add(text(", without the firewall mark {}, which needs CAP_NET_ADMIN",
                  hexadecimal(*route.mark_refused)));
  if (!route.not_through.empty())
    made.add(text("; not through {}, as --through asks", Name{route.not_through}));
  return made;
}

}  // namespace

bool is_tunnel(const RouteFacts& route) {
  const Kind* kind = kind_of_route(route);
  return kind != nullptr && kind->is_tunnel && !is_link_of_tap(route) && !route.local;
}

bool is_astray(const RouteFacts& route) { return is_tunnel(route) && !route.accepted; }

Text through_text(const RouteFacts& route) {
  if (is_tap(route))
    return text("through {}, a TAP of this host (a VPN's, or a virtual machine's that forwards)",
                Name{route.interface});
  return text("through {}, {} of this host", Name{route.interface}, kind_of_route(route)->words);
}

Check check_route(const RouteFacts& route, bool answered) {
  if (route.error)
    return make_check(path_route, Status::unknown,
                      text("the kernel does not tell: {}", Name{*route.error}));
  if (route.local) return to_this_host(route, answered);
  if (route.broadcast) return to_all_hosts(route);
  if (is_astray(route)) return through_tunnel(route);
  if (is_tunnel(route))
    return make_check(
        path_route, Status::ok,
        text("{}, as accepted with --through {}", through_text(route), Name{route.interface}));
  return make_check(path_route, Status::ok, way_of(route));
}

std::string accepted_tunnel(const RouteFacts* route) {
  return route != nullptr && is_tunnel(*route) && route->accepted ? route->interface : "";
}

Text way_prefix(const std::string& tunnel) {
  return tunnel.empty() ? Text() : text("through {}: ", Name{tunnel});
}

void mark_way(const std::string& tunnel, std::vector<Check>& checks) {
  if (tunnel.empty()) return;
  for (Check& check : checks) {
    if (!check.summary.empty()) check.summary = way_prefix(tunnel).add(check.summary);
    if (check.finding) check.finding->cause = way_prefix(tunnel).add(check.finding->cause);
  }
}

std::optional<Hypothesis> route_to_blame(const RouteFacts& route) {
  if (route.error) return std::nullopt;
  if (route.local)
    return Hypothesis{text("{} is this host itself, and the gateway is another one", route.to),
                      "compare Endpoint with the gateway's address: on the gateway, ip address"};
  if (!is_tunnel(route)) return std::nullopt;
  return Hypothesis{
      text("the packets travel {}, and the network behind it drops them", through_text(route)),
      text("{}; try again without that tunnel", route_command(route))};
}

}  // namespace wgscope::diagnosis
