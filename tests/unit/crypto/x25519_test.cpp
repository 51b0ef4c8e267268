#include "wgscope/crypto/x25519.hpp"

#include <cstddef>
#include <string>
#include <string_view>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "wgscope/base/secret.hpp"
#include "wgscope/base/text.hpp"

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

}  // namespace
}  // namespace wgscope::crypto
