#include "allocation_watch.hpp"

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <malloc.h>
#include <new>
#include <string_view>

namespace wgscope::testing {
namespace {

struct Watched {
  bool active = false;
  std::string_view needle;
  std::size_t count = 0;
  std::size_t bytes = 0;
  std::size_t leaked = 0;
};

thread_local Watched watched;

void* allocate(std::size_t size) noexcept {
  if (watched.active) {
    ++watched.count;
    watched.bytes += size;
  }
  void* memory = std::malloc(size);
  // What earlier owners left in a block is not the fault of the one that is watched.
  if (watched.active && memory != nullptr) std::memset(memory, 0, malloc_usable_size(memory));
  return memory;
}

void* allocate_or_throw(std::size_t size) {
  void* memory = allocate(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void release(void* memory) noexcept {
  if (watched.active && memory != nullptr && !watched.needle.empty()) {
    const std::string_view block(static_cast<const char*>(memory), malloc_usable_size(memory));
    if (block.find(watched.needle) != std::string_view::npos) ++watched.leaked;
  }
  std::free(memory);
}

}  // namespace

void AllocationWatch::start(std::string_view needle) { watched = {true, needle, 0, 0, 0}; }
void AllocationWatch::stop() { watched.active = false; }
std::size_t AllocationWatch::count() { return watched.count; }
std::size_t AllocationWatch::bytes() { return watched.bytes; }
std::size_t AllocationWatch::leaked() { return watched.leaked; }

}  // namespace wgscope::testing

// All but the aligned forms, which have their own delete.
void* operator new(std::size_t size) { return wgscope::testing::allocate_or_throw(size); }
void* operator new[](std::size_t size) { return wgscope::testing::allocate_or_throw(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return wgscope::testing::allocate(size);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return wgscope::testing::allocate(size);
}
void operator delete(void* memory) noexcept { wgscope::testing::release(memory); }
void operator delete[](void* memory) noexcept { wgscope::testing::release(memory); }
void operator delete(void* memory, std::size_t) noexcept { wgscope::testing::release(memory); }
void operator delete[](void* memory, std::size_t) noexcept { wgscope::testing::release(memory); }
