#include "wanted_prefixes.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "wgscope/model/address.hpp"
#include "wgscope/model/keyed_hash.hpp"

namespace wgscope::audit {

void WantedPrefixes::fill_slots() {
  slots_.assign(std::bit_ceil(2 * wanted_.size() + 1), kNone);
  for (std::uint32_t i = 0; i < wanted_.size(); ++i) {
    std::uint32_t& first = slots_[slot_of(wanted_[i].prefix)];
    wanted_[i].next = first;
    first = i;
  }
}

std::size_t WantedPrefixes::slot_of(const Prefix& prefix) const {
  std::array<std::byte, 32> bytes{};
  std::ranges::copy(prefix.address.bytes, bytes.begin());
  bytes[16] = static_cast<std::byte>(prefix.address.family);
  bytes[17] = static_cast<std::byte>(prefix.bits);
  std::size_t slot = keyed_hash(seed_, bytes) & (slots_.size() - 1);
  while (slots_[slot] != kNone && wanted_[slots_[slot]].prefix != prefix)
    slot = (slot + 1) & (slots_.size() - 1);
  return slot;
}

}  // namespace wgscope::audit
