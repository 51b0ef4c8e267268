// Files in systemd's syntax: what stands where, and that no byte is lost.

#include "wgscope/config/unit_file.hpp"

#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"

namespace wgscope::config {
namespace {

using namespace std::string_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Kind = UnitLine::Kind;

UnitFile parsed(std::string_view text) {
  auto file = parse_unit_file(text);
  EXPECT_TRUE(file) << file.error().context;
  return file ? std::move(*file) : UnitFile();
}

std::string error_of(std::string_view text) {
  const auto file = parse_unit_file(text);
  EXPECT_FALSE(file);
  return file ? "" : file.error().context;
}

/// "3-4 assignment Name|value" for each line that is not blank.
std::vector<std::string> lines_of(std::string_view text) {
  constexpr std::string_view kNames[] = {"blank", "comment", "section", "assignment", "malformed"};
  std::vector<std::string> made;
  const UnitFile file = parsed(text);
  for (const UnitLine& line : file.lines())
    if (line.kind != Kind::blank)
      made.push_back(fmt::format("{}-{} {} {}|{}", line.line, line.last_line,
                                 kNames[static_cast<std::size_t>(line.kind)], line.name,
                                 line.value));
  return made;
}

TEST(UnitFile, TellsSectionsAssignmentsAndComments) {
  EXPECT_THAT(
      lines_of("# one\n[NetDev]\n  Name = wg0 \n; two\n\nKind=wireguard # no comment\nx\n=y"),
      ElementsAre("1-1 comment |", "2-2 section NetDev|", "3-3 assignment Name|wg0",
                  "4-4 comment |", "6-6 assignment Kind|wireguard # no comment", "7-7 malformed |",
                  "8-8 malformed |"));
}

TEST(UnitFile, JoinsLinesThatEndWithAnOddNumberOfBackslashes) {
  EXPECT_THAT(
      lines_of("A=1, \\\n   2\\\n# comment\\\n;\n\t3\nB=x\\\\\nC=y\\"),
      ElementsAre("1-5 assignment A|1,  2 3", "6-6 assignment B|x\\\\", "7-7 assignment C|y"));
  EXPECT_THAT(lines_of("A=1\\\n\nB=2"), ElementsAre("1-2 assignment A|1", "3-3 assignment B|2"));
}

TEST(UnitFile, EndsLinesAsSystemdDoes) {
  EXPECT_THAT(lines_of("A=1\r\nB=2\rC=3\n\rD=4\n\nE=5"),
              ElementsAre("1-1 assignment A|1", "2-2 assignment B|2", "3-3 assignment C|3",
                          "4-4 assignment D|4", "6-6 assignment E|5"));
}

TEST(UnitFile, PassesOverAByteOrderMark) {
  EXPECT_THAT(lines_of("\xEF\xBB\xBF[A]\nb=c"),
              ElementsAre("1-1 section A|", "2-2 assignment b|c"));
}

TEST(UnitFile, KnowsWhereEachPartOfAValueStands) {
  const UnitFile file = parsed("[P]\n\xC3\xA4 =  10.0.0.0/8, \\\n# no\n   fd00::/8,::1\n");
  const UnitLine& line = file.lines()[1];
  ASSERT_EQ(line.value, "10.0.0.0/8,  fd00::/8,::1");
  EXPECT_EQ(line.place(0), (UnitPlace{2, 6}));
  EXPECT_EQ(line.place(line.value.find("fd00")), (UnitPlace{4, 4}));
  EXPECT_EQ(line.place(line.value.find("::1")), (UnitPlace{4, 13}));
  EXPECT_EQ(file.lines()[0].place(), (UnitPlace{1, 1}));
}

TEST(UnitFile, IsRefusedAsAWholeWhereSystemdRefusesIt) {
  EXPECT_THAT(error_of("[A]\n[B\nx=y"), HasSubstr("line 2: a section's header must end with ']'"));
  EXPECT_THAT(error_of("[A]\n[\"B\"]"), HasSubstr("line 2: the section's header has quotes"));
  EXPECT_THAT(error_of("[A]\nx=\xFF"), HasSubstr("line 2: there are bytes that are not UTF-8"));
  EXPECT_TRUE(parse_unit_file("[A]\n# \xFF\nx=y"));
  EXPECT_THAT(error_of("[A]\n" + std::string(kMaxUnitLine + 1, 'x')),
              HasSubstr("line 2: the line is longer than 1048576 bytes"));
  std::string continued = "x=";
  for (int i = 0; i < 3; ++i) continued += std::string(kMaxUnitLine / 2, 'y') + "\\\n";
  EXPECT_THAT(error_of(continued), HasSubstr("longer than"));
  EXPECT_THAT(error_of("[A]\nx=\0\n"s), HasSubstr("a byte of zero"));
}

TEST(UnitFile, ChangesOneLineAndKeepsAllOthers) {
  UnitFile file = parsed("[A]\n# note\n x = 1 \r\ny=\\\n# x=\n 2\nz=3");
  file.set_value(2, "one\ntwo");
  file.set_value(3, "two\\");
  EXPECT_EQ(write_unit_file(file).view(), "[A]\n# note\n x = one two\r\ny=two\\ \nz=3");
  file.remove(1);
  EXPECT_EQ(write_unit_file(file).view(), "[A]\n x = one two\r\ny=two\\ \nz=3");
}

/// Files of pieces that have a meaning of their own.
std::string random_file(std::mt19937& random) {
  static const std::vector<std::string> kPieces{
      "[WireGuard]", "[A b]",      "[",        "]",    "Key", "=",   " = ",       "value",
      "\\",          "\\\\",       "\n",       "\r\n", "\r",  "# c", "; d",       " ",
      "\t",          "10.0.0.0/8", "\xC3\xA4", "\xFF", "\n",  "\n",  "Key=value", "\xEF\xBB\xBF"};
  std::string text;
  for (std::size_t count = random() % 40; count > 0; --count)
    text += kPieces[random() % kPieces.size()];
  return text;
}

TEST(UnitFile, IsWrittenAsItWasRead) {
  std::mt19937 random(16);
  int read = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = random_file(random);
    const auto file = parse_unit_file(text);
    if (!file) continue;
    ++read;
    ASSERT_EQ(write_unit_file(*file).view(), text);
  }
  EXPECT_GT(read, 2000);
}

TEST(UnitFile, IsReadAsItWasChanged) {
  std::mt19937 random(17);
  const std::vector<std::string> values{"new", "", "a b\\", "x\\\\", "[s]", "# c", "k=v"};
  int changed = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = random_file(random);
    auto file = parse_unit_file(text);
    if (!file) continue;
    for (std::size_t at = 0; at < file->lines().size(); ++at) {
      if (file->lines()[at].kind != Kind::assignment) continue;
      const std::string& value = values[random() % values.size()];
      const std::string name(file->lines()[at].name);
      file->set_value(at, value);
      const UnitFile again = parsed(write_unit_file(*file).view());
      ASSERT_EQ(again.lines().size(), file->lines().size()) << text;
      ASSERT_EQ(again.lines()[at].name, name) << text;
      ASSERT_EQ(again.lines()[at].value, value) << text;
      ++changed;
    }
  }
  EXPECT_GT(changed, 2000);
}

}  // namespace
}  // namespace wgscope::config
