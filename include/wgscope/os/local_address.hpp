#pragma once

#include <optional>

#include "wgscope/model/address.hpp"

namespace wgscope::os {

/// The address of this host that datagrams to `to` leave from, by connecting a socket that sends
/// nothing. Nothing if there is no route.
std::optional<IpAddress> local_address_towards(const Endpoint& to);

}  // namespace wgscope::os
