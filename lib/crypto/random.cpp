#include "wgscope/crypto/random.hpp"

#include <cstddef>
#include <span>

#include <sodium/randombytes.h>

namespace wgscope::crypto {

// Ends the process itself where the kernel gives nothing.
void SystemRandom::fill(std::span<std::byte> out) {
  if (!out.empty()) randombytes_buf(out.data(), out.size());
}

}  // namespace wgscope::crypto
