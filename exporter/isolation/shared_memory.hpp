#pragma once

#include <cstddef>
#include <span>

#include "wgscope/base/result.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::exporter {

/// Memory that one process writes and another one can only read.
class SharedMemory {
 public:
  SharedMemory() = default;
  SharedMemory(SharedMemory&& other) noexcept;
  SharedMemory& operator=(SharedMemory&& other) noexcept;
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  ~SharedMemory();

  /// For the writer. It is sealed (memfd_create(2), F_SEAL_FUTURE_WRITE): whoever gets the
  /// descriptor can neither write nor change its size. @returns io.
  static Result<SharedMemory> make(std::size_t size);
  /// For the reader: maps a descriptor that it was given.
  /// @returns bad_value if its size could still change, which would be a trap (SIGBUS); io.
  static Result<SharedMemory> map(os::UniqueFd descriptor);

  [[nodiscard]] int descriptor() const { return descriptor_.get(); }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::span<std::byte> writable() { return {data_, size_}; }  ///< the writer's only
  [[nodiscard]] std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  os::UniqueFd descriptor_;  ///< the writer's only
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace wgscope::exporter
