#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/tunnel/event.hpp"
#include "wgscope/tunnel/interface.hpp"
#include "wgscope/wire/message.hpp"

#include "net.hpp"

namespace wgscope::tunnel {
namespace {

using namespace std::chrono_literals;
using testing::Bytes;
using ::testing::ElementsAre;
using testing::ipv4;
using ::testing::IsEmpty;
using testing::make_pair;
using testing::Net;
using wire::MessageType;

constexpr auto kData = MessageType::transport;

Net connected_pair() {
  Net net = make_pair();
  net.initiate(0, 1);
  net.advance(100ms);
  return net;
}

/// An IPv6 packet without content.
Bytes ipv6(std::uint8_t source, std::uint8_t destination) {
  Bytes packet(40);
  packet[0] = std::byte{0x60};
  packet[8] = packet[24] = std::byte{0xfd};
  packet[23] = std::byte{source};
  packet[39] = std::byte{destination};
  return packet;
}

TEST(Transport, PadsToSixteenBytesButNotBeyondTheMtu) {
  struct Case {
    std::size_t packet;
    std::size_t padded;
  };
  for (const auto [packet, padded] : {Case{20, 32}, Case{32, 32}, Case{33, 48}, Case{1409, 1420},
                                      Case{1420, 1420}, Case{1500, 1500}}) {
    Net net = connected_pair();
    net.send_raw(0, ipv4(net[0].inner, net[1].inner, "", packet));
    EXPECT_EQ(net.sent(0, kData).back().size, padded + 32) << packet;
    net.advance(100ms);
    ASSERT_EQ(net[1].delivered.size(), 1U);
    EXPECT_EQ(net[1].delivered[0].packet.size(), packet) << "without its padding";
  }
}

TEST(Transport, AcceptsWhatIsNotPadded) {
  Net net;
  net.add_node({.mtu = 1});  // which leaves no room for padding
  net.add_node();
  net.introduce(0, 1);
  net.introduce(1, 0);
  net.send(0, 1, "x");
  net.advance(1s);
  EXPECT_EQ(net.sent(0, kData).back().size, 21U + 32U);
  EXPECT_THAT(net.received(1), ElementsAre("x"));
}

TEST(Transport, ContentIsDeliveredInTheDatagramsOwnMemory) {
  Net net = make_pair();
  net.keep_bytes = true;
  net.initiate(0, 1);
  net.advance(100ms);
  net[1].deaf = true;
  net.send(0, 1, "here");
  Bytes datagram = net.sent(0, kData).back().bytes;
  const Received received = net.interface(1).handle_datagram(net.now(1), net[0].address, datagram);
  EXPECT_EQ(received.peer, net.id(1, 0));
  EXPECT_EQ(received.packet.data(), datagram.data() + wire::kTransportHeaderSize);
  EXPECT_EQ(received.packet.size(), 24U);
}

TEST(Transport, EachCounterIsAcceptedOnceInAnyOrder) {
  Net net = make_pair();
  net.keep_bytes = true;
  net.initiate(0, 1);
  net.advance(100ms);
  net[1].deaf = true;
  const std::size_t mark = net.log.size();
  for (int i = 0; i < 200; ++i) net.send(0, 1, std::to_string(i));
  std::vector<testing::Logged> sent = net.sent(0, kData, mark);
  std::ranges::reverse(sent);
  for (int round = 0; round < 2; ++round)
    for (const auto& one : sent) net.inject(1, net[0].address, one.bytes);
  EXPECT_EQ(net[1].delivered.size(), 200U);
  EXPECT_EQ(net[1].count(DropReason::replayed), 200U);
}

TEST(Transport, ACounterBelowTheWindowIsRefused) {
  Net net = make_pair();
  net.keep_bytes = true;
  net.initiate(0, 1);
  net.advance(100ms);
  net[1].deaf = true;
  net.send(0, 1, "first");
  const Bytes first = net.sent(0, kData).back().bytes;
  net.keep_bytes = false;
  for (int i = 0; i < 9000; ++i) net.send(0, 1);
  net.keep_bytes = true;
  net.send(0, 1, "last");
  net.inject(1, net[0].address, net.sent(0, kData).back().bytes);
  net.inject(1, net[0].address, first);
  EXPECT_THAT(net.received(1), ElementsAre("last"));
  EXPECT_EQ(net[1].count(DropReason::replayed), 1U);
}

TEST(Transport, AnInnerSourceThatIsNotThePeersIsRefusedAndReported) {
  Net net = connected_pair();
  const IpAddress other = *IpAddress::parse("10.0.0.77");
  net.send_raw(0, ipv4(other, net[1].inner, "spoofed"));
  net.advance(100ms);
  EXPECT_THAT(net.received(1), IsEmpty());
  EXPECT_EQ(net[1].count(DropReason::source_not_allowed), 1U);
  const auto event = net[1].last(EventKind::dropped);
  ASSERT_TRUE(event);
  EXPECT_EQ(event->inner, other);
  EXPECT_EQ(event->peer, net.id(1, 0));
}

TEST(Transport, AnInnerSourceOfAnotherPeersIsRefused) {
  Net net = connected_pair();
  const std::size_t third = net.add_node();
  net.introduce(1, third);
  net.send_raw(0, ipv4(net[third].inner, net[1].inner, "spoofed"));
  net.advance(100ms);
  EXPECT_THAT(net.received(1), IsEmpty());
  EXPECT_EQ(net[1].count(DropReason::source_not_allowed), 1U);
}

TEST(Transport, WhatDecryptsToNoIpPacketIsRefused) {
  Net net = connected_pair();
  const auto send_changed = [&](std::size_t at, std::byte value) {
    Bytes packet = ipv4(net[0].inner, net[1].inner, "broken");
    packet[at] = value;
    net.send_raw(0, packet);
    net.advance(100ms);
  };
  send_changed(2, std::byte{0x40});  // longer than it is
  EXPECT_EQ(net[1].count(DropReason::inner_malformed), 1U);
  send_changed(3, std::byte{19});  // shorter than its header
  EXPECT_EQ(net[1].count(DropReason::inner_malformed), 2U);
  EXPECT_THAT(net.received(1), IsEmpty());
}

TEST(Transport, RefusesToSendWhatIsNoIpPacketOrHasNoPeer) {
  Net net = connected_pair();
  EXPECT_EQ(net.send_raw(0, {}), Sent::malformed);
  EXPECT_EQ(net.send_raw(0, Bytes(19, std::byte{0x45})), Sent::malformed);
  EXPECT_EQ(net.send_raw(0, Bytes(39, std::byte{0x60})), Sent::malformed);
  EXPECT_EQ(net.send_raw(0, Bytes(100, std::byte{0x75})), Sent::malformed);
  EXPECT_EQ(net.send_raw(0, ipv4(net[0].inner, *IpAddress::parse("10.9.9.9"), "")), Sent::no_peer);
  EXPECT_EQ(net.send_raw(0, ipv6(1, 2)), Sent::no_peer);
}

TEST(Transport, RefusesPacketsThatNoDatagramCanCarry) {
  Net net = make_pair();
  EXPECT_EQ(net.send_raw(0, ipv4(net[0].inner, net[1].inner, "", 65'507 - 31)), Sent::malformed);
  EXPECT_EQ(net.send_raw(0, ipv4(net[0].inner, net[1].inner, "", 65'507 - 32)), Sent::staged);
  net.advance(1s);
  ASSERT_EQ(net[1].delivered.size(), 1U);
  EXPECT_EQ(net[1].delivered[0].packet.size(), 65'507U - 32U);
}

TEST(Transport, MakesADatagramOfAnySizeThatArrivesAsThePacketAlone) {
  Net net = connected_pair();
  const Bytes packet = ipv4(net[0].inner, net[1].inner, "ping");
  for (const std::size_t size : {packet.size() + 32, std::size_t{577}, std::size_t{1452},
                                 std::size_t{8972}, std::size_t{65'507}}) {
    EXPECT_EQ(net.interface(0).send_padded(net.now(0), packet, size), Sent::sealed);
    net.flush(0);
    EXPECT_EQ(net.sent(0, kData).back().size, size);
    net.advance(100ms);
    ASSERT_FALSE(net[1].delivered.empty());
    EXPECT_EQ(net[1].delivered.back().packet, packet) << size;
  }
}

TEST(Transport, MakesNoDatagramOfASizeThatCannotBe) {
  Net net = connected_pair();
  const Bytes packet = ipv4(net[0].inner, net[1].inner, "ping");
  const auto send = [&](std::size_t size) {
    return net.interface(0).send_padded(net.now(0), packet, size);
  };
  EXPECT_EQ(send(packet.size() + 31), Sent::malformed);
  EXPECT_EQ(send(65'508), Sent::malformed);
  EXPECT_EQ(send(0), Sent::malformed);
  EXPECT_EQ(net.interface(0).send_padded(net.now(0), Bytes(19, std::byte{0x45}), 100),
            Sent::malformed);
  EXPECT_EQ(net.interface(0).send_padded(
                net.now(0), ipv4(net[0].inner, *IpAddress::parse("10.9.9.9"), ""), 100),
            Sent::no_peer);
}

TEST(Transport, PadsNothingWithoutASession) {
  Net net = make_pair();
  const Bytes packet = ipv4(net[0].inner, net[1].inner, "ping");
  EXPECT_EQ(net.interface(0).send_padded(net.now(0), packet, 1000), Sent::no_session);
  net.advance(1s);
  EXPECT_THAT(net[1].delivered, IsEmpty());
}

TEST(Transport, PadsNoPacketPastThoseThatWait) {
  Net net = connected_pair();
  net[0].polled = false;
  const Bytes packet = ipv4(net[0].inner, net[1].inner, "", 1420);
  while (net.send_raw(0, packet) == Sent::sealed) continue;
  EXPECT_EQ(net.interface(0).send_padded(net.now(0), packet, 60'000), Sent::blocked);
}

TEST(Transport, CarriesIpv6) {
  Net net;
  for (int i = 0; i < 2; ++i) net.add_node();
  for (std::size_t i = 0; i < 2; ++i) {
    PeerConfig config{};
    config.public_key = net.interface(1 - i).public_key();
    config.allowed_ips = {*Prefix::parse(i == 0 ? "fd00::2/128" : "fd00::/127")};
    config.endpoint = net[1 - i].address;
    ASSERT_TRUE(net.interface(i).add_peer(net.now(i), std::move(config)));
  }
  EXPECT_EQ(net.send_raw(0, ipv6(1, 2)), Sent::staged);
  net.advance(1s);
  ASSERT_EQ(net[1].delivered.size(), 1U);
  EXPECT_EQ(net[1].delivered[0].packet, ipv6(1, 2));
  net.send_raw(0, ipv6(2, 2));  // outside fd00::/127
  net.advance(1s);
  EXPECT_EQ(net[1].count(DropReason::source_not_allowed), 1U);
}

TEST(Transport, ABlockedSenderLosesNothingOnceItPolls) {
  Net net = connected_pair();
  net[0].polled = false;
  std::size_t accepted = 0;
  const Bytes packet = ipv4(net[0].inner, net[1].inner, "", 1420);
  while (net.send_raw(0, packet) == Sent::sealed) ++accepted;
  EXPECT_GT(accepted, 250U);
  EXPECT_EQ(net.send_raw(0, packet), Sent::blocked);
  net[0].polled = true;
  net.flush(0);
  EXPECT_EQ(net.send(0, 1), Sent::sealed);
  net.advance(100ms);
  EXPECT_EQ(net[1].delivered.size(), accepted + 1);
}

TEST(Transport, WhatWaitsGoesOnWhenTheOutboxIsEmptiedAndNothingOvertakesIt) {
  Net net = make_pair();
  for (int i = 0; i < 20; ++i)
    net.send_raw(0, ipv4(net[0].inner, net[1].inner, std::to_string(i), 60'000));
  net[0].polled = false;
  net.advance(30ms);  // the session is there, the outbox full
  EXPECT_EQ(net.send(0, 1, "behind"), Sent::blocked);
  net[0].polled = true;
  net.flush(0);
  for (int i = 0; i < 20 && net.send(0, 1, "last") != Sent::sealed; ++i) net.advance(1ms);
  net.advance(100ms);
  const auto received = net.received(1);
  ASSERT_EQ(received.size(), 21U);
  for (std::size_t i = 0; i < 20; ++i) EXPECT_TRUE(received[i].starts_with(std::to_string(i))) << i;
  EXPECT_EQ(received.back(), "last");
}

TEST(Transport, OfMoreThan128PacketsThatWaitTheOldestGo) {
  Net net = make_pair();
  for (int i = 0; i < 130; ++i) EXPECT_EQ(net.send(0, 1, std::to_string(i)), Sent::staged);
  net.advance(1s);
  ASSERT_EQ(net[1].delivered.size(), 128U);
  EXPECT_EQ(net.received(1).front(), "2");
}

TEST(Transport, CountsWholeDatagrams) {
  Net net = connected_pair();
  const auto sent = net.interface(0).status(net.id(0, 1)).transmit_bytes;
  const auto received = net.interface(1).status(net.id(1, 0)).receive_bytes;
  net.send_raw(0, ipv4(net[0].inner, net[1].inner, "", 100));
  net.advance(100ms);
  EXPECT_EQ(net.interface(0).status(net.id(0, 1)).transmit_bytes, sent + 112 + 32);
  EXPECT_EQ(net.interface(1).status(net.id(1, 0)).receive_bytes, received + 112 + 32);
}

TEST(Transport, WhatIsNoWireGuardMessageIsMalformed) {
  Net net = connected_pair();
  for (const std::size_t size : {0U, 1U, 3U, 31U, 147U, 149U, 65'535U}) {
    Bytes bytes(size, std::byte{0});
    if (size > 0) bytes[0] = std::byte{1};
    net.inject(1, net[0].address, bytes);
  }
  EXPECT_EQ(net[1].count(DropReason::malformed), 7U);
  net.inject(1, net[0].address, [] {
    Bytes merged(65'535);
    merged[0] = std::byte{4};
    return merged;
  }());
  EXPECT_EQ(net[1].count(DropReason::unknown_index), 1U);
}

std::size_t never_ours(Net& net, std::size_t node) {
  return static_cast<std::size_t>(std::ranges::count(net[node].events, true, &Event::never_ours));
}

TEST(Transport, ASessionThatTheInterfaceNeverHadIsToldFromOneThatIsOver) {
  Net net = make_pair();
  net.keep_bytes = true;
  net.initiate(0, 1);
  net.advance(100ms);
  Bytes data = net.sent(0, kData)[0].bytes;
  net.advance(541s);  // its keys are wiped
  net.inject(1, net[0].address, data);
  EXPECT_EQ(net[1].count(DropReason::unknown_index), 1U);
  EXPECT_EQ(never_ours(net, 1), 0U);
  data[4] ^= std::byte{1};
  net.inject(1, net[0].address, data);
  EXPECT_EQ(net[1].count(DropReason::unknown_index), 2U);
  EXPECT_EQ(never_ours(net, 1), 1U);
}

}  // namespace
}  // namespace wgscope::tunnel
