// Cookies: who is under load asks for proof of address, and who is asked gives it.

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <poll.h>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/bytes.hpp"
#include "wgscope/crypto/random.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/noise/constants.hpp"
#include "wgscope/noise/cookies.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/udp_socket.hpp"
#include "wgscope/tunnel/event.hpp"
#include "wgscope/wire/message.hpp"

#include "site.hpp"
#include "udp_sockets.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using tunnel::DropReason;
using tunnel::EventKind;

/// Initiations whose mac1 is right and the rest noise: each costs the gateway a multiplication.
class Flood {
 public:
  Flood(const NetworkNamespace& from, const std::string& public_key, const char* to)
      : to_(wgscope::Endpoint::parse(to).value()) {
    inside(from.path(),
           [&] { socket_.emplace(must_open(wgscope::Endpoint::parse("0.0.0.0:0").value())); });
    crypto::SystemRandom random;
    noise::CookieJar macs(PublicKey::from_base64(public_key).value());
    datagrams_.resize(kCount * wire::kInitiationSize);
    for (std::size_t i = 0; i < kCount; ++i) {
      const auto one =
          std::span(datagrams_).subspan(i * wire::kInitiationSize).first<wire::kInitiationSize>();
      random.fill(one);
      wire::write_type(wire::MessageType::initiation, one.first<4>());
      macs.add_macs(os::boot_now(), {one});
    }
  }

  /// All of them, as fast as they go out.
  void send() {
    std::size_t sent = 0;
    while (sent < datagrams_.size()) {
      const os::SendBatch rest{to_, std::span(datagrams_).subspan(sent), wire::kInitiationSize, {}};
      const auto report = socket_->send({&rest, 1});
      if (!report.blocked) return;
      sent += report.bytes_of_next;
      wait_for(*socket_, POLLOUT);
    }
  }

  /// Waits until one of them has been answered with a cookie.
  bool wait_for_cookie() {
    const Instant deadline = os::boot_now() + 1s;
    bool seen = false;
    while (!seen) {
      pollfd wait{.fd = socket_->fd(), .events = POLLIN, .revents = 0};
      if (poll(&wait, 1, os::poll_timeout_ms(deadline)) <= 0) return false;
      static_cast<void>(socket_->receive([&](const os::Received& one) {
        seen = seen || wire::classify(one.datagram) == wire::MessageType::cookie_reply;
      }));
    }
    return true;
  }
  /// Forgets what has come.
  void drain() {
    for (bool more = true; more;) {
      const auto report = socket_->receive([](const os::Received&) {});
      more = report && report->datagrams != 0;
    }
  }

 private:
  static constexpr std::size_t kCount = 1000;  // wireguard-go calls 128 load, the kernel 512

  wgscope::Endpoint to_;
  std::optional<os::UdpSocket> socket_;
  std::vector<std::byte> datagrams_;
};

TEST_F(Interop, AGatewayUnderLoadSendsACookieAndTakesItAtOurNextAttempt) {
  TestEndpoint ours = make_endpoint();
  gateway().set_peer({.public_key = ours.keys().public_key});
  const tunnel::PeerId peer = ours.add_peer(gateway_peer());
  Flood flood(site_->ours, gateway().keys().public_key, kOuter);
  // Under load, which lasts for a second more, an initiation without mac2 gets no response. How
  // long the gateway's queue is at which moment is its secret, and what comes while its socket's
  // buffer is full is lost: so as often as it takes, but not for ever.
  std::size_t cookies_to_us = 0;
  bool proven = false;
  for (int round = 0; round < 40 && !proven; ++round) {
    const std::size_t responses = ours.count(EventKind::response_accepted);
    flood.drain();
    flood.send();
    if (!flood.wait_for_cookie()) continue;
    ours.initiate(peer);
    const auto answered = [&] {
      return ours.count(EventKind::cookie_received) > cookies_to_us ||
             ours.count(EventKind::response_accepted) > responses;
    };
    static_cast<void>(loop_.run_until(answered, 500ms));
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
