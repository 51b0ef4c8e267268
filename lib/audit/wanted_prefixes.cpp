#include "wanted_prefixes.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "wgscope/model/address.hpp"
#include "wgscope/model/keyed_hash.hpp"

namespace wgscope::audit {

void WantedPrefixes::fill_slots() {
  slots_.assign(std::bit_ceil(2 * wanted_.size() + 1), kNone);
  std::array<Prefix, kBlock> block;
  for (std::uint32_t begin = 0; begin < wanted_.size();) {
    const std::size_t count = std::min(kBlock, wanted_.size() - begin);
    for (std::size_t i = 0; i < count; ++i) block[i] = wanted_[begin + i].prefix;
    fetch(std::span(block).first(count));
    for (std::size_t i = 0; i < count; ++i, ++begin) {
      std::uint32_t& first = slots_[slot_of(block[i], starts_[i])];
      wanted_[begin].next = first;
      first = begin;
    }
  }
}

void WantedPrefixes::fetch(std::span<const Prefix> block) {
  for (std::size_t i = 0; i < block.size(); ++i) {
    starts_[i] = start_of(block[i]);
    __builtin_prefetch(&slots_[starts_[i]]);
  }
  for (std::size_t i = 0; i < block.size(); ++i)
    if (const std::uint32_t first = slots_[starts_[i]]; first != kNone)
      __builtin_prefetch(&wanted_[first]);
}

std::size_t WantedPrefixes::start_of(const Prefix& prefix) const {
  std::array<std::byte, 32> bytes{};
  std::ranges::copy(prefix.address.bytes, bytes.begin());
  bytes[16] = static_cast<std::byte>(prefix.address.family);
  bytes[17] = static_cast<std::byte>(prefix.bits);
  return keyed_hash(seed_, bytes) & (slots_.size() - 1);
}

std::size_t WantedPrefixes::slot_of(const Prefix& prefix, std::size_t start) const {
  std::size_t slot = start;
  while (slots_[slot] != kNone && wanted_[slots_[slot]].prefix != prefix)
    slot = (slot + 1) & (slots_.size() - 1);
  return slot;
}

}  // namespace wgscope::audit
