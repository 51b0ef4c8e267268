#include "wgscope/base/bytes.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <gtest/gtest.h>

namespace wgscope {
namespace {

constexpr std::array<std::byte, 8> kBytes{std::byte{0x81}, std::byte{0x02}, std::byte{0x03},
                                          std::byte{0x04}, std::byte{0x05}, std::byte{0x06},
                                          std::byte{0x07}, std::byte{0xf8}};
constexpr std::span kSpan(kBytes);

TEST(Bytes, LoadInTheOrderOfTheName) {
  static_assert(load_be16(kSpan.first<2>()) == 0x8102);
  static_assert(load_be32(kSpan.first<4>()) == 0x81020304);
  static_assert(load_be64(kSpan) == 0x81020304050607f8);
  EXPECT_EQ(load_le16(kSpan.first<2>()), 0x0281);
  EXPECT_EQ(load_le32(kSpan.first<4>()), 0x04030281U);
  EXPECT_EQ(load_le64(kSpan), 0xf807060504030281U);
}

TEST(Bytes, StoreWhatLoadsAsTheSame) {
  std::array<std::byte, 8> bytes{};
  store_be64(bytes, 0x81020304050607f8);
  EXPECT_EQ(bytes, kBytes);
  store_le64(bytes, 0xf807060504030281);
  EXPECT_EQ(bytes, kBytes);
  const auto four = std::span(bytes).first<4>();
  store_be32(four, 0xfedcba98);
  EXPECT_EQ(load_be32(four), 0xfedcba98U);
  store_le32(four, 0xfedcba98);
  EXPECT_EQ(load_be32(four), 0x98badcfeU);
  const auto two = std::span(bytes).first<2>();
  store_be16(two, 0xfedc);
  EXPECT_EQ(load_be16(two), 0xfedc);
  store_le16(two, 0xfedc);
  EXPECT_EQ(load_be16(two), 0xdcfe);
  EXPECT_EQ(bytes[4], kBytes[4]) << "nothing beside it is touched";
}

}  // namespace
}  // namespace wgscope
