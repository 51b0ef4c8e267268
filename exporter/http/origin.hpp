#pragma once

#include <array>
#include <cstddef>

#include "wgscope/model/address.hpp"

namespace wgscope::exporter::http {

/// What counts as one client: an IPv4 address, or of IPv6 the first 64 bits, as a client has all
/// addresses of its /64. An IPv4 address that is mapped to IPv6 is the same as itself.
using Origin = std::array<std::byte, 17>;
Origin origin_of(const IpAddress& address);

}  // namespace wgscope::exporter::http
