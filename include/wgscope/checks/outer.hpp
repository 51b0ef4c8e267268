#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/question.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/diagnosis/outer.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::checks {

/// traceroute's first UDP port, on which nothing listens.
inline constexpr std::uint16_t kOuterPort = 33434;
/// How many ports are used, from the first one on.
inline constexpr std::uint16_t kOuterPorts = 90;
/// What a tunnel's MTU is where nobody says otherwise: Ethernet's less WireGuard over IPv6.
inline constexpr std::uint16_t kUsualTunnelMtu = 1420;

struct OuterOptions {
  config::EndpointName host;     ///< its port is the first of kOuterPorts closed UDP ports
  std::optional<Family> family;  ///< nothing: that of the first address that the name stands for
  std::uint16_t tunnel_mtu = kUsualTunnelMtu;
  bool tunnel_mtu_known = false;
  bool ipv6_inside = false;
  std::optional<std::uint32_t> mark;  ///< of what is sent; needs CAP_NET_ADMIN
  std::string through;  ///< a tunnel that packets may leave through (Departure); empty: none
  bool quick = false;   ///< only whether the tunnel's MTU fits
  std::optional<Instant> deadline;  ///< when all has to be over: what is known then is the result
};

/// Finds a path's MTU without a tunnel and without keys, by packets that must not be cut: echo
/// requests where this user may send them, and UDP to closed ports; and where larger ones vanish
/// without a word, or are reported, the hop behind which they do. Needs no privileges.
diagnosis::OuterFacts outer(Run& run, const OuterOptions& options);

/// @param options  its deadline is not looked at.
/// @returns bad_value: no host, a port behind which there are not kOuterPorts.
Result<std::unique_ptr<Question>> outer_question(OuterOptions options,
                                                 Shown<diagnosis::OuterFacts> shown = {});

}  // namespace wgscope::checks
