#include "audit/prefixes.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/model/address.hpp"

#include "audit/shell_words.hpp"

namespace wgscope::audit {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Prefix prefix(std::string_view text) { return *Prefix::parse(text); }

std::vector<std::string> nested_of(const std::vector<Held>& held) {
  std::vector<std::string> lines;
  for (const Nested& one : nested(held))
    lines.push_back(fmt::format("{} of {} in {} of {}", one.inner.prefix.to_string(),
                                one.inner.holder, one.outer.prefix.to_string(), one.outer.holder));
  return lines;
}

TEST(Prefixes, ContainAddressesOfTheirFamilyAlone) {
  EXPECT_TRUE(contains(prefix("10.9.0.0/16"), *IpAddress::parse("10.9.255.1")));
  EXPECT_FALSE(contains(prefix("10.9.0.0/16"), *IpAddress::parse("10.10.0.1")));
  EXPECT_FALSE(contains(prefix("0.0.0.0/0"), *IpAddress::parse("::1")));
  EXPECT_TRUE(contains(prefix("fd00::/9"), prefix("fd7f::/16")));
  EXPECT_FALSE(contains(prefix("fd00::/9"), prefix("fd80::/16")));
  EXPECT_FALSE(contains(prefix("10.9.0.0/24"), prefix("10.9.0.0/16")));
}

TEST(Prefixes, AreNestedInTheNarrowestOneOfAnotherHolder) {
  EXPECT_THAT(
      nested_of({{prefix("10.0.0.0/8"), 1, 0},
                 {prefix("10.1.0.0/16"), 2, 0},
                 {prefix("10.1.1.0/24"), 2, 1},
                 {prefix("10.2.0.0/16"), 1, 1},
                 {prefix("11.0.0.0/8"), 2, 2},
                 {prefix("::/0"), 1, 2}}),
      ElementsAre("10.1.0.0/16 of 2 in 10.0.0.0/8 of 1", "10.1.1.0/24 of 2 in 10.0.0.0/8 of 1"));
  EXPECT_THAT(nested_of({{prefix("10.0.0.0/8"), 2, 0}, {prefix("10.0.0.0/8"), 1, 0}}),
              ElementsAre("10.0.0.0/8 of 1 in 10.0.0.0/8 of 2"));  // the first is the outer one
  EXPECT_THAT(nested_of({}), IsEmpty());
}

/// What `bash -n` says of each was tried by hand.
TEST(ShellWords, SayWhatACommandLeavesOpen) {
  struct Case {
    std::string_view command;
    std::string_view open;
  };
  constexpr Case kCases[] = {
      {"echo hello", ""},
      {"echo 'it'", ""},
      {"echo 'it", "a single quote"},
      {"echo it's", "a single quote"},
      {"echo \"it's\"", ""},
      {"echo \"it", "a double quote"},
      {R"(echo "a \" b)", "a double quote"},
      {R"(echo "a \" b")", ""},
      {R"(echo \')", ""},
      {R"(echo 'a\')", ""},
      {R"(echo $'a\'b')", ""},
      {R"(echo $'a\')", "a single quote"},
      {R"~(echo "$(echo "x")")~", ""},
      {R"~(echo "$(echo "x)")~", "a parenthesis"},
      {"echo $(date", "a parenthesis"},
      {"(ip rule; true)", ""},
      {"(ip rule; true", "a parenthesis"},
      {"echo \"(\"", ""},
      {"echo `date`", ""},
      {"echo `date", "a backquote"},
      {"case $x in a) true;; esac", ""},
  };
  for (const Case& one : kCases) {
    const auto open = unclosed(one.command);
    EXPECT_EQ(open ? name_of(*open) : "", one.open) << one.command;
  }
}

}  // namespace
}  // namespace wgscope::audit
