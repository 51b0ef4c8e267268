#include "wgscope/crypto/x25519.hpp"

#include <array>
#include <cstddef>
#include <span>

#include <sodium/core.h>
#include <sodium/crypto_scalarmult_curve25519.h>

#include "wgscope/base/random.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/secret.hpp"

// libsodium and not OpenSSL, which multiplies as fast but wants a key object for each key: making
// one costs a third of a multiplication more, and a handshake makes one.

namespace wgscope::crypto {
namespace {

const unsigned char* as_uchar(const std::byte* bytes) {
  return reinterpret_cast<const unsigned char*>(bytes);
}
unsigned char* as_uchar(std::byte* bytes) { return reinterpret_cast<unsigned char*>(bytes); }

/// Lets libsodium choose the code for this processor: a multiplication then takes 30 µs instead of
/// 41, and that of the base point 28 instead of 15, which is the lesser loss where keys agree.
void choose_code() {
  static const bool chosen = sodium_init() >= 0;  // without, everything works all the same
  static_cast<void>(chosen);
}

}  // namespace

Result<X25519Key> X25519Key::from_private(const Secret<32>& private_key) {
  choose_code();
  auto public_key = derive_public_key(private_key);
  if (!public_key) return tl::unexpected(public_key.error());
  return X25519Key(private_key.clone(), *public_key);
}

Result<X25519Key> X25519Key::generate(Random& random) {
  Secret<32> private_key;
  random.fill(private_key.bytes());
  return from_private(private_key);
}

bool X25519Key::agree(std::span<const std::byte, 32> peer, Secret<32>& shared) const {
  // Refuses an all-zero result (RFC 7748 §6.1).
  return crypto_scalarmult_curve25519(as_uchar(shared.bytes().data()),
                                      as_uchar(private_key_.bytes().data()),
                                      as_uchar(peer.data())) == 0;
}

Result<std::array<std::byte, 32>> derive_public_key(const Secret<32>& private_key) {
  std::array<std::byte, 32> public_key{};
  if (crypto_scalarmult_curve25519_base(as_uchar(public_key.data()),
                                        as_uchar(private_key.bytes().data())) != 0)
    return fail(Errc::io, "libsodium could not derive an X25519 public key");
  return public_key;
}

}  // namespace wgscope::crypto
