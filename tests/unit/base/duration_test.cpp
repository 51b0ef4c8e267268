#include "wgscope/base/duration.hpp"

#include <chrono>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"

namespace wgscope {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

TEST(ParseDuration, TakesANumberWithAUnit) {
  EXPECT_EQ(parse_duration("500ms").value(), 500ms);
  EXPECT_EQ(parse_duration("1.5s").value(), 1500ms);
  EXPECT_EQ(parse_duration(".5s").value(), 500ms);
  EXPECT_EQ(parse_duration("2m").value(), 2min);
  EXPECT_EQ(parse_duration("1h").value(), 1h);
  EXPECT_EQ(parse_duration("7d").value(), 168h);
  EXPECT_EQ(parse_duration("0s").value(), 0s);
  EXPECT_EQ(parse_duration("0.3s").value(), 300ms) << "rounded, not cut off";
}

TEST(ParseDuration, TakesSeveralUnitsFromLargeToSmall) {
  EXPECT_EQ(parse_duration("1m30s").value(), 90s);
  EXPECT_EQ(parse_duration("1d2h3m4s5ms").value(), 26h + 3min + 4s + 5ms);
  EXPECT_EQ(parse_duration("1h5ms").value(), 1h + 5ms);
}

TEST(ParseDuration, CountsANumberAloneInSeconds) {
  EXPECT_EQ(parse_duration("5").value(), 5s);
  EXPECT_EQ(parse_duration("0.25").value(), 250ms);
  EXPECT_EQ(parse_duration("0").value(), 0s);
}

TEST(ParseDuration, RefusesEverythingElseAndSaysWhatToGive) {
  for (const char* bad : {"",     "s",   ".",    "1 s",  " 1s",  "1s ",  "-1s",   "-1",  "+1s",
                          "1e3s", "1e3", "nan",  "nans", "inf",  "infs", "0x1s",  "1x",  "1S",
                          "1min", "1ns", "1s1m", "1s1s", "1m30", "30ss", "1..5s", "1,5s"})
    EXPECT_FALSE(parse_duration(bad)) << bad;
  EXPECT_EQ(parse_duration("5x").error().code, Errc::bad_value);
  EXPECT_EQ(parse_duration("5x").error().context,
            "'5x' is not a valid duration: give a number with a unit, as in 500ms, 30s or 2m");
  EXPECT_THAT(parse_duration("1\x1b[0m").error().context, HasSubstr(R"('1\x1b[0m')"));
}

TEST(ParseDuration, RefusesMoreThanAWeek) {
  for (const std::string& bad :
       {std::string("8d"), std::string("6d24h1ms"), std::string(400, '9') + "s"})
    EXPECT_FALSE(parse_duration(bad)) << bad;
  EXPECT_EQ(parse_duration("169h").error().context, "'169h' is too long: give at most 7d");
}

}  // namespace
}  // namespace wgscope
