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

/// Events that wait to be polled. `limit` holds only for those that outsiders can cause at will.
class EventQueue {
 public:
  explicit EventQueue(std::size_t limit) : limit_(limit) {}

  [[nodiscard]] bool full() const { return entries_.size() >= limit_; }

  /// Adds an event even if the queue is full. Use it only for events whose number is limited by the
  /// number of connections.
  void add(Event event) { entries_.push().event = std::move(event); }

  /// Adds a datagram and copies its payload. The queue must not be full.
  void add_datagram(const UdpReceived& received) {
    Entry& entry = entries_.push();
    entry.payload.assign(received.payload.begin(), received.payload.end());
    entry.event = received;
  }

  /// Removes and returns the first event. Its payload is valid until the next add…().
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
