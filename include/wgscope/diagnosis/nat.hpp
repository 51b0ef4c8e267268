#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/keepalive.hpp"
#include "wgscope/path/mapping_lifetime.hpp"
#include "wgscope/path/nat_behaviour.hpp"

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

struct NatFacts {
  std::vector<StunServerFacts> servers;
  std::optional<IpAddress> local;  ///< that is sent from
  std::optional<path::NatBehaviourResult> behaviour;
  std::optional<Error> error;             ///< why there is none
  std::optional<LifetimeFacts> lifetime;  ///< nothing: not wanted, or no server to ask
  bool lifetime_wanted = false;
  /// PersistentKeepalive as configured; nothing: not known.
  std::optional<std::chrono::seconds> keepalive;
  bool interrupted = false;
};

/// Pure. @returns checks in the order of their meaning: servers, mapping, filtering, ports,
/// hairpin, what is behind what, lifetime, keepalive.
std::vector<Check> diagnose(const NatFacts& facts);

/// "a NAT: endpoint-independent mapping, …": Report::success.
Text success(const NatFacts& facts);

}  // namespace wgscope::diagnosis
