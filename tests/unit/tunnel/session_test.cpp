#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/tunnel/event.hpp"
#include "wgscope/tunnel/interface.hpp"
#include "wgscope/wire/message.hpp"

#include "net.hpp"

// Sessions and timers (whitepaper §6).

namespace wgscope::tunnel {
namespace {

using namespace std::chrono_literals;
using testing::Bytes;
using ::testing::ElementsAre;
using testing::Logged;
using testing::make_pair;
using testing::Net;
using wire::MessageType;

constexpr auto kData = MessageType::transport;
constexpr auto kInitiation = MessageType::initiation;

/// A session that node 0 began, 100 ms old.
Net connected_pair(const testing::Acquaintance& how = {}) {
  Net net = make_pair(how);
  net.initiate(0, 1);
  net.advance(120ms);
  return net;
}

std::size_t keepalives(const Net& net, std::size_t node, std::size_t mark = 0) {
  std::size_t count = 0;
  for (const Logged& entry : net.sent(node, kData, mark)) count += entry.size == 32 ? 1U : 0U;
  return count;
}

TEST(Session, WhatWaitedIsSentInOrderAtOnceAndNoKeepalive) {
  Net net = make_pair();
  for (const char* payload : {"1", "2", "3"}) EXPECT_EQ(net.send(0, 1, payload), Sent::staged);
  net.advance(30ms);  // three ways of 10 ms
  EXPECT_THAT(net.received(1), ElementsAre("1", "2", "3"));
  EXPECT_EQ(keepalives(net, 0), 0U);
}

TEST(Session, WithNothingToSendTheInitiatorConfirmsWithAKeepaliveAtOnce) {
  Net net = make_pair();
  net.initiate(0, 1);
  net.advance(20ms);
  EXPECT_EQ(keepalives(net, 0), 1U);
  EXPECT_EQ(net[1].count(EventKind::key_confirmed), 0U);
  net.advance(10ms);
  EXPECT_EQ(net[1].count(EventKind::key_confirmed), 1U);
  EXPECT_EQ(net[1].count(EventKind::keepalive_received), 1U);
}

TEST(Session, TheResponderSendsNothingInItBeforeItIsConfirmed) {
  Net net = make_pair({}, {.endpoint = true});
  net.initiate(0, 1);
  net.advance(15ms);
  EXPECT_EQ(net.send(1, 0, "waits"), Sent::staged);
  EXPECT_FALSE(net.interface(1).has_session(net.boot(), net.id(1, 0)));
  EXPECT_EQ(net.count(1, kData), 0U);
  net.advance(15ms);
  EXPECT_EQ(net.count(1, kData), 1U);
  net.advance(10ms);
  EXPECT_THAT(net.received(0), ElementsAre("waits"));
}

TEST(Session, UntilANewOneIsConfirmedTheResponderGoesOnInTheOldOne) {
  Net net = connected_pair();
  net.advance(10s);
  net.initiate(0, 1);
  net.advance(10ms);
  net[1].deaf = true;
  EXPECT_EQ(net.send(1, 0, "old"), Sent::sealed);
  net.advance(100ms);
  ASSERT_EQ(net[0].count(EventKind::response_accepted), 2U);
  EXPECT_THAT(net.received(0), ElementsAre("old")) << "read in the previous session";
  net.send(1, 0, "still old");
  net.advance(100ms);
  EXPECT_THAT(net.received(0), ElementsAre("old", "still old"));
}

TEST(Session, WhatIsUnderWayAtARekeyIsReadInThePreviousOne) {
  Net net = connected_pair();
  net.advance(10s);
  net.link.delay = 500ms;
  net.send(1, 0, "slow");
  net.link.delay = 10ms;
  net.initiate(0, 1);
  net.advance(100ms);
  ASSERT_EQ(net[0].count(EventKind::response_accepted), 2U);
  net.advance(1s);
  EXPECT_THAT(net.received(0), ElementsAre("slow"));
}

TEST(Rekey, TheInitiatorBeginsWhenItSendsAfter120Seconds) {
  Net net = connected_pair();
  net.advance(119s);
  net.send(0, 1);
  net.advance(100ms);
  EXPECT_EQ(net.count(0, kInitiation), 1U);
  net.advance(1s);
  net.send(0, 1);
  net.advance(100ms);
  EXPECT_EQ(net.count(0, kInitiation), 2U);
  EXPECT_EQ(net[0].count(EventKind::response_accepted), 2U);
}

TEST(Rekey, TheResponderNeverBeginsByTime) {
  Net net = connected_pair();
  for (int second = 0; second < 178; ++second) {
    net.send(1, 0);
    // What the initiator would answer with is cut off, and so is its own rekeying.
    net[0].mute = second > 110;
    net[1].mute = second > 110;
    net.advance(1s);
    if (second < 120) net.inject(1, net[0].address, Bytes(3));
  }
  std::size_t by_time = 0;
  for (const Logged& entry : net.sent(1, kInitiation))
    by_time += entry.at - Instant{1h} < 110s + 15s ? 1U : 0U;
  EXPECT_EQ(by_time, 0U) << "only for data that nobody answers";
}

TEST(Rekey, TheInitiatorBeginsOnceWhenItReceivesAfter165Seconds) {
  Net net = connected_pair();
  net.advance(164s);
  net.send(1, 0);
  net.advance(50ms);
  EXPECT_EQ(net.count(0, kInitiation), 1U) << "also its keepalive comes only in 10 s";
  net.advance(1s);
  net[1].deaf = true;
  for (int i = 0; i < 700; ++i) {
    net.send(1, 0);
    net.advance(10ms);
  }
  const auto begun = net.sent(0, kInitiation);
  ASSERT_EQ(begun.size(), 3U) << "one, and its retry";
  EXPECT_GT(begun[2].at - begun[1].at, 5020ms) << "which the timer made, not the next packet";
}

TEST(Rekey, AResponderDoesNotBeginOnReceivingAfter165Seconds) {
  Net net = connected_pair();
  net[0].mute = true;
  net.advance(166s);
  net[0].mute = false;
  net[0].deaf = true;
  net.send(0, 1);  // by which node 0 rekeys; the response is lost
  net.advance(2s);
  EXPECT_EQ(net[1].delivered.size(), 1U);
  EXPECT_EQ(net.count(1, kInitiation), 0U);
}

TEST(Rekey, IsSeamlessInSteadyTraffic) {
  Net net = connected_pair();
  std::size_t sent = 0;
  for (; sent < 6600; ++sent) {  // eleven minutes
    net.send(sent % 2, 1 - sent % 2, std::to_string(sent));
    net.advance(100ms);
  }
  net.advance(1s);
  EXPECT_EQ(net[0].delivered.size() + net[1].delivered.size(), sent) << "nothing is lost";
  EXPECT_EQ(net.count(0, kInitiation) + net.count(1, kInitiation), 1U + 600 / 120);
  EXPECT_EQ(net.count(1, kInitiation), 0U) << "who began goes on";
}

TEST(Keepalive, ComesTenSecondsAfterDataThatWasNotAnswered) {
  Net net = connected_pair();
  net.send(0, 1);
  net.advance(10ms);  // it has arrived
  const std::size_t mark = net.log.size();
  net.advance(10s - 1ns);
  EXPECT_EQ(keepalives(net, 1, mark), 0U);
  net.advance(1ns);
  EXPECT_EQ(keepalives(net, 1, mark), 1U);
}

TEST(Keepalive, DoesNotComeWhenSomethingWasSentInBetween) {
  Net net = connected_pair();
  const std::size_t mark = net.log.size();
  net.send(0, 1);
  net.advance(5s);
  net.send(1, 0);
  net.advance(60s);
  EXPECT_EQ(keepalives(net, 1, mark), 0U);
  EXPECT_EQ(keepalives(net, 0, mark), 1U) << "for the answer, in its turn";
}

TEST(Keepalive, AnswersDataThatCameWhileOneWasDueWithAnother) {
  Net net = connected_pair();
  const std::size_t mark = net.log.size();
  net.send(0, 1);
  net.advance(8s);
  net.send(0, 1);
  net.advance(60s);
  EXPECT_EQ(keepalives(net, 1, mark), 2U);
}

TEST(Keepalive, IsNotOwedAnyMoreForDataThatWasAnswered) {
  Net net = connected_pair();
  net.send(0, 1);
  net.advance(1s);
  net.send(0, 1);
  net.advance(1s);
  net.send(1, 0);
  net.advance(60s);
  const std::size_t mark = net.log.size();
  net.send(0, 1);
  net.advance(60s);
  EXPECT_EQ(keepalives(net, 1, mark), 1U);
}

TEST(Keepalive, IdlePeersFallSilentAndHandshakeNoMore) {
  Net net = connected_pair();
  net.send(0, 1);
  net.send(1, 0);
  net.advance(30s);
  const std::size_t mark = net.log.size();
  net.advance(24h);
  EXPECT_EQ(net.log.size(), mark);
  EXPECT_EQ(net.interface(0).next_timeout(), std::nullopt);
  EXPECT_EQ(net.interface(1).next_timeout(), std::nullopt);
}

TEST(Keepalive, IsNoDataThatWaitsForAnAnswer) {
  Net net = connected_pair();
  const std::size_t mark = net.log.size();
  net[1].deaf = true;
  net.interface(0).send_keepalive(net.now(0), net.id(0, 1));
  net.flush(0);
  net.advance(60s);
  EXPECT_EQ(net.count(0, kInitiation, mark), 0U);
}

TEST(Keepalive, DoesNotCountAsData) {
  Net net = connected_pair();
  const std::uint64_t data = net.interface(0).data_sent(net.id(0, 1));
  const std::uint64_t packets = net.interface(0).status(net.id(0, 1)).packets_sent;
  for (int i = 0; i < 3; ++i) net.interface(0).send_keepalive(net.now(0), net.id(0, 1));
  EXPECT_EQ(net.interface(0).data_sent(net.id(0, 1)), data);
  net.send(0, 1);
  EXPECT_EQ(net.interface(0).data_sent(net.id(0, 1)), data + 1);
  EXPECT_EQ(net.interface(0).status(net.id(0, 1)).packets_sent, packets + 4);
}

TEST(PersistentKeepalive, BeginsTheHandshakeAndKeepsItUp) {
  Net net = make_pair({.persistent_keepalive = 25s});
  net.advance(1h);
  const std::size_t initiations = net.count(0, kInitiation);
  EXPECT_GE(initiations, 3600U / 150);
  EXPECT_LE(initiations, 3600U / 120 + 1);
  EXPECT_TRUE(net.interface(0).has_session(net.boot(), net.id(0, 1)));
}

TEST(PersistentKeepalive, ComesOnlyWhenNothingElsePassedForItsTime) {
  Net net = connected_pair({.persistent_keepalive = 25s});
  net.send(0, 1);
  net.advance(11s);  // and node 1's keepalive
  const std::size_t mark = net.log.size();
  for (int i = 0; i < 6; ++i) {  // received ones count as well
    net.advance(6s);
    net.send(i % 2 == 0 ? 1U : 0U, i % 2 == 0 ? 0U : 1U);
  }
  EXPECT_EQ(keepalives(net, 0, mark), 0U);
  net.advance(35s);  // node 1 answers the last data after ten seconds
  EXPECT_EQ(keepalives(net, 0, mark), 0U);
  net.advance(1s);
  EXPECT_EQ(keepalives(net, 0, mark), 1U);
  const std::size_t later = net.log.size();
  net.advance(25s);
  EXPECT_EQ(keepalives(net, 0, later), 1U);
}

TEST(PersistentKeepalive, WithoutAnEndpointWaitsForOne) {
  Net net = make_pair({}, {.endpoint = false, .persistent_keepalive = 25s});
  net.advance(60s);
  EXPECT_EQ(net.count(1, kInitiation), 0U);
  net.initiate(0, 1);
  net.advance(1s);
  const std::size_t mark = net.log.size();
  net.advance(50s);
  EXPECT_EQ(keepalives(net, 1, mark), 2U);
}

TEST(NewHandshake, BeginsFifteenSecondsAfterDataThatNobodyAnswered) {
  Net net = connected_pair();
  net[1].deaf = true;
  const Instant sent = net.boot();
  const std::size_t mark = net.log.size();
  for (int i = 0; i < 14; ++i) {
    net.send(0, 1);  // the first counts
    net.advance(1s);
  }
  EXPECT_EQ(net.count(0, kInitiation, mark), 0U);
  net.advance(1333ms);
  const auto begun = net.sent(0, kInitiation, mark);
  ASSERT_EQ(begun.size(), 1U);
  EXPECT_GE(begun[0].at - sent, 15s);
  EXPECT_LE(begun[0].at - sent, 15'333ms);
}

TEST(NewHandshake, DoesNotBeginWhenAnythingAuthenticCame) {
  Net net = connected_pair();
  const std::size_t mark = net.log.size();
  net.send(0, 1);
  net.advance(60s);  // a keepalive came after ten seconds
  EXPECT_EQ(net.count(0, kInitiation, mark), 0U);
}

TEST(NewHandshake, DoesNotBeginWhenThePeersInitiationCame) {
  Net net = connected_pair();
  net[0].deaf = true;  // nothing is answered, and its own handshake comes to nothing
  net.send(1, 0);
  net.advance(8s);
  ASSERT_TRUE(net.initiate(0, 1));
  net.advance(1s);
  net[0].mute = true;
  net.advance(11s);
  EXPECT_EQ(net.count(1, kInitiation), 0U);
}

TEST(GiveUp, ComesAfterNinetySecondsAndDropsWhatWaited) {
  Net net = make_pair();
  net[1].deaf = true;
  net.send(0, 1, "lost");
  net.advance(89s);
  EXPECT_EQ(net[0].count(EventKind::handshake_gave_up), 0U);
  net.advance(13s);
  EXPECT_EQ(net[0].count(EventKind::handshake_gave_up), 1U);
  EXPECT_EQ(net.count(0, kInitiation), 19U);
  const std::size_t mark = net.log.size();
  net[1].deaf = false;
  net.advance(1h);
  EXPECT_EQ(net.log.size(), mark) << "silence";
  EXPECT_EQ(net.interface(0).next_timeout(), std::nullopt);
  net.send(0, 1, "again");
  net.advance(1s);
  EXPECT_THAT(net.received(1), ElementsAre("again"));
}

TEST(GiveUp, DoesNotComeWhileThereIsSomethingToSend) {
  for (const auto every : {1s, 7s, 80s}) {
    Net net = make_pair();
    net[1].deaf = true;
    for (int i = 0; i < 600 && i * every < 1h; ++i) {
      net.send(0, 1, std::to_string(i));
      net.advance(every);
    }
    EXPECT_EQ(net[0].count(EventKind::handshake_gave_up), 0U) << every.count();
    net[1].deaf = false;
    net.advance(6s);
    EXPECT_THAT(net.received(1), ::testing::Not(::testing::IsEmpty()));
  }
}

TEST(Expiry, NothingIsSentOrAcceptedInASessionOf180Seconds) {
  Net net = make_pair();
  net.keep_bytes = true;
  net.initiate(0, 1);
  net.advance(100ms);
  net[1].deaf = true;
  net.send(0, 1, "late");
  const Bytes late = net.sent(0, kData).back().bytes;
  net.sleep(180s - 100ms + 10ms - 1ns);  // node 1 made its keys after 10 ms
  EXPECT_TRUE(net.interface(1).has_session(net.boot(), net.id(1, 0)));
  net.inject(1, net[0].address, late);
  EXPECT_THAT(net.received(1), ElementsAre("late"));
  net.sleep(1ns);
  EXPECT_FALSE(net.interface(1).has_session(net.boot(), net.id(1, 0)));
  net.inject(1, net[0].address, late);
  EXPECT_EQ(net[1].count(DropReason::session_expired), 1U);
  EXPECT_EQ(net.send(1, 0), Sent::staged);
}

TEST(Expiry, KeysAreWipedAfter540Seconds) {
  Net net = make_pair();
  net.keep_bytes = true;
  net.initiate(0, 1);
  net.advance(100ms);
  const Bytes early = net.sent(0, kData)[0].bytes;
  net.advance(539s);
  net.inject(1, net[0].address, early);
  EXPECT_EQ(net[1].count(DropReason::session_expired), 1U) << "its index is known still";
  EXPECT_EQ(net[1].count(EventKind::session_expired), 0U);
  net.advance(1s);
  EXPECT_EQ(net[1].count(EventKind::session_expired), 1U);
  EXPECT_EQ(net[0].count(EventKind::session_expired), 1U);
  net.inject(1, net[0].address, early);
  EXPECT_EQ(net[1].count(DropReason::unknown_index), 1U);
}

TEST(Sleep, OfTheMachineAgesSessionsAndTheNextPacketHandshakes) {
  Net net = connected_pair();
  net.sleep(8h);
  EXPECT_EQ(net.send(0, 1, "good morning"), Sent::staged);
  net.advance(1s);
  EXPECT_THAT(net.received(1), ElementsAre("good morning"));
}

}  // namespace
}  // namespace wgscope::tunnel
