#include "checks/ping/stretches.hpp"

#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/diagnosis/ping.hpp"

namespace wgscope::checks {
namespace {

void send(Stretches& stretches, std::uint64_t from, std::uint64_t to, std::size_t session) {
  for (std::uint64_t number = from; number <= to; ++number) stretches.sent(number, session);
}

TEST(Stretches, NothingIsKnownOfWhatIsBehindTheLastAnswerOfEachSession) {
  Stretches stretches;
  send(stretches, 1, 10, 1);
  for (const std::uint64_t number : {1U, 2U, 4U}) stretches.answered(number);
  send(stretches, 11, 15, 2);
  stretches.answered(13);
  EXPECT_EQ(stretches.tails(), 6U + 2U);
  EXPECT_EQ(stretches.last_tail(), 2U);
  const auto ended = stretches.ended();
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].sent, 10U);
  EXPECT_EQ(ended[0].answered, 3U);
  EXPECT_EQ(ended[0].tail, 6U);
}

TEST(Stretches, AnAnswerThatComesLateCountsForItsOwnSession) {
  Stretches stretches;
  send(stretches, 1, 10, 1);
  send(stretches, 11, 11, 2);
  stretches.answered(11);
  stretches.answered(9);
  EXPECT_EQ(stretches.tails(), 1U);
  EXPECT_EQ(stretches.ended()[0].answered, 1U);
}

TEST(Stretches, WhatCountsNoLongerStillTellsOfThoseBefore) {
  Stretches stretches;
  send(stretches, 1, 10, 1);
  stretches.answered(7);
  stretches.count_up_to(10);
  send(stretches, 11, 12, 1);
  EXPECT_EQ(stretches.tails(), 3U);
  stretches.answered(12);
  EXPECT_EQ(stretches.tails(), 0U);
}

TEST(Stretches, WhatCountsNoLongerTellsNothingOfAnotherSession) {
  Stretches stretches;
  send(stretches, 1, 10, 1);
  stretches.answered(7);
  stretches.count_up_to(10);
  stretches.sent(11, 2);
  stretches.answered(11);
  EXPECT_EQ(stretches.tails(), 3U);
  EXPECT_EQ(stretches.last_tail(), 0U);
}

TEST(Stretches, SumsUpWhatIsLongAgo) {
  Stretches stretches;
  for (std::uint64_t session = 1; session <= 1000; ++session)
    send(stretches, 2 * session - 1, 2 * session, session);
  EXPECT_EQ(stretches.tails(), 2000U);
  EXPECT_LT(stretches.ended().size(), 1000U);
  stretches.answered(1);  // of a session that is summed up
  EXPECT_EQ(stretches.tails(), 2000U);
  EXPECT_EQ(Stretches().tails(), 0U);
}

}  // namespace
}  // namespace wgscope::checks
