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

}  // namespace
}  // namespace wgscope::probe
