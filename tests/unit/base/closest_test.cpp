#include "wgscope/base/closest.hpp"

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace wgscope {
namespace {

const std::array<std::string, 5> kKnown{"--count", "--config", "--ipv4", "handshake", "mtu"};

TEST(DidYouMean, NamesTheWordThatDiffersLeast) {
  EXPECT_EQ(did_you_mean("--cuont", kKnown), ": did you mean '--count'?") << "two swapped";
  EXPECT_EQ(did_you_mean("--cout", kKnown), ": did you mean '--count'?") << "one left out";
  EXPECT_EQ(did_you_mean("--confiig", kKnown), ": did you mean '--config'?") << "one more";
  EXPECT_EQ(did_you_mean("handshape", kKnown), ": did you mean 'handshake'?") << "one changed";
  EXPECT_EQ(did_you_mean("--ipv5", kKnown), ": did you mean '--ipv4'?");
}

TEST(DidYouMean, IsSilentWhereNothingIsClose) {
  EXPECT_EQ(did_you_mean("dance", kKnown), "");
  EXPECT_EQ(did_you_mean("m", kKnown), "") << "all of it differs";
  EXPECT_EQ(did_you_mean("", kKnown), "");
  EXPECT_EQ(did_you_mean("--count", {}), "");
  EXPECT_EQ(did_you_mean(std::string(100'000, '-'), kKnown), "");
}

}  // namespace
}  // namespace wgscope
