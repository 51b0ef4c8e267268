#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "wgscope/diagnosis/route.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::checks {

/// How the probe's packets are to leave this host.
struct Departure {
  std::optional<std::uint32_t> mark = {};  ///< their firewall mark, where it may be set
  std::string through = {};  ///< the tunnel's interface that they may leave through; empty: none
};

/// Asks the kernel which way it sends UDP to `to`. Sends nothing, needs no privileges, and takes
/// well below a millisecond.
/// @returns nothing where there is no route: sending tells why.
std::optional<diagnosis::RouteFacts> find_route(const Endpoint& to, const Departure& departure);

}  // namespace wgscope::checks
