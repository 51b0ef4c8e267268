// What the readings of a peer make of it: faults are named, and what only looks like one is not.

#include "exporter/peer_verdict.hpp"

#include <chrono>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"

#include "judged_peer.hpp"

namespace wgscope::exporter {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

TEST(Verdict, OfAPeerThatNeverCameIsNever) {
  JudgedPeer peer;
  EXPECT_THAT(peer.pass(1h), ElementsAre(Verdict::never));
}

TEST(Verdict, OfAHealthyPeerIsLiveAllTheTime) {
  JudgedPeer peer;
  peer.shake();
  EXPECT_THAT(peer.pass(1h,
                        [&](int second) {
                          if (second % 120 == 0) peer.shake();
                          if (second % 25 == 0) peer.receive(kKeepalive);
                        }),
              ElementsAre(Verdict::live));
}

TEST(Verdict, OfALaptopThatFallsAsleepInATransferIsIdle) {
  JudgedPeer peer;
  peer.pass(10min, data(peer, 200'000, 5'000));
  // The server goes on for a moment, then TCP gives up; nobody has sent anything since.
  peer.pass(2s, [&](int) { peer.send(20'000); });
  EXPECT_THAT(peer.pass(8h), ElementsAre(Verdict::live, Verdict::idle));
}

// --- one way ---

TEST(OneWay, IsNamedWhenAnswersEnd) {
  JudgedPeer peer;
  peer.pass(15min, data(peer, 5'000, 5'000));
  EXPECT_LE(peer.until(Verdict::one_way, data(peer, 0, 5'000)), 130s);
  EXPECT_THAT(peer.pass(3h, data(peer, 0, 5'000)), ElementsAre(Verdict::one_way));
  peer.pass(2min, data(peer, 5'000, 5'000));
  EXPECT_EQ(peer.verdict(), Verdict::live);
}

TEST(OneWay, IsNotSaidOfAFeed) {
  JudgedPeer peer;
  // Who subscribes says a little first.
  peer.pass(20s, data(peer, 500, 500));
  EXPECT_THAT(peer.pass(8h, data(peer, 0, 50'000)), ElementsAre(Verdict::live));
}

TEST(OneWay, IsNotSaidOfAFeedLongAfterOtherData) {
  JudgedPeer peer;
  peer.pass(15min, data(peer, 5'000, 5'000));
  peer.pass(3h);
  EXPECT_THAT(peer.pass(1h, data(peer, 0, 50'000)), testing::IsSubsetOf({Verdict::live}));
}

TEST(OneWay, EndsWithTheSession) {
  JudgedPeer peer;
  peer.pass(15min, data(peer, 5'000, 5'000));
  peer.pass(10min, data(peer, 0, 5'000));
  ASSERT_EQ(peer.verdict(), Verdict::one_way);
  peer.shake();
  peer.pass(179s, [&](int) { peer.send(5'000); });  // to its very end
  peer.pass(5min);
  ASSERT_EQ(peer.verdict(), Verdict::idle);
  peer.shake();
  EXPECT_THAT(peer.pass(5s), ElementsAre(Verdict::live));
}

TEST(OneWay, IsNotSaidOfADownload) {
  JudgedPeer peer;
  peer.pass(15min, data(peer, 5'000, 5'000));
  EXPECT_THAT(peer.pass(1h, data(peer, 1'000, 100'000)), ElementsAre(Verdict::live));
}

TEST(OneWay, IsNotSaidWhenTrafficEnds) {
  JudgedPeer peer;
  peer.pass(15min, data(peer, 5'000, 5'000));
  EXPECT_THAT(peer.pass(1h, data(peer, 0, 1)), ElementsAre(Verdict::live));
}

// --- flapping ---

std::function<void(int)> returning(JudgedPeer& peer, int every) {
  return [&peer, every](int second) {
    if (second % 120 == 0) peer.shake();
    if (second % every == 0) peer.return_to_endpoint();
  };
}

TEST(Flapping, IsNamedWithinMinutes) {
  JudgedPeer peer;
  peer.pass(10min, data(peer, 100, 100));
  EXPECT_LE(peer.until(Verdict::flapping, returning(peer, 13)), 120s);
  EXPECT_THAT(peer.pass(1h, returning(peer, 13)), ElementsAre(Verdict::flapping));
  EXPECT_THAT(peer.pass(1h, returning(peer, 40)), ElementsAre(Verdict::flapping));
  EXPECT_THAT(peer.pass(1h, returning(peer, 5)), ElementsAre(Verdict::flapping));
  EXPECT_LE(peer.until(Verdict::live, data(peer, 100, 100)), 3min) << "however often it returned";
}

TEST(Flapping, IsNotSaidOfAPhoneBetweenTwoNetworks) {
  JudgedPeer peer;
  peer.pass(10min, data(peer, 100, 100));
  EXPECT_THAT(peer.pass(3h, returning(peer, 75)), ElementsAre(Verdict::live));
}

/// The endpoint seems to stay, and handshakes come every so many seconds.
std::function<void(int)> shaking(JudgedPeer& peer, int every) {
  return [&peer, every](int second) {
    if (second % every == 0) peer.shake();
    peer.receive(8'000);
  };
}

TEST(Flapping, LastsWhileOneOfTwoDevicesHidesTheOther) {
  JudgedPeer peer;
  peer.pass(10min, data(peer, 100, 100));
  peer.until(Verdict::flapping, returning(peer, 13));
  EXPECT_THAT(peer.pass(1h, shaking(peer, 27)), ElementsAre(Verdict::flapping));
  EXPECT_LE(peer.until(Verdict::live, shaking(peer, 120)), 3min) << "the second device is gone";
}

TEST(Flapping, IsNotSaidOfHandshakesThatComeEarly) {
  for (const int every : {5, 15, 40, 90}) {
    JudgedPeer peer;
    EXPECT_THAT(peer.pass(1h, shaking(peer, every)), ElementsAre(Verdict::live)) << every;
  }
}

TEST(Flapping, EndsThoughPacketsAreLost) {
  for (const std::chrono::seconds rhythm : {5s, 15s}) {
    JudgedPeer peer(rhythm);
    peer.pass(10min, data(peer, 100, 100));
    peer.until(Verdict::flapping, returning(peer, 15));
    EXPECT_LE(peer.until(Verdict::live, shaking(peer, 60)), 8min);
  }
}

// --- gaps, and what is made anew ---

TEST(Gaps, DropEveryEvidence) {
  JudgedPeer knocked;
  knocked.read();
  knocked.pass(10min, knocking(knocked));
  ASSERT_EQ(knocked.verdict(), Verdict::replies_lost);
  knocked.pass_unseen(1h, knocking(knocked));
  EXPECT_EQ(knocked.read(), Verdict::never);
  EXPECT_LE(knocked.until(Verdict::replies_lost, knocking(knocked)), 60s) << "it is named again";

  JudgedPeer turned;
  turned.pass(15min, data(turned, 5'000, 5'000));
  turned.pass(10min, data(turned, 0, 5'000));
  ASSERT_EQ(turned.verdict(), Verdict::one_way);
  turned.pass_unseen(5min);
  turned.shake();
  EXPECT_EQ(turned.read(), Verdict::live);
}

TEST(Gaps, OfAHostThatSleptMakeNoSuspicion) {
  JudgedPeer peer;
  peer.pass(15min, data(peer, 5'000, 5'000));
  peer.pass_unseen(8h);
  EXPECT_THAT(peer.pass(1min), ElementsAre(Verdict::idle));
  EXPECT_THAT(peer.pass(10min, data(peer, 5'000, 5'000)), ElementsAre(Verdict::live));
}

TEST(Gaps, OfTwoScrapesThatFailedAreBridged) {
  JudgedPeer peer(60s);
  peer.read();
  peer.pass(10min, knocking(peer));
  ASSERT_EQ(peer.verdict(), Verdict::replies_lost);
  peer.pass_unseen(3min, knocking(peer));
  EXPECT_EQ(peer.read(), Verdict::replies_lost);
}

TEST(Gaps, ThatAreBridgedCountAsAnEvenRate) {
  JudgedPeer peer;
  peer.read();
  peer.pass_unseen(190s, [&](int second) {
    if (second % 38 == 0) peer.receive(kInitiation);
  });
  EXPECT_EQ(peer.read(), Verdict::never) << "five attempts in three minutes are few";
}

TEST(Verdict, StartsAnewWithAPeerThatWasMadeAnew) {
  JudgedPeer peer;
  peer.pass(15min, data(peer, 5'000, 5'000));
  peer.be_made_anew();
  EXPECT_THAT(peer.pass(10min), ElementsAre(Verdict::never));
  EXPECT_LE(peer.until(Verdict::replies_lost, knocking(peer)), 45s);
}

TEST(Verdict, IsTheSameForTwoWhoReadAtOnce) {
  JudgedPeer peer;
  peer.read();
  peer.read();
  peer.pass(10min, [&](int second) {
    knocking(peer)(second);
    peer.read();
    peer.read();
  });
  EXPECT_EQ(peer.verdict(), Verdict::replies_lost);
}

TEST(Verdict, SeesAHandshakeBetweenTwoReadingsOfOneInstant) {
  JudgedPeer peer;
  peer.read();
  peer.pass(5s);
  peer.read();
  peer.shake();
  peer.read();
  EXPECT_THAT(peer.pass(170s, [&](int) { peer.receive(1'000); }), ElementsAre(Verdict::live));
  EXPECT_THAT(peer.pass(5min), ElementsAre(Verdict::live, Verdict::idle));
}

TEST(Verdict, SeesBytesBetweenTwoReadingsOfOneInstant) {
  JudgedPeer peer;
  peer.read();
  peer.receive(kInitiation);
  EXPECT_EQ(peer.read(), Verdict::never);
  peer.receive(6 * kInitiation);
  EXPECT_EQ(peer.read(), Verdict::replies_lost);
}

TEST(Verdict, KnowsCountersThatWentBack) {
  PeerJudge judge;
  EXPECT_FALSE(judge.went_back(0, 0)) << "never read";
  judge.judge({.at = Instant{10s}, .receive_bytes = 10, .transmit_bytes = 20});
  EXPECT_FALSE(judge.went_back(10, 20));
  EXPECT_TRUE(judge.went_back(9, 20));
  EXPECT_TRUE(judge.went_back(10, 19));
  judge.restart();
  EXPECT_FALSE(judge.went_back(0, 0));
}

}  // namespace
}  // namespace wgscope::exporter
