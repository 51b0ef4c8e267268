#include "exporter/peer_memory.hpp"

#include <optional>
#include <utility>

#include "wgscope/base/time.hpp"

namespace wgscope::exporter {

void RemovedPeers::add(Id id, const PeerMemory& memory) {
  take(id);
  const auto added = all_.emplace(std::move(id), memory).first;
  by_time_.insert({memory.removed.value_or(WallTime{}), &added->first});
  if (all_.size() <= kMost) return;
  const auto oldest = by_time_.begin();
  all_.erase(all_.find(*oldest->second));
  by_time_.erase(oldest);
}

std::optional<PeerMemory> RemovedPeers::take(const Id& id) {
  const auto found = all_.find(id);
  if (found == all_.end()) return std::nullopt;
  PeerMemory memory = found->second;
  by_time_.erase({memory.removed.value_or(WallTime{}), &found->first});
  all_.erase(found);
  return memory;
}

}  // namespace wgscope::exporter
