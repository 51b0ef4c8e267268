#include "prefix_set.hpp"

#include <string_view>

#include <gtest/gtest.h>

#include "wgscope/model/address.hpp"

#include "drift_values.hpp"

namespace wgscope::audit {
namespace {

TEST(PrefixSet, FindsWhatLiesInItAndWhatItLiesIn) {
  const PrefixSet set(
      prefixes({"10.9.0.0/24", "10.9.2.128/25", "10.200.0.1/32", "fd09::/64", "fd0a::1/128"}));
  const auto overlaps = [&set](std::string_view text) {
    return set.overlaps(*Prefix::parse(text));
  };
  for (const std::string_view text :
       {"10.9.0.0/24", "10.9.0.0/16", "10.9.0.77/32", "10.9.2.0/24", "10.9.2.255/32", "0.0.0.0/0",
        "10.200.0.0/31", "fd09::1/128", "fd0a::/16", "::/0"})
    EXPECT_TRUE(overlaps(text)) << text;
  for (const std::string_view text : {"10.9.1.0/24", "10.9.2.0/25", "10.200.0.0/32", "11.0.0.0/8",
                                      "fd09:0:0:1::/64", "fd0b::/16", "fd0a::/128"})
    EXPECT_FALSE(overlaps(text)) << text;
  EXPECT_FALSE(PrefixSet({}).overlaps(*Prefix::parse("0.0.0.0/0")));
}

TEST(PrefixSet, TellsTheFamiliesApart) {
  EXPECT_FALSE(PrefixSet(prefixes({"::/0"})).overlaps(*Prefix::parse("0.0.0.0/0")));
  EXPECT_FALSE(overlap(*Prefix::parse("::/0"), *Prefix::parse("0.0.0.0/0")));
}

}  // namespace
}  // namespace wgscope::audit
