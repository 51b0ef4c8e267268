#include "wgscope/crypto/quick_start.hpp"

#include <openssl/crypto.h>

namespace wgscope::crypto {

void start_quickly() {
  // If it fails, the first use of OpenSSL says so, which then starts as always.
  static_cast<void>(
      OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ADD_ALL_CIPHERS |
                              OPENSSL_INIT_NO_ADD_ALL_DIGESTS |
                              OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS | OPENSSL_INIT_NO_ATEXIT,
                          nullptr));
}

}  // namespace wgscope::crypto
