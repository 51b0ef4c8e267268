#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace wgscope {

/// Overwrites memory so that the compiler may not leave it out.
void wipe(std::span<std::byte> memory) noexcept;
void wipe(std::span<char> memory) noexcept;

/// N bytes that must not leak: move-only, wiped when moved from and when destroyed, without any way
/// to print them.
template <std::size_t N>
class Secret {
 public:
  Secret() = default;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  Secret(Secret&& other) noexcept : bytes_(other.bytes_) { wipe(other.bytes()); }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      bytes_ = other.bytes_;
      wipe(other.bytes());
    }
    return *this;
  }
  ~Secret() { wipe(bytes()); }

  [[nodiscard]] std::span<std::byte, N> bytes() { return bytes_; }
  [[nodiscard]] std::span<const std::byte, N> bytes() const { return bytes_; }

  /// Makes a copy. Secrets have no copy constructor, so that none is made by accident.
  [[nodiscard]] Secret clone() const {
    Secret copy;
    copy.bytes_ = bytes_;
    return copy;
  }

 private:
  std::array<std::byte, N> bytes_{};
};

/// Wipes a buffer when the scope ends, however it ends.
class WipeGuard {
 public:
  explicit WipeGuard(std::span<std::byte> memory) : memory_(memory) {}
  explicit WipeGuard(std::span<char> memory) : memory_(std::as_writable_bytes(memory)) {}
  WipeGuard(const WipeGuard&) = delete;
  WipeGuard& operator=(const WipeGuard&) = delete;
  ~WipeGuard() { wipe(memory_); }

 private:
  std::span<std::byte> memory_;
};

}  // namespace wgscope
