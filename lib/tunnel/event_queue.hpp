#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "wgscope/tunnel/event.hpp"

namespace wgscope::tunnel {

/// The last events that were not taken yet. Bounded, because each hostile datagram makes one.
class EventQueue {
 public:
  static constexpr std::size_t kCapacity = 256;

  EventQueue() { ring_.resize(kCapacity); }

  void push(const Event& event) {
    if (size_ == kCapacity) {
      first_ = (first_ + 1) % kCapacity;
      --size_;
      ++lost_;
    }
    ring_[(first_ + size_++) % kCapacity] = event;
  }

  std::optional<Event> pop() {
    if (size_ == 0) return std::nullopt;
    const Event event = ring_[first_];
    first_ = (first_ + 1) % kCapacity;
    --size_;
    return event;
  }

  [[nodiscard]] std::uint64_t lost() const { return lost_; }

 private:
  std::vector<Event> ring_;
  std::size_t first_ = 0;
  std::size_t size_ = 0;
  std::uint64_t lost_ = 0;
};

}  // namespace wgscope::tunnel
