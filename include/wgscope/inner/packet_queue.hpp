#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "wgscope/inner/ring.hpp"

namespace wgscope::inner {

/// Packets that wait to be sent, at most `limit`.
class PacketQueue {
 public:
  explicit PacketQueue(std::size_t limit) : limit_(limit) {}

  [[nodiscard]] bool full() const { return packets_.size() >= limit_; }
  [[nodiscard]] bool empty() const { return packets_.empty(); }

  [[nodiscard]] std::uint64_t refused() const { return refused_; }

  /// Room for a packet of `size` bytes at the end, to be filled before the next call; empty when
  /// full.
  std::span<std::byte> add(std::size_t size) {
    if (full()) {
      ++refused_;
      return {};
    }
    auto& packet = packets_.push();
    packet.resize(size);
    return packet;
  }

  /// The first packet, taken out; empty when there is none. Valid until the next add().
  std::span<const std::byte> take() {
    if (packets_.empty()) return {};
    return packets_.pop();
  }

 private:
  Ring<std::vector<std::byte>> packets_;
  std::size_t limit_;
  std::uint64_t refused_ = 0;
};

}  // namespace wgscope::inner
