// What the counters of a peer's packets tell about those that did not come.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/tunnel/event.hpp"
#include "wgscope/tunnel/interface.hpp"
#include "wgscope/wire/message.hpp"

#include "net.hpp"

namespace wgscope::tunnel {
namespace {

using namespace std::chrono_literals;
using testing::make_pair;
using testing::Net;

/// Node 0 initiated; node 1 has sent nothing in the session yet.
Net connected_pair() {
  Net net = make_pair();
  net.initiate(0, 1);
  net.advance(100ms);
  return net;
}

ReceiveLoss loss_at_0(Net& net) { return net.interface(0).receive_loss(net.id(0, 1)); }

/// Node 1 sends one packet, which is lost if `lost`.
void send_back(Net& net, bool lost = false) {
  net[1].mute = lost;
  net.send(1, 0);
  net[1].mute = false;
  net.advance(20ms);
}

TEST(ReceiveLoss, IsNothingBeforeAnythingCame) {
  Net net = make_pair();
  const ReceiveLoss loss = loss_at_0(net);
  EXPECT_EQ(loss.received + loss.missing + loss.reordered + loss.replayed, 0U);
}

TEST(ReceiveLoss, TellsExactlyHowManyOfThePeersPacketsDidNotCome) {
  Net net = connected_pair();
  for (int i = 0; i < 100; ++i) send_back(net, i % 7 == 0);
  send_back(net);
  EXPECT_EQ(loss_at_0(net).received, 86U);
  EXPECT_EQ(loss_at_0(net).missing, 15U) << "0, 7, … 98";
  EXPECT_EQ(loss_at_0(net).reordered, 0U);
}

TEST(ReceiveLoss, DoesNotKnowOfLossBehindTheLastPacketThatCame) {
  Net net = connected_pair();
  send_back(net);
  for (int i = 0; i < 3; ++i) send_back(net, true);
  EXPECT_EQ(loss_at_0(net).missing, 0U);
  send_back(net);
  EXPECT_EQ(loss_at_0(net).missing, 3U);
}

TEST(ReceiveLoss, HasNothingToDoWithLossInTheOtherDirection) {
  Net net = connected_pair();
  for (int i = 0; i < 10; ++i) {
    net[0].mute = i % 2 == 0;
    net.send(0, 1);
    net[0].mute = false;
    net.advance(20ms);
    send_back(net);
  }
  EXPECT_EQ(loss_at_0(net).received, 10U);
  EXPECT_EQ(loss_at_0(net).missing, 0U);
  EXPECT_EQ(net.interface(1).receive_loss(net.id(1, 0)).missing, 5U);
}

TEST(ReceiveLoss, CountsKeepalivesToo) {
  Net net = connected_pair();
  net.send(0, 1);
  net.advance(11s);  // node 1 had nothing to send
  EXPECT_EQ(net[0].count(EventKind::keepalive_received), 1U);
  EXPECT_EQ(loss_at_0(net).received, 1U);
}

TEST(ReceiveLoss, TellsWhatCameLateAndWhatCameTwice) {
  Net net = make_pair();
  net.keep_bytes = true;
  net.initiate(0, 1);
  net.advance(100ms);
  net[0].deaf = true;
  const std::size_t mark = net.log.size();
  for (int i = 0; i < 6; ++i) net.send(1, 0);
  net.advance(20ms);
  const auto sent = net.sent(1, wire::MessageType::transport, mark);
  ASSERT_EQ(sent.size(), 6U);
  for (const std::size_t i : {0U, 2U, 1U, 5U, 5U, 2U}) net.inject(0, net[1].address, sent[i].bytes);
  const ReceiveLoss loss = loss_at_0(net);
  EXPECT_EQ(loss.received, 4U);
  EXPECT_EQ(loss.missing, 2U) << "3 and 4";
  EXPECT_EQ(loss.reordered, 1U) << "1";
  EXPECT_EQ(loss.replayed, 2U) << "5 and 2, the second time";
}

TEST(ReceiveLoss, DoesNotCountWhatIsNotAuthentic) {
  Net net = connected_pair();
  net.link.corruption = 1;
  for (int i = 0; i < 50; ++i) send_back(net);
  net.link.corruption = 0;
  ASSERT_EQ(loss_at_0(net).received, 0U);
  EXPECT_EQ(loss_at_0(net).replayed, 0U);
  send_back(net);
  EXPECT_EQ(loss_at_0(net).received, 1U);
  EXPECT_EQ(loss_at_0(net).missing, 50U) << "damaged is lost";
}

TEST(ReceiveLoss, SumsUpOverSessionsThatAreOver) {
  Net net = connected_pair();
  const std::size_t handshakes = net[0].count(EventKind::response_accepted);
  std::uint64_t lost = 0;
  // Node 0 renews the session every two minutes, as it goes on sending. What is lost is never the
  // last of a session, of which nobody would know.
  for (int second = 0; second < 1000; ++second) {
    net.send(0, 1);
    net.advance(500ms);
    const bool is_lost = second % 60 == 30;
    send_back(net, is_lost);
    lost += is_lost ? 1U : 0U;
    net.advance(480ms);
  }
  send_back(net);
  ASSERT_GE(net[0].count(EventKind::response_accepted) - handshakes, 7U);
  const ReceiveLoss loss = loss_at_0(net);
  EXPECT_EQ(loss.received + loss.missing, 1001U);
  EXPECT_EQ(loss.missing, lost);
}

TEST(ReceiveLoss, OutlivesTheKeys) {
  Net net = connected_pair();
  send_back(net, true);
  send_back(net);
  net.advance(20min);
  ASSERT_EQ(net[0].count(EventKind::session_expired), 1U);
  EXPECT_EQ(loss_at_0(net).received, 1U);
  EXPECT_EQ(loss_at_0(net).missing, 1U);
}

}  // namespace
}  // namespace wgscope::tunnel
