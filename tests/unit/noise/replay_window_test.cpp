#include "wgscope/noise/replay_window.hpp"

#include <cstdint>
#include <set>

#include <gtest/gtest.h>

#include "wgscope/noise/constants.hpp"

#include "random.hpp"

namespace wgscope::noise {
namespace {

constexpr std::uint64_t kSize = ReplayWindow::kSize;

TEST(ReplayWindow, IsAtLeastAsWideAsThePapers) {
  EXPECT_GE(kSize, 2000U) << "whitepaper §5.4.6: about 2000";
}

TEST(ReplayWindow, AcceptsCountersInOrderFromZero) {
  ReplayWindow window;
  for (std::uint64_t counter = 0; counter < 4 * kSize; ++counter)
    ASSERT_TRUE(window.accept(counter)) << counter;
}

TEST(ReplayWindow, RefusesWhatItSaw) {
  ReplayWindow window;
  for (const std::uint64_t counter :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{9}, kSize}) {
    EXPECT_TRUE(window.accept(counter)) << counter;
    EXPECT_FALSE(window.accept(counter)) << counter;
  }
  EXPECT_FALSE(window.accept(9));
}

TEST(ReplayWindow, AcceptsCounterZeroLate) {
  ReplayWindow window;
  EXPECT_TRUE(window.accept(1));
  EXPECT_TRUE(window.accept(0));
  EXPECT_FALSE(window.accept(0));
}

TEST(ReplayWindow, AcceptsBackwardsDownToItsEdge) {
  ReplayWindow window;
  for (std::uint64_t counter = kSize + 1; counter-- > 1;)
    ASSERT_TRUE(window.accept(counter)) << counter;
  EXPECT_FALSE(window.accept(1));
}

TEST(ReplayWindow, ForgetsBelowItsEdgeAndNotAtIt) {
  // The highest is `top`; kSize counters are told apart: top - kSize + 1 to top.
  for (std::uint64_t top = kSize; top < kSize + 2 * ReplayWindow::kWordBits; ++top) {
    ReplayWindow window;
    ASSERT_TRUE(window.accept(top));
    EXPECT_FALSE(window.accept(top - kSize)) << top;
    EXPECT_TRUE(window.accept(top - kSize + 1)) << top;
    EXPECT_FALSE(window.accept(top - kSize + 1)) << top;
  }
}

TEST(ReplayWindow, RemembersAtEveryPlaceAcrossAShortMove) {
  for (std::uint64_t first = 0; first < 3 * ReplayWindow::kWordBits; ++first) {
    ReplayWindow window;
    ASSERT_TRUE(window.accept(first));
    ASSERT_TRUE(window.accept(first + kSize - 1)) << "the furthest that keeps the first";
    EXPECT_FALSE(window.accept(first)) << first;
  }
}

TEST(ReplayWindow, KeepsNothingOfARoundAgo) {
  // A jump by the ring's whole size lands on the same bits.
  constexpr std::uint64_t kRing = ReplayWindow::kWords * ReplayWindow::kWordBits;
  for (const std::uint64_t jump : {kSize, kRing - 1, kRing, kRing + 1, 2 * kRing, 1000 * kRing}) {
    ReplayWindow window;
    for (std::uint64_t counter = 0; counter < kRing; ++counter) ASSERT_TRUE(window.accept(counter));
    const std::uint64_t top = kRing - 1 + jump;
    ASSERT_TRUE(window.accept(top)) << jump;
    EXPECT_FALSE(window.accept(top)) << jump;
    for (std::uint64_t counter = kRing; counter < top; ++counter) {
      if (top - counter >= kSize) counter = top - kSize + 1;
      ASSERT_TRUE(window.accept(counter)) << counter << " after a jump by " << jump;
    }
  }
}

TEST(ReplayWindow, WorksUpToTheLastCounterThatMayBeSent) {
  ReplayWindow window;
  constexpr std::uint64_t kLast = kRejectAfterMessages - 1;
  EXPECT_TRUE(window.accept(0));
  EXPECT_TRUE(window.accept(kLast));
  EXPECT_FALSE(window.accept(kLast));
  EXPECT_TRUE(window.accept(kLast - 1));
  EXPECT_TRUE(window.accept(kLast - kSize + 1));
  EXPECT_FALSE(window.accept(kLast - kSize));
  EXPECT_FALSE(window.accept(0));
}

/// What the window must answer, without any trick.
class Model {
 public:
  bool accept(std::uint64_t counter) {
    if (!seen_.empty() && *seen_.rbegin() >= kSize && counter <= *seen_.rbegin() - kSize)
      return false;
    return seen_.insert(counter).second;
  }

 private:
  std::set<std::uint64_t> seen_;
};

TEST(ReplayWindow, AnswersLikeASetForRandomCounters) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    test::SeededRandom random(seed);
    ReplayWindow window;
    Model model;
    std::uint64_t around = random.below(2 * kSize);
    for (int i = 0; i < 20'000; ++i) {
      switch (random.below(100)) {
        case 0: around += random.below(3 * kSize); break;  // a jump
        case 1: around += ReplayWindow::kWordBits; break;
        default: around += random.below(3); break;
      }
      const std::uint64_t back = random.below(random.below(10) == 0 ? 2 * kSize : 100);
      const std::uint64_t counter = around > back ? around - back : 0;
      ASSERT_EQ(window.accept(counter), model.accept(counter))
          << "counter " << counter << ", seed " << seed << ", step " << i;
    }
  }
}

TEST(ReplayWindow, CountsWhatCameWhatIsMissingAndWhatCameLateOrTwice) {
  ReplayWindow window;
  EXPECT_EQ(window.tally().missing, 0U);
  for (const std::uint64_t counter : {0U, 1U, 4U, 3U, 4U, 9U})
    static_cast<void>(window.accept(counter));
  EXPECT_EQ(window.tally().received, 5U);
  EXPECT_EQ(window.tally().missing, 5U) << "2, 5, 6, 7 and 8";
  EXPECT_EQ(window.tally().reordered, 1U) << "3";
  EXPECT_EQ(window.tally().replayed, 1U) << "4";
  EXPECT_TRUE(window.accept(2));
  EXPECT_EQ(window.tally().missing, 4U) << "it was only late";
  EXPECT_EQ(window.tally().reordered, 2U);
}

TEST(ReplayWindow, CountsWhatIsTooLateToTellAsMissingAndReplayed) {
  ReplayWindow window;
  EXPECT_TRUE(window.accept(kSize));
  EXPECT_FALSE(window.accept(0));
  EXPECT_EQ(window.tally().received, 1U);
  EXPECT_EQ(window.tally().missing, kSize);
  EXPECT_EQ(window.tally().replayed, 1U);
}

}  // namespace
}  // namespace wgscope::noise
