#include "wgscope/crypto/blake2s.hpp"

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <span>
#include <tuple>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

namespace wgscope::crypto {
namespace {

struct Free {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};
using HashContext = std::unique_ptr<EVP_MD_CTX, Free>;
using MacContext = std::unique_ptr<EVP_MAC_CTX, Free>;

const unsigned char* as_uchar(std::span<const std::byte> bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* writable(std::span<std::byte> bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

/// Hashing fails only when memory is exhausted or a call here is wrong.
void must(bool done) {
  if (done) return;
  static_cast<void>(std::fputs("wgscope: OpenSSL could not hash\n", stderr));
  std::abort();
}

/// Algorithms are fetched once, and contexts kept for each thread: looking them up costs
/// more than hashing.
EVP_MD_CTX* hash_context() {
  static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "BLAKE2S-256", nullptr);
  thread_local const HashContext context(EVP_MD_CTX_new());
  must(context && EVP_DigestInit_ex2(context.get(), algorithm, nullptr) == 1);
  return context.get();
}

MacContext make_mac_context(const char* name, const OSSL_PARAM* params) {
  EVP_MAC* const algorithm = EVP_MAC_fetch(nullptr, name, nullptr);
  must(algorithm != nullptr);
  MacContext context(EVP_MAC_CTX_new(algorithm));
  EVP_MAC_free(algorithm);  // the context keeps it
  must(context && EVP_MAC_CTX_set_params(context.get(), params) == 1);
  return context;
}

EVP_MAC_CTX* keyed_context() {
  thread_local const MacContext context = [] {
    std::size_t size = std::tuple_size_v<Mac>;
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
                                 OSSL_PARAM_construct_end()};
    return make_mac_context("BLAKE2SMAC", params);
  }();
  return context.get();
}

EVP_MAC_CTX* hmac_context() {
  thread_local const MacContext context = [] {
    char digest[] = "BLAKE2S-256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                 OSSL_PARAM_construct_end()};
    return make_mac_context("HMAC", params);
  }();
  return context.get();
}

void finish(EVP_MAC_CTX* context, std::span<std::byte> out) {
  std::size_t size = 0;
  must(EVP_MAC_final(context, writable(out), &size, out.size()) == 1 && size == out.size());
}

}  // namespace

Hash hash(std::initializer_list<std::span<const std::byte>> parts) {
  EVP_MD_CTX* const context = hash_context();
  for (const auto part : parts) must(EVP_DigestUpdate(context, part.data(), part.size()) == 1);
  Hash out{};
  unsigned int size = 0;
  must(EVP_DigestFinal_ex(context, writable(out), &size) == 1 && size == out.size());
  return out;
}

Mac mac(std::span<const std::byte> key, std::span<const std::byte> data) {
  EVP_MAC_CTX* const context = keyed_context();
  must(EVP_MAC_init(context, as_uchar(key), key.size(), nullptr) == 1 &&
       EVP_MAC_update(context, as_uchar(data), data.size()) == 1);
  Mac out{};
  finish(context, out);
  return out;
}

void hmac(std::span<const std::byte, 32> key,
          std::initializer_list<std::span<const std::byte>> parts, std::span<std::byte, 32> out) {
  EVP_MAC_CTX* const context = hmac_context();
  must(EVP_MAC_init(context, as_uchar(key), key.size(), nullptr) == 1);
  for (const auto part : parts) must(EVP_MAC_update(context, as_uchar(part), part.size()) == 1);
  finish(context, out);
}

void forget_hmac_key() {
  constexpr std::array<std::byte, 32> kNoKey{};
  must(EVP_MAC_init(hmac_context(), as_uchar(kNoKey), kNoKey.size(), nullptr) == 1);
}

bool equal(std::span<const std::byte> a, std::span<const std::byte> b) {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace wgscope::crypto
