#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/keys.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/crypto/blake2s.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/noise/cookies.hpp"
#include "wgscope/tunnel/event.hpp"
#include "wgscope/tunnel/interface.hpp"
#include "wgscope/wire/message.hpp"

#include "net.hpp"

namespace wgscope::tunnel {
namespace {

using namespace std::chrono_literals;
using testing::Acquaintance;
using testing::Bytes;
using ::testing::ElementsAre;
using testing::Logged;
using testing::make_pair;
using testing::Net;
using wire::MessageType;

constexpr auto kData = MessageType::transport;
constexpr auto kInitiation = MessageType::initiation;
constexpr auto kResponse = MessageType::response;
constexpr auto kCookie = MessageType::cookie_reply;

const Endpoint kElsewhere = *Endpoint::parse("203.0.113.9:4500");

bool connected(Net& net) {
  return net.interface(0).has_session(net.boot(), net.id(0, 1)) &&
         net.interface(1).has_session(net.boot(), net.id(1, 0));
}

TEST(Handshake, GivesBothSidesASession) {
  Net net = make_pair();
  ASSERT_TRUE(net.initiate(0, 1));
  net.advance(1s);
  EXPECT_TRUE(connected(net));
  EXPECT_EQ(net[0].count(EventKind::handshake_sent), 1U);
  EXPECT_EQ(net[0].count(EventKind::response_accepted), 1U);
  EXPECT_EQ(net[1].count(EventKind::initiation_accepted), 1U);
  EXPECT_EQ(net[1].count(EventKind::key_confirmed), 1U);
  const auto status = net.interface(0).status(net.id(0, 1));
  EXPECT_EQ(status.last_handshake, WallTime{net.now(0).wall.since_epoch - 980ms});
  EXPECT_EQ(net.interface(1).status(net.id(1, 0)).endpoint, net[0].address);
  EXPECT_EQ(status.transmit_bytes, 148U + 32U);
  EXPECT_EQ(status.receive_bytes, 92U);
}

TEST(Handshake, WorksWithAPresharedKey) {
  Net net = make_pair({.preshared = 7}, {.preshared = 7, .endpoint = false});
  net.send(0, 1, "hello");
  net.advance(1s);
  EXPECT_THAT(net.received(1), ElementsAre("hello"));
}

TEST(Handshake, AnotherPresharedKeyIsReportedAndCanBeTriedOffline) {
  Net net = make_pair({.preshared = 7}, {.preshared = 8, .endpoint = false});
  net.initiate(0, 1);
  net.advance(1s);
  EXPECT_FALSE(net.interface(0).has_session(net.boot(), net.id(0, 1)));
  EXPECT_EQ(net[0].count(EventKind::response_not_decrypted), 1U);
  EXPECT_EQ(net[0].count(DropReason::response_not_decrypted), 1U);
  const auto trial = net.interface(0).take_trial(net.id(0, 1));
  ASSERT_TRUE(trial);
  PresharedKey theirs;
  EXPECT_FALSE(trial->fits(theirs));
  std::ranges::fill(theirs.secret.bytes(), std::byte{8});
  EXPECT_TRUE(trial->fits(theirs));
  EXPECT_FALSE(net.interface(0).take_trial(net.id(0, 1))) << "once";
}

TEST(Handshake, OfAnUnknownKeyIsRefusedAndTheKeyReported) {
  Net net;
  net.add_node();
  net.add_node();
  net.introduce(0, 1);
  net.initiate(0, 1);
  net.advance(1s);
  EXPECT_EQ(net[1].count(DropReason::unknown_peer), 1U);
  const auto event = net[1].last(EventKind::dropped);
  ASSERT_TRUE(event);
  EXPECT_EQ(event->key, net.interface(0).public_key());
  EXPECT_EQ(event->address, net[0].address);
  EXPECT_EQ(net.count(1, kResponse), 0U) << "silence is the answer";
}

TEST(Handshake, ToAnotherKeyThanTheResponderHasIsRefusedByMac1) {
  Net net;
  for (int i = 0; i < 3; ++i) net.add_node();
  net.introduce(0, 1);
  net.move_node(2, net[1].address);
  net.initiate(0, 1);
  net.advance(1s);
  EXPECT_EQ(net[2].count(DropReason::bad_mac1), 1U);
}

TEST(Handshake, OfAClockThatWasSetBackIsRefusedAsStale) {
  Net net = make_pair();
  net.initiate(0, 1);
  net.advance(1s);
  ASSERT_TRUE(connected(net));
  net[0].wall_offset = -1h;
  net.restart(0, {});  // which forgets its last stamp
  net.introduce(0, 1);
  net.initiate(0, 1);
  net.advance(1s);
  EXPECT_EQ(net[1].count(DropReason::stale_timestamp), 1U);
  EXPECT_EQ(net.count(1, kResponse), 1U);
}

TEST(Handshake, AStampKeptOverARestartIsAboveTheClock) {
  Net net = make_pair();
  net.initiate(0, 1);
  net.advance(1s);
  net[0].wall_offset = -1h;
  net.restart(0, {.last_stamp = net.interface(0).last_stamp()});
  net.introduce(0, 1);
  net.initiate(0, 1);
  net.advance(1s);
  EXPECT_TRUE(connected(net));
  EXPECT_EQ(net[1].count(DropReason::stale_timestamp), 0U);
}

TEST(Handshake, AClockSetBackWhileRunningChangesNothing) {
  Net net = make_pair();
  net.initiate(0, 1);
  net.advance(10s);
  net[0].wall_offset = -1h;
  ASSERT_TRUE(net.initiate(0, 1));
  net.advance(1s);
  EXPECT_EQ(net[0].count(EventKind::response_accepted), 2U);
}

TEST(Handshake, AReplayedInitiationIsRefused) {
  Net net = make_pair();
  net.keep_bytes = true;
  net.initiate(0, 1);
  net.advance(1s);
  net.inject(1, kElsewhere, net.sent(0, kInitiation)[0].bytes);
  EXPECT_EQ(net[1].count(DropReason::stale_timestamp), 1U);
  EXPECT_EQ(net.interface(1).status(net.id(1, 0)).endpoint, net[0].address) << "it did not roam";
  EXPECT_EQ(net.count(1, kResponse), 1U);
}

TEST(Handshake, InitiationsOfOnePeerWithinTwentyMillisecondsAreRefused) {
  Net net = make_pair();
  net.initiate(0, 1);
  for (const bool soon : {true, false}) {
    net.restart(0, {.last_stamp = net.interface(0).last_stamp()});
    net.introduce(0, 1);
    net.advance(soon ? 19ms : 1ms);
    net.initiate(0, 1);
  }
  net.advance(1s);
  EXPECT_EQ(net[1].count(DropReason::too_soon), 1U);
  EXPECT_EQ(net[1].count(EventKind::initiation_accepted), 2U);
}

TEST(Handshake, AResponseToAnInitiationThatWasReplacedIsForNobody) {
  Net net = make_pair();
  net.link.delay = 3s;  // the second initiation goes out before the first response is back
  net.initiate(0, 1);
  net.advance(30s);
  EXPECT_GE(net[0].count(DropReason::unknown_index), 1U);
  EXPECT_FALSE(net.interface(0).has_session(net.boot(), net.id(0, 1)));
}

TEST(Handshake, ADuplicatedResponseIsUnexpected) {
  Net net = make_pair();
  net.link.duplication = 1;
  net.initiate(0, 1);
  net.advance(1s);
  EXPECT_EQ(net[0].count(DropReason::response_unexpected), 1U);
  EXPECT_EQ(net[0].count(EventKind::response_accepted), 1U);
}

TEST(Handshake, AForgedResponseDoesNotEndIt) {
  Net net = make_pair();
  net.keep_bytes = true;
  net[0].deaf = true;
  net.initiate(0, 1);
  net.advance(1s);
  Bytes forged = net.sent(1, kResponse)[0].bytes;
  const Bytes real = forged;
  forged[20] ^= std::byte{1};  // in the ephemeral key: mac1 no longer fits
  net.inject(0, net[1].address, forged);
  EXPECT_EQ(net[0].count(DropReason::bad_mac1), 1U);
  // Somebody who knows our public key can make mac1 fit.
  const auto keys = noise::MacKeys::of(net.interface(0).public_key());
  const noise::MacedMessage<std::byte> message{forged};
  std::ranges::copy(crypto::mac(keys.mac1, message.before_mac1()), message.mac1().begin());
  net.inject(0, kElsewhere, forged);
  EXPECT_EQ(net[0].count(EventKind::response_not_decrypted), 1U);
  EXPECT_EQ(net.interface(0).status(net.id(0, 1)).endpoint, net[1].address) << "it did not roam";
  net.inject(0, net[1].address, real);
  EXPECT_EQ(net[0].count(EventKind::response_accepted), 1U);
}

TEST(Handshake, BothSidesAtOnceComeThrough) {
  for (const auto delay : {1ms, 100ms, 900ms}) {
    Net net = make_pair({}, {.endpoint = true});
    net.link.delay = delay;
    net.send(0, 1, "from 0");
    net.send(1, 0, "from 1");
    net.advance(5 * delay);
    EXPECT_TRUE(connected(net)) << delay.count();
    EXPECT_THAT(net.received(1), ElementsAre("from 0"));
    EXPECT_THAT(net.received(0), ElementsAre("from 1"));
  }
}

TEST(Handshake, AResponderDoesNotInitiateWhileItsResponseIsUnderWay) {
  Net net = make_pair({}, {.endpoint = true});
  net.link.delay = 100ms;
  net.initiate(0, 1);
  net.advance(150ms);
  EXPECT_EQ(net.send(1, 0, "early"), Sent::staged);
  net.advance(1s);
  EXPECT_EQ(net.count(1, kInitiation), 0U);
  EXPECT_THAT(net.received(0), ElementsAre("early"));
}

TEST(Handshake, APacketThatWaitsForAConfirmationThatNeverComesIsSentInTheEnd) {
  Net net = make_pair({}, {.endpoint = true});
  net.initiate(0, 1);
  net.advance(15ms);
  net[1].deaf = true;  // the response is on its way; what confirms it will be lost
  EXPECT_EQ(net.send(1, 0, "patient"), Sent::staged);
  net.advance(1s);
  net[1].deaf = false;
  net.advance(6s);
  EXPECT_THAT(net.received(0), ElementsAre("patient"));
}

TEST(Handshake, ALostInitiationIsRepeatedAfterFiveSecondsAndJitter) {
  Net net = make_pair();
  net[1].deaf = true;
  net.initiate(0, 1);
  net.advance(60s);
  const auto sent = net.sent(0, kInitiation);
  ASSERT_GE(sent.size(), 11U);
  std::set<std::uint32_t> indices;
  std::set<Nanoseconds> gaps;
  for (std::size_t i = 0; i < sent.size(); ++i) {
    indices.insert(sent[i].sender);
    if (i == 0) continue;
    gaps.insert(sent[i].at - sent[i - 1].at);
    EXPECT_GE(sent[i].at - sent[i - 1].at, 5s);
    EXPECT_LE(sent[i].at - sent[i - 1].at, 5333ms);
  }
  EXPECT_EQ(indices.size(), sent.size());
  EXPECT_GT(gaps.size(), 5U) << "the jitter differs";
  EXPECT_EQ(net[0].last(EventKind::handshake_sent)->number, sent.size());
}

TEST(Handshake, CannotBeBegunTwiceWithinFiveSeconds) {
  Net net = make_pair();
  EXPECT_TRUE(net.initiate(0, 1));
  net.advance(4999ms);
  EXPECT_FALSE(net.initiate(0, 1));
  net.advance(1ms);
  EXPECT_TRUE(net.initiate(0, 1)) << "also when there is a session";
}

TEST(Handshake, WithoutAnEndpointIsRefused) {
  Net net = make_pair();
  EXPECT_FALSE(net.initiate(1, 0));
  EXPECT_EQ(net.send(1, 0), Sent::no_endpoint);
}

TEST(Handshake, RoamsOnAnInitiationAResponseAndData) {
  Net net = make_pair();
  net.initiate(0, 1);
  net.advance(1s);
  EXPECT_EQ(net[1].count(EventKind::roamed), 0U) << "the first address is no change";
  net.move_node(0, kElsewhere);
  net.send(0, 1);
  net.advance(1s);
  EXPECT_EQ(net.interface(1).status(net.id(1, 0)).endpoint, kElsewhere);
  ASSERT_EQ(net[1].count(EventKind::roamed), 1U);
  EXPECT_EQ(net[1].last(EventKind::roamed)->address, kElsewhere);

  const Endpoint third = *Endpoint::parse("[2001:db8::3]:3");
  net.move_node(0, third);
  net.advance(10s);
  net.keep_bytes = true;
  net[0].deaf = true;
  net.initiate(0, 1);
  net.advance(10ms);
  EXPECT_EQ(net.interface(1).status(net.id(1, 0)).endpoint, third);

  net.inject(0, kElsewhere, net.sent(1, kResponse).back().bytes);
  EXPECT_EQ(net[0].count(EventKind::response_accepted), 2U);
  EXPECT_EQ(net.interface(0).status(net.id(0, 1)).endpoint, kElsewhere);
}

TEST(Handshake, DoesNotRoamOnWhatIsNotAuthentic) {
  Net net = make_pair();
  net.keep_bytes = true;
  net.initiate(0, 1);
  net.advance(1s);
  Bytes data = net.sent(0, kData)[0].bytes;
  net.inject(1, kElsewhere, data);  // replayed
  EXPECT_EQ(net[1].count(DropReason::replayed), 1U);
  data[8] ^= std::byte{1};
  net.inject(1, kElsewhere, data);
  EXPECT_EQ(net[1].count(DropReason::not_authentic), 1U);
  data[4] ^= std::byte{1};
  net.inject(1, kElsewhere, data);
  EXPECT_EQ(net[1].count(DropReason::unknown_index), 1U);
  EXPECT_EQ(net.interface(1).status(net.id(1, 0)).endpoint, net[0].address);
  EXPECT_EQ(net[1].count(EventKind::roamed), 0U);
}

/// Node 1 is under load with every handshake message.
Net loaded_pair() {
  Net net;
  net.add_node();
  net.add_node({.handshakes_per_second = 1, .handshake_burst = 0});
  net.introduce(0, 1);
  net.introduce(1, 0, {.endpoint = false});
  return net;
}

TEST(Cookie, UnderLoadAnInitiationIsAnsweredByOneAndTheNextRetryIsAccepted) {
  Net net = loaded_pair();
  net.send(0, 1, "in time");
  net.advance(4s);
  EXPECT_EQ(net.count(1, kCookie), 1U);
  EXPECT_EQ(net.count(0, kInitiation), 1U) << "no retry at once";
  EXPECT_EQ(net[1].count(EventKind::cookie_sent), 1U);
  EXPECT_EQ(net[1].count(DropReason::under_load), 1U);
  EXPECT_EQ(net[0].count(EventKind::cookie_received), 1U);
  net.advance(2s);
  EXPECT_EQ(net.count(0, kInitiation), 2U);
  EXPECT_THAT(net.received(1), ElementsAre("in time"));
}

TEST(Cookie, DoesNotMoveTheEndpoint) {
  Net net = loaded_pair();
  net.keep_bytes = true;
  net[0].deaf = true;
  net.initiate(0, 1);
  net.advance(1s);
  net.inject(0, kElsewhere, net.sent(1, kCookie)[0].bytes);
  EXPECT_EQ(net[0].count(EventKind::cookie_received), 1U);
  EXPECT_EQ(net.interface(0).status(net.id(0, 1)).endpoint, net[1].address);
  net.inject(0, kElsewhere, net.sent(1, kCookie)[0].bytes);
  EXPECT_EQ(net[0].count(DropReason::cookie_unexpected), 1U) << "each message takes one reply";
}

TEST(Cookie, OfAnotherSourceIsNoProof) {
  Net net = loaded_pair();
  net.initiate(0, 1);
  net.advance(1s);
  net.move_node(0, {net[0].address.address, 0, 4444});  // another port
  net.advance(5s);
  EXPECT_EQ(net[1].count(DropReason::under_load), 2U);
  EXPECT_EQ(net[1].count(EventKind::initiation_accepted), 0U);
}

TEST(Cookie, MayAnswerAResponse) {
  Net net;
  net.add_node({.handshakes_per_second = 1, .handshake_burst = 0});
  net.add_node();
  net.introduce(0, 1);
  net.introduce(1, 0, {.endpoint = false});
  net.initiate(0, 1);
  net.advance(1s);
  EXPECT_EQ(net.count(0, kCookie), 1U);
  EXPECT_EQ(net[1].count(EventKind::cookie_received), 1U);
  net.advance(5s);
  EXPECT_TRUE(connected(net)) << "the response to the retry has mac2";
}

TEST(Cookie, AProvenSourceMayHandshakeTwentyTimesASecond) {
  Net net = loaded_pair();
  net.link.delay = 0ms;
  net.initiate(0, 1);
  net.advance(6s);
  ASSERT_EQ(net[1].count(EventKind::initiation_accepted), 1U);
  // Replays: stale each, but only after the expensive part, and that is what is limited.
  net.keep_bytes = true;
  net.advance(5s);
  ASSERT_TRUE(net.initiate(0, 1));
  net.advance(100ms);
  const Bytes again = net.sent(0, kInitiation).back().bytes;
  ASSERT_FALSE(again.empty());
  for (int i = 0; i < 10; ++i) net.inject(1, net[0].address, again);
  EXPECT_EQ(net[1].count(DropReason::rate_limited), 5U);
  EXPECT_EQ(net[1].count(DropReason::stale_timestamp), 5U);
}

TEST(Peers, CanBeRemovedInEveryState) {
  for (const auto age : {0ms, 5ms, 15ms, 25ms, 500ms, 121'000ms, 200'000ms, 600'000ms}) {
    Net net = make_pair({}, {.endpoint = true});
    net.send(0, 1);
    net.advance(age);
    net.send(1, 0);
    net.forget(0, 1);
    net.advance(1s);
    EXPECT_EQ(net.interface(0).next_timeout(), std::nullopt);
    EXPECT_TRUE(net.interface(0).peers().empty());
    EXPECT_EQ(net[0].count(EventKind::session_expired), age > 540s ? 1U : 0U);
    const PeerId again = net.introduce(0, 1);
    EXPECT_NE(again, PeerId{0}) << "numbers are not given twice";
    net.advance(10s);
    net.initiate(0, 1);
    net.advance(6s);
    EXPECT_TRUE(connected(net));
  }
}

TEST(Peers, AreRefusedWhereTheyCannotWork) {
  Net net = make_pair();
  const auto add = [&](const PublicKey& key) {
    PeerConfig config{};
    config.public_key = key;
    return net.interface(0).add_peer(net.now(0), std::move(config));
  };
  EXPECT_EQ(add(net.interface(0).public_key()).error().code, Errc::bad_value);
  EXPECT_EQ(add(net.interface(1).public_key()).error().code, Errc::bad_value);
  EXPECT_EQ(add(PublicKey{}).error().code, Errc::bad_value) << "of low order";
  EXPECT_EQ(net.interface(0).peers().size(), 1U);
  EXPECT_EQ(net.interface(0).find_peer(net.interface(1).public_key()), net.id(0, 1));
}

TEST(Peers, AnAllowedIpMovesToThePeerThatCameLast) {
  Net net;
  for (int i = 0; i < 3; ++i) net.add_node();
  const auto add = [&](std::size_t node, const char* prefix) {
    PeerConfig config{};
    config.public_key = net.interface(node).public_key();
    config.allowed_ips = {*Prefix::parse(prefix), *Prefix::parse("192.0.2.0/24"),
                          *Prefix::parse("192.0.2.0/24")};
    return *net.interface(0).add_peer(net.now(0), std::move(config));
  };
  const PeerId first = add(1, "10.7.0.1/16");
  EXPECT_THAT(net.interface(0).status(first).allowed_ips,
              ElementsAre(*Prefix::parse("10.7.0.0/16"), *Prefix::parse("192.0.2.0/24")))
      << "as wg shows them: without the bits behind the prefix, each once";
  const PeerId second = add(2, "10.7.0.0/16");
  EXPECT_TRUE(net.interface(0).status(first).allowed_ips.empty());
  EXPECT_EQ(net.interface(0).status(second).allowed_ips.size(), 2U);
}

TEST(Peers, TwoThousandHandshakeWithOneGateway) {
  constexpr std::size_t kPeers = 2000;
  Net net;
  const std::size_t gateway = net.add_node();
  for (std::size_t i = 1; i <= kPeers; ++i) {
    net.add_node();
    net.introduce(gateway, i, {.endpoint = false});
    net.introduce(i, gateway);
    net.send(i, gateway, "hello");
  }
  net.advance(30ms);
  EXPECT_EQ(net[gateway].delivered.size(), kPeers);
  std::set<std::uint32_t> indices;
  for (const Logged& entry : net.sent(gateway, kResponse)) indices.insert(entry.sender);
  EXPECT_EQ(indices.size(), kPeers) << "random indices that are all different";
  for (std::size_t i = 1; i <= kPeers; ++i) ASSERT_EQ(net.send(gateway, i), Sent::sealed);
  net.advance(20ms);
  for (std::size_t i = 1; i <= kPeers; ++i) ASSERT_EQ(net[i].delivered.size(), 1U);
}

}  // namespace
}  // namespace wgscope::tunnel
