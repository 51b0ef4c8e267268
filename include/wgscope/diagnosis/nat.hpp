#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/route.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/keepalive.hpp"
#include "wgscope/path/mapping_lifetime.hpp"
#include "wgscope/path/nat_behaviour.hpp"
#include "wgscope/path/router_query.hpp"

// What is between this host and the internet, and what that means for a tunnel. checks::nat()
// sees; diagnose() knows.

namespace wgscope::diagnosis {

/// A STUN server as it was named.
struct StunServerFacts {
  config::EndpointName name;
  std::optional<Endpoint> endpoint;  ///< nothing: `error` says why
  std::optional<Error> error;
};

/// How long mappings live.
struct LifetimeFacts {
  Endpoint server;               ///< that was asked
  std::chrono::seconds longest;  ///< how far was looked
  std::optional<path::MappingLifetimeResult> one_way;
  std::optional<path::MappingLifetimeResult> stream;
  std::optional<path::KeepaliveResult> keepalive;  ///< trials with the interval that is judged
  /// Why it could not be measured at all, such as sockets that could not be opened.
  std::optional<Error> error;
};

/// What an Internet Gateway Device says by UPnP.
struct UpnpFacts {
  bool found = false;              ///< the router has one
  std::optional<IpAddress> outer;  ///< its outer address, as it says
  std::optional<Error> error;      ///< why that is not known
};

/// What the next router says of itself.
struct RouterFacts {
  std::optional<IpAddress> address;  ///< nothing: the servers are on the link, or `error`
  path::RouterQueryResult query;     ///< NAT-PMP and PCP
  UpnpFacts upnp;
  std::optional<Error> error;
};

struct NatFacts {
  std::vector<StunServerFacts> servers;
  std::optional<RouteFacts> route;  ///< to a server, to one through a tunnel if there is one
  std::optional<IpAddress> local;   ///< that is sent from
  std::optional<path::NatBehaviourResult> behaviour;
  std::optional<Error> error;             ///< why there is none
  std::optional<LifetimeFacts> lifetime;  ///< nothing: not wanted, or no server to ask
  bool lifetime_wanted = false;
  /// PersistentKeepalive as configured; nothing: not known.
  std::optional<std::chrono::seconds> keepalive;
  bool interrupted = false;
  std::optional<RouterFacts> router;  ///< nothing: not asked
  bool servers_are_gateways = false;  ///< the tunnel's own, of which stock ones know no STUN
};

/// Pure. @returns checks in the order of their meaning: servers, mapping, filtering, ports,
/// hairpin, what is behind what, the router, lifetime, keepalive.
std::vector<Check> diagnose(const NatFacts& facts);

/// Adds the lifetimes that came out, by the flow's state. What was cut short is left out: it says
/// how long was waited.
void measure(const NatFacts& facts, Report& report);

/// "a NAT: endpoint-independent mapping, …": Report::success.
Text success(const NatFacts& facts);

}  // namespace wgscope::diagnosis
