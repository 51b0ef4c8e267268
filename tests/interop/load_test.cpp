// Cookies: who is under load asks for proof of address, and who is asked gives it.

#include <chrono>
#include <cstddef>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/noise/constants.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/tunnel/event.hpp"

#include "flood.hpp"
#include "site.hpp"

namespace wgscope::test {
namespace {

/// What a handshake waits behind the flood in the gateway's queue, on a slow machine; less than a
/// retry, which would make of a late answer one to nothing.
constexpr std::chrono::seconds kInLine{4};

using namespace std::chrono_literals;
using tunnel::DropReason;
using tunnel::EventKind;

TEST_F(Interop, AGatewayUnderLoadSendsACookieAndTakesItAtOurNextAttempt) {
  TestEndpoint ours = make_endpoint();
  gateway().set_peer({.public_key = ours.keys().public_key});
  const tunnel::PeerId peer = ours.add_peer(gateway_peer());
  Flood flood(site_->ours.path(), gateway().keys().public_key, kOuter);
  // Under load, which lasts for a second more, an initiation without mac2 gets no response. How
  // long the gateway's queue is at which moment is its secret, and what comes while its socket's
  // buffer is full is lost: so as often as it takes, but not for ever.
  std::size_t cookies_to_us = 0;
  bool proven = false;
  const Instant deadline = os::boot_now() + 60s;
  while (!proven && os::boot_now() < deadline) {
    const std::size_t responses = ours.count(EventKind::response_accepted);
    flood.drain();
    flood.send();
    if (!flood.wait_for_cookie()) continue;
    ours.initiate(peer);
    const auto answered = [&] {
      return ours.count(EventKind::cookie_received) > cookies_to_us ||
             ours.count(EventKind::response_accepted) > responses;
    };
    static_cast<void>(loop_.run_until(answered, kInLine));
    // With a cookie in the jar, and while others were asked for one, we were let in.
    proven = cookies_to_us > 0 && ours.count(EventKind::response_accepted) > responses &&
             ours.count(EventKind::cookie_received) == cookies_to_us;
    cookies_to_us = ours.count(EventKind::cookie_received);
    ours.advance(noise::kRekeyTimeout + 1s);
  }
  EXPECT_GT(cookies_to_us, 0U) << "the gateway never came under load";
  EXPECT_TRUE(proven);
  EXPECT_EQ(ours.count(DropReason::cookie_unexpected), 0U);
  EXPECT_TRUE(ours.ping(kInner));
}

TEST_F(Interop, UnderLoadWeSendACookieAndTheGatewaysNextAttemptSucceeds) {
  TestEndpoint ours = make_endpoint({.handshakes_per_second = 0, .handshake_burst = 0});
  GatewayPeer of_theirs = callable(ours);
  of_theirs.keepalive = 25;
  ours.add_peer(gateway_peer(""));
  gateway().set_peer(of_theirs);
  ASSERT_TRUE(ours.wait_for(EventKind::cookie_sent));
  EXPECT_EQ(ours.count(EventKind::initiation_accepted), 0U);
  ASSERT_TRUE(ours.wait_for(EventKind::key_confirmed));
  EXPECT_EQ(ours.count(EventKind::cookie_sent), 1U);
  EXPECT_EQ(ours.count(DropReason::under_load), 1U);
  EXPECT_TRUE(ping_from_gateway(kOurs));
}

}  // namespace
}  // namespace wgscope::test
