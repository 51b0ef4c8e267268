#include "wgscope/crypto/x25519.hpp"

#include <array>
#include <cstddef>
#include <memory>

#include <openssl/evp.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/secret.hpp"

namespace wgscope::crypto {
namespace {

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};

const unsigned char* as_uchar(const std::byte* bytes) {
  return reinterpret_cast<const unsigned char*>(bytes);
}

}  // namespace

Result<std::array<std::byte, 32>> derive_public_key(const Secret<32>& private_key) {
  const std::unique_ptr<EVP_PKEY, FreeKey> key(EVP_PKEY_new_raw_private_key(
      EVP_PKEY_X25519, nullptr, as_uchar(private_key.bytes().data()), private_key.bytes().size()));
  std::array<std::byte, 32> derived{};
  std::size_t size = derived.size();
  if (!key ||
      EVP_PKEY_get_raw_public_key(key.get(), reinterpret_cast<unsigned char*>(derived.data()),
                                  &size) != 1 ||
      size != derived.size())
    return fail(Errc::io, "OpenSSL could not derive an X25519 public key");
  return derived;
}

}  // namespace wgscope::crypto
