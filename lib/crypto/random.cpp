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
      "wgscope: OpenSSL gives no random bytes; going on would make predictable keys\n", stderr));
  std::abort();
}

}  // namespace wgscope::crypto
