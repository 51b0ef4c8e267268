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

TEST(TerminalWidth, IsNotKnownOfWhatIsNoTerminal) { EXPECT_EQ(terminal_width(-1), 0U); }

}  // namespace
}  // namespace wgscope::probe
