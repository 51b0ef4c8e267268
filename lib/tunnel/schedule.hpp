#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/tunnel/event.hpp"

namespace wgscope::tunnel {

/// When each peer's next timer is due: a binary heap that knows where each peer stands in it.
///
/// Every packet moves timers, mostly to later; then a peer's place here may stay too early, and the
/// look at it that comes of that finds nothing due. So the packet path hardly ever touches the
/// heap, and nothing is allocated but for new peers.
class Schedule {
 public:
  void add(PeerId peer);  ///< makes room for a peer; they are added in order, from 0
  void remove(PeerId peer) { clear(peer); }

  /// Sees to it that pop() gives this peer at `due` or earlier.
  void by(PeerId peer, Instant due) {
    const std::size_t place = places_[peer.value];
    if (place == kNone || heap_[place].due > due) move(peer, due);
  }

  [[nodiscard]] std::optional<Instant> next() const {
    return heap_.empty() ? std::nullopt : std::optional(heap_.front().due);
  }
  /// Takes out the earliest peer that is due; it has no place until by() gives it one again.
  std::optional<PeerId> pop(Instant now);

 private:
  static constexpr std::size_t kNone = ~std::size_t{0};
  struct Entry {
    Instant due;
    PeerId peer;
  };

  void move(PeerId peer, Instant due);
  void clear(PeerId peer);
  void put(std::size_t place, Entry entry);
  void sift_up(std::size_t place);
  void sift_down(std::size_t place);

  std::vector<Entry> heap_;
  std::vector<std::size_t> places_;  ///< where each peer stands in heap_; kNone: it is not there
};

}  // namespace wgscope::tunnel
