#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "wgscope/model/address.hpp"
#include "wgscope/tunnel/event.hpp"

namespace wgscope::tunnel {

/// Which peer an inner address belongs to: the longest prefix wins (whitepaper
/// §2, "cryptokey routing").
///
/// One binary trie a family, with the paths between branches left out, so that a table of n
/// prefixes has at most 2n nodes and a look-up of a small table meets two or three. Nodes lie in
/// one vector and are never freed one by one: removing a peer only empties its nodes, and an
/// interface whose peers change all the time is compacted when half of them are empty.
class AllowedIps {
 public:
  /// Adds a prefix. One that another peer has becomes this peer's. @returns the peer that had it.
  std::optional<PeerId> insert(const Prefix& prefix, PeerId peer);
  void remove_peer(PeerId peer);

  [[nodiscard]] std::optional<PeerId> find(const IpAddress& address) const {
    return find(std::span(address.bytes), address.family);
  }
  /// `octets` has 4 or 16 bytes, as the family says.
  [[nodiscard]] std::optional<PeerId> find(std::span<const std::byte> octets, Family family) const;

 private:
  using Index = std::uint32_t;
  static constexpr Index kNone = ~Index{0};

  /// An address as 128 bits, left-aligned, so that both families share the code.
  struct Bits {
    std::uint64_t high = 0;
    std::uint64_t low = 0;

    static Bits of(std::span<const std::byte> octets, Family family);
    [[nodiscard]] unsigned bit(unsigned position) const;
    /// How many leading bits are equal.
    [[nodiscard]] unsigned common_with(const Bits& other) const;
    [[nodiscard]] Bits masked(unsigned size) const;
  };
  struct Node {
    Bits bits;
    unsigned size = 0;
    std::optional<PeerId> peer;
    std::array<Index, 2> child{kNone, kNone};
  };
  struct Entry {
    Prefix prefix;
    PeerId peer;
  };

  Index& root(Family family) { return roots_[static_cast<std::size_t>(family)]; }
  Index add_node(const Bits& bits, unsigned size, std::optional<PeerId> peer);
  void rebuild();
  void collect(Index node, Family family, std::vector<Entry>& into) const;

  std::vector<Node> nodes_;
  std::array<Index, 2> roots_{kNone, kNone};
  std::size_t emptied_ = 0;  ///< nodes without a peer since one was removed, until rebuild()
};

}  // namespace wgscope::tunnel
