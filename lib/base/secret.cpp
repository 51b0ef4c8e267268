#include "wgscope/base/secret.hpp"

#include <string.h>  // explicit_bzero, not in <cstring>

#include <cstddef>
#include <span>

namespace wgscope {

void wipe(std::span<std::byte> memory) noexcept { explicit_bzero(memory.data(), memory.size()); }

void wipe(std::span<char> memory) noexcept { explicit_bzero(memory.data(), memory.size()); }

}  // namespace wgscope
