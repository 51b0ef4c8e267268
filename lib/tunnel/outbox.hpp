#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "wgscope/model/address.hpp"
#include "wgscope/tunnel/interface.hpp"
#include "wgscope/wire/message.hpp"

namespace wgscope::tunnel {

/// Datagrams on their way out, one behind the other in one piece of memory, so that neighbours of
/// one address and size are a batch without being copied (UDP_SEGMENT). Emptied by take(); written
/// again from the front once all were taken.
class Outbox {
 public:
  static constexpr std::size_t kCapacity = 512UL * 1024;
  /// Kept free for handshakes and keepalives, which must not fail because data fills the rest.
  static constexpr std::size_t kReserve = 64UL * 1024;
  // What UDP_SEGMENT takes at once: UDP_MAX_SEGMENTS (linux/udp.h), and what fits one IP packet.
  static constexpr std::size_t kMaxSegments = 64;
  static constexpr std::size_t kMaxBatch = 65'000;

  /// The least that an entry of the list can be.
  static constexpr std::size_t kSmallest = wire::kKeepaliveSize;

  /// @param reserved  InterfaceConfig::reserved
  explicit Outbox(std::optional<std::array<std::byte, 3>> reserved = {})
      : reserved_(reserved), memory_(new std::byte[kCapacity]) {
    entries_.reserve(kCapacity / kSmallest);
  }

  /// Gives room for a datagram of `size` bytes, to be filled before commit(); empty where there is
  /// not enough. @param reserve  what must stay free behind it.
  [[nodiscard]] std::span<std::byte> open(std::size_t size, std::size_t reserve = 0) {
    if (taken_ == entries_.size()) clear();
    if (size + reserve > kCapacity - used_ || entries_.size() == entries_.capacity()) return {};
    return {memory_.get() + used_, size};
  }
  /// Sends what open() gave room for, a whole message.
  void commit(const Endpoint& to, std::size_t size) {
    if (reserved_) std::ranges::copy(*reserved_, memory_.get() + used_ + 1);
    entries_.push_back({to, used_, size});
    used_ += size;
  }

  [[nodiscard]] bool empty() const { return taken_ == entries_.size(); }
  /// The next batch; valid until the next open().
  std::optional<Transmit> take();

 private:
  struct Entry {
    Endpoint to;
    std::size_t offset;
    std::size_t size;
  };

  void clear() {
    entries_.clear();
    taken_ = used_ = 0;
  }

  std::optional<std::array<std::byte, 3>> reserved_;
  std::unique_ptr<std::byte[]>
      memory_;  // not a vector: its pages are touched only as they are used
  std::vector<Entry> entries_;
  std::size_t used_ = 0;
  std::size_t taken_ = 0;  ///< how many entries take() has handed out
};

}  // namespace wgscope::tunnel
