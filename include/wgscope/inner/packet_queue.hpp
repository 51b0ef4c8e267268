#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "wgscope/inner/ring.hpp"

namespace wgscope::inner {

/// At most `limit` packets that wait to be sent.
class PacketQueue {
 public:
  explicit PacketQueue(std::size_t limit) : limit_(limit) {}

  [[nodiscard]] bool full() const { return packets_.size() >= limit_; }
  [[nodiscard]] bool empty() const { return packets_.empty(); }
  /// How many more packets fit.
  [[nodiscard]] std::size_t room() const { return full() ? 0 : limit_ - packets_.size(); }
  void refuse() { ++refused_; }

  [[nodiscard]] std::uint64_t refused() const { return refused_; }

  /// Memory for a packet of `size` bytes at the end of the queue, to be filled before the next
  /// call; empty if the queue is full.
  std::span<std::byte> add(std::size_t size) {
    if (full()) {
      ++refused_;
      return {};
    }
    Packet& packet = packets_.push();
    packet.size = size;
    if (packet.memory.size() < size) packet.memory.resize(size);
    return std::span(packet.memory).first(size);
  }

  /// Removes and returns the first packet; empty if there is none. Valid until the next add().
  std::span<const std::byte> take() {
    if (packets_.empty()) return {};
    const Packet& packet = packets_.pop();
    return std::span(packet.memory).first(packet.size);
  }

 private:
  struct Packet {
    std::vector<std::byte> memory;  ///< never shrinks, so that it is not cleared again and again
    std::size_t size = 0;
  };

  Ring<Packet> packets_;
  std::size_t limit_;
  std::uint64_t refused_ = 0;
};

}  // namespace wgscope::inner
