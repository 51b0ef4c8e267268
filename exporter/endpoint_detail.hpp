#pragma once

#include <cstdint>
#include <string>

#include "wgscope/model/address.hpp"

namespace wgscope::exporter {

/// How much of a peer's endpoint leaves the exporter, in metrics, in the journal and in the state
/// file.
enum class EndpointDetail : std::uint8_t { off, ip, subnet, full };

/// The network a peer is in, without the peer: /24 and /48, what providers hand to a site.
Prefix subnet_of(const IpAddress& address);

/// An endpoint without what `detail` hides, so that two which look the same are equal. Not for
/// `off`, which hides all of it.
Endpoint reduce(const Endpoint& endpoint, EndpointDetail detail);

/// "192.0.2.1:51820", "192.0.2.1", "192.0.2.0/24" or "".
std::string to_text(const Endpoint& endpoint, EndpointDetail detail);

}  // namespace wgscope::exporter
