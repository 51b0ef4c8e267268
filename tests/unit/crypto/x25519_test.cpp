#include "wgscope/crypto/x25519.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <openssl/err.h>

#include "wgscope/base/secret.hpp"
#include "wgscope/base/text.hpp"

#include "hex.hpp"
#include "random.hpp"

namespace wgscope::crypto {
namespace {

std::string public_key_of(std::string_view private_hex) {
  Secret<32> key;
  if (!decode_hex(private_hex, key.bytes())) return "the test's own key is malformed";
  const auto derived = derive_public_key(key);
  if (!derived) return derived.error().context;
  std::string hex;
  for (const std::byte b : *derived) hex += fmt::format("{:02x}", std::to_integer<unsigned>(b));
  return hex;
}

TEST(X25519, DerivesThePublicKeysOfRfc7748) {  // §6.1: Alice, Bob
  EXPECT_EQ(public_key_of("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"),
            "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
  EXPECT_EQ(public_key_of("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"),
            "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
}

TEST(X25519, ClampsAnUnclampedPrivateKey) {
  // Only the lowest three bits, the highest, and the one below it, differ: clamping makes all four
  // the same scalar.
  const std::string middle(60, '3');
  const std::string clamped = public_key_of("40" + middle + "73");
  EXPECT_EQ(clamped.size(), 64U);
  EXPECT_EQ(public_key_of("47" + middle + "73"), clamped);
  EXPECT_EQ(public_key_of("40" + middle + "f3"), clamped);
  EXPECT_EQ(public_key_of("41" + middle + "33"), clamped);
  EXPECT_NE(public_key_of("48" + middle + "73"), clamped);
}

TEST(X25519, DerivesFromTheExtremes) {
  // All zeros clamps to 2^254, all ones to 2^255 - 8.
  EXPECT_EQ(public_key_of(std::string(64, '0')), public_key_of(std::string(62, '0') + "40"));
  EXPECT_EQ(public_key_of(std::string(64, '0')),
            "2fe57da347cd62431528daac5fbb290730fff684afc4cfc2ed90995f58cb3b74");
  EXPECT_EQ(public_key_of(std::string(64, 'f')), public_key_of("f8" + std::string(60, 'f') + "7f"));
  EXPECT_NE(public_key_of(std::string(64, 'f')), public_key_of(std::string(64, '0')));
}

TEST(X25519, LeavesThePrivateKeyAsItIs) {
  Secret<32> key;
  for (std::size_t i = 0; i < 32; ++i) key.bytes()[i] = static_cast<std::byte>(i * 7 + 1);
  ASSERT_TRUE(derive_public_key(key).has_value());
  for (std::size_t i = 0; i < 32; ++i)
    EXPECT_EQ(key.bytes()[i], static_cast<std::byte>(i * 7 + 1)) << "not even clamped";
}

X25519Key key_of(std::string_view private_hex) {
  return std::move(X25519Key::from_private(test::secret_of(private_hex)).value());
}

/// X25519(scalar, u) in hexadecimal, or "refused".
std::string agree(std::string_view scalar, std::string_view u) {
  Secret<32> shared;
  if (!key_of(scalar).agree(test::unhex_array<32>(u), shared)) return "refused";
  return test::hex(shared.bytes());
}

TEST(X25519, MultipliesTheVectorsOfRfc7748) {  // §5.2; the second u has its unused bit set
  EXPECT_EQ(agree("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
                  "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"),
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
  EXPECT_EQ(agree("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
                  "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493"),
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");
}

TEST(X25519, AgreesAsAliceAndBobOfRfc7748) {  // §6.1
  constexpr std::string_view kShared =
      "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
  EXPECT_EQ(agree("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
                  "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"),
            kShared);
  EXPECT_EQ(agree("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
                  "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"),
            kShared);
}

TEST(X25519, GoesThroughTheThousandRoundsOfRfc7748) {  // §5.2
  std::string k = "09" + std::string(62, '0');
  std::string u = k;
  for (int round = 1; round <= 1000; ++round) {
    u = std::exchange(k, agree(k, u));
    if (round == 1) {
      ASSERT_EQ(k, "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
    }
  }
  EXPECT_EQ(k, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
}

TEST(X25519, RefusesEveryPointOfLowOrder) {
  // 0, 1, the two of order 8, p - 1, p and p + 1; the highest bit is not part of a point
  // (RFC 7748 §5).
  for (const std::string_view point :
       {"0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"}) {
    constexpr std::string_view kScalar =
        "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a";
    EXPECT_EQ(agree(kScalar, point), "refused") << point;
    auto high = test::unhex_array<32>(point);
    high[31] |= std::byte{0x80};
    EXPECT_EQ(agree(kScalar, test::hex(high)), "refused") << point << " with its highest bit set";
  }
}

TEST(X25519, GoesOnAfterARefusedPointAndLeavesNoErrorBehind) {
  // An error left in OpenSSL's queue would be taken for one of the next TLS connection that this
  // thread serves.
  const X25519Key key = key_of("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
  Secret<32> shared;
  ERR_clear_error();
  EXPECT_FALSE(key.agree(std::array<std::byte, 32>{}, shared));
  EXPECT_EQ(ERR_peek_error(), 0U);
  EXPECT_TRUE(key.agree(
      test::unhex_array<32>("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"),
      shared));
  EXPECT_EQ(test::hex(shared.bytes()),
            "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
}

TEST(X25519, AgreesInOneThreadAfterAnotherAndBesideOtherKeys) {
  // What is kept for the other side belongs to the thread, and a key may move between threads.
  const X25519Key alice =
      key_of("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
  const X25519Key bob = key_of("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
  const auto meet = [&] {
    Secret<32> alices, bobs;
    EXPECT_TRUE(alice.agree(bob.public_key(), alices));
    EXPECT_TRUE(bob.agree(alice.public_key(), bobs));
    EXPECT_EQ(test::hex(alices.bytes()), test::hex(bobs.bytes()));
    EXPECT_EQ(test::hex(alices.bytes()),
              "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
  };
  meet();
  std::thread(meet).join();
  meet();
}

TEST(X25519, GeneratesFromTheRandomBytesItIsGiven) {
  test::ScriptedRandom random(
      {test::unhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")});
  EXPECT_EQ(test::hex(X25519Key::generate(random).value().public_key()),
            "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
}

TEST(X25519, CanBeMovedAndWhatWasMovedFromDestroyed) {
  constexpr std::string_view kPrivate =
      "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a";
  std::optional<X25519Key> first(key_of(kPrivate));
  X25519Key second(std::move(*first));
  first.reset();
  X25519Key third = key_of(std::string(64, '1'));
  third = std::move(second);
  Secret<32> shared;
  EXPECT_TRUE(third.agree(
      test::unhex_array<32>("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"),
      shared));
  EXPECT_EQ(test::hex(third.public_key()), public_key_of(kPrivate));
}

}  // namespace
}  // namespace wgscope::crypto
