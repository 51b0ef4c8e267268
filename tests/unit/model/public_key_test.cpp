#include "wgscope/model/public_key.hpp"

#include <cstddef>
#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace wgscope {
namespace {

constexpr std::string_view kBase64 = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=";
constexpr std::string_view kHex =
    "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a";

TEST(PublicKey, IsTheSameFromBase64AndFromHex) {
  EXPECT_EQ(PublicKey::from_base64(kBase64).value(), PublicKey::from_hex(kHex).value());
  EXPECT_EQ(PublicKey::from_hex(kHex).value().base64(), kBase64);
}

TEST(PublicKey, IsOrderedByItsBytes) {
  PublicKey low;
  PublicKey high;
  low.bytes[0] = std::byte{0x7f};
  high.bytes[0] = std::byte{0x80};
  EXPECT_LT(low, high);
}

TEST(PublicKey, RefusesOtherLengthsAndCharacters) {
  std::string hex(kHex);
  hex[63] = 'g';
  for (const std::string& text :
       {std::string(), hex, std::string(kHex.substr(1)), std::string(kHex) + "0"}) {
    const auto key = PublicKey::from_hex(text);
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().code, Errc::bad_value);
  }
  for (const std::string& text :
       {std::string(), std::string(kHex), std::string(kBase64) + "\n", std::string(44, '=')}) {
    const auto key = PublicKey::from_base64(text);
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().code, Errc::bad_value);
  }
}

TEST(PublicKey, NeverRepeatsTheTextInAnError) {
  // A private key pasted into the wrong place, with a slip.
  const std::string secret = "cGxhbnRlZC1zZWNyZXQtcHJpdmF0ZS1rZXktaGVyZSE";
  for (const std::string& text : {secret, secret + "==", secret + "* "}) {
    for (const auto& key : {PublicKey::from_base64(text), PublicKey::from_hex(text)}) {
      ASSERT_FALSE(key);
      for (std::size_t at = 0; at + 4 <= secret.size(); ++at)
        EXPECT_EQ(key.error().context.find(secret.substr(at, 4)), std::string::npos)
            << key.error().context;
    }
  }
}

PublicKey random_key(std::mt19937_64& random) {
  PublicKey key;
  for (std::byte& b : key.bytes) b = static_cast<std::byte>(random());
  return key;
}

TEST(PublicKeyHash, DependsOnItsSeedAndOnEveryBit) {
  std::mt19937_64 random(7);
  const PublicKey key = random_key(random);
  EXPECT_EQ(PublicKeyHash{1}(key), PublicKeyHash{1}(key));
  EXPECT_NE(PublicKeyHash{1}(key), PublicKeyHash{2}(key));
  std::set<std::size_t> hashes{PublicKeyHash{1}(key)};
  for (std::size_t bit = 0; bit < 256; ++bit) {
    PublicKey other = key;
    other.bytes[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    hashes.insert(PublicKeyHash{1}(other));
  }
  EXPECT_EQ(hashes.size(), 257U);
}

/// How many slots of a table of 2^bits the keys take.
std::size_t slots_taken(const std::vector<PublicKey>& keys, std::uint64_t seed, unsigned bits) {
  std::set<std::size_t> slots;
  for (const PublicKey& key : keys)
    slots.insert(PublicKeyHash{seed}(key) & ((std::size_t{1} << bits) - 1));
  return slots.size();
}

TEST(PublicKeyHash, SpreadsKeysThatDifferInFewBits) {
  // Whoever may register peers chooses their bytes. 4096 keys that differ in twelve bits of one
  // place must not meet in a few slots under a seed nobody knows: 4096 keys at random take about
  // 3971 of 65536 slots.
  std::mt19937_64 random(8);
  for (int round = 0; round < 2; ++round) {
    const std::uint64_t seed = random();
    const PublicKey base = random_key(random);
    for (std::size_t first = 0; first + 12 <= 256; first += 4) {
      std::vector<PublicKey> keys(4096, base);
      for (std::size_t i = 0; i < keys.size(); ++i)
        for (std::size_t b = 0; b < 12; ++b)
          if ((i >> b & 1U) != 0)
            keys[i].bytes[(first + b) / 8] ^= static_cast<std::byte>(1U << (first + b) % 8);
      ASSERT_GT(slots_taken(keys, seed, 16), 3700U) << "bits " << first << " to " << first + 11;
    }
  }
}

TEST(PublicKeyHash,
     SpreadsKeysOfNearlyAllZeros) {  // a factor that can be made zero would make them all the same
  for (std::size_t at = 0; at < 32; at += 8) {
    std::set<std::size_t> hashes;
    for (unsigned i = 0; i < 4096; ++i) {
      PublicKey key;
      key.bytes[at] = static_cast<std::byte>(i);
      key.bytes[at + 1] = static_cast<std::byte>(i >> 8U);
      hashes.insert(PublicKeyHash{12345}(key));
    }
    EXPECT_EQ(hashes.size(), 4096U) << "word at byte " << at;
  }
}

TEST(PublicKeyHash, HasNoDifferenceThatCancelsUnderEverySeed) {
  // The difference a multiplication by a known odd number lets through: the highest bit of a word
  // stays alone, and folding takes it 32 bits down. In the next word it can be taken back.
  std::mt19937_64 random(9);
  int collisions = 0;
  for (int i = 0; i < 1000; ++i) {
    const PublicKey key = random_key(random);
    PublicKey other = key;
    other.bytes[7] ^= std::byte{0x80};
    other.bytes[15] ^= std::byte{0x80};
    other.bytes[11] ^= std::byte{0x80};
    const std::uint64_t seed = random();
    if (PublicKeyHash{seed}(key) == PublicKeyHash{seed}(other)) ++collisions;
  }
  EXPECT_EQ(collisions, 0);
}

}  // namespace
}  // namespace wgscope
