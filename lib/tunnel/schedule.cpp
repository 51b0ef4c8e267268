#include "schedule.hpp"

#include <cassert>
#include <cstddef>
#include <optional>
#include <utility>

#include "wgscope/base/time.hpp"
#include "wgscope/tunnel/event.hpp"

namespace wgscope::tunnel {

void Schedule::add([[maybe_unused]] PeerId peer) {
  assert(peer.value == places_.size());
  places_.push_back(kNone);
  heap_.reserve(places_.capacity());  // grows as that does: adding a peer copies nothing, mostly
}

void Schedule::put(std::size_t place, Entry entry) {
  heap_[place] = entry;
  places_[entry.peer.value] = place;
}

void Schedule::sift_up(std::size_t place) {
  const Entry entry = heap_[place];
  while (place > 0) {
    const std::size_t parent = (place - 1) / 2;
    if (heap_[parent].due <= entry.due) break;
    put(place, heap_[parent]);
    place = parent;
  }
  put(place, entry);
}

void Schedule::sift_down(std::size_t place) {
  const Entry entry = heap_[place];
  for (std::size_t child = 2 * place + 1; child < heap_.size(); child = 2 * place + 1) {
    if (child + 1 < heap_.size() && heap_[child + 1].due < heap_[child].due) ++child;
    if (entry.due <= heap_[child].due) break;
    put(place, heap_[child]);
    place = child;
  }
  put(place, entry);
}

void Schedule::move(PeerId peer, Instant due) {
  std::size_t place = places_[peer.value];
  if (place == kNone) {
    place = heap_.size();
    heap_.push_back({due, peer});
  }
  heap_[place].due = due;  // never later than before: by() sees to that
  sift_up(place);
}

void Schedule::clear(PeerId peer) {
  const std::size_t place = std::exchange(places_[peer.value], kNone);
  if (place == kNone) return;
  const Entry last = heap_.back();
  heap_.pop_back();
  if (place == heap_.size()) return;
  put(place, last);
  sift_up(place);
  sift_down(places_[last.peer.value]);
}

std::optional<PeerId> Schedule::pop(Instant now) {
  if (heap_.empty() || heap_.front().due > now) return std::nullopt;
  const PeerId peer = heap_.front().peer;
  clear(peer);
  return peer;
}

}  // namespace wgscope::tunnel
