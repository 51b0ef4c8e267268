// What the readings of a peer make of it: faults are named, and what only looks like one is not.

#include "exporter/peer_verdict.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <ostream>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"

namespace wgscope::exporter {

void PrintTo(Verdict verdict, std::ostream* out) {
  *out << kVerdictNames.at(static_cast<std::size_t>(verdict));
}

namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

// Sizes of WireGuard's messages.
constexpr std::uint64_t kInitiation = 148;
constexpr std::uint64_t kResponse = 92;
constexpr std::uint64_t kKeepalive = 32;

/// A peer with its counters, on a clock of its own, looked at in a rhythm.
class Peer {
 public:
  explicit Peer(std::chrono::seconds rhythm = 5s) : rhythm_(rhythm) {}

  void receive(std::uint64_t bytes) { reading_.receive_bytes += bytes; }
  void send(std::uint64_t bytes) { reading_.transmit_bytes += bytes; }
  /// Completed, whichever side began.
  void shake() {
    receive(kInitiation);
    send(kResponse);
    reading_.handshaken = reading_.new_handshake = true;
    shaken_ = reading_.at;
  }
  void return_to_endpoint() { reading_.endpoint_returned = true; }
  void be_made_anew() {
    const Instant now = reading_.at;
    reading_ = {};
    reading_.at = now;
    shaken_.reset();
    judge_.restart();
  }

  /// Second by second: `happens` is told how many have passed. @returns every verdict on the way.
  std::set<Verdict> pass(
      std::chrono::seconds time, const std::function<void(int second)>& happens = [](int) {}) {
    std::set<Verdict> seen;
    for (int second = 0; second < time / 1s; ++second) {
      happens(second);
      reading_.at = reading_.at + 1s;
      if ((reading_.at.since_boot / 1s) % (rhythm_ / 1s) == 0) seen.insert(read());
    }
    return seen;
  }
  /// Nobody looks.
  void pass_unseen(
      std::chrono::seconds time, const std::function<void(int second)>& happens = [](int) {}) {
    for (int second = 0; second < time / 1s; ++second) {
      happens(second);
      reading_.at = reading_.at + 1s;
    }
  }
  Verdict read() {
    reading_.session_live = shaken_ && reading_.at - *shaken_ < 180s;
    verdict_ = judge_.judge(reading_);
    reading_.new_handshake = reading_.endpoint_returned = false;
    return verdict_;
  }
  [[nodiscard]] Verdict verdict() const { return verdict_; }
  /// How long until the verdict comes, while `happens`.
  std::chrono::seconds until(Verdict verdict, const std::function<void(int second)>& happens) {
    constexpr std::chrono::seconds kPatience = 4000s;
    for (std::chrono::seconds time = 0s; time < kPatience; time += 1s) {
      pass(1s, [&](int) { happens(static_cast<int>(time / 1s)); });
      if (verdict_ == verdict) return time + 1s;
    }
    return kPatience;
  }

 private:
  std::chrono::seconds rhythm_;
  PeerReading reading_{.at = Instant{5000s}};
  std::optional<Instant> shaken_;
  PeerJudge judge_;
  Verdict verdict_ = Verdict::never;
};

/// A side that tries for 90 s, and again after a pause.
bool tries(int second, int pause) { return second % (90 + pause) < 90 && second % 5 == 0; }

std::function<void(int)> knocking(Peer& peer, int pause = 25, std::uint64_t answer = kResponse) {
  return [&peer, pause, answer](int second) {
    if (!tries(second, pause)) return;
    peer.receive(kInitiation);
    peer.send(answer);
  };
}

std::function<void(int)> calling(Peer& peer, int pause = 25) {
  return [&peer, pause](int second) {
    if (tries(second, pause)) peer.send(kInitiation);
  };
}

/// Data of a session, in bytes per second, with a handshake every 2 minutes.
std::function<void(int)> data(Peer& peer, std::uint64_t received, std::uint64_t sent) {
  return [&peer, received, sent](int second) {
    if (second % 120 == 0) peer.shake();
    peer.receive(received);
    peer.send(sent);
  };
}

TEST(Verdict, OfAPeerThatNeverCameIsNever) {
  Peer peer;
  EXPECT_THAT(peer.pass(1h), ElementsAre(Verdict::never));
}

TEST(Verdict, OfAHealthyPeerIsLiveAllTheTime) {
  Peer peer;
  peer.shake();
  EXPECT_THAT(peer.pass(1h,
                        [&](int second) {
                          if (second % 120 == 0) peer.shake();
                          if (second % 25 == 0) peer.receive(kKeepalive);
                        }),
              ElementsAre(Verdict::live));
}

TEST(Verdict, OfALaptopThatFallsAsleepInATransferIsIdle) {
  Peer peer;
  peer.pass(10min, data(peer, 200'000, 5'000));
  // The server goes on for a moment, then TCP gives up; nobody has sent anything since.
  peer.pass(2s, [&](int) { peer.send(20'000); });
  EXPECT_THAT(peer.pass(8h), ElementsAre(Verdict::live, Verdict::idle));
}

// --- replies lost ---

TEST(RepliesLost, IsNamedSoonAfterTheSessionEnded) {
  Peer peer;
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
  Peer peer;
  peer.read();
  EXPECT_LE(peer.until(Verdict::replies_lost, knocking(peer)), 45s);
}

TEST(RepliesLost, DoesNotAskWhetherRepliesWereCounted) {
  Peer peer;
  peer.read();
  EXPECT_LE(peer.until(Verdict::replies_lost, knocking(peer, 25, 0)), 45s)
      << "wireguard-go does not count what the own firewall drops";
}

TEST(RepliesLost, EndsSomeTimeAfterTheLastAttempt) {
  Peer peer;
  peer.read();
  peer.pass(90s, knocking(peer));
  ASSERT_EQ(peer.verdict(), Verdict::replies_lost);
  EXPECT_THAT(peer.pass(110s), ElementsAre(Verdict::replies_lost));
  peer.pass(20s);
  EXPECT_EQ(peer.verdict(), Verdict::never);
}

TEST(RepliesLost, IsNotSaidOfAFewAttempts) {
  Peer peer;
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
    Peer peer;
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
  Peer peer;
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
  Peer peer;
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
    Peer peer;
    peer.read();
    peer.pass(std::chrono::seconds(late));
    peer.shake();
    EXPECT_THAT(peer.pass(180s, [&](int) { peer.receive(1'000'000); }),
                testing::IsSubsetOf({Verdict::live, Verdict::idle}));
    EXPECT_THAT(peer.pass(30min), testing::IsSubsetOf({Verdict::live, Verdict::idle}));
  }
}

TEST(RepliesLost, IsNotSaidOfDataThatWasMeasuredInTheSession) {
  Peer peer;
  peer.shake();
  peer.pass(40s, [&](int) { peer.receive(1'000'000); });
  peer.shake();
  peer.pass(180s, [&](int) { peer.receive(1'000'000); });
  EXPECT_THAT(peer.pass(30min), ElementsAre(Verdict::idle));
}

TEST(RepliesLost, IsNamedAtTheRhythmOfScrapesToo) {
  for (const std::chrono::seconds rhythm : {15s, 30s, 60s}) {
    Peer peer(rhythm);
    peer.pass(10min, data(peer, 700, 5'000));
    EXPECT_LE(peer.until(Verdict::replies_lost, knocking(peer)), 185s + 90s + 2 * rhythm);
    EXPECT_THAT(peer.pass(1h, knocking(peer)), ElementsAre(Verdict::replies_lost));
  }
}

// --- unanswered ---

TEST(Unanswered, IsNamedSoonAfterTheSessionEnded) {
  Peer peer;
  peer.pass(10min, data(peer, 700, 5'000));
  EXPECT_LE(peer.until(Verdict::unanswered, calling(peer)), 185s + 60s);
  EXPECT_THAT(peer.pass(1h, calling(peer)), ElementsAre(Verdict::unanswered));
  EXPECT_THAT(peer.pass(15min, calling(peer, 110)), ElementsAre(Verdict::unanswered))
      << "with pauses of 110 s";
  peer.shake();
  EXPECT_THAT(peer.pass(2min), ElementsAre(Verdict::live));
}

TEST(Unanswered, IsNotSaidWhileTheOtherSideKnocks) {
  Peer peer;
  peer.read();
  peer.pass(10min, [&](int second) {
    if (second % 60 == 0) peer.receive(kInitiation);
    if (second % 5 == 0) peer.send(kInitiation);
  });
  EXPECT_EQ(peer.verdict(), Verdict::never) << "too little of either";
}

TEST(Unanswered, EndsWhenNobodySendsAnyMore) {
  Peer peer;
  peer.read();
  peer.pass(924s, calling(peer, 30));  // TCP's retransmissions to a sleeper
  ASSERT_EQ(peer.verdict(), Verdict::unanswered);
  peer.pass(130s);
  EXPECT_EQ(peer.verdict(), Verdict::never);
}

// --- one way ---

TEST(OneWay, IsNamedWhenAnswersEnd) {
  Peer peer;
  peer.pass(15min, data(peer, 5'000, 5'000));
  EXPECT_LE(peer.until(Verdict::one_way, data(peer, 0, 5'000)), 130s);
  EXPECT_THAT(peer.pass(3h, data(peer, 0, 5'000)), ElementsAre(Verdict::one_way));
  peer.pass(2min, data(peer, 5'000, 5'000));
  EXPECT_EQ(peer.verdict(), Verdict::live);
}

TEST(OneWay, IsNotSaidOfAFeed) {
  Peer peer;
  // Who subscribes says a little first.
  peer.pass(20s, data(peer, 500, 500));
  EXPECT_THAT(peer.pass(8h, data(peer, 0, 50'000)), ElementsAre(Verdict::live));
}

TEST(OneWay, IsNotSaidOfAFeedLongAfterOtherData) {
  Peer peer;
  peer.pass(15min, data(peer, 5'000, 5'000));
  peer.pass(3h);
  EXPECT_THAT(peer.pass(1h, data(peer, 0, 50'000)), testing::IsSubsetOf({Verdict::live}));
}

TEST(OneWay, EndsWithTheSession) {
  Peer peer;
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
  Peer peer;
  peer.pass(15min, data(peer, 5'000, 5'000));
  EXPECT_THAT(peer.pass(1h, data(peer, 1'000, 100'000)), ElementsAre(Verdict::live));
}

TEST(OneWay, IsNotSaidWhenTrafficEnds) {
  Peer peer;
  peer.pass(15min, data(peer, 5'000, 5'000));
  EXPECT_THAT(peer.pass(1h, data(peer, 0, 1)), ElementsAre(Verdict::live));
}

// --- flapping ---

std::function<void(int)> returning(Peer& peer, int every) {
  return [&peer, every](int second) {
    if (second % 120 == 0) peer.shake();
    if (second % every == 0) peer.return_to_endpoint();
  };
}

TEST(Flapping, IsNamedWithinMinutes) {
  Peer peer;
  peer.pass(10min, data(peer, 100, 100));
  EXPECT_LE(peer.until(Verdict::flapping, returning(peer, 13)), 120s);
  EXPECT_THAT(peer.pass(1h, returning(peer, 13)), ElementsAre(Verdict::flapping));
  EXPECT_THAT(peer.pass(1h, returning(peer, 40)), ElementsAre(Verdict::flapping));
  EXPECT_THAT(peer.pass(1h, returning(peer, 5)), ElementsAre(Verdict::flapping));
  EXPECT_LE(peer.until(Verdict::live, data(peer, 100, 100)), 3min) << "however often it returned";
}

TEST(Flapping, IsNotSaidOfAPhoneBetweenTwoNetworks) {
  Peer peer;
  peer.pass(10min, data(peer, 100, 100));
  EXPECT_THAT(peer.pass(3h, returning(peer, 75)), ElementsAre(Verdict::live));
}

/// The endpoint seems to stay, and handshakes come every so many seconds.
std::function<void(int)> shaking(Peer& peer, int every) {
  return [&peer, every](int second) {
    if (second % every == 0) peer.shake();
    peer.receive(8'000);
  };
}

TEST(Flapping, LastsWhileOneOfTwoDevicesHidesTheOther) {
  Peer peer;
  peer.pass(10min, data(peer, 100, 100));
  peer.until(Verdict::flapping, returning(peer, 13));
  EXPECT_THAT(peer.pass(1h, shaking(peer, 27)), ElementsAre(Verdict::flapping));
  EXPECT_LE(peer.until(Verdict::live, shaking(peer, 120)), 3min) << "the second device is gone";
}

TEST(Flapping, IsNotSaidOfHandshakesThatComeEarly) {
  for (const int every : {5, 15, 40, 90}) {
    Peer peer;
    EXPECT_THAT(peer.pass(1h, shaking(peer, every)), ElementsAre(Verdict::live)) << every;
  }
}

TEST(Flapping, EndsThoughPacketsAreLost) {
  for (const std::chrono::seconds rhythm : {5s, 15s}) {
    Peer peer(rhythm);
    peer.pass(10min, data(peer, 100, 100));
    peer.until(Verdict::flapping, returning(peer, 15));
    EXPECT_LE(peer.until(Verdict::live, shaking(peer, 60)), 8min);
  }
}

// --- gaps, and what is made anew ---

TEST(Gaps, DropEveryEvidence) {
  Peer knocked;
  knocked.read();
  knocked.pass(10min, knocking(knocked));
  ASSERT_EQ(knocked.verdict(), Verdict::replies_lost);
  knocked.pass_unseen(1h, knocking(knocked));
  EXPECT_EQ(knocked.read(), Verdict::never);
  EXPECT_LE(knocked.until(Verdict::replies_lost, knocking(knocked)), 60s) << "it is named again";

  Peer turned;
  turned.pass(15min, data(turned, 5'000, 5'000));
  turned.pass(10min, data(turned, 0, 5'000));
  ASSERT_EQ(turned.verdict(), Verdict::one_way);
  turned.pass_unseen(5min);
  turned.shake();
  EXPECT_EQ(turned.read(), Verdict::live);
}

TEST(Gaps, OfAHostThatSleptMakeNoSuspicion) {
  Peer peer;
  peer.pass(15min, data(peer, 5'000, 5'000));
  peer.pass_unseen(8h);
  EXPECT_THAT(peer.pass(1min), ElementsAre(Verdict::idle));
  EXPECT_THAT(peer.pass(10min, data(peer, 5'000, 5'000)), ElementsAre(Verdict::live));
}

TEST(Gaps, OfTwoScrapesThatFailedAreBridged) {
  Peer peer(60s);
  peer.read();
  peer.pass(10min, knocking(peer));
  ASSERT_EQ(peer.verdict(), Verdict::replies_lost);
  peer.pass_unseen(3min, knocking(peer));
  EXPECT_EQ(peer.read(), Verdict::replies_lost);
}

TEST(Gaps, ThatAreBridgedCountAsAnEvenRate) {
  Peer peer;
  peer.read();
  peer.pass_unseen(190s, [&](int second) {
    if (second % 38 == 0) peer.receive(kInitiation);
  });
  EXPECT_EQ(peer.read(), Verdict::never) << "five attempts in three minutes are few";
}

TEST(Verdict, StartsAnewWithAPeerThatWasMadeAnew) {
  Peer peer;
  peer.pass(15min, data(peer, 5'000, 5'000));
  peer.be_made_anew();
  EXPECT_THAT(peer.pass(10min), ElementsAre(Verdict::never));
  EXPECT_LE(peer.until(Verdict::replies_lost, knocking(peer)), 45s);
}

TEST(Verdict, IsTheSameForTwoWhoReadAtOnce) {
  Peer peer;
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
  Peer peer;
  peer.read();
  peer.pass(5s);
  peer.read();
  peer.shake();
  peer.read();
  EXPECT_THAT(peer.pass(170s, [&](int) { peer.receive(1'000); }), ElementsAre(Verdict::live));
  EXPECT_THAT(peer.pass(5min), ElementsAre(Verdict::live, Verdict::idle));
}

TEST(Verdict, SeesBytesBetweenTwoReadingsOfOneInstant) {
  Peer peer;
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
