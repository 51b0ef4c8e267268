// Two minutes of real time: the gateway's clock cannot be set forward. A program of its own, so
// that others run meanwhile.

#include <gtest/gtest.h>

#include "wgscope/tunnel/event.hpp"

#include "interop/site.hpp"

namespace wgscope::test {
namespace {

using tunnel::EventKind;

TEST_F(Interop, SessionsOfBothRolesAreRenewedAfterTwoMinutesWithoutLosingAPacket) {
  // The gateway initiates to one of ours, and another one of ours to the gateway.
  TestEndpoint called = make_endpoint();
  gateway().set_peer(callable(called));
  called.add_peer(gateway_peer(""));
  TestEndpoint calling = make_endpoint({.addresses = {"10.9.0.3/24"}});
  gateway().set_peer({.public_key = calling.keys().public_key, .allowed_ips = "10.9.0.3/32"});
  calling.add_peer(gateway_peer());
  ASSERT_TRUE(calling.ping(kInner));
  const auto renewed = [&] {
    return called.count(EventKind::key_confirmed) >= 2 &&
           calling.count(EventKind::response_accepted) >= 2;
  };
  for (int second = 0; second < 140 && !renewed(); ++second) {
    ASSERT_TRUE(ping_from_gateway(kOurs)) << second;
    ASSERT_TRUE(calling.ping(kInner)) << second;
    static_cast<void>(loop_.run_until(renewed, std::chrono::seconds{1}));  // one packet a second
  }
  ASSERT_TRUE(ping_from_gateway(kOurs)) << "in the new session";
  ASSERT_TRUE(calling.ping(kInner)) << "in the new session";
  EXPECT_EQ(called.count(EventKind::key_confirmed), 2U);
  EXPECT_EQ(called.count(EventKind::handshake_sent), 0U) << "only who initiated renews";
  EXPECT_EQ(calling.count(EventKind::response_accepted), 2U);
  EXPECT_EQ(calling.count(EventKind::initiation_accepted), 0U);
  for (const TestEndpoint* ours : {&called, &calling})
    EXPECT_EQ(ours->count(EventKind::dropped), 0U);
}

}  // namespace
}  // namespace wgscope::test
