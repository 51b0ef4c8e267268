#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "wgscope/inner/event.hpp"
#include "wgscope/inner/ring.hpp"

namespace wgscope::inner {

/// Events that wait to be polled, at most `limit` of those that outsiders cause at will.
class EventQueue {
 public:
  explicit EventQueue(std::size_t limit) : limit_(limit) {}

  [[nodiscard]] bool full() const { return entries_.size() >= limit_; }

  /// Never refused: for events whose number the connections bound.
  void add(Event event) { entries_.push().event = std::move(event); }

  /// Copies the payload. The queue is not full.
  void add_datagram(const UdpReceived& received) {
    Entry& entry = entries_.push();
    entry.payload.assign(received.payload.begin(), received.payload.end());
    entry.event = received;
  }

  /// The first event, taken out. A payload is valid until the next add.
  std::optional<Event> take() {
    if (entries_.empty()) return std::nullopt;
    Entry& entry = entries_.pop();
    if (auto* received = std::get_if<UdpReceived>(&entry.event)) received->payload = entry.payload;
    return entry.event;
  }

 private:
  struct Entry {
    Event event;
    std::vector<std::byte> payload;
  };

  Ring<Entry> entries_;
  std::size_t limit_;
};

}  // namespace wgscope::inner
