#include "exporter/history.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <fmt/format.h>

#include "wgscope/base/time.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/public_key.hpp"

#include "exporter/peer_history.hpp"
#include "exporter/peer_memory.hpp"

namespace wgscope::exporter {

void PeerTable::begin_reading() {
  ++reading_;
  next_ = 0;
}

std::size_t PeerTable::slot_of(const PublicKey& key) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = hash_(key) & mask;
  while (slots_[slot] != kFree && entries_[slots_[slot]].key != key) slot = (slot + 1) & mask;
  return slot;
}

void PeerTable::rebuild(std::size_t slots) {
  slots_.assign(slots, kFree);
  for (std::uint32_t i = 0; i < entries_.size(); ++i) slots_[slot_of(entries_[i].key)] = i;
}

PeerHistory* PeerTable::find(const PublicKey& key, WallTime now) {
  std::size_t index = next_;
  if (index >= entries_.size() || entries_[index].key != key) {
    if (slots_.size() < 2 * (entries_.size() + 1))
      rebuild(std::bit_ceil(std::max<std::size_t>(16, 2 * (entries_.size() + 1))));
    const std::size_t slot = slot_of(key);
    if (slots_[slot] == kFree) {
      slots_[slot] = static_cast<std::uint32_t>(entries_.size());
      PeerHistory& added = entries_.emplace_back();
      added.key = key;
      added.first_seen = now;
      if (remembers_) memories_.emplace_back();
    }
    index = slots_[slot];
  }
  next_ = index + 1;
  PeerHistory& entry = entries_[index];
  if (std::exchange(entry.last_seen, reading_) == reading_) return nullptr;
  return &entry;
}

bool PeerTable::forget_unlisted(const Gone& gone) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].last_seen != reading_) {
      if (gone) gone(entries_[i], remembers_ ? &memories_[i] : nullptr);
      continue;
    }
    if (kept != i) {
      entries_[kept] = entries_[i];
      if (remembers_) memories_[kept] = memories_[i];
    }
    ++kept;
  }
  if (kept == entries_.size()) return false;
  entries_.resize(kept);
  if (remembers_) memories_.resize(kept);
  rebuild(slots_.size());
  return true;
}

void PeerTable::restore(const PublicKey& key, WallTime first_seen, const PeerMemory& memory) {
  // Reading 0 lists nobody: the entry is made, and unseen. The first of two is kept.
  const std::size_t before = entries_.size();
  static_cast<void>(find(key, first_seen));
  if (entries_.size() == before) return;
  entries_.back().restored = true;
  if (remembers_) memories_.back() = memory;
}

void PeerTable::restart_events() {
  for (PeerHistory& entry : entries_) exporter::restart_events(entry);
}

void PeerTable::outlive_interface() {
  for (PeerHistory& entry : entries_) entry.outlived = true;
}

InterfaceHistory& History::of(const Device& device, WallTime now) {
  const auto [entry, is_new] =
      interfaces_.try_emplace({device.netns, device.name}, seed_, remembers_);
  InterfaceHistory& interface = entry->second;
  if (device.link && (interface.ifindex != device.link->ifindex || !interface.created)) {
    if (interface.ifindex != 0) {
      interface.peers.restart_events();
      interface.made_anew = true;
    }
    interface.peers.outlive_interface();
    interface.new_peer_resets = 0;
    interface.ifindex = device.link->ifindex;
    interface.created = now;
    changed_ = true;
  }
  changed_ |= is_new;
  return interface;
}

void History::watch_clock(Now now) {
  const Nanoseconds offset = now.wall.since_epoch - now.boot.since_boot;
  if (clock_offset_ && std::chrono::abs(offset - *clock_offset_) > std::chrono::seconds(1))
    ++clock_steps_;
  clock_offset_ = offset;
}

}  // namespace wgscope::exporter
