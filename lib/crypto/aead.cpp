#include "wgscope/crypto/aead.hpp"

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>

#include <openssl/evp.h>
#include <sodium.h>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/secret.hpp"

namespace wgscope::crypto {
namespace {

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;
using Nonce = std::array<std::byte, 12>;

/// Sealing fails only when memory is exhausted or a call here is wrong: what was to be secret must
/// not go out half done.
void must(bool done) {
  if (done) return;
  static_cast<void>(std::fputs("wgscope: OpenSSL or libsodium could not encrypt\n", stderr));
  std::abort();
}

const unsigned char* as_uchar(const std::byte* bytes) {
  return reinterpret_cast<const unsigned char*>(bytes);
}
unsigned char* as_uchar(std::byte* bytes) { return reinterpret_cast<unsigned char*>(bytes); }

/// Fetched once: looking an algorithm up costs more than a short message.
const EVP_CIPHER* cipher() {
  static EVP_CIPHER* const fetched = EVP_CIPHER_fetch(nullptr, "ChaCha20-Poly1305", nullptr);
  return fetched;
}

Nonce nonce_of(std::uint64_t counter) {
  Nonce nonce{};
  store_le64(std::span(nonce).last<8>(), counter);
  return nonce;
}

void seal_with(EVP_CIPHER_CTX* context, std::span<const std::byte> data,
               std::span<const std::byte> plain, std::span<std::byte> out) {
  assert(out.size() == plain.size() + kAeadTagSize);
  int size = 0;
  if (!data.empty())
    must(EVP_EncryptUpdate(context, nullptr, &size, as_uchar(data.data()),
                           static_cast<int>(data.size())) == 1);
  if (!plain.empty())
    must(EVP_EncryptUpdate(context, as_uchar(out.data()), &size, as_uchar(plain.data()),
                           static_cast<int>(plain.size())) == 1);
  std::byte* const tag = out.data() + plain.size();
  must(EVP_EncryptFinal_ex(context, as_uchar(tag), &size) == 1);
  must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kAeadTagSize, tag) == 1);
}

bool open_with(EVP_CIPHER_CTX* context, std::span<const std::byte> data,
               std::span<const std::byte> sealed, std::span<std::byte> out) {
  assert(out.size() + kAeadTagSize == sealed.size());
  int size = 0;
  std::array<std::byte, kAeadTagSize> tag{};
  std::memcpy(tag.data(), sealed.last(kAeadTagSize).data(), kAeadTagSize);
  if (EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kAeadTagSize, tag.data()) != 1)
    return false;
  if (!data.empty() && EVP_DecryptUpdate(context, nullptr, &size, as_uchar(data.data()),
                                         static_cast<int>(data.size())) != 1)
    return false;
  if (!out.empty() && EVP_DecryptUpdate(context, as_uchar(out.data()), &size,
                                        as_uchar(sealed.data()), static_cast<int>(out.size())) != 1)
    return false;
  std::array<unsigned char, 1> nothing{};
  return EVP_DecryptFinal_ex(context, nothing.data(), &size) == 1;
}

Context make_context() {
  Context context(EVP_CIPHER_CTX_new());
  must(context != nullptr);
  return context;
}

/// A context kept for messages under keys used once. The key is overwritten as soon as the message
/// is done: it would else lie in the thread's context until its next handshake.
class OnceContext {
 public:
  OnceContext(const std::byte* key, bool encrypt) { init(key, encrypt); }
  OnceContext(const OnceContext&) = delete;
  OnceContext& operator=(const OnceContext&) = delete;
  ~OnceContext() {
    constexpr std::array<std::byte, 32> kNoKey{};
    init(kNoKey.data(), true);
  }

  [[nodiscard]] EVP_CIPHER_CTX* get() const { return kept(); }

 private:
  static EVP_CIPHER_CTX* kept() {
    thread_local const Context context = make_context();
    return context.get();
  }
  static void init(const std::byte* key, bool encrypt) {
    constexpr Nonce kZero{};
    must(EVP_CipherInit_ex2(kept(), cipher(), as_uchar(key), as_uchar(kZero.data()),
                            encrypt ? 1 : 0, nullptr) == 1);
  }
};

/// libsodium chooses its fastest code for this machine when it is initialized.
void init_sodium() {
  static const bool initialized = sodium_init() >= 0;
  must(initialized);
}

}  // namespace

struct Aead::Handle {
  Context context;
};

Aead::Aead(Direction direction, const Secret<32>& key)
    : handle_(std::make_unique<Handle>(Handle{make_context()})) {
  must(EVP_CipherInit_ex2(handle_->context.get(), cipher(), as_uchar(key.bytes().data()), nullptr,
                          direction == Direction::seal ? 1 : 0, nullptr) == 1);
}
Aead::Aead(Aead&&) noexcept = default;
Aead& Aead::operator=(Aead&&) noexcept = default;
Aead::~Aead() = default;

void Aead::seal(std::uint64_t counter, std::span<const std::byte> plain, std::span<std::byte> out) {
  const Nonce nonce = nonce_of(counter);
  must(EVP_EncryptInit_ex2(handle_->context.get(), nullptr, nullptr, as_uchar(nonce.data()),
                           nullptr) == 1);
  seal_with(handle_->context.get(), {}, plain, out);
}

bool Aead::open(std::uint64_t counter, std::span<const std::byte> sealed,
                std::span<std::byte> out) {
  if (sealed.size() < kAeadTagSize) return false;
  const Nonce nonce = nonce_of(counter);
  if (EVP_DecryptInit_ex2(handle_->context.get(), nullptr, nullptr, as_uchar(nonce.data()),
                          nullptr) != 1)
    return false;
  return open_with(handle_->context.get(), {}, sealed, out);
}

void seal_once(const Secret<32>& key, std::span<const std::byte> data,
               std::span<const std::byte> plain, std::span<std::byte> out) {
  const OnceContext context(key.bytes().data(), true);
  seal_with(context.get(), data, plain, out);
}

bool open_once(const Secret<32>& key, std::span<const std::byte> data,
               std::span<const std::byte> sealed, std::span<std::byte> out) {
  if (sealed.size() < kAeadTagSize) return false;
  const OnceContext context(key.bytes().data(), false);
  return open_with(context.get(), data, sealed, out);
}

void seal_cookie(std::span<const std::byte, 32> key, std::span<const std::byte, 24> nonce,
                 std::span<const std::byte> data, std::span<const std::byte, 16> plain,
                 std::span<std::byte, 32> out) {
  init_sodium();
  must(crypto_aead_xchacha20poly1305_ietf_encrypt(
           as_uchar(out.data()), nullptr, as_uchar(plain.data()), plain.size(),
           as_uchar(data.data()), data.size(), nullptr, as_uchar(nonce.data()),
           as_uchar(key.data())) == 0);
}

bool open_cookie(std::span<const std::byte, 32> key, std::span<const std::byte, 24> nonce,
                 std::span<const std::byte> data, std::span<const std::byte, 32> sealed,
                 std::span<std::byte, 16> out) {
  init_sodium();
  return crypto_aead_xchacha20poly1305_ietf_decrypt(
             as_uchar(out.data()), nullptr, nullptr, as_uchar(sealed.data()), sealed.size(),
             as_uchar(data.data()), data.size(), as_uchar(nonce.data()), as_uchar(key.data())) == 0;
}

}  // namespace wgscope::crypto
