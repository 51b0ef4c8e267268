#include "exporter/isolation/shared_memory.hpp"

#include <cerrno>
#include <cstddef>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>
#include <utility>

#include "wgscope/base/result.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::exporter {

SharedMemory::SharedMemory(SharedMemory&& other) noexcept
    : descriptor_(std::move(other.descriptor_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

SharedMemory& SharedMemory::operator=(SharedMemory&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

SharedMemory::~SharedMemory() {
  if (data_ != nullptr) munmap(data_, size_);
}

Result<SharedMemory> SharedMemory::make(std::size_t size) {
  SharedMemory memory;
  memory.descriptor_.reset(memfd_create("wgscope-reading", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  const int fd = memory.descriptor_.get();
  if (fd < 0 || ftruncate(fd, static_cast<off_t>(size)) != 0)
    return fail_errno("make memory to share", errno);
  void* const data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (data == MAP_FAILED) return fail_errno("map memory to share", errno);
  memory.data_ = static_cast<std::byte*>(data);
  memory.size_ = size;
  // Our own mapping stays writable; no new one can be.
  if (fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    return fail_errno("seal memory to share", errno);
  return memory;
}

Result<SharedMemory> SharedMemory::map(os::UniqueFd descriptor) {
  const int seals = fcntl(descriptor.get(), F_GET_SEALS);
  struct stat status{};
  if (seals < 0 || (seals & F_SEAL_SHRINK) == 0 || fstat(descriptor.get(), &status) != 0)
    return fail(Errc::bad_value, "the reading process handed over memory that may vanish");
  SharedMemory memory;
  const auto size = static_cast<std::size_t>(status.st_size);
  void* const data = mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor.get(), 0);
  if (data == MAP_FAILED)
    return fail_errno("map the memory that the reading process shares", errno);
  memory.data_ = static_cast<std::byte*>(data);
  memory.size_ = size;
  return memory;
}

}  // namespace wgscope::exporter
