#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/question.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/diagnosis/nat.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::checks {

struct NatOptions {
  std::vector<config::EndpointName> servers;  ///< at least one STUN server, asked over UDP
  Family family = Family::v4;  ///< only addresses of this family are asked: NATs are IPv4's
  bool lifetime = true;        ///< also measures how long mappings live
  std::chrono::seconds longest_silence{180};      ///< the longest silence that is tried
  std::optional<std::chrono::seconds> keepalive;  ///< the interval to be judged; nothing: none
  /// How long looking up each name may take.
  Nanoseconds resolve_timeout = std::chrono::seconds{5};
  bool router = true;                 ///< ask the next router too, over IPv4
  std::optional<std::uint32_t> mark;  ///< of what is sent, where it may be set
  std::string through;  ///< a tunnel that packets may leave through (Departure); empty: none
  /// The servers are the tunnel's own gateways, which may know nothing of STUN.
  bool servers_are_gateways = false;
};

/// How long asking the router may take. The rest goes on at the same time.
inline constexpr Nanoseconds kLongestRouterInquiry = std::chrono::seconds{6};

/// Finds out what the NATs on the way do, with STUN servers, and how long they remember silent
/// flows, with the first server that answers to another port (RESPONSE-PORT, RFC 5780 §7.5).
///
/// Sends to the servers, where there is a NAT to its outer address, and to the next router, which
/// it asks by NAT-PMP, PCP and UPnP for its outer address without creating anything there. Needs no
/// privileges.
/// Lifetimes take a socket for each second and state up to `longest_silence`: 361 of them by
/// default.
diagnosis::NatFacts nat(Run& run, const NatOptions& options);

/// How far the lifetime is looked for with STUN servers: each second takes two sockets, and 1024
/// are what a process usually may have.
inline constexpr std::chrono::seconds kMostStunSilence{480};

/// @returns bad_value: no server, or a lifetime above kMostStunSilence.
Result<std::unique_ptr<Question>> nat_question(NatOptions options);

}  // namespace wgscope::checks
