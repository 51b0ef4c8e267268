#include "wgscope/endpoint/embedded_endpoint.hpp"

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "wgscope/base/keys.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/crypto/random.hpp"
#include "wgscope/endpoint/attachment.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/inner/services.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/os/udp_socket.hpp"
#include "wgscope/tunnel/event.hpp"
#include "wgscope/tunnel/interface.hpp"

#include "endpoint_fixture.hpp"
#include "flood.hpp"
#include "udp_sockets.hpp"

namespace wgscope::endpoint {
namespace {

using namespace std::chrono_literals;
using test::TestEndpoint;
using test::TestLoop;
using test::TestPeer;
using tunnel::DropReason;
using tunnel::EventKind;

constexpr const char* kClient = "10.9.0.2";
constexpr const char* kGateway = "10.9.0.1";
constexpr const char* kGateway6 = "fd09::1";

/// A client and a gateway that know each other; only the client knows where the other one is.
struct Pair {
  /// @param handshake_burst  the gateway's
  explicit Pair(Family outer = Family::v4, std::uint32_t handshake_burst = 512)
      : gateway(loop,
                {.addresses = {"10.9.0.1/24", "fd09::1/64"}, .handshake_burst = handshake_burst}) {
    TestPeer of_gateway;
    of_gateway.public_key = client.keys().public_key;
    of_gateway.allowed_ips = {"10.9.0.2/32", "fd09::2/128"};
    at_gateway = gateway.add_peer(of_gateway);
    TestPeer of_client;
    of_client.public_key = gateway.keys().public_key;
    of_client.endpoint =
        fmt::format("{}:{}", outer == Family::v4 ? "127.0.0.1" : "[::1]", gateway.port());
    at_client = client.add_peer(of_client);
  }

  TestLoop loop;
  TestEndpoint gateway;
  TestEndpoint client{loop};
  tunnel::PeerId at_gateway;
  tunnel::PeerId at_client;
};

class EmbeddedEndpoints : public ::testing::TestWithParam<Family> {
 protected:
  Pair pair_{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Over, EmbeddedEndpoints, ::testing::Values(Family::v4, Family::v6),
                         [](const auto& test) {
                           return std::string(test.param == Family::v4 ? "V4" : "V6");
                         });

TEST_P(EmbeddedEndpoints, TheFirstEchoBeginsTheHandshakeAndIsAnswered) {
  EXPECT_TRUE(pair_.client.ping(kGateway));
  EXPECT_TRUE(pair_.client.ping(kGateway6));
  EXPECT_TRUE(pair_.gateway.ping(kClient)) << "now the gateway knows where";
  EXPECT_EQ(pair_.client.count(EventKind::response_accepted), 1U);
  EXPECT_EQ(pair_.gateway.count(EventKind::key_confirmed), 1U);
  EXPECT_EQ(pair_.client.count(EventKind::dropped), 0U);
  EXPECT_EQ(pair_.gateway.count(EventKind::dropped), 0U);
  const auto seen = pair_.gateway.interface().status(pair_.at_gateway).endpoint;
  EXPECT_EQ(seen->address.family, GetParam());
  EXPECT_EQ(seen->port, pair_.client.port());
}

TEST_P(EmbeddedEndpoints, PacketsThatWaitForTheHandshakeAllArrive) {
  constexpr std::size_t kPackets = 100;
  for (std::size_t i = 0; i < kPackets; ++i) pair_.client.send_echo(kGateway, 1392);
  EXPECT_TRUE(pair_.loop.run_until([&] { return pair_.client.inner_events.size() == kPackets; }));
}

TEST_P(EmbeddedEndpoints, CarryTcp) {
  pair_.gateway.serve();
  const auto data = test::pattern(300'000);
  const std::string echo = fmt::format("{}:{}", kGateway, inner::kEchoPort);
  EXPECT_TRUE(pair_.client.exchange_tcp(echo, data) == data);
}

TEST_P(EmbeddedEndpoints, AreFollowedWhenTheyBindAnew) {
  ASSERT_TRUE(pair_.client.ping(kGateway));
  const auto before = pair_.client.port();
  pair_.client.rebind();
  ASSERT_NE(pair_.client.port(), before);
  EXPECT_TRUE(pair_.client.ping(kGateway));
  EXPECT_EQ(pair_.gateway.count(EventKind::roamed), 1U);
  EXPECT_EQ(pair_.gateway.interface().status(pair_.at_gateway).endpoint->port, pair_.client.port());
  EXPECT_EQ(pair_.client.count(EventKind::handshake_sent), 1U);
}

TEST_P(EmbeddedEndpoints, KeepTheirHopLimitWhenTheyBindAnew) {
  ASSERT_TRUE(pair_.client.endpoint().set_hop_limit(7));
  pair_.client.rebind();
  for (const os::UdpSocket& socket : pair_.client.endpoint().sockets()) {
    const bool is_v4 = socket.local().address.family == Family::v4;
    int limit = 0;
    socklen_t size = sizeof limit;
    ASSERT_EQ(getsockopt(socket.fd(), is_v4 ? IPPROTO_IP : IPPROTO_IPV6,
                         is_v4 ? IP_TTL : IPV6_UNICAST_HOPS, &limit, &size),
              0);
    EXPECT_EQ(limit, 7);
  }
}

TEST_P(EmbeddedEndpoints, BothSocketsHaveOnePort) {
  const auto sockets = pair_.client.endpoint().sockets();
  ASSERT_EQ(sockets.size(), 2U);
  EXPECT_EQ(sockets[0].local_port(), sockets[1].local_port());
  pair_.client.rebind();
  const auto after = pair_.client.endpoint().sockets();
  EXPECT_EQ(after[0].local_port(), after[1].local_port());
}

TEST_P(EmbeddedEndpoints, HearFromTheKernelThatNobodyListens) {
  TestPeer gone;
  gone.public_key = test::generate_key_pair().public_key;
  wgscope::Endpoint nowhere;
  {
    const os::UdpSocket closed = test::must_open(test::loopback(GetParam()));
    nowhere = closed.local();
  }
  gone.endpoint = nowhere.to_string();
  gone.allowed_ips = {"10.8.0.1/32"};
  ASSERT_TRUE(pair_.client.initiate(pair_.client.add_peer(gone)));
  ASSERT_TRUE(pair_.loop.run_until([&] { return !pair_.client.socket_errors.empty(); }));
  EXPECT_EQ(pair_.client.socket_errors[0].sys_errno, ECONNREFUSED);
  EXPECT_EQ(pair_.client.socket_errors[0].destination, nowhere);
}

TEST(EmbeddedEndpointUnderLoad, LetsAPeerInThatProvesItsAddress) {
  Pair pair(Family::v4, 64);
  test::Flood flood("", pair.gateway.keys().public_key,
                    fmt::format("127.0.0.1:{}", pair.gateway.port()));
  flood.send();
  ASSERT_TRUE(pair.loop.run_until([&] { return pair.gateway.count(EventKind::cookie_sent) > 0; }));
  ASSERT_TRUE(pair.client.initiate(pair.at_client));
  ASSERT_TRUE(pair.client.wait_for(EventKind::cookie_received));
  EXPECT_EQ(pair.client.count(EventKind::response_accepted), 0U);
  pair.client.advance(6s);
  ASSERT_TRUE(pair.client.wait_for(EventKind::response_accepted));
  EXPECT_EQ(pair.client.count(EventKind::cookie_received), 1U);
  EXPECT_GT(pair.gateway.interface().dropped(DropReason::not_for_us), 0U);
  EXPECT_GT(pair.gateway.interface().dropped(DropReason::under_load), 0U);
}

TEST(EmbeddedEndpointSockets, ReportWhatNoneOfThemCanSend) {
  TestLoop loop;
  TestEndpoint only_v4(loop, {.listen = {"127.0.0.1:0"}});
  TestPeer peer;
  peer.public_key = test::generate_key_pair().public_key;
  peer.endpoint = "[::1]:51820";
  only_v4.initiate(only_v4.add_peer(peer));
  ASSERT_EQ(only_v4.send_failures.size(), 1U);
  EXPECT_EQ(only_v4.send_failures[0].sys_errno, EAFNOSUPPORT);
  EXPECT_EQ(only_v4.send_failures[0].to.to_string(), peer.endpoint);
  EXPECT_EQ(only_v4.send_failures[0].datagrams, 1U);
}

/// Reports nothing, but ends a loop at a session's beginning.
class UntilSession final : public Observer {
 public:
  explicit UntilSession(os::PollLoop& loop) : loop_(loop) {}
  void on_tunnel_event(const tunnel::Event& event) override {
    if (event.kind != EventKind::key_confirmed) return;
    confirmed = true;
    loop_.stop();
  }
  void on_inner_event(const inner::Event& /*event*/) override {}
  void on_socket_error(const os::SocketError& /*error*/) override {}
  void on_send_failure(const os::SendFailure& /*failure*/) override {}

  bool confirmed = false;

 private:
  os::PollLoop& loop_;
};

class EmbeddedEndpointOpening : public ::testing::Test {
 protected:
  Result<std::unique_ptr<EmbeddedEndpoint>> open(const std::vector<std::string>& listen,
                                                 const test::KeyPair& keys) {
    EndpointConfig config;
    config.interface.private_key = PrivateKey::from_base64(keys.private_key).value();
    for (const std::string& text : listen)
      config.listen.push_back(wgscope::Endpoint::parse(text).value());
    return EmbeddedEndpoint::open(std::move(config), random_, observer_);
  }
  Result<std::unique_ptr<EmbeddedEndpoint>> open(const std::vector<std::string>& listen) {
    return open(listen, test::generate_key_pair());
  }

  os::PollLoop loop_ = os::PollLoop::open().value();
  UntilSession observer_{loop_};
  crypto::SystemRandom random_;
};

TEST_F(EmbeddedEndpointOpening, SaysThatAPortIsInUse) {
  const auto first = open({"127.0.0.1:0"});
  ASSERT_TRUE(first);
  const std::string taken = fmt::format("127.0.0.1:{}", (*first)->listen_port());
  const auto second = open({taken});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().sys_errno, EADDRINUSE);
  EXPECT_NE(second.error().context.find(taken), std::string::npos) << second.error().context;
}

TEST_F(EmbeddedEndpointOpening, NeedsAnAddress) {
  const auto opened = open({});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::bad_value);
}

TEST_F(EmbeddedEndpointOpening, LeavesIPv6OutWhereThereIsNoneUnlessItIsTheOnlyOne) {
  const std::string not_here = "[2001:db8::1]:0";
  const auto both = open({"127.0.0.1:0", not_here});
  ASSERT_TRUE(both);
  EXPECT_EQ((*both)->sockets().size(), 1U);
  EXPECT_TRUE((*both)->rebind());
  const auto only = open({not_here});
  ASSERT_FALSE(only);
  EXPECT_EQ(only.error().sys_errno, EADDRNOTAVAIL);
  EXPECT_FALSE(open({"192.0.2.1:0", "[::1]:0"})) << "IPv4 is not left out";
}

TEST_F(EmbeddedEndpointOpening, WithAttachmentsALoopDrivesTwoOfThem) {
  const test::KeyPair left_keys = test::generate_key_pair();
  const test::KeyPair right_keys = test::generate_key_pair();
  const auto left = open({"127.0.0.1:0"}, left_keys);
  const auto right = open({"127.0.0.1:0"}, right_keys);
  ASSERT_TRUE(left && right);
  tunnel::PeerConfig to_right;
  to_right.public_key = PublicKey::from_base64(right_keys.public_key).value();
  to_right.endpoint = (*right)->sockets()[0].local();
  to_right.persistent_keepalive = 1s;  // so the loop's timer begins it
  tunnel::PeerConfig to_left;
  to_left.public_key = PublicKey::from_base64(left_keys.public_key).value();
  ASSERT_TRUE((*left)->interface().add_peer(os::now(), std::move(to_right)));
  ASSERT_TRUE((*right)->interface().add_peer(os::now(), std::move(to_left)));
  const auto attached_left = Attachment::make(loop_, **left);
  const auto attached_right = Attachment::make(loop_, **right);
  ASSERT_TRUE(attached_left && attached_right);
  ASSERT_TRUE(loop_.run_until(os::boot_now() + test::kLongEnough));
  EXPECT_TRUE(observer_.confirmed);
}

}  // namespace
}  // namespace wgscope::endpoint
