#include "wgscope/render/layout.hpp"

#include <chrono>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"

namespace wgscope::render {
namespace {

using std::chrono::milliseconds;

TEST(Timestamp, IsRightBefore1970Too) {
  EXPECT_EQ(timestamp(WallTime{milliseconds(-1)}), "1969-12-31T23:59:59.999Z");
}

TEST(Fold, BreaksAtBlanksAndBeginsTheNextLinesWhereTheyAreTo) {
  EXPECT_EQ(fold("one two three four", {.width = 10, .first = 0, .rest = 2}),
            "one two\n  three\n  four");
  EXPECT_EQ(fold("one two", {.width = 7, .first = 0, .rest = 0}), "one two") << "exactly as wide";
  EXPECT_EQ(fold("one two", {.width = 7, .first = 1, .rest = 0}), "one\ntwo");
}

TEST(Fold, LeavesWordsWholeAndLinesAloneWhereThereIsNoWidth) {
  EXPECT_EQ(fold("abcdefghij klm", {.width = 5}), "abcdefghij\nklm");
  EXPECT_EQ(fold("one two", {}), "one two");
  EXPECT_EQ(fold("one two", {.width = 4, .first = 0, .rest = 8}), "one two")
      << "no room even for the indentation";
  EXPECT_EQ(fold("", {.width = 5}), "");
}

TEST(Fold, CountsCharactersNotBytes) {
  EXPECT_EQ(fold("µµµ µµµ", {.width = 7}), "µµµ µµµ");
  EXPECT_EQ(fold("µµµ µµµ", {.width = 6}), "µµµ\nµµµ");
}

TEST(Fold, KeepsTheBlanksWithinALine) {
  EXPECT_EQ(fold("a  b", {.width = 80}), "a  b");
  EXPECT_EQ(fold("  a", {.width = 80}), "  a");
  EXPECT_EQ(fold("a  ", {.width = 80}), "a  ");
}

TEST(Cut, LeavesOutWhatDoesNotFitAndSaysSo) {
  EXPECT_EQ(cut("abc", 3), "abc");
  EXPECT_EQ(cut("abcd", 3), "ab…");
  EXPECT_EQ(cut("µµµµ", 3), "µµ…");
  EXPECT_EQ(cut("abc", 1), "…");
  EXPECT_EQ(cut("abc", 0), "");
}

}  // namespace
}  // namespace wgscope::render
