#include "wgscope/path/silent_gateway.hpp"

#include <chrono>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/path/flow_lifetime.hpp"

namespace wgscope::path {
namespace {

using std::chrono::seconds;

constexpr Instant kStart{seconds(1000)};

TEST(SilentGateway, SaysItsLastWordEightTimes) {
  SilentGateway gateway(kStart);
  EXPECT_FALSE(gateway.next_hush());
  Instant now = kStart;
  int said = 1;
  for (gateway.hush(now); gateway.next_hush(); ++said) {
    EXPECT_GT(*gateway.next_hush(), now);
    now = *gateway.next_hush();
    gateway.hush_again(now);
  }
  EXPECT_EQ(said, 8);
  EXPECT_LE(now - kStart, seconds(1));
}

TEST(SilentGateway, BeginsARowAnewWithEachFirstWord) {
  SilentGateway gateway(kStart);
  gateway.hush(kStart);
  for (int i = 0; i < 3; ++i) gateway.hush_again(*gateway.next_hush());
  gateway.hush(kStart + seconds(1));
  for (int i = 0; i < 7; ++i) {
    ASSERT_TRUE(gateway.next_hush()) << i;
    gateway.hush_again(*gateway.next_hush());
  }
  EXPECT_FALSE(gateway.next_hush());
  gateway.hush(kStart + seconds(2));
  gateway.stop_hushing();
  EXPECT_FALSE(gateway.next_hush());
}

TEST(SilentGateway, RenewsASessionOnlyWhereASilenceWouldOutlastIt) {
  const SilentGateway gateway(kStart);
  EXPECT_FALSE(gateway.outlasts_session(kStart + seconds(20), seconds(60)));
  EXPECT_TRUE(gateway.outlasts_session(kStart + seconds(60), seconds(60)));
  EXPECT_TRUE(gateway.outlasts_session(kStart + seconds(7), seconds(180)));
  EXPECT_FALSE(gateway.outlasts_session(kStart + seconds(5), seconds(180)))
      << "a session that young cannot be renewed, and no other would last longer";
}

TEST(SilentGateway, TriesSomeHandshakesAndNoMore) {
  SilentGateway gateway(kStart);
  gateway.key(kStart);
  int begun = 1;
  while (gateway.key_again(*gateway.next_key(), 3)) ++begun;
  EXPECT_EQ(begun, 3);
  EXPECT_FALSE(gateway.next_key());
}

TEST(SilentGateway, KnowsAHandshakeThatItWaitedForFromOneOfTheGateway) {
  SilentGateway gateway(kStart);
  EXPECT_FALSE(gateway.handle_keyed(kStart + seconds(1)));
  gateway.key(kStart + seconds(100));
  EXPECT_TRUE(gateway.handle_keyed(kStart + seconds(101)));
  EXPECT_FALSE(gateway.next_key());
  EXPECT_FALSE(gateway.outlasts_session(kStart + seconds(110), seconds(60))) << "it is new";
}

TEST(SilentGateway, CountsEachLostPacketOnce) {
  SilentGateway gateway(kStart, 5);
  EXPECT_EQ(gateway.take_missing(5), 0U);
  EXPECT_EQ(gateway.take_missing(8), 3U);
  EXPECT_EQ(gateway.take_missing(6), 0U) << "one that was only late is no loss, nor a gain";
  EXPECT_EQ(gateway.take_missing(9), 3U) << "two that were late hide none that is lost";
}

TEST(SilentGateway, AllowsASilenceToBeBrokenTwice) {
  SilentGateway gateway(kStart);
  FlowLifetime found;
  EXPECT_TRUE(gateway.note_broken(found, seconds(12)));
  EXPECT_TRUE(gateway.note_broken(found, seconds(10)));
  gateway.begin_silence();
  EXPECT_TRUE(gateway.note_broken(found, seconds(11)));
  EXPECT_TRUE(gateway.note_broken(found, seconds(11)));
  EXPECT_FALSE(gateway.note_broken(found, seconds(11)));
  EXPECT_EQ(found.broken_silences, 5U);
  EXPECT_EQ(found.broken_after, seconds(10));
}

}  // namespace
}  // namespace wgscope::path
