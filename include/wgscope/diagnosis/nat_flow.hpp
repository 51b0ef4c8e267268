#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/flow_lifetime.hpp"

// How long the NATs on the way remember the tunnel's own flow, and what that means for its
// PersistentKeepalive. checks::nat_flow() sees; diagnose() knows.

namespace wgscope::diagnosis {

/// Who makes the gateway send something to us when it was silent.
enum class FlowMethod : std::uint8_t {
  twin,  ///< a second peer of the gateway, which pings us through it
  tcp,   ///< a TCP service inside, which sends again what we do not acknowledge
};

/// Why a TCP service is no good for that.
enum class ServiceFault : std::uint8_t {
  none,
  silent,   ///< nothing answers
  refused,  ///< it, or a firewall in its name, refuses
  no_data,  ///< it connects, and has nothing to say, not even to a request
  gave_up,  ///< it ended the connection, or stopped sending, before anything was known
};

struct FlowFacts {
  FlowMethod method{};
  Endpoint gateway;
  IpAddress ours;   ///< inside the tunnel
  Endpoint caller;  ///< inside: the twin's address without a port, or the service
  std::optional<std::chrono::seconds> keepalive;  ///< PersistentKeepalive; nothing: off
  std::chrono::seconds longest{};                 ///< how far was looked; 0: not at all
  path::FlowLifetime found;
  ServiceFault fault = ServiceFault::none;
  std::string through = {};              ///< accepted_tunnel() of the route to the gateway
  std::optional<IpAddress> rejected_by;  ///< said by ICMP that the twin's calls are not let through
  bool interrupted = false;
};

/// Pure. @returns checks: whether calls come in, how long the flow lives, the keepalive.
std::vector<Check> diagnose(const FlowFacts& facts);
/// What to skip() where there was no tunnel to measure.
inline constexpr CheckKind kFlowChecks[] = {CheckKind::nat_flow_lifetime,
                                            CheckKind::nat_flow_keepalive};
/// Nothing yet: no metric of the contract is about the tunnel's own flow.
void measure(const FlowFacts& facts, Report& report);
/// "the tunnel's flow lives for 51 to 52 s": Report::success; empty where nothing is known.
Text success(const FlowFacts& facts);

}  // namespace wgscope::diagnosis
