#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"

// Which way this host sends the probe's own packets, and what that means: a probe whose packets
// leave through another tunnel measures the path through that tunnel. checks::find_route() sees;
// check_route() knows.

namespace wgscope::diagnosis {

/// The kernel's route to one address.
struct RouteFacts {
  IpAddress to;
  std::string interface = {};  ///< empty: unknown
  std::string kind =
      {};  ///< what the kernel calls its kind: "wireguard", "tun"; empty: a device's own
  bool ethernet = false;                   ///< the interface carries frames
  bool local = false;                      ///< the address is one of this host
  bool broadcast = false;                  ///< the address is that of all hosts of its network
  std::optional<IpAddress> router = {};    ///< the next one; nothing: the address is on the link
  std::optional<IpAddress> source = {};    ///< that packets leave from
  std::optional<std::uint32_t> mark = {};  ///< the firewall mark that packets carry
  /// A mark that was wanted and may not be set.
  std::optional<std::uint32_t> mark_refused = {};
  /// A firewall mark of this host's policy rules with which the route does not lead into a tunnel,
  /// and where it then leads. Looked for only where the route leads into a tunnel.
  std::optional<std::uint32_t> mark_around = {};
  std::string interface_around = {};
  bool accepted = false;  ///< the user wants to measure through this interface
  std::string not_through =
      {};  ///< the tunnel that the user wants, where the route does not lead there
  std::optional<std::string> error = {};  ///< why the route is unknown

  friend bool operator==(const RouteFacts&, const RouteFacts&) = default;
};

/// The interface is one end of a VPN: WireGuard, or a userspace program's tunnel.
bool is_tunnel(const RouteFacts& route);

/// The same, and nobody asked for it: what is measured is not the path that is asked about.
bool is_astray(const RouteFacts& route);

/// "through wg0, a WireGuard interface of this host": where is_tunnel().
Text through_text(const RouteFacts& route);

/// The check path.route.
/// @param answered  the address answered as what it should be: then that it is this host is no
/// sign of a mistake.
Check check_route(const RouteFacts& route, bool answered);

/// Where the user wants to measure through a tunnel: its interface. Empty: everywhere else.
std::string accepted_tunnel(const RouteFacts* route);

/// "through wg0: " for that interface, with which begins what was measured through it; empty for
/// none.
Text way_prefix(const std::string& tunnel);

/// Puts that before all that the checks say.
void mark_way(const std::string& tunnel, std::vector<Check>& checks);

/// What the route has to do with packets to this address not being answered; nothing where it is an
/// ordinary one.
std::optional<Hypothesis> route_to_blame(const RouteFacts& route);

}  // namespace wgscope::diagnosis
