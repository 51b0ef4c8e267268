// EndpointConfig::answer_stun: STUN on the tunnel's own port.

#include "wgscope/wire/stun.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <poll.h>
#include <span>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/crypto/x25519.hpp"
#include "wgscope/endpoint/embedded_endpoint.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/udp_socket.hpp"
#include "wgscope/tunnel/event.hpp"

#include "udp_sockets.hpp"
#include "unit/inner/network.hpp"

namespace wgscope::endpoint {
namespace {

class Watcher final : public Observer {
 public:
  void on_tunnel_event(const tunnel::Event& event) override { events.push_back(event); }
  void on_inner_event(const inner::Event& /*event*/) override {}
  void on_socket_error(const os::SocketError& error) override { errors.push_back(error); }
  void on_send_failure(const os::SendFailure& failure) override { failures.push_back(failure); }

  std::vector<tunnel::Event> events;
  std::vector<os::SocketError> errors;
  std::vector<os::SendFailure> failures;
};

class EndpointStun : public testing::Test {
 protected:
  void open(bool answers) {
    EndpointConfig config;
    random_.fill(config.interface.private_key.secret.bytes());
    config.listen = {Endpoint::parse("0.0.0.0:0").value()};
    config.answer_stun = answers;
    endpoint_ = EmbeddedEndpoint::open(std::move(config), random_, watcher_).value();
  }

  void send(std::span<const std::byte> bytes) {
    const os::SendBatch batch{.to = test::loopback(Family::v4, endpoint_->listen_port()),
                              .bytes = bytes,
                              .segment_size = bytes.size(),
                              .from = {}};
    ASSERT_EQ(client_->send({&batch, 1}).datagrams, 1U);
    endpoint_->handle_readable(now_, endpoint_->sockets().front().fd());
  }
  void ask(std::optional<std::uint16_t> response_port = {}) {
    wire::StunMessage request;
    random_.fill(request.transaction);
    request.response_port = response_port;
    send(wire::build_stun(request));
  }

  /// What has come so far: loopback delivers before the call that sends returns.
  static std::vector<test::Arrived> arrived_at(os::UdpSocket& socket) {
    std::vector<test::Arrived> all;
    for (bool more = true; more;) {
      const auto report = socket.receive([&](const os::Received& one) {
        all.push_back({one.from, one.to, {one.datagram.begin(), one.datagram.end()}});
      });
      more = report && report->more;
    }
    return all;
  }

  inner::testing::SeededRandom random_{1};
  Watcher watcher_;
  Now now_ = os::now();
  std::optional<os::UdpSocket> client_ = test::must_open(test::loopback(Family::v4));
  std::unique_ptr<EmbeddedEndpoint> endpoint_;
};

TEST_F(EndpointStun, IsAnsweredFromTheTunnelsPort) {
  open(true);
  ask();
  const auto arrived = arrived_at(*client_);
  ASSERT_EQ(arrived.size(), 1U);
  EXPECT_EQ(arrived[0].from, test::loopback(Family::v4, endpoint_->listen_port()));
  EXPECT_EQ(wire::parse_stun(arrived[0].bytes).value().mapped(), client_->local());
  EXPECT_TRUE(watcher_.events.empty()) << "it is no WireGuard message that was dropped";
}

TEST_F(EndpointStun, IsAnsweredToAnotherPortOfTheSameAddress) {
  open(true);
  os::UdpSocket other = test::must_open(test::loopback(Family::v4));
  ask(other.local_port());
  EXPECT_TRUE(arrived_at(*client_).empty());
  const auto arrived = arrived_at(other);
  ASSERT_EQ(arrived.size(), 1U);
  EXPECT_EQ(wire::parse_stun(arrived[0].bytes).value().mapped(), client_->local());
}

TEST_F(EndpointStun, IsNotAnsweredUnlessWanted) {
  open(false);
  ask();
  EXPECT_TRUE(arrived_at(*client_).empty());
}

TEST_F(EndpointStun, IsAnsweredSoOftenAndNoMore) {
  open(true);
  const auto answers_to = [&](std::uint32_t requests) {
    std::size_t answers = 0;
    for (std::uint32_t i = 0; i < requests; ++i) {
      ask();
      answers += arrived_at(*client_).size();
    }
    return answers;
  };
  EXPECT_EQ(answers_to(kStunAnswersAtOnce + 50), kStunAnswersAtOnce);
  now_.boot = now_.boot + std::chrono::seconds(1);
  EXPECT_EQ(answers_to(2 * kStunAnswersPerSecond), kStunAnswersPerSecond);
}

TEST_F(EndpointStun, DoesNotTakeWireGuardMessagesForItself) {
  open(true);
  // An initiation whose sender's index is the magic cookie.
  std::vector<std::byte> initiation(148);
  initiation[0] = std::byte{1};
  const std::array cookie{std::byte{0x21}, std::byte{0x12}, std::byte{0xa4}, std::byte{0x42}};
  std::ranges::copy(cookie, initiation.begin() + 4);
  send(initiation);
  ASSERT_EQ(watcher_.events.size(), 1U);
  EXPECT_EQ(watcher_.events[0].kind, tunnel::EventKind::dropped);
}

TEST_F(EndpointStun, RefusedAnswersAreNoErrorsOfTheTunnel) {
  open(true);
  const std::uint16_t closed = test::must_open(test::loopback(Family::v4)).local_port();
  ask(closed);
  const os::UdpSocket& socket = endpoint_->sockets().front();
  EXPECT_NE(test::wait_for(socket, 0), 0) << "the refusal waits in the queue";
  endpoint_->handle_readable(now_, socket.fd());
  EXPECT_TRUE(watcher_.errors.empty());
}

TEST_F(EndpointStun, LeavesErrorsOfPeersToBeReported) {
  open(true);
  PrivateKey theirs;
  random_.fill(theirs.secret.bytes());
  tunnel::PeerConfig peer;
  peer.public_key = PublicKey{crypto::derive_public_key(theirs.secret).value()};
  peer.endpoint = client_->local();
  const auto added = endpoint_->interface().add_peer(now_, std::move(peer)).value();
  client_.reset();
  ASSERT_TRUE(endpoint_->interface().initiate(now_, added));
  endpoint_->pump(now_);
  const os::UdpSocket& socket = endpoint_->sockets().front();
  EXPECT_NE(test::wait_for(socket, 0), 0);
  endpoint_->handle_readable(now_, socket.fd());
  EXPECT_EQ(watcher_.errors.size(), 1U);
}

}  // namespace
}  // namespace wgscope::endpoint
