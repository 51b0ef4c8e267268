#include <array>
#include <cstddef>
#include <random>
#include <span>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "wgscope/base/text.hpp"

namespace wgscope {
namespace {

using Key = std::array<std::byte, 32>;

std::string encode(const Key& key) {
  std::string text(kKeyBase64Size, '\0');
  encode_key_base64(key, std::span<char, kKeyBase64Size>(text));
  return text;
}

/// The encoder as RFC 4648 §4 describes it, for any length: written to be checked by eye against
/// its vectors.
std::string reference_base64(std::string_view bytes) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bits;
  for (const char c : bytes)
    for (int i = 7; i >= 0; --i)
      bits += ((static_cast<unsigned char>(c) >> i) & 1) != 0 ? '1' : '0';
  while (bits.size() % 6 != 0) bits += '0';
  std::string text;
  for (std::size_t i = 0; i < bits.size(); i += 6)
    text += kAlphabet[std::stoul(bits.substr(i, 6), nullptr, 2)];
  while (text.size() % 4 != 0) text += '=';
  return text;
}

Key key_of(std::string_view bytes) {
  Key key{};
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::byte>(bytes[i]);
  return key;
}

TEST(Base64, ReferenceEncoderGivesTheVectorsOfRfc4648) {
  EXPECT_EQ(reference_base64(""), "");
  EXPECT_EQ(reference_base64("f"), "Zg==");
  EXPECT_EQ(reference_base64("fo"), "Zm8=");
  EXPECT_EQ(reference_base64("foo"), "Zm9v");
  EXPECT_EQ(reference_base64("foob"), "Zm9vYg==");
  EXPECT_EQ(reference_base64("fooba"), "Zm9vYmE=");
  EXPECT_EQ(reference_base64("foobar"), "Zm9vYmFy");
}

TEST(Base64, EncodesLikeTheReferenceAndDecodesBack) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 2000; ++i) {
    std::string bytes(32, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    const Key key = key_of(bytes);
    const std::string text = encode(key);
    ASSERT_EQ(text, reference_base64(bytes));
    ASSERT_EQ(decode_key_base64(text), key);
  }
}

TEST(Base64, EncodesEdgesOfTheAlphabet) {
  Key ones;
  ones.fill(std::byte{0xff});
  EXPECT_EQ(encode(Key{}), std::string(43, 'A') + "=");
  EXPECT_EQ(encode(ones), std::string(42, '/') + "8=");
}

TEST(Base64, RefusesEveryOtherLength) {
  const std::string good = encode(Key{});
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(decode_key_base64(good.substr(0, size))) << size;
    EXPECT_FALSE(decode_key_base64(std::string(size, 'A') + "=").has_value() && size != 43) << size;
  }
  EXPECT_FALSE(decode_key_base64(good + "="));
  EXPECT_FALSE(decode_key_base64(good + "\n"));
  EXPECT_FALSE(decode_key_base64(" " + good));
  EXPECT_FALSE(decode_key_base64(good + good));
}

TEST(Base64, NeedsItsPadding) {
  EXPECT_FALSE(decode_key_base64(std::string(44, 'A')));
  EXPECT_FALSE(decode_key_base64(std::string(42, 'A') + "=="));
}

TEST(Base64, RefusesStrayBitsAfterTheLastByte) {
  // The 43rd character carries four bits of the key and two that must be zero: one of four values
  // is canonical.
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t value = 0; value < kAlphabet.size(); ++value) {
    const std::string text = std::string(42, 'A') + kAlphabet[value] + "=";
    EXPECT_EQ(decode_key_base64(text).has_value(), value % 4 == 0) << text;
  }
}

TEST(Base64, AcceptsEachByteOnlyIfItIsInTheAlphabet) {
  const std::string good = encode(key_of("an example key of 32 bytes, yes!"));
  for (std::size_t position : {std::size_t{0}, std::size_t{21}, std::size_t{41}}) {
    for (int byte = 0; byte < 256; ++byte) {
      const char c = static_cast<char>(byte);
      const bool valid = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                         (c >= '0' && c <= '9') || c == '+' || c == '/';
      std::string text = good;
      text[position] = c;
      const auto decoded = decode_key_base64(text);
      ASSERT_EQ(decoded.has_value(), valid) << byte << " at " << position;
      if (decoded) {
        ASSERT_EQ(encode(*decoded), text);
      }
    }
  }
}

}  // namespace
}  // namespace wgscope
