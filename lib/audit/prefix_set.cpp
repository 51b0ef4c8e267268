#include "prefix_set.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "wgscope/model/address.hpp"

namespace wgscope::audit {
namespace {

/// A prefix with all bits behind its length set to zero.
Prefix shortened(Prefix prefix, std::uint8_t bits) {
  prefix.bits = bits;
  for (std::size_t i = 0; i < prefix.address.bytes.size(); ++i) {
    const std::size_t kept = std::min<std::size_t>(8, bits > 8 * i ? bits - 8 * i : 0);
    prefix.address.bytes[i] &= static_cast<std::byte>(0xFF00U >> kept);
  }
  return prefix;
}

}  // namespace

bool overlap(const Prefix& a, const Prefix& b) {
  if (a.address.family != b.address.family) return false;
  const std::uint8_t bits = std::min(a.bits, b.bits);
  return shortened(a, bits) == shortened(b, bits);
}

PrefixSet::PrefixSet(std::span<const Prefix> prefixes) {
  for (const Prefix& prefix : prefixes)
    (prefix.address.family == Family::v4 ? ipv4_ : ipv6_).push_back(prefix);
  std::ranges::sort(ipv4_);
  std::ranges::sort(ipv6_);
}

/// What lies in the prefix follows it in the order of addresses. What it lies in is one of its own
/// beginnings.
bool PrefixSet::overlaps(const Prefix& prefix) const {
  const std::vector<Prefix>& all = prefix.address.family == Family::v4 ? ipv4_ : ipv6_;
  const auto next = std::ranges::lower_bound(all, shortened(prefix, prefix.bits));
  if (next != all.end() && overlap(*next, prefix)) return true;
  for (std::uint8_t bits = 0; bits < prefix.bits; ++bits)
    if (std::ranges::binary_search(all, shortened(prefix, bits))) return true;
  return false;
}

}  // namespace wgscope::audit
