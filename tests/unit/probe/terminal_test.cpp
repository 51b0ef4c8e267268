#include "probe/render/terminal.hpp"

#include <gtest/gtest.h>

namespace wgscope::probe {
namespace {

TEST(WantsColour, OnlyOnATerminalThatHasItAndWhereItIsNotRefused) {
  EXPECT_TRUE(wants_colour({true, nullptr, "xterm"}));
  EXPECT_TRUE(wants_colour({true, "", "xterm"})) << "an empty NO_COLOR is none (no-color.org)";
  EXPECT_FALSE(wants_colour({true, "0", "xterm"}));
  EXPECT_FALSE(wants_colour({true, nullptr, "dumb"}));
  EXPECT_FALSE(wants_colour({true, nullptr, nullptr}));
  EXPECT_FALSE(wants_colour({false, nullptr, "xterm"}));
}

TEST(CanMoveCursor, OnATerminalThatIsNotDumbWhateverColoursItHas) {
  EXPECT_TRUE(can_move_cursor({true, "1", "xterm"}));
  EXPECT_FALSE(can_move_cursor({true, nullptr, "dumb"}));
  EXPECT_FALSE(can_move_cursor({true, nullptr, nullptr}));
  EXPECT_FALSE(can_move_cursor({false, nullptr, "xterm"}));
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

TEST(TerminalWidth, IsNotKnownOfWhatIsNoTerminal) { EXPECT_EQ(terminal_width(-1), 0U); }

}  // namespace
}  // namespace wgscope::probe
