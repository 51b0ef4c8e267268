// Observer::on_stamp(): what keeps a key's stamps hears of each before it is sent.

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/crypto/x25519.hpp"
#include "wgscope/endpoint/embedded_endpoint.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/udp_socket.hpp"

#include "unit/inner/network.hpp"

namespace wgscope::endpoint {
namespace {

class Keeper final : public Observer {
 public:
  void on_tunnel_event(const tunnel::Event& /*event*/) override {}
  void on_inner_event(const inner::Event& /*event*/) override {}
  void on_socket_error(const os::SocketError& /*error*/) override {}
  void on_send_failure(const os::SendFailure& /*failure*/) override {}
  bool on_stamp(const noise::Tai64n& stamp) override {
    stamps.push_back(stamp);
    return keeps;
  }

  std::vector<noise::Tai64n> stamps;
  bool keeps = true;
};

class StampsTest : public testing::Test {
 protected:
  StampsTest() : other_(os::UdpSocket::open(Endpoint::parse("127.0.0.1:0").value()).value()) {
    EndpointConfig config;
    random_.fill(config.interface.private_key.secret.bytes());
    config.listen = {Endpoint::parse("127.0.0.1:0").value()};
    endpoint_ = EmbeddedEndpoint::open(std::move(config), random_, keeper_).value();
    PrivateKey theirs;
    random_.fill(theirs.secret.bytes());
    tunnel::PeerConfig peer;
    peer.public_key = PublicKey{crypto::derive_public_key(theirs.secret).value()};
    peer.endpoint = other_.local();
    peer_ = endpoint_->interface().add_peer(now_, std::move(peer)).value();
  }

  void initiate() {
    ASSERT_TRUE(endpoint_->interface().initiate(now_, peer_));
    endpoint_->pump(now_);
  }

  /// Loopback delivers before the call that sends returns.
  std::size_t arrived() {
    return other_.receive([](const os::Received&) {}).value().datagrams;
  }

  inner::testing::SeededRandom random_{1};
  Keeper keeper_;
  Now now_ = os::now();
  os::UdpSocket other_;
  std::unique_ptr<EmbeddedEndpoint> endpoint_;
  tunnel::PeerId peer_;
};

TEST_F(StampsTest, AreReportedOnceForEachHandshakeThatIsSent) {
  initiate();
  EXPECT_EQ(arrived(), 1U);
  ASSERT_EQ(keeper_.stamps.size(), 1U);
  EXPECT_EQ(keeper_.stamps[0], endpoint_->interface().last_stamp());
  endpoint_->pump(now_);
  EXPECT_EQ(keeper_.stamps.size(), 1U);
}

TEST_F(StampsTest, AreNotSentWhereTheyCouldNotBeKept) {
  keeper_.keeps = false;
  initiate();
  EXPECT_EQ(arrived(), 0U);
  keeper_.keeps = true;
  now_.boot = now_.boot + std::chrono::seconds(6);
  now_.wall.since_epoch += std::chrono::seconds(6);
  endpoint_->handle_timeout(now_);
  EXPECT_EQ(arrived(), 1U) << "it is tried again in its time";
}

}  // namespace
}  // namespace wgscope::endpoint
