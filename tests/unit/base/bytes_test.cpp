#include "wgscope/base/bytes.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <gtest/gtest.h>

namespace wgscope {
namespace {

constexpr std::array<std::byte, 8> kBytes{std::byte{0x81}, std::byte{0x92}, std::byte{0xa3},
                                          std::byte{0xb4}, std::byte{0xc5}, std::byte{0xd6},
                                          std::byte{0xe7}, std::byte{0xf8}};
constexpr std::span<const std::byte, 8> kSpan(kBytes);

TEST(Bytes, AreReadInTheOrderOfTheName) {
  EXPECT_EQ(load_le16(kSpan.first<2>()), 0x9281U);
  EXPECT_EQ(load_be16(kSpan.first<2>()), 0x8192U);
  EXPECT_EQ(load_le32(kSpan.first<4>()), 0xb4a39281U);
  EXPECT_EQ(load_be32(kSpan.first<4>()), 0x8192a3b4U);
  EXPECT_EQ(load_le64(kSpan), 0xf8e7d6c5b4a39281U);
  EXPECT_EQ(load_be64(kSpan), 0x8192a3b4c5d6e7f8U);
}

TEST(Bytes, AreWrittenInTheOrderOfTheName) {
  std::array<std::byte, 8> out{};
  store_le64(out, 0xf8e7d6c5b4a39281U);
  EXPECT_EQ(out, kBytes);
  store_be64(out, 0x8192a3b4c5d6e7f8U);
  EXPECT_EQ(out, kBytes);
  const std::span<std::byte, 8> span(out);
  store_le32(span.first<4>(), 0x0badcafeU);
  EXPECT_EQ(load_be32(span.first<4>()), 0xfecaad0bU);
  store_be32(span.first<4>(), 0x0badcafeU);
  EXPECT_EQ(load_le32(span.first<4>()), 0xfecaad0bU);
  store_le16(span.first<2>(), 0x1234);
  EXPECT_EQ(load_be16(span.first<2>()), 0x3412U);
  store_be16(span.first<2>(), 0x1234);
  EXPECT_EQ(load_le16(span.first<2>()), 0x3412U);
  EXPECT_EQ(out[4], kBytes[4]) << "nothing beyond is touched";
}

}  // namespace
}  // namespace wgscope
