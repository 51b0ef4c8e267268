#pragma once

#include <chrono>
#include <cstddef>
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
  tcp,   ///< a TCP service inside the tunnel, which sends data again that we do not acknowledge
};

/// Why a TCP service cannot be used for that.
enum class ServiceFault : std::uint8_t {
  none,
  silent,   ///< nothing answers at its address and port
  refused,  ///< the service, or a firewall in its name, refuses the connection
  no_data,  ///< it accepts the connection and sends no data, not even after an HTTP request
  gave_up,  ///< it ended the connection, or stopped sending, before the result was known
};

struct FlowFacts {
  FlowMethod method{};
  Endpoint gateway;
  IpAddress ours;   ///< this host's address inside the tunnel
  Endpoint caller;  ///< who sends to us inside the tunnel: the twin (port 0), or the TCP service
  std::optional<std::chrono::seconds> keepalive;  ///< PersistentKeepalive; nothing: off
  std::chrono::seconds longest_silence{};  ///< the longest silence that was to be tried; 0: none
  path::FlowLifetime found;
  // Where either is so, failures are forgotten, because a NAT need not have made them:
  std::size_t sessions_lost = 0;  ///< the gateway had lost so many sessions of ours meanwhile
  bool taken = false;             ///< it sent under another device's session
  ServiceFault fault = ServiceFault::none;
  std::string through = {};              ///< accepted_tunnel() of the route to the gateway
  std::optional<IpAddress> rejected_by;  ///< said by ICMP that the twin's calls are not let through
  bool interrupted = false;
};

/// Pure. @returns checks: whether calls come in, how long the flow lives, the keepalive.
std::vector<Check> diagnose(const FlowFacts& facts);
/// The checks to skip() where there is no tunnel.
inline constexpr CheckKind kFlowChecks[] = {CheckKind::nat_flow_lifetime,
                                            CheckKind::nat_flow_keepalive};
/// Adds nothing: no metric is about the tunnel's own flow yet.
void measure(const FlowFacts& facts, Report& report);
/// For Report::success: "the tunnel's flow lives for 51 to 52 s". Empty where nothing is known.
Text success(const FlowFacts& facts);

}  // namespace wgscope::diagnosis
