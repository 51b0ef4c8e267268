// Handshakes in both roles, and those that must not succeed.

#include <chrono>
#include <poll.h>
#include <string>

#include <gtest/gtest.h>

#include "wgscope/base/keys.hpp"
#include "wgscope/noise/tai64n.hpp"
#include "wgscope/tunnel/event.hpp"
#include "wgscope/tunnel/interface.hpp"

#include "site.hpp"
#include "udp_sockets.hpp"

namespace wgscope::test {
namespace {

using tunnel::DropReason;
using tunnel::EventKind;

class InteropHandshake : public Interop, public testing::WithParamInterface<bool> {
 protected:
  [[nodiscard]] static bool ipv6() { return GetParam(); }
  [[nodiscard]] static const char* outer() { return ipv6() ? kOuter6 : kOuter; }
};

INSTANTIATE_TEST_SUITE_P(Over, InteropHandshake, testing::Bool(),
                         [](const auto& test) { return std::string(test.param ? "V6" : "V4"); });

TEST_P(InteropHandshake, WeInitiateAndTheGatewayKnowsThatWeHaveTheKeys) {
  TestEndpoint ours = make_endpoint();
  gateway().set_peer({.public_key = ours.keys().public_key});
  const tunnel::PeerId peer = ours.add_peer(gateway_peer(outer()));
  ASSERT_TRUE(ours.initiate(peer));
  ASSERT_TRUE(ours.wait_for(EventKind::response_accepted));
  EXPECT_TRUE(ours.interface().has_session(ours.now().boot, peer));
  // It reports a handshake only once a packet has come in the new session: our keepalive.
  EXPECT_TRUE(
      gateway_comes_to([&] { return gateway().latest_handshake(ours.keys().public_key) != 0; }));
  EXPECT_TRUE(ours.ping(kInner));
  EXPECT_TRUE(ours.ping(kInner6));
  EXPECT_EQ(ours.count(EventKind::handshake_sent), 1U);
  EXPECT_EQ(ours.count(EventKind::dropped), 0U);
}

TEST_P(InteropHandshake, TheGatewayInitiatesAndItsFirstPacketIsAnswered) {
  TestEndpoint ours = make_endpoint();
  gateway().set_peer(callable(ours, ipv6()));
  const tunnel::PeerId peer = ours.add_peer(gateway_peer(""));
  EXPECT_FALSE(ours.initiate(peer)) << "we do not know where it is";
  EXPECT_TRUE(ping_from_gateway(kOurs));
  EXPECT_EQ(ours.count(EventKind::initiation_accepted), 1U);
  EXPECT_EQ(ours.count(EventKind::key_confirmed), 1U);
  EXPECT_EQ(ours.count(EventKind::dropped), 0U);
  EXPECT_EQ(ours.interface().status(peer).endpoint->to_string(), outer());
  EXPECT_TRUE(ours.interface().status(peer).last_handshake);
  EXPECT_TRUE(ping_from_gateway(kOurs6));
  EXPECT_TRUE(ours.ping(kInner)) << "now we know";
}

TEST_F(Interop, APresharedKeyOnBothSidesIsPartOfTheSessionInEitherRole) {
  const std::string preshared_key = generate_preshared_key();
  TestEndpoint ours = make_endpoint();
  GatewayPeer of_theirs = callable(ours);
  of_theirs.preshared_key = preshared_key;
  gateway().set_peer(of_theirs);
  TestPeer of_ours = gateway_peer();
  of_ours.preshared_key = preshared_key;
  ours.add_peer(of_ours);
  EXPECT_TRUE(ours.ping(kInner));
  EXPECT_EQ(ours.count(EventKind::response_accepted), 1U);

  TestEndpoint another = make_endpoint({.addresses = {"10.9.0.3/24"}});
  of_theirs = callable(another);
  of_theirs.allowed_ips = "10.9.0.3/32";
  of_theirs.preshared_key = preshared_key;
  gateway().set_peer(of_theirs);
  another.add_peer(of_ours);
  EXPECT_TRUE(ping_from_gateway("10.9.0.3"));
  EXPECT_EQ(another.count(EventKind::key_confirmed), 1U);
}

TEST_F(Interop, AnotherPresharedKeyIsToldFromAForgeryByTrying) {
  const std::string theirs = generate_preshared_key();
  TestEndpoint ours = make_endpoint();
  gateway().set_peer({.public_key = ours.keys().public_key, .preshared_key = theirs});
  TestPeer peer = gateway_peer();
  peer.preshared_key = generate_preshared_key();
  const tunnel::PeerId id = ours.add_peer(peer);
  ASSERT_TRUE(ours.initiate(id));
  ASSERT_TRUE(ours.wait_for(EventKind::response_not_decrypted));
  EXPECT_EQ(ours.count(EventKind::response_accepted), 0U);
  const auto trial = ours.interface().take_trial(id);
  ASSERT_TRUE(trial);
  EXPECT_TRUE(trial->fits(PresharedKey::from_base64(theirs).value()));
  EXPECT_FALSE(trial->fits(PresharedKey::from_base64(peer.preshared_key).value()));
  EXPECT_FALSE(trial->fits(PresharedKey{}));
}

TEST_F(Interop, APresharedKeyThatOnlyWeHaveIsFoundToBeNone) {
  TestEndpoint ours = make_endpoint();
  gateway().set_peer({.public_key = ours.keys().public_key});
  TestPeer peer = gateway_peer();
  peer.preshared_key = generate_preshared_key();
  const tunnel::PeerId id = ours.add_peer(peer);
  ASSERT_TRUE(ours.initiate(id));
  ASSERT_TRUE(ours.wait_for(EventKind::response_not_decrypted));
  const auto trial = ours.interface().take_trial(id);
  ASSERT_TRUE(trial);
  EXPECT_TRUE(trial->fits(PresharedKey{}));
}

TEST_F(Interop, AGatewayWithAnotherPresharedKeyNeverUsesTheSessionWeOffer) {
  TestEndpoint ours = make_endpoint();
  GatewayPeer of_theirs = callable(ours);
  of_theirs.preshared_key = generate_preshared_key();
  of_theirs.keepalive = 1;  // so it begins by itself
  const tunnel::PeerId peer = ours.add_peer(gateway_peer(""));
  gateway().set_peer(of_theirs);
  // It tries again after five seconds, and so has made nothing of our first response.
  ASSERT_TRUE(ours.wait_for(EventKind::initiation_accepted, 2));
  EXPECT_EQ(ours.count(EventKind::key_confirmed), 0U);
  EXPECT_FALSE(ours.interface().has_session(ours.now().boot, peer));
  EXPECT_EQ(gateway().latest_handshake(ours.keys().public_key), 0);
}

TEST_F(Interop, AGatewayThatWeDoNotKnowIsNamedAndNotAnswered) {
  TestEndpoint ours = make_endpoint();
  GatewayPeer of_theirs = callable(ours);
  of_theirs.keepalive = 1;
  gateway().set_peer(of_theirs);
  ASSERT_TRUE(ours.wait_for(EventKind::dropped));
  EXPECT_EQ(ours.count(DropReason::unknown_peer), 1U);
  EXPECT_EQ(ours.events.at(0).key->base64(), gateway().keys().public_key);
  EXPECT_EQ(gateway().received_bytes(ours.keys().public_key), 0U);
}

TEST_F(Interop, InitiationsThatCrossMakeASessionWithoutATryMore) {
  TestEndpoint ours = make_endpoint();
  GatewayPeer of_theirs = callable(ours);
  of_theirs.keepalive = 25;
  const tunnel::PeerId peer = ours.add_peer(gateway_peer());
  gateway().set_peer(of_theirs);
  // Its initiation has come, and is read only after ours has gone out.
  ASSERT_NE(wait_for(ours.endpoint().sockets()[0], POLLIN) & POLLIN, 0);
  ASSERT_TRUE(ours.initiate(peer));
  EXPECT_TRUE(ours.ping(kInner));
  EXPECT_TRUE(ping_from_gateway(kOurs));
  EXPECT_EQ(ours.count(EventKind::handshake_sent), 1U);
  EXPECT_EQ(ours.count(EventKind::initiation_accepted), 1U);
  // Its response to ours may come when the session that it began stands already: one too many.
  EXPECT_LE(ours.count(DropReason::unknown_index), 1U);
  EXPECT_EQ(ours.count(EventKind::dropped), ours.count(DropReason::unknown_index));
}

/// What the gateway makes of an initiation is over when it has answered a later one.
TEST_F(Interop, SilenceIsAllThatAnUnknownKeyAndAWrongServerKeyGet) {
  TestEndpoint known = make_endpoint({.addresses = {"10.9.0.9/24"}});
  gateway().set_peer({.public_key = known.keys().public_key, .allowed_ips = "10.9.0.9/32"});
  known.add_peer(gateway_peer());

  TestEndpoint unknown = make_endpoint();
  TestEndpoint mistaken = make_endpoint();
  gateway().set_peer({.public_key = mistaken.keys().public_key});
  TestPeer of_another_key = gateway_peer();
  of_another_key.public_key = generate_key_pair().public_key;
  ASSERT_TRUE(unknown.initiate(unknown.add_peer(gateway_peer())));
  ASSERT_TRUE(mistaken.initiate(mistaken.add_peer(of_another_key)));

  ASSERT_TRUE(known.ping(kInner));
  for (const TestEndpoint* silent : {&unknown, &mistaken}) {
    EXPECT_EQ(silent->count(EventKind::handshake_sent), 1U);
    EXPECT_EQ(silent->events.size(), 1U);
    EXPECT_TRUE(silent->socket_errors.empty());
  }
  EXPECT_EQ(gateway().received_bytes(mistaken.keys().public_key), 0U);
}

TEST_F(Interop, AClockSetBackLocksAKeyOutUnlessItsLastStampIsKept) {
  const KeyPair keys = generate_key_pair();
  gateway().set_peer({.public_key = keys.public_key});
  noise::Tai64n last_stamp;
  {
    TestEndpoint ahead = make_endpoint({.keys = keys});
    ahead.add_peer(gateway_peer());
    ahead.advance(std::chrono::hours{1});
    ASSERT_TRUE(ahead.ping(kInner));
    last_stamp = ahead.interface().last_stamp();
  }
  between_initiations();
  TestEndpoint known = make_endpoint({.addresses = {"10.9.0.9/24"}});
  gateway().set_peer({.public_key = known.keys().public_key, .allowed_ips = "10.9.0.9/32"});
  known.add_peer(gateway_peer());
  TestEndpoint forgetful = make_endpoint({.keys = keys});
  ASSERT_TRUE(forgetful.initiate(forgetful.add_peer(gateway_peer())));
  ASSERT_TRUE(known.ping(kInner));
  EXPECT_EQ(forgetful.events.size(), 1U) << "silence after what was sent";

  between_initiations();
  TestEndpoint careful = make_endpoint({.keys = keys, .last_stamp = last_stamp});
  careful.add_peer(gateway_peer());
  EXPECT_TRUE(careful.ping(kInner));
  EXPECT_EQ(careful.count(EventKind::handshake_sent), 1U);
}

}  // namespace
}  // namespace wgscope::test
