#include "wgscope/crypto/random.hpp"

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <span>

#include <openssl/rand.h>

namespace wgscope::crypto {

void SystemRandom::fill(std::span<std::byte> out) {
  if (RAND_priv_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(out.size())) ==
      1)
    return;
  static_cast<void>(std::fputs(
      "wgscope: OpenSSL did not provide random bytes; keys would be predictable\n", stderr));
  std::abort();
}

}  // namespace wgscope::crypto
