#include "allowed_ips.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "wgscope/base/bytes.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/tunnel/event.hpp"

namespace wgscope::tunnel {

AllowedIps::Bits AllowedIps::Bits::of(std::span<const std::byte> octets, Family family) {
  if (family == Family::v4) return {std::uint64_t{load_be32(octets.first<4>())} << 32U, 0};
  return {load_be64(octets.first<8>()), load_be64(octets.subspan<8, 8>())};
}

unsigned AllowedIps::Bits::bit(unsigned position) const {
  const std::uint64_t word = position < 64 ? high : low;
  return static_cast<unsigned>(word >> (63 - position % 64)) & 1U;
}

unsigned AllowedIps::Bits::common_with(const Bits& other) const {
  if (high != other.high) return static_cast<unsigned>(std::countl_zero(high ^ other.high));
  return 64 + static_cast<unsigned>(std::countl_zero(low ^ other.low));
}

AllowedIps::Bits AllowedIps::Bits::masked(unsigned size) const {
  const auto mask = [](unsigned ones) {
    return ones == 0 ? std::uint64_t{0} : ~std::uint64_t{0} << (64 - ones);
  };
  return {high & mask(std::min(size, 64U)), low & mask(size > 64 ? size - 64 : 0)};
}

AllowedIps::Index AllowedIps::add_node(const Bits& bits, unsigned size,
                                       std::optional<PeerId> peer) {
  nodes_.push_back({bits.masked(size), size, peer});
  return static_cast<Index>(nodes_.size() - 1);
}

std::optional<PeerId> AllowedIps::insert(const Prefix& prefix, PeerId peer) {
  const unsigned size = prefix.bits;
  const Bits bits = Bits::of(prefix.address.bytes, prefix.address.family).masked(size);
  // Down to where the path ends, leaves ours, or passes our size; `parent` is the link to there.
  Index parent = kNone;
  unsigned side = 0;
  Index at = root(prefix.address.family);
  const auto link = [&](Index to) {
    (parent == kNone ? root(prefix.address.family) : nodes_[parent].child[side]) = to;
  };
  while (at != kNone) {
    const Node& node = nodes_[at];
    const unsigned common = std::min({node.bits.common_with(bits), node.size, size});
    if (common < node.size) break;
    if (node.size == size) return std::exchange(nodes_[at].peer, peer);
    parent = at;
    side = bits.bit(node.size);
    at = node.child[side];
  }
  const Index added = add_node(bits, size, peer);
  if (at == kNone) {
    link(added);
    return std::nullopt;
  }

  const unsigned common = std::min({nodes_[at].bits.common_with(bits), nodes_[at].size, size});
  if (common == size) {  // ours lies above
    nodes_[added].child[nodes_[at].bits.bit(size)] = at;
    link(added);
    return std::nullopt;
  }
  const Index branch = add_node(bits, common, std::nullopt);
  nodes_[branch].child[bits.bit(common)] = added;
  nodes_[branch].child[nodes_[at].bits.bit(common)] = at;
  link(branch);
  return std::nullopt;
}

std::optional<PeerId> AllowedIps::find(std::span<const std::byte> octets, Family family) const {
  const Bits bits = Bits::of(octets, family);
  std::optional<PeerId> best;
  for (Index at = roots_[static_cast<std::size_t>(family)]; at != kNone;) {
    const Node& node = nodes_[at];
    if (node.bits.common_with(bits) < node.size) break;
    if (node.peer) best = node.peer;
    if (node.size == (family == Family::v4 ? 32U : 128U)) break;
    at = node.child[bits.bit(node.size)];
  }
  return best;
}

void AllowedIps::remove_peer(PeerId peer) {
  for (Node& node : nodes_)
    if (node.peer == peer) {
      node.peer.reset();
      ++emptied_;
    }
  if (emptied_ * 2 > nodes_.size()) rebuild();
}

void AllowedIps::rebuild() {
  std::vector<Entry> entries;
  for (const Family family : {Family::v4, Family::v6}) collect(root(family), family, entries);
  nodes_.clear();
  roots_ = {kNone, kNone};
  emptied_ = 0;
  for (const Entry& entry : entries) insert(entry.prefix, entry.peer);
}

void AllowedIps::collect(Index at, Family family, std::vector<Entry>& into) const {
  std::vector<Index> open;
  if (at != kNone) open.push_back(at);
  while (!open.empty()) {
    const Node& node = nodes_[open.back()];
    open.pop_back();
    if (node.peer) {
      Prefix prefix{.address = {.family = family}, .bits = static_cast<std::uint8_t>(node.size)};
      const std::span bytes(prefix.address.bytes);
      if (family == Family::v4) {
        store_be32(bytes.first<4>(), static_cast<std::uint32_t>(node.bits.high >> 32U));
      } else {
        store_be64(bytes.first<8>(), node.bits.high);
        store_be64(bytes.last<8>(), node.bits.low);
      }
      into.push_back({prefix, *node.peer});
    }
    for (const std::size_t side : {1U, 0U})
      if (node.child[side] != kNone) open.push_back(node.child[side]);
  }
}

}  // namespace wgscope::tunnel
