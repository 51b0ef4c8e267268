#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "wgscope/model/address.hpp"

namespace wgscope::audit {

/// Prefixes that are declared for peers which do not have them, to be looked for among those of all
/// others. Their number may be that of all prefixes, so that they are hashed and not sorted.
class WantedPrefixes {
 public:
  /// @param seed  random: users may choose their prefixes.
  explicit WantedPrefixes(std::uint64_t seed) : seed_(seed) {}

  void add(const Prefix& prefix, std::uint32_t peer) {
    wanted_.push_back({.prefix = prefix, .peer = peer});
  }
  [[nodiscard]] std::size_t size() const { return wanted_.size(); }

  /// Calls `held` with each peer that wants one of the prefixes, and forgets everything.
  template <class Held>
  void take_held(std::span<const Prefix> prefixes, const Held& held) {
    if (wanted_.empty()) return;
    fill_slots();
    for (std::span<const Prefix> rest = prefixes; !rest.empty();) {
      const std::span<const Prefix> block = rest.first(std::min(rest.size(), kBlock));
      fetch(block);
      for (std::size_t i = 0; i < block.size(); ++i) take(block[i], starts_[i], held);
      rest = rest.subspan(block.size());
    }
    wanted_.clear();
  }

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  struct Wanted {
    Prefix prefix;
    std::uint32_t peer = 0;
    std::uint32_t next = kNone;  ///< index of another one that wants the same prefix
  };

  template <class Held>
  void take(const Prefix& prefix, std::size_t start, const Held& held) {
    const std::uint32_t first = slots_[slot_of(prefix, start)];
    for (std::uint32_t at = first; at != kNone; at = wanted_[at].next) held(wanted_[at].peer);
    if (first != kNone) wanted_[first].next = kNone;
  }

  void fill_slots();
  /// Asks for the memory that looking for these prefixes needs, before it is needed: each place is
  /// another one, and waiting for them one after the other took most of the time.
  void fetch(std::span<const Prefix> block);
  [[nodiscard]] std::size_t start_of(const Prefix& prefix) const;
  /// @param start  start_of() the prefix.
  [[nodiscard]] std::size_t slot_of(const Prefix& prefix, std::size_t start) const;

  static constexpr std::size_t kBlock = 32;

  std::uint64_t seed_;
  std::vector<Wanted> wanted_;
  std::array<std::size_t, kBlock> starts_{};  ///< of a block's prefixes, from fetch()
  std::vector<std::uint32_t> slots_;  ///< indexes of wanted_; a power of two, at most half full
};

}  // namespace wgscope::audit
