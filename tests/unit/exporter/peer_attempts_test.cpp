// What attempts that fail make of a peer's verdict: replies lost, and unanswered.

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter/peer_verdict.hpp"
#include "judged_peer.hpp"

namespace wgscope::exporter {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

// --- replies lost ---

TEST(RepliesLost, IsNamedSoonAfterTheSessionEnded) {
  JudgedPeer peer;
  peer.pass(10min, data(peer, 700, 5'000));
  const auto after = peer.until(Verdict::replies_lost, knocking(peer));
  EXPECT_GT(after, 60s) << "the last session may have lasted that long";
  EXPECT_LE(after, 185s + 90s);
  EXPECT_THAT(peer.pass(1h, knocking(peer)), ElementsAre(Verdict::replies_lost))
      << "and through every pause";
  peer.shake();
  EXPECT_THAT(peer.pass(2min), ElementsAre(Verdict::live));
}

TEST(RepliesLost, IsNamedWhereThereWasNeverASession) {
  JudgedPeer peer;
  peer.read();
  EXPECT_LE(peer.until(Verdict::replies_lost, knocking(peer)), 45s);
}

TEST(RepliesLost, DoesNotAskWhetherRepliesWereCounted) {
  JudgedPeer peer;
  peer.read();
  EXPECT_LE(peer.until(Verdict::replies_lost, knocking(peer, 25, 0)), 45s)
      << "wireguard-go does not count what the own firewall drops";
}

TEST(RepliesLost, EndsSomeTimeAfterTheLastAttempt) {
  JudgedPeer peer;
  peer.read();
  peer.pass(90s, knocking(peer));
  ASSERT_EQ(peer.verdict(), Verdict::replies_lost);
  EXPECT_THAT(peer.pass(110s), ElementsAre(Verdict::replies_lost));
  peer.pass(20s);
  EXPECT_EQ(peer.verdict(), Verdict::never);
}

TEST(RepliesLost, IsNotSaidOfAFewAttempts) {
  JudgedPeer peer;
  peer.read();
  EXPECT_THAT(peer.pass(2h,
                        [&](int second) {
                          if (second % 60 == 0) peer.receive(kInitiation);
                        }),
              ElementsAre(Verdict::never));
}

// The phone takes the last of them for a handshake that is complete, and is silent. This host waits for a
// packet of the new session, which was lost as well.
TEST(RepliesLost, IsNotSaidWhereAPathLosesMostInitiations) {
  for (const int every : {15, 20, 30}) {
    JudgedPeer peer;
    peer.read();
    EXPECT_THAT(peer.pass(90s,
                          [&](int second) {
                            if (second % every == 0) peer.receive(kInitiation);
                          }),
                ElementsAre(Verdict::never));
    EXPECT_THAT(peer.pass(10min), ElementsAre(Verdict::never)) << "every " << every << " s";
  }
}

TEST(RepliesLost, LastsWhileInitiationsThatAreLostInPartGoOn) {
  JudgedPeer peer;
  peer.read();
  peer.pass(60s, knocking(peer));
  ASSERT_EQ(peer.verdict(), Verdict::replies_lost);
  EXPECT_THAT(peer.pass(1h,
                        [&](int second) {
                          if (second % 25 == 0) peer.receive(kInitiation);
                        }),
              ElementsAre(Verdict::replies_lost));
  peer.pass(200s);
  EXPECT_EQ(peer.verdict(), Verdict::never);
  EXPECT_THAT(peer.pass(1h,
                        [&](int second) {
                          if (second % 25 == 0) peer.receive(kInitiation);
                        }),
              ElementsAre(Verdict::never))
      << "they alone do not begin it";
}

TEST(RepliesLost, IsNotSaidOfDataOfASessionOfUnknownAge) {
  JudgedPeer peer;
  peer.shake();
  peer.pass_unseen(2min);
  // The exporter starts now, after the wall clock was set: the handshake seems to be days old.
  const auto seen = peer.pass(175s, [&](int) {
    peer.receive(100'000);
    peer.send(100'000);
  });
  EXPECT_THAT(seen, testing::IsSubsetOf({Verdict::live, Verdict::idle}));
}

TEST(RepliesLost, IsNotSaidOfDataAtTheEndOfASession) {
  for (int late = 0; late < 5; ++late) {
    JudgedPeer peer;
    peer.read();
    peer.pass(std::chrono::seconds(late));
    peer.shake();
    EXPECT_THAT(peer.pass(180s, [&](int) { peer.receive(1'000'000); }),
                testing::IsSubsetOf({Verdict::live, Verdict::idle}));
    EXPECT_THAT(peer.pass(30min), testing::IsSubsetOf({Verdict::live, Verdict::idle}));
  }
}

TEST(RepliesLost, IsNotSaidOfDataThatWasMeasuredInTheSession) {
  JudgedPeer peer;
  peer.shake();
  peer.pass(40s, [&](int) { peer.receive(1'000'000); });
  peer.shake();
  peer.pass(180s, [&](int) { peer.receive(1'000'000); });
  EXPECT_THAT(peer.pass(30min), ElementsAre(Verdict::idle));
}

TEST(RepliesLost, IsNamedAtTheRhythmOfScrapesToo) {
  for (const std::chrono::seconds rhythm : {15s, 30s, 60s}) {
    JudgedPeer peer(rhythm);
    peer.pass(10min, data(peer, 700, 5'000));
    EXPECT_LE(peer.until(Verdict::replies_lost, knocking(peer)), 185s + 90s + 2 * rhythm);
    EXPECT_THAT(peer.pass(1h, knocking(peer)), ElementsAre(Verdict::replies_lost));
  }
}

// --- unanswered ---

TEST(Unanswered, IsNamedSoonAfterTheSessionEnded) {
  JudgedPeer peer;
  peer.pass(10min, data(peer, 700, 5'000));
  EXPECT_LE(peer.until(Verdict::unanswered, calling(peer)), 185s + 60s);
  EXPECT_THAT(peer.pass(1h, calling(peer)), ElementsAre(Verdict::unanswered));
  EXPECT_THAT(peer.pass(15min, calling(peer, 110)), ElementsAre(Verdict::unanswered))
      << "with pauses of 110 s";
  peer.shake();
  EXPECT_THAT(peer.pass(2min), ElementsAre(Verdict::live));
}

TEST(Unanswered, IsNotSaidWhileTheOtherSideKnocks) {
  JudgedPeer peer;
  peer.read();
  peer.pass(10min, [&](int second) {
    if (second % 60 == 0) peer.receive(kInitiation);
    if (second % 5 == 0) peer.send(kInitiation);
  });
  EXPECT_EQ(peer.verdict(), Verdict::never) << "too little of either";
}

TEST(Unanswered, EndsWhenNobodySendsAnyMore) {
  JudgedPeer peer;
  peer.read();
  peer.pass(924s, calling(peer, 30));  // TCP's retransmissions to a sleeper
  ASSERT_EQ(peer.verdict(), Verdict::unanswered);
  peer.pass(130s);
  EXPECT_EQ(peer.verdict(), Verdict::never);
}

}  // namespace
}  // namespace wgscope::exporter
