#include "wgscope/path/mtu_replies.hpp"

#include <optional>

#include <gtest/gtest.h>

#include "wgscope/path/mtu_search.hpp"

namespace wgscope::path {
namespace {

MtuResult ends_between(std::size_t mtu, std::size_t not_above) {
  MtuResult result;
  result.verdict = MtuVerdict::black_hole;
  result.mtu = mtu;
  result.not_above = not_above;
  result.exact = true;
  return result;
}

TEST(RepliesOfAPath, AreNarrowedByTheFragmentsOfLargerOnes) {
  MtuResult result = ends_between(1388, 1403);
  narrow_to_fragment(result, 1396, 1480);
  EXPECT_EQ(result.mtu, 1396U);
  EXPECT_EQ(result.not_above, 1403U);
  result = ends_between(1388, 1410);
  narrow_to_fragment(result, 1396, 1480);
  EXPECT_EQ(result.not_above, 1403U);
}

/// Whoever cuts a datagram in the middle, or lies, does not make a limit below what arrived.
TEST(RepliesOfAPath, AreNotNarrowedByFragmentsSmallerThanWhatArrivedWhole) {
  MtuResult result = ends_between(892, 907);
  narrow_to_fragment(result, 548, 828);
  EXPECT_EQ(result.mtu, 892U);
  EXPECT_EQ(result.not_above, 907U);
}

TEST(RepliesOfAPath, TellNoLimitWhereTheGatewayCutsToTheLeastThatLinuxLearns) {
  MtuResult result = ends_between(540, 1479);
  narrow_to_fragment(result, 548, 1480);
  EXPECT_EQ(result.not_above, std::nullopt);
  EXPECT_EQ(result.verdict, MtuVerdict::inconclusive);
  EXPECT_FALSE(result.exact);
}

TEST(RepliesOfAPath, AreWidenedToTheStepThatALargestOneIsPaddedTo) {
  const MtuSearchConfig config{.current = 1472, .floor = 572, .ceiling = 1472, .step = 16};
  MtuResult result = ends_between(1452, 1471);
  widen_to_step(result, config);
  EXPECT_EQ(result.not_above, 1483U);
  result = ends_between(1436, 1451);
  widen_to_step(result, config);
  EXPECT_EQ(result.not_above, 1451U) << "not the largest";
}

}  // namespace
}  // namespace wgscope::path
