#include "wgscope/base/secret.hpp"

#include <cstddef>
#include <cstring>
#include <span>

namespace wgscope {

void wipe(std::span<std::byte> memory) noexcept {
  if (!memory.empty()) explicit_bzero(memory.data(), memory.size());
}

void wipe(std::span<char> memory) noexcept { wipe(std::as_writable_bytes(memory)); }

}  // namespace wgscope
