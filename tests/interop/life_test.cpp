// What a tunnel lives through: new sessions, new addresses, silence.

#include <chrono>
#include <cstdint>
#include <string>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "wgscope/noise/constants.hpp"
#include "wgscope/tunnel/event.hpp"
#include "wgscope/tunnel/interface.hpp"

#include "site.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using tunnel::DropReason;
using tunnel::EventKind;

TEST_F(Interop, OurSessionIsRenewedAfterTwoMinutesWithoutLosingAPacket) {
  TestEndpoint ours = make_endpoint();
  gateway().set_peer({.public_key = ours.keys().public_key});
  ours.add_peer(gateway_peer());
  for (std::size_t session = 1; session <= 3; ++session) {
    ASSERT_TRUE(ours.ping(kInner));
    ASSERT_TRUE(ours.wait_for(EventKind::response_accepted, session));
    EXPECT_TRUE(ours.ping(kInner)) << "in the session that has just been made";
    EXPECT_EQ(ours.count(EventKind::handshake_sent), session);
    between_initiations();
    ours.advance(noise::kRekeyAfterTime + 1s);
  }
  EXPECT_EQ(ours.count(EventKind::dropped), 0U);
}

TEST_F(Interop, ASessionOlderThanThreeMinutesIsReplacedBeforeAnythingIsSent) {
  TestEndpoint ours = make_endpoint();
  gateway().set_peer({.public_key = ours.keys().public_key});
  const tunnel::PeerId peer = ours.add_peer(gateway_peer());
  ASSERT_TRUE(ours.ping(kInner));
  between_initiations();
  ours.advance(noise::kRejectAfterTime + 1s);
  EXPECT_FALSE(ours.interface().has_session(ours.now().boot, peer));
  EXPECT_TRUE(ours.ping(kInner));
  EXPECT_EQ(ours.count(EventKind::response_accepted), 2U);
}

TEST_F(Interop, TheGatewayFollowsWhenOurAddressChanges) {
  TestEndpoint ours = make_endpoint();
  gateway().set_peer({.public_key = ours.keys().public_key});
  ours.add_peer(gateway_peer());
  ASSERT_TRUE(ours.ping(kInner));
  const auto before = fmt::format("10.1.0.1:{}", ours.port());
  ASSERT_EQ(gateway().endpoint_of(ours.keys().public_key), before);
  ours.rebind();
  const auto after = fmt::format("10.1.0.1:{}", ours.port());
  ASSERT_NE(after, before);
  ASSERT_TRUE(ours.ping(kInner));
  EXPECT_EQ(gateway().endpoint_of(ours.keys().public_key), after);
  EXPECT_TRUE(ping_from_gateway(kOurs));
  EXPECT_EQ(ours.count(EventKind::handshake_sent), 1U) << "the session goes on";
}

TEST_F(Interop, WeFollowWhenTheGatewaysPortChanges) {
  TestEndpoint ours = make_endpoint();
  gateway().set_peer({.public_key = ours.keys().public_key});
  const tunnel::PeerId peer = ours.add_peer(gateway_peer());
  ASSERT_TRUE(ours.ping(kInner));
  gateway().listen_on(51821);
  ASSERT_TRUE(ping_from_gateway(kOurs));
  EXPECT_EQ(ours.count(EventKind::roamed), 1U);
  EXPECT_EQ(ours.interface().status(peer).endpoint->to_string(), "10.1.0.2:51821");
  EXPECT_TRUE(ours.ping(kInner));
}

TEST_F(Interop, WeAnswerFromTheAddressThatWasCalled) {
  // Else the answer would not pass a NAT or firewall on its way, which knows only that address.
  site_->ours.must({"ip", "address", "add", "10.1.0.11/24", "dev", site_->way.left});
  site_->ours.must({"ip", "address", "add", "fd01::11/64", "dev", site_->way.left, "nodad"});
  for (const std::string called : {"10.1.0.11", "[fd01::11]"}) {
    TestEndpoint ours = make_endpoint();
    ours.add_peer(gateway_peer(""));
    const auto endpoint = fmt::format("{}:{}", called, ours.port());
    GatewayPeer peer = callable(ours);
    peer.endpoint = endpoint;
    gateway().set_peer(peer);
    ASSERT_TRUE(ping_from_gateway(kOurs));
    EXPECT_EQ(gateway().endpoint_of(ours.keys().public_key), endpoint);
    EXPECT_TRUE(ours.ping(kInner));
    EXPECT_EQ(gateway().endpoint_of(ours.keys().public_key), endpoint);
  }
}

TEST_F(Interop, AnAddressOfOursThatGoesIsReplacedAtTheNextPacket) {
  site_->ours.must({"ip", "address", "add", "10.1.0.11/24", "dev", site_->way.left});
  TestEndpoint ours = make_endpoint();
  ours.add_peer(gateway_peer());
  GatewayPeer peer = callable(ours);
  peer.endpoint = fmt::format("10.1.0.11:{}", ours.port());
  gateway().set_peer(peer);
  ASSERT_TRUE(ping_from_gateway(kOurs));
  site_->ours.must({"ip", "address", "del", "10.1.0.11/24", "dev", site_->way.left});
  ours.send_echo(kInner);  // the packet that finds out
  EXPECT_TRUE(ours.ping(kInner));
  EXPECT_EQ(gateway().endpoint_of(ours.keys().public_key), fmt::format("10.1.0.1:{}", ours.port()));
}

TEST_F(Interop, TheGatewaysKeepalivesAreSeenAndNotAnswered) {
  TestEndpoint ours = make_endpoint();
  GatewayPeer peer = callable(ours);
  peer.keepalive = 1;
  ours.add_peer(gateway_peer(""));
  gateway().set_peer(peer);
  ASSERT_TRUE(ours.wait_for(EventKind::keepalive_received, 2));
  EXPECT_EQ(ours.count(EventKind::initiation_accepted), 1U);
  ours.advance(noise::kKeepaliveTimeout + 1s);  // data would be answered by now
  ASSERT_TRUE(ours.wait_for(EventKind::keepalive_received, 3));
  // A response has 92 bytes: what follows would be an answer to a keepalive.
  EXPECT_EQ(gateway().received_bytes(ours.keys().public_key), 92U);
}

TEST_F(Interop, OurKeepalivesBeginATunnelAndReachTheGateway) {
  TestEndpoint ours = make_endpoint();
  gateway().set_peer({.public_key = ours.keys().public_key});
  TestPeer peer = gateway_peer();
  peer.keepalive = 1s;
  ours.add_peer(peer);
  // An initiation has 148 bytes, a keepalive 32.
  constexpr std::uint64_t kThree = 148 + 3 * 32;
  EXPECT_TRUE(
      gateway_comes_to([&] { return gateway().received_bytes(ours.keys().public_key) >= kThree; }));
  EXPECT_EQ(ours.count(EventKind::handshake_sent), 1U);
}

TEST_F(Interop, AGatewayThatForgotUsIsFoundAgainByANewHandshake) {
  TestEndpoint ours = make_endpoint();
  gateway().set_peer({.public_key = ours.keys().public_key});
  ours.add_peer(gateway_peer());
  ASSERT_TRUE(ours.ping(kInner));
  between_initiations();
  gateway().forget_peer(ours.keys().public_key);
  gateway().set_peer({.public_key = ours.keys().public_key});
  // It no longer has the session, and says nothing; after 15 s of our time without an answer we
  // begin anew. The echo that nobody decrypted is lost, as on any network.
  ours.send_echo(kInner);
  ours.advance(noise::kKeepaliveTimeout + noise::kRekeyTimeout + 1s);
  ASSERT_TRUE(ours.wait_for(EventKind::response_accepted, 2));
  EXPECT_TRUE(ours.ping(kInner));
}

}  // namespace
}  // namespace wgscope::test
