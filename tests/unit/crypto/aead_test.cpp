// OpenSSL's cipher behind Aead against libsodium's, and both against published vectors.

#include "wgscope/crypto/aead.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <sodium.h>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/secret.hpp"

#include "hex.hpp"
#include "random.hpp"

namespace wgscope::crypto {
namespace {

using Bytes = std::vector<std::byte>;
using Direction = Aead::Direction;

const unsigned char* in(std::span<const std::byte> bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* out(std::span<std::byte> bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

Bytes sodium_seal(const Secret<32>& key, std::uint64_t counter, std::span<const std::byte> data,
                  std::span<const std::byte> plain) {
  std::array<std::byte, 12> nonce{};
  store_le64(std::span(nonce).last<8>(), counter);
  Bytes sealed(plain.size() + kAeadTagSize);
  crypto_aead_chacha20poly1305_ietf_encrypt(out(sealed), nullptr, in(plain), plain.size(), in(data),
                                            data.size(), nullptr, in(nonce), in(key.bytes()));
  return sealed;
}

Secret<32> random_key(test::SeededRandom& random) {
  Secret<32> key;
  random.fill(key.bytes());
  return key;
}

TEST(Aead, GivesTheCiphertextOfRfc8439) {  // appendix A.5, which has no data of its own here
  const Secret<32> key =
      test::secret_of("1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0");
  constexpr std::string_view kPlain = "Internet-Drafts are draft documents valid for";
  Bytes sealed(kPlain.size() + kAeadTagSize);
  Aead(Direction::seal, key).seal(0x0807060504030201, test::bytes_of(kPlain), sealed);
  EXPECT_EQ(test::hex(std::span(sealed).first(32)),
            "64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb2");
}

TEST(Aead, SealsAndOpensLikeLibsodiumAtEverySize) {
  test::SeededRandom random(1);
  const Secret<32> key = random_key(random);
  Aead seals(Direction::seal, key);
  Aead opens(Direction::open, key);
  for (std::size_t size = 0; size <= 2048; ++size) {
    const Bytes plain = random.bytes(size);
    const std::uint64_t counter = load_le64(std::span<const std::byte>(random.bytes(8)).first<8>());
    Bytes sealed(size + kAeadTagSize);
    seals.seal(counter, plain, sealed);
    ASSERT_EQ(sealed, sodium_seal(key, counter, {}, plain)) << size;
    Bytes opened(size);
    ASSERT_TRUE(opens.open(counter, sealed, opened)) << size;
    ASSERT_EQ(opened, plain) << size;
  }
}

TEST(Aead, SealsAndOpensInPlace) {
  test::SeededRandom random(2);
  const Secret<32> key = random_key(random);
  Aead seals(Direction::seal, key);
  Aead opens(Direction::open, key);
  for (std::size_t size = 0; size <= 1600; size += size < 300 ? 1 : 61) {
    const Bytes plain = random.bytes(size);
    Bytes buffer = plain;
    buffer.resize(size + kAeadTagSize);
    seals.seal(size, std::span(buffer).first(size), buffer);
    ASSERT_EQ(buffer, sodium_seal(key, size, {}, plain)) << size;
    ASSERT_TRUE(opens.open(size, buffer, std::span(buffer).first(size))) << size;
    ASSERT_TRUE(std::ranges::equal(plain, std::span(buffer).first(size))) << size;
  }
}

TEST(Aead, RefusesEveryFlippedBitAndGoesOn) {
  test::SeededRandom random(3);
  const Secret<32> key = random_key(random);
  const Bytes plain = random.bytes(40);
  const Bytes sealed = sodium_seal(key, 9, {}, plain);
  Aead opens(Direction::open, key);
  Bytes opened(plain.size());
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    Bytes flipped = sealed;
    flipped[bit / 8] ^= std::byte{1} << (bit % 8);
    ASSERT_FALSE(opens.open(9, flipped, opened)) << bit;
    ASSERT_TRUE(opens.open(9, sealed, opened)) << "a refused message must leave no trace";
  }
  EXPECT_EQ(opened, plain);
}

TEST(Aead, LeavesNoErrorBehindWhenItRefuses) {  // as X25519's: the queue is TLS's too
  ERR_clear_error();
  const Bytes forged(20);
  Bytes opened(4);
  EXPECT_FALSE(Aead(Direction::open, Secret<32>()).open(0, forged, opened));
  EXPECT_FALSE(open_once(Secret<32>(), {}, forged, opened));
  EXPECT_EQ(ERR_peek_error(), 0U);
}

TEST(Aead, RefusesAnotherCounterAndAnotherKey) {
  test::SeededRandom random(4);
  const Secret<32> key = random_key(random);
  const Bytes sealed = sodium_seal(key, 9, {}, random.bytes(16));
  Bytes opened(16);
  Aead opens(Direction::open, key);
  for (const std::uint64_t counter : {8ULL, 10ULL, 9ULL << 32U, 9ULL << 56U})
    EXPECT_FALSE(opens.open(counter, sealed, opened)) << counter;
  EXPECT_FALSE(Aead(Direction::open, random_key(random)).open(9, sealed, opened));
  EXPECT_TRUE(opens.open(9, sealed, opened));
}

TEST(Aead, RefusesWhatIsShorterThanATag) {
  Aead opens(Direction::open, Secret<32>());
  const Bytes nothing(kAeadTagSize);
  for (std::size_t size = 0; size < kAeadTagSize; ++size) {
    EXPECT_FALSE(opens.open(0, std::span(nothing).first(size), {})) << size;
    EXPECT_FALSE(open_once(Secret<32>(), {}, std::span(nothing).first(size), {})) << size;
  }
}

TEST(Aead, CanBeMovedAndWhatWasMovedFromDestroyed) {
  test::SeededRandom random(5);
  const Secret<32> key = random_key(random);
  const Bytes plain = random.bytes(20);
  std::optional<Aead> first(std::in_place, Direction::seal, key);
  Aead second(std::move(*first));
  first.reset();
  Aead third(Direction::seal, random_key(random));
  third = std::move(second);
  Bytes sealed(plain.size() + kAeadTagSize);
  third.seal(1, plain, sealed);
  EXPECT_EQ(sealed, sodium_seal(key, 1, {}, plain));
}

TEST(AeadOnce, SealsAndOpensLikeLibsodiumWithData) {
  test::SeededRandom random(6);
  for (int i = 0; i < 500; ++i) {
    const Secret<32> key = random_key(random);  // and seal and open in turn share one context
    const Bytes plain = random.bytes(random.below(100));
    const Bytes data = random.bytes(random.below(100));
    Bytes sealed(plain.size() + kAeadTagSize);
    seal_once(key, data, plain, sealed);
    ASSERT_EQ(sealed, sodium_seal(key, 0, data, plain));
    Bytes opened(plain.size());
    ASSERT_TRUE(open_once(key, data, sealed, opened));
    ASSERT_EQ(opened, plain);
  }
}

TEST(AeadOnce, RefusesOtherDataAndGoesOn) {
  test::SeededRandom random(7);
  const Secret<32> key = random_key(random);
  const Bytes data = random.bytes(32);
  const Bytes sealed = sodium_seal(key, 0, data, {});
  EXPECT_TRUE(open_once(key, data, sealed, {}));
  for (std::size_t bit = 0; bit < data.size() * 8; ++bit) {
    Bytes flipped = data;
    flipped[bit / 8] ^= std::byte{1} << (bit % 8);
    ASSERT_FALSE(open_once(key, flipped, sealed, {})) << bit;
  }
  EXPECT_FALSE(open_once(key, {}, sealed, {}));
  EXPECT_TRUE(open_once(key, data, sealed, {}));
}

using Key = std::array<std::byte, 32>;
using Nonce = std::array<std::byte, 24>;
using Cookie = std::array<std::byte, 16>;
using SealedCookie = std::array<std::byte, 32>;

TEST(CookieAead, GivesTheCiphertextOfTheXChaChaDraft) {  // A.3.1, of which a cookie is the start
  const Key key =
      test::unhex_array<32>("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
  const Nonce nonce = test::unhex_array<24>("404142434445464748494a4b4c4d4e4f5051525354555657");
  Cookie plain{};
  std::ranges::copy(test::bytes_of("Ladies and Gentl"), plain.begin());
  SealedCookie sealed{};
  seal_cookie(key, nonce, test::unhex("50515253c0c1c2c3c4c5c6c7"), plain, sealed);
  EXPECT_EQ(test::hex(std::span(sealed).first(16)), "bd6d179d3e83d43b9576579493c0e939");
}

TEST(CookieAead, IsTheAeadUnderAKeyDerivedFromTheNoncesFirst16Bytes) {  // draft, 2.3
  test::SeededRandom random(8);
  for (int i = 0; i < 100; ++i) {
    Key key{};
    Nonce nonce{};
    Cookie plain{};
    random.fill(key);
    random.fill(nonce);
    random.fill(plain);
    SealedCookie sealed{};
    seal_cookie(key, nonce, {}, plain, sealed);

    Secret<32> derived;
    ASSERT_EQ(crypto_core_hchacha20(out(derived.bytes()), in(nonce), in(key), nullptr), 0);
    SealedCookie expected{};
    Aead(Direction::seal, derived)
        .seal(load_le64(std::span<const std::byte, 24>(nonce).last<8>()), plain, expected);
    ASSERT_EQ(sealed, expected);
  }
}

TEST(CookieAead, OpensWhatItSealedAndNothingElse) {
  test::SeededRandom random(9);
  Key key{};
  Nonce nonce{};
  Cookie plain{};
  random.fill(key);
  random.fill(nonce);
  random.fill(plain);
  const Bytes data = random.bytes(16);
  SealedCookie sealed{};
  seal_cookie(key, nonce, data, plain, sealed);
  Cookie opened{};
  ASSERT_TRUE(open_cookie(key, nonce, data, sealed, opened));
  EXPECT_EQ(opened, plain);
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    SealedCookie flipped = sealed;
    flipped[bit / 8] ^= std::byte{1} << (bit % 8);
    ASSERT_FALSE(open_cookie(key, nonce, data, flipped, opened)) << bit;
  }
  EXPECT_FALSE(open_cookie(key, nonce, random.bytes(16), sealed, opened));
  nonce[23] ^= std::byte{1};
  EXPECT_FALSE(open_cookie(key, nonce, data, sealed, opened));
}

}  // namespace
}  // namespace wgscope::crypto
