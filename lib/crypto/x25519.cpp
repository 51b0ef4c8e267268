#include "wgscope/crypto/x25519.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <sodium/crypto_scalarmult_curve25519.h>

#include "wgscope/base/random.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/secret.hpp"

namespace wgscope::crypto {
namespace {

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeContext {
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;
using Context = std::unique_ptr<EVP_PKEY_CTX, FreeContext>;

const unsigned char* as_uchar(const std::byte* bytes) {
  return reinterpret_cast<const unsigned char*>(bytes);
}
unsigned char* as_uchar(std::byte* bytes) { return reinterpret_cast<unsigned char*>(bytes); }

/// A thread's key object for the other side: making one for each agreement costs a tenth of it.
EVP_PKEY* kept_peer() {
  constexpr std::array<std::byte, 32> kAny{std::byte{9}};
  thread_local const Key key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, as_uchar(kAny.data()), kAny.size()));
  return key.get();
}

/// Anyone may send a point that is refused, and OpenSSL notes that in the thread's error queue: it
/// would be taken for an error of the next TLS connection that the thread serves.
class NoErrorsLeft {
 public:
  NoErrorsLeft() { ERR_set_mark(); }
  NoErrorsLeft(const NoErrorsLeft&) = delete;
  NoErrorsLeft& operator=(const NoErrorsLeft&) = delete;
  ~NoErrorsLeft() { ERR_pop_to_mark(); }
};

}  // namespace

/// OpenSSL multiplies once when it makes the key object, and once an agreement as long as it is
/// kept.
struct X25519Key::Handle {
  Key key;
  Context context;
};

X25519Key::X25519Key(std::unique_ptr<Handle> handle, const std::array<std::byte, 32>& public_key)
    : handle_(std::move(handle)), public_key_(public_key) {}
X25519Key::X25519Key(X25519Key&&) noexcept = default;
X25519Key& X25519Key::operator=(X25519Key&&) noexcept = default;
X25519Key::~X25519Key() = default;

Result<X25519Key> X25519Key::from_private(const Secret<32>& private_key) {
  auto handle = std::make_unique<Handle>();
  handle->key.reset(EVP_PKEY_new_raw_private_key(
      EVP_PKEY_X25519, nullptr, as_uchar(private_key.bytes().data()), private_key.bytes().size()));
  std::array<std::byte, 32> public_key{};
  std::size_t size = public_key.size();
  if (!handle->key ||
      EVP_PKEY_get_raw_public_key(handle->key.get(), as_uchar(public_key.data()), &size) != 1 ||
      size != public_key.size())
    return fail(Errc::io, "OpenSSL could not derive an X25519 public key");
  handle->context.reset(EVP_PKEY_CTX_new(handle->key.get(), nullptr));
  if (!handle->context || EVP_PKEY_derive_init(handle->context.get()) != 1)
    return fail(Errc::io, "OpenSSL could not prepare an X25519 key");
  return X25519Key(std::move(handle), public_key);
}

Result<X25519Key> X25519Key::generate(Random& random) {
  Secret<32> private_key;
  random.fill(private_key.bytes());
  return from_private(private_key);
}

bool X25519Key::agree(std::span<const std::byte, 32> peer, Secret<32>& shared) const {
  const NoErrorsLeft guard;
  EVP_PKEY* const other = kept_peer();
  std::size_t size = shared.bytes().size();
  // Nothing is asked of the point before: the derivation fails for an all-zero result (RFC 7748
  // §6.1), and any other is right.
  return other &&
         EVP_PKEY_set1_encoded_public_key(other, as_uchar(peer.data()), peer.size()) == 1 &&
         EVP_PKEY_derive_set_peer_ex(handle_->context.get(), other, 0) == 1 &&
         EVP_PKEY_derive(handle_->context.get(), as_uchar(shared.bytes().data()), &size) == 1 &&
         size == shared.bytes().size();
}

// libsodium multiplies the base point in a third of the time that making OpenSSL's key object
// takes, and a scrape of a userspace interface needs nothing else of its key.
Result<std::array<std::byte, 32>> derive_public_key(const Secret<32>& private_key) {
  std::array<std::byte, 32> public_key{};
  if (crypto_scalarmult_curve25519_base(as_uchar(public_key.data()),
                                        as_uchar(private_key.bytes().data())) != 0)
    return fail(Errc::io, "libsodium could not derive an X25519 public key");
  return public_key;
}

}  // namespace wgscope::crypto
