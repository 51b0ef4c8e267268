#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "wgscope/model/address.hpp"

namespace wgscope::audit {

/// The prefix as WireGuard keeps it.
Prefix without_host_bits(Prefix prefix);
bool contains(const Prefix& outer, const IpAddress& address);
bool contains(const Prefix& outer, const Prefix& inner);
/// The whole of an address family, or one of its halves, which together are the same.
bool is_default(const Prefix& prefix);
/// The address alone.
Prefix host_prefix(const IpAddress& address);

/// A prefix of somebody, as an index into a list of its caller.
struct Held {
  Prefix prefix;  ///< without host bits
  std::size_t holder = 0;
  std::size_t item = 0;  ///< which of the holder's prefixes
};

/// Two prefixes of which one contains the other.
struct Nested {
  Held outer;
  Held inner;
};

/// For each prefix the narrowest one that contains it and belongs to another holder. Of two that
/// are equal, the one that comes first in the list is the outer one.
std::vector<Nested> nested(std::vector<Held> held);

}  // namespace wgscope::audit
