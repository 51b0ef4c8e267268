#include "wgscope/base/keys.hpp"

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>

#include <fmt/core.h>
#include <gtest/gtest.h>

namespace wgscope {
namespace {

static_assert(!std::is_copy_constructible_v<PrivateKey> && !fmt::is_formattable<PrivateKey>::value);
static_assert(!std::is_copy_constructible_v<PresharedKey> &&
              !fmt::is_formattable<PresharedKey>::value);
static_assert(!std::is_convertible_v<PrivateKey, PresharedKey>);

constexpr std::string_view kText = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";  // 1, 2, … 32

TEST(Keys, AreReadFromTheirBase64) {
  const auto private_key = PrivateKey::from_base64(kText);
  const auto preshared_key = PresharedKey::from_base64(kText);
  ASSERT_TRUE(private_key && preshared_key);
  for (std::size_t i = 0; i < 32; ++i) {
    EXPECT_EQ(private_key->secret.bytes()[i], static_cast<std::byte>(i + 1));
    EXPECT_EQ(preshared_key->secret.bytes()[i], static_cast<std::byte>(i + 1));
  }
}

TEST(Keys, AreWrittenBackAsTheyWere) {
  std::array<char, 44> text{};
  encode_secret_base64(PrivateKey::from_base64(kText)->secret, text);
  EXPECT_EQ(std::string_view(text.data(), text.size()), kText);
}

TEST(Keys, AreNotReadFromAnyOtherText) {
  const std::string text(kText);
  for (const std::string& wrong :
       {std::string(), text.substr(1), text.substr(0, 43), text + "=", text + "\n", " " + text,
        "#" + text.substr(1), text.substr(0, 42) + "B="}) {
    EXPECT_FALSE(PrivateKey::from_base64(wrong)) << wrong;
    EXPECT_FALSE(PresharedKey::from_base64(wrong)) << wrong;
  }
}

TEST(PresharedKey, IsNoneWhenAllZeroAlone) {
  PresharedKey key;
  EXPECT_TRUE(key.is_none());
  EXPECT_TRUE(PresharedKey::from_base64(std::string(43, 'A') + "=")->is_none());
  for (std::size_t bit = 0; bit < 256; ++bit) {
    PresharedKey other;
    other.secret.bytes()[bit / 8] = std::byte{1} << (bit % 8);
    EXPECT_FALSE(other.is_none()) << bit;
  }
}

}  // namespace
}  // namespace wgscope
