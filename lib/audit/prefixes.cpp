#include "prefixes.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ranges>
#include <utility>
#include <vector>

#include "wgscope/model/address.hpp"

namespace wgscope::audit {
namespace {

std::uint8_t full_length(Family family) { return family == Family::v4 ? 32 : 128; }

}  // namespace

Prefix without_host_bits(Prefix prefix) {
  for (std::size_t i = 0; i < prefix.address.bytes.size(); ++i) {
    const std::size_t kept = std::clamp<std::size_t>(prefix.bits, 8 * i, 8 * i + 8) - 8 * i;
    prefix.address.bytes[i] &= static_cast<std::byte>(0xff00U >> kept);
  }
  return prefix;
}

bool contains(const Prefix& outer, const IpAddress& address) {
  return outer.address.family == address.family &&
         without_host_bits({address, outer.bits}).address ==
             without_host_bits({outer.address, outer.bits}).address;
}

bool contains(const Prefix& outer, const Prefix& inner) {
  return outer.bits <= inner.bits && contains(outer, inner.address);
}

bool is_default(const Prefix& prefix) { return prefix.bits <= 1; }

Prefix host_prefix(const IpAddress& address) { return {address, full_length(address.family)}; }

std::vector<Nested> nested(std::vector<Held> held) {
  // In this order, what contains a prefix comes before it, and they are a path from the root.
  const auto order = [](const Held& one) {
    return std::pair(std::pair(one.prefix.address.family, one.prefix.address.bytes),
                     one.prefix.bits);
  };
  std::ranges::stable_sort(held, {}, order);
  std::vector<Nested> found;
  std::vector<const Held*> path;
  for (const Held& one : held) {
    while (!path.empty() && !contains(path.back()->prefix, one.prefix)) path.pop_back();
    const auto outer = std::ranges::find_if(
        std::views::reverse(path), [&](const Held* above) { return above->holder != one.holder; });
    if (outer != path.rend()) found.push_back({**outer, one});
    path.push_back(&one);
  }
  return found;
}

}  // namespace wgscope::audit
