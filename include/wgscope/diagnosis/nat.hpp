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
  /// The address that the name stands for; nothing: `error` says why.
  std::optional<Endpoint> endpoint;
  std::optional<Error> error;
};

/// How long mappings live.
struct LifetimeFacts {
  Endpoint server;                       ///< the STUN server that answered after each silence
  std::chrono::seconds longest_silence;  ///< the longest silence that was to be tried
  /// The lifetime of flows with outbound datagrams only. Nothing: not measured.
  std::optional<path::MappingLifetimeResult> one_way;
  /// The lifetime of flows with datagrams in both directions. Nothing: not measured.
  std::optional<path::MappingLifetimeResult> stream;
  /// Trials with NatFacts::keepalive; nothing: not made.
  std::optional<path::KeepaliveResult> keepalive;
  /// Why it could not be measured at all, such as sockets that could not be opened.
  std::optional<Error> error;
};

/// What an Internet Gateway Device says by UPnP.
struct UpnpFacts {
  bool found = false;              ///< the router answered to UPnP
  std::optional<IpAddress> outer;  ///< the outer address that the router names; nothing: unknown
  std::optional<Error> error;      ///< why `outer` is not known
};

/// What the next router says of itself.
struct RouterFacts {
  /// The next router; nothing: there is none on the way, or see `error`.
  std::optional<IpAddress> address;
  path::RouterQueryResult query;  ///< what the router answered by NAT-PMP and PCP
  UpnpFacts upnp;
  std::vector<SentTo> sent;  ///< by NAT-PMP and PCP
  bool upnp_asked = false;   ///< a search by UPnP was begun
  std::optional<Error> error;
};

struct NatFacts {
  std::vector<StunServerFacts> servers;
  std::optional<RouteFacts> route;  ///< to a server, to one through a tunnel if there is one
  std::optional<IpAddress> local;   ///< that is sent from
  std::optional<path::NatBehaviourResult> behaviour;
  std::optional<Error> error;             ///< why there is no `behaviour`
  std::optional<LifetimeFacts> lifetime;  ///< nothing: not wanted, or there was no server to ask
  std::vector<SentTo> sent;               ///< STUN requests
  bool lifetime_wanted = false;           ///< the user asked how long mappings live
  /// PersistentKeepalive as configured. Nothing: unknown.
  std::optional<std::chrono::seconds> keepalive;
  bool interrupted = false;           ///< the user ended the measurement early
  std::optional<RouterFacts> router;  ///< nothing: no router was asked
  /// `servers` are the tunnel's gateways, which may not speak STUN.
  bool servers_are_gateways = false;
};

/// Pure. @returns checks in the order of their meaning: servers, mapping, filtering, ports,
/// hairpin, what is behind what, the router, lifetime, keepalive.
std::vector<Check> diagnose(const NatFacts& facts);

/// Adds the metrics of the lifetimes, by the flow's state. An interrupted measurement adds none:
/// its figure would say how long the measurement ran.
void measure(const NatFacts& facts, Report& report);

/// For Report::success: "a NAT: endpoint-independent mapping, …".
Text success(const NatFacts& facts);

}  // namespace wgscope::diagnosis
