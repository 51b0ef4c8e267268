#include "probe/render/ping_view.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/ping.hpp"

namespace wgscope::probe {
namespace {

using namespace std::chrono_literals;
using checks::PingRound;

PingRound round(std::uint64_t number, std::optional<Nanoseconds> inner = {},
                std::optional<Nanoseconds> outer = {}) {
  PingRound made;
  made.number = number;
  made.inner = inner;
  made.outer = outer;
  made.outer_sent = true;
  return made;
}

/// What the screen holds after pieces with "\r" and "erase to the end of the line".
std::string screen(const std::string& written) {
  std::string lines;
  std::size_t line = 0;
  for (std::size_t i = 0; i < written.size(); ++i) {
    if (written.compare(i, 4, "\r\x1b[K") == 0) {
      lines.erase(line);
      i += 3;
      continue;
    }
    lines += written[i];
    if (written[i] == '\n') line = lines.size();
  }
  return lines;
}

std::string g_written;
void write(const std::string& piece) { g_written += piece; }

TEST(PingLine, HasBothRoundTripsSideBySide) {
  EXPECT_EQ(ping_line(round(3, 12'300us, 11'900us), false),
            "    3  tunnel 12.3 ms     outside 11.9 ms");
  EXPECT_EQ(ping_line(round(12'345, 870us, 1s), false), "12345  tunnel 870 µs      outside 1.00 s");
}

TEST(PingLine, SaysWhatIsWaitedForAndWhatDidNotCome) {
  EXPECT_EQ(ping_line(round(1, {}, 10ms), false), "    1  tunnel …           outside 10.0 ms");
  EXPECT_EQ(ping_line(round(1, 12ms), true), "    1  tunnel 12.0 ms     outside –");
}

TEST(PingLine, WithoutPingsOutsideHasOnlyTheTunnels) {
  PingRound only = round(1, 12ms);
  only.outer_sent = false;
  EXPECT_EQ(ping_line(only, false), "    1  tunnel 12.0 ms");
}

TEST(PingView, ChangesTheLastLineAndKeepsTheOthers) {
  g_written.clear();
  PingView view(write);
  view.on_round(round(1));
  EXPECT_EQ(screen(g_written), "    1  tunnel …           outside …");
  view.on_round(round(1, {}, 2ms));
  view.on_round(round(1, 3ms, 2ms));
  view.on_round(round(2));
  EXPECT_EQ(screen(g_written),
            "    1  tunnel 3.00 ms     outside 2.00 ms\n"
            "    2  tunnel …           outside …");
  view.end();
  EXPECT_EQ(screen(g_written),
            "    1  tunnel 3.00 ms     outside 2.00 ms\n"
            "    2  tunnel –           outside –\n");
}

TEST(PingView, GivesWhatIsLateALineOfItsOwn) {
  g_written.clear();
  PingView view(write);
  view.on_round(round(1));
  view.on_round(round(2));
  view.on_round(round(1, 1500ms));
  EXPECT_EQ(screen(g_written),
            "    1  tunnel –           outside –\n"
            "    1  tunnel 1.50 s      outside –  late\n"
            "    2  tunnel …           outside …");
}

TEST(PingView, ShowsNothingWhereNothingWasPinged) {
  g_written.clear();
  PingView view(write);
  view.end();
  EXPECT_EQ(g_written, "");
}

}  // namespace
}  // namespace wgscope::probe
