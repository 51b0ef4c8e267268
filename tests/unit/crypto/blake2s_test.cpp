#include "wgscope/crypto/blake2s.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "hex.hpp"

namespace wgscope::crypto {
namespace {

using test::bytes_of;
using test::hex;

/// Bytes that count up by seven from `first`.
std::vector<std::byte> pattern(std::size_t size, unsigned first = 0) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + first);
  return bytes;
}

std::array<std::byte, 32> key_pattern() {
  std::array<std::byte, 32> key{};
  std::ranges::copy(pattern(32, 3), key.begin());
  return key;
}

void append(std::vector<std::byte>& to, std::span<const std::byte> bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

TEST(Blake2s, HashesTheVectorOfRfc7693) {  // appendix B
  EXPECT_EQ(hex(hash({bytes_of("abc")})),
            "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982");
  EXPECT_EQ(hex(hash({})), "69217a3079908094e11121d042354a7c1f55b6482ca1a51e1b250dfd1ed0eef9");
}

// The digests of many: computed with Python's hashlib.blake2s, which is the reference code.

TEST(Blake2s, HashesEverySizeUpTo1024) {
  std::vector<std::byte> all;
  for (std::size_t size = 0; size <= 1024; ++size) append(all, hash({pattern(size)}));
  EXPECT_EQ(hex(hash({all})), "0b2b9f441215bfcc195a5e90befb6eb4e75c7edf9af40886dc5d880860ea1cf0");
}

TEST(Blake2s, MacsEverySizeUpTo1024UnderKeysOf16And32Bytes) {
  std::vector<std::byte> with16, with32;
  for (std::size_t size = 0; size <= 1024; ++size) {
    append(with16, mac(pattern(16, 3), pattern(size)));
    append(with32, mac(pattern(32, 3), pattern(size)));
  }
  EXPECT_EQ(hex(hash({with16})),
            "995e2c669afc1b56f10a20aded58a24f58fd9cc13e7ee6b81ee731077213d010");
  EXPECT_EQ(hex(hash({with32})),
            "b007cc3d4072820cb0cea5b43b6a371b457136a1b20d1c227f41d52f0af95918");
}

TEST(Blake2s, HmacsEverySizeUpTo256) {
  std::vector<std::byte> all;
  for (std::size_t size = 0; size <= 256; ++size) {
    std::array<std::byte, 32> out{};
    hmac(key_pattern(), {pattern(size)}, out);
    append(all, out);
  }
  EXPECT_EQ(hex(hash({all})), "7e197485bafaa85b4819d2e9e644ba62c051f32c01c9c094679af90c53a807d3");
}

TEST(Blake2s, TakesPartsOneAfterTheOther) {
  const auto whole = pattern(200);
  std::array<std::byte, 32> expected{};
  hmac(key_pattern(), {whole}, expected);
  for (std::size_t cut = 0; cut <= whole.size(); cut += 25) {
    const auto first = std::span(whole).first(cut);
    const auto rest = std::span(whole).subspan(cut);
    EXPECT_EQ(hash({first, {}, rest}), hash({whole})) << cut;
    std::array<std::byte, 32> out{};
    hmac(key_pattern(), {first, {}, rest}, out);
    EXPECT_EQ(out, expected) << cut;
  }
}

TEST(Blake2s, HmacMayBeWrittenOverItsKey) {
  std::array<std::byte, 32> key = key_pattern();
  hmac(key, {bytes_of("abc")}, key);
  EXPECT_EQ(hex(key), "0b4fe2d0ef43084301fa127cf9eaf0b7a171e008bc1b589d28c3e66c9f4e4ccc");
}

TEST(Blake2s, KeysOfTwoSizesInTurnDoNotMix) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(hex(mac(pattern(32, 3), bytes_of("abc"))), "b17b13a7f5cee76452fca065152aa5d1");
    EXPECT_EQ(hex(mac(pattern(16, 3), bytes_of("abc"))), "5f4d3476f39664ea3f64441dd8523ce3");
  }
}

TEST(Blake2s, WorksInManyThreadsAtOnce) {
  std::vector<Hash> results(4);
  std::vector<std::thread> threads;
  for (Hash& result : results)
    threads.emplace_back([&result] {
      for (int i = 0; i < 500; ++i) {
        result = hash({pattern(100)});
        std::array<std::byte, 32> out{};
        hmac(result, {mac(pattern(32), result)}, out);
        result = out;
      }
    });
  for (std::thread& thread : threads) thread.join();
  for (const Hash& result : results) EXPECT_EQ(result, results[0]);
}

TEST(Equal, TellsEveryBit) {
  const auto bytes = pattern(16);
  EXPECT_TRUE(equal(bytes, pattern(16)));
  for (std::size_t bit = 0; bit < 128; ++bit) {
    auto other = bytes;
    other[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_FALSE(equal(bytes, other)) << bit;
  }
}

}  // namespace
}  // namespace wgscope::crypto
