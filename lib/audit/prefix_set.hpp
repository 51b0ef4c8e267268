#pragma once

#include <span>
#include <vector>

#include "wgscope/model/address.hpp"

namespace wgscope::audit {

/// Whether one of two prefixes lies in the other.
bool overlap(const Prefix& a, const Prefix& b);

/// Many prefixes, of which is asked whether any overlaps with another one.
class PrefixSet {
 public:
  /// @param prefixes  host bits are zero.
  explicit PrefixSet(std::span<const Prefix> prefixes);

  [[nodiscard]] bool overlaps(const Prefix& prefix) const;

 private:
  std::vector<Prefix> ipv4_;  ///< sorted
  std::vector<Prefix> ipv6_;
};

}  // namespace wgscope::audit
