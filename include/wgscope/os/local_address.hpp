#pragma once

#include <optional>

#include "wgscope/model/address.hpp"

namespace wgscope::os {

/// The address of this host that datagrams to `to` leave from, by connecting a socket that sends
/// nothing. Nothing if there is no route.
std::optional<IpAddress> local_address_towards(const Endpoint& to);

/// Whether an interface that is up, other than the loopback, has an address of the family that
/// other links can be reached from: link-local ones do not count.
/// @returns nothing where the kernel does not tell.
std::optional<bool> has_address(Family family);

}  // namespace wgscope::os
