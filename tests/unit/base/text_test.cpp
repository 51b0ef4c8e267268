#include "wgscope/base/text.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace wgscope {
namespace {

using namespace std::string_view_literals;

TEST(Hex, DecodesDigitsOfEitherCase) {
  std::array<std::byte, 4> out{};
  ASSERT_TRUE(decode_hex("00fFaB9", std::span(out).first<0>()) == false);
  ASSERT_TRUE(decode_hex("00fFaB90", out));
  EXPECT_EQ(out, (std::array{std::byte{0x00}, std::byte{0xff}, std::byte{0xab}, std::byte{0x90}}));
}

TEST(Hex, DecodesNothingIntoNothing) { EXPECT_TRUE(decode_hex("", std::span<std::byte>())); }

TEST(Hex, RefusesOtherLengths) {
  std::array<std::byte, 2> out{};
  for (const std::string_view text : {""sv, "0"sv, "00"sv, "000"sv, "00000"sv, "000000"sv})
    EXPECT_FALSE(decode_hex(text, out)) << text;
}

TEST(Hex, AcceptsEachByteOnlyIfItIsADigit) {
  for (std::size_t position : {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{3}}) {
    for (int byte = 0; byte < 256; ++byte) {
      const char c = static_cast<char>(byte);
      const bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
      std::string text = "5a5a";
      text[position] = c;
      std::array<std::byte, 2> out{};
      ASSERT_EQ(decode_hex(text, out), digit) << byte << " at " << position;
      if (digit) {
        ASSERT_EQ(std::to_integer<unsigned long>(out[position / 2]),
                  std::stoul(text.substr(position / 2 * 2, 2), nullptr, 16));
      }
    }
  }
}

TEST(Trim, TakesBlanksTabsAndCarriageReturnsFromBothEnds) {
  EXPECT_EQ(trim(" \t a b\tc \r"), "a b\tc");
  EXPECT_EQ(trim("plain"), "plain");
  EXPECT_EQ(trim(""), "");
  EXPECT_EQ(trim(" \t\r "), "");
}

TEST(Trim, LeavesNewlinesAndNulBytes) {
  EXPECT_EQ(trim("\nx\n"), "\nx\n");
  EXPECT_EQ(trim("\0x\0"sv), "\0x\0"sv);
}

TEST(Iequals, IgnoresTheCaseOfAsciiLettersOnly) {
  EXPECT_TRUE(iequals("Content-TYPE", "content-type"));
  EXPECT_TRUE(iequals("", ""));
  EXPECT_FALSE(iequals("PublicKey", "PublicKey2"));
  EXPECT_FALSE(iequals("PublicKey2", "PublicKey"));
  EXPECT_FALSE(iequals("\xc3\x84", "\xc3\xa4"));  // Ä, ä
}

TEST(Iequals, KeepsApartWhatLiesAroundTheLetters) {
  // '@' and '`', '[' and '{' differ in the bit that tells upper from lower case.
  EXPECT_FALSE(iequals("@", "`"));
  EXPECT_FALSE(iequals("[", "{"));
  for (int c = 'A'; c <= 'Z'; ++c)
    EXPECT_TRUE(
        iequals(std::string(1, static_cast<char>(c)), std::string(1, static_cast<char>(c + 32))));
}

/// UTF-8 of one code point; surrogates and what lies beyond U+10FFFF included.
std::string utf8(std::uint32_t point) {
  const auto byte = [](std::uint32_t value) { return static_cast<char>(value); };
  if (point < 0x80) return {byte(point)};
  if (point < 0x800) return {byte(0xc0 | point >> 6), byte(0x80 | (point & 63))};
  if (point < 0x10000)
    return {byte(0xe0 | point >> 12), byte(0x80 | (point >> 6 & 63)), byte(0x80 | (point & 63))};
  return {byte(0xf0 | point >> 18), byte(0x80 | (point >> 12 & 63)), byte(0x80 | (point >> 6 & 63)),
          byte(0x80 | (point & 63))};
}

TEST(Utf8, AcceptsEveryCodePointButTheSurrogates) {
  for (std::uint32_t point = 0; point < 0x110400; ++point) {
    const bool valid = (point < 0xd800 || point > 0xdfff) && point <= 0x10ffff;
    ASSERT_EQ(is_valid_utf8(utf8(point)), valid) << std::hex << point;
  }
}

TEST(Utf8, LeavesValidTextAsItIs) {
  for (const std::string_view text :
       {""sv, "wg0"sv, "caf\xc3\xa9"sv, "\xe2\x82\xac\xf0\x9f\x94\x92"sv, "a\0b"sv,
        "\xEF\xBF\xBD"sv, "\xEF\xBF\xBDx"sv})
    EXPECT_EQ(to_valid_utf8(text), text);
}

struct Broken {
  std::string_view name;
  std::string_view bytes;
  std::string_view shown;
};

class BrokenUtf8 : public testing::TestWithParam<Broken> {};

TEST_P(BrokenUtf8, IsMadeValidByteByByte) {
  EXPECT_FALSE(is_valid_utf8(GetParam().bytes));
  EXPECT_EQ(to_valid_utf8(GetParam().bytes), GetParam().shown);
  EXPECT_TRUE(is_valid_utf8(to_valid_utf8(GetParam().bytes)));
}

INSTANTIATE_TEST_SUITE_P(, BrokenUtf8,
                         testing::Values(Broken{"LoneContinuation", "a\x80z",
                                                "a\xEF\xBF\xBD"
                                                "80z"},
                                         Broken{"OverlongSlash", "\xc0\xaf",
                                                "\xEF\xBF\xBD"
                                                "c0\xEF\xBF\xBD"
                                                "af"},
                                         Broken{"OverlongC1", "\xc1\xbf",
                                                "\xEF\xBF\xBD"
                                                "c1\xEF\xBF\xBD"
                                                "bf"},
                                         Broken{"OverlongThree", "\xe0\x9f\xbf",
                                                "\xEF\xBF\xBD"
                                                "e0\xEF\xBF\xBD"
                                                "9f\xEF\xBF\xBD"
                                                "bf"},
                                         Broken{"OverlongFour", "\xf0\x8f\xbf\xbf",
                                                "\xEF\xBF\xBD"
                                                "f0\xEF\xBF\xBD"
                                                "8f\xEF\xBF\xBD"
                                                "bf\xEF\xBF\xBD"
                                                "bf"},
                                         Broken{"Surrogate", "\xed\xa0\x80",
                                                "\xEF\xBF\xBD"
                                                "ed\xEF\xBF\xBD"
                                                "a0\xEF\xBF\xBD"
                                                "80"},
                                         Broken{"AboveTheLast", "\xf4\x90\x80\x80",
                                                "\xEF\xBF\xBD"
                                                "f4\xEF\xBF\xBD"
                                                "90\xEF\xBF\xBD"
                                                "80\xEF\xBF\xBD"
                                                "80"},
                                         Broken{"LeadF5", "\xf5\x80",
                                                "\xEF\xBF\xBD"
                                                "f5\xEF\xBF\xBD"
                                                "80"},
                                         Broken{"TruncatedTwo", "x\xc3",
                                                "x\xEF\xBF\xBD"
                                                "c3"},
                                         Broken{"TruncatedThree", "\xe2\x82",
                                                "\xEF\xBF\xBD"
                                                "e2\xEF\xBF\xBD"
                                                "82"},
                                         Broken{"TruncatedFour", "\xf0\x9f\x94",
                                                "\xEF\xBF\xBD"
                                                "f0\xEF\xBF\xBD"
                                                "9f\xEF\xBF\xBD"
                                                "94"},
                                         Broken{"BrokenOffByText", "\xe2\x82go",
                                                "\xEF\xBF\xBD"
                                                "e2\xEF\xBF\xBD"
                                                "82go"},
                                         Broken{"ValidAfterBroken", "\xff\xc3\xa9",
                                                "\xEF\xBF\xBD"
                                                "ff\xc3\xa9"}),
                         [](const testing::TestParamInfo<Broken>& tested) {
                           return std::string(tested.param.name);
                         });

TEST(Utf8, KeepsDifferentInputsDifferent) {
  // All texts of up to six of these pieces: among them a repair, and text that looks like one.
  const std::vector<std::string> pieces{"\xff", "\xEF\xBF\xBD", "f", "a", "\xef", "\xbf\xbd"};
  std::vector<std::string> texts{""};
  for (std::size_t first = 0, round = 0; round < 6; ++round) {
    const std::size_t last = texts.size();
    for (; first < last; ++first)
      for (const std::string& piece : pieces) texts.push_back(texts[first] + piece);
  }
  std::map<std::string, std::string> seen;
  for (const std::string& text : texts) {
    const auto [entry, added] = seen.emplace(to_valid_utf8(text), text);
    ASSERT_EQ(entry->second, text) << "both become " << entry->first;
    ASSERT_TRUE(is_valid_utf8(entry->first));
  }
}

TEST(Printable, ShowsAsciiAndEscapesTheRest) {
  EXPECT_EQ(printable("wg0 = \"x\""), "wg0 = \"x\"");
  EXPECT_EQ(printable("a\nb\0c\x7f\xff\\"sv), "a\\x0ab\\x00c\\x7f\\xff\\x5c");
  EXPECT_EQ(printable(""), "");
}

TEST(Printable, EscapesEachByteThatIsNotPrintableAscii) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string shown = printable(std::string(1, static_cast<char>(byte)));
    const bool plain = byte >= 0x20 && byte < 0x7f && byte != '\\';
    EXPECT_EQ(shown.size(), plain ? 1U : 4U) << byte;
  }
}

TEST(Printable, StopsAtItsLimitAndSaysSo) {
  EXPECT_EQ(printable("abcdef", 6), "abcdef");
  EXPECT_EQ(printable("abcdefg", 6), "abcdef...");
  EXPECT_EQ(printable(std::string(1000, 'x')), std::string(64, 'x') + "...");
}

}  // namespace
}  // namespace wgscope
