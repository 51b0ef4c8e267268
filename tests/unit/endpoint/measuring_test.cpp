// The measuring service on real sockets of the loopback, asked by a peer.

#include "wgscope/wire/measuring.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "wgscope/endpoint/embedded_endpoint.hpp"
#include "wgscope/endpoint/measuring_service.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/tunnel/event.hpp"
#include "wgscope/wire/ip.hpp"
#include "wgscope/wire/udp.hpp"

#include "endpoint_fixture.hpp"

namespace wgscope::endpoint {
namespace {

using namespace std::chrono_literals;
using test::TestEndpoint;
using test::TestLoop;
using test::TestPeer;

class MeasuringEndpoint : public testing::TestWithParam<Family> {
 protected:
  void SetUp() override {
    TestPeer of_gateway;
    of_gateway.public_key = client_.keys().public_key;
    of_gateway.allowed_ips = {"10.9.0.2/32", "fd09::2/128"};
    at_gateway_ = gateway_.add_peer(of_gateway);
    TestPeer of_client;
    of_client.public_key = gateway_.keys().public_key;
    of_client.endpoint = fmt::format("{}:{}", v4() ? "127.0.0.1" : "[::1]", gateway_.port());
    at_client_ = client_.add_peer(of_client);
    port_ = client_.host().bind_udp(0).value();
    ASSERT_TRUE(client_.ping("10.9.0.1"));
  }

  static bool v4() { return GetParam() == Family::v4; }

  void ask(std::uint32_t serial, std::uint16_t size) {
    const auto request = wire::build_measuring_request({.serial = serial, .answer_size = size});
    ASSERT_TRUE(client_.host().send_udp(
        {.to = *Endpoint::parse(fmt::format("10.9.0.1:{}", wire::kMeasuringPort)),
         .from_port = port_},
        request));
    client_.pump();
  }

  [[nodiscard]] std::uint64_t received() {
    return client_.interface().status(at_client_).receive_bytes;
  }

  TestLoop loop_;
  TestEndpoint gateway_{loop_, {.addresses = {"10.9.0.1/24", "fd09::1/64"}, .measuring = true}};
  TestEndpoint client_{loop_};
  tunnel::PeerId at_gateway_;
  tunnel::PeerId at_client_;
  std::uint16_t port_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Over, MeasuringEndpoint, testing::Values(Family::v4, Family::v6),
                         [](const auto& test) {
                           return std::string(test.param == Family::v4 ? "V4" : "V6");
                         });

TEST_P(MeasuringEndpoint, AnswersInDatagramsOfExactlyTheSizeThatWasAskedFor) {
  for (const std::uint16_t size : std::initializer_list<std::uint16_t>{600, 1397, 1433, 9000}) {
    const std::uint64_t before = received();
    ask(size, size);
    ASSERT_TRUE(loop_.run_until([&] { return received() > before; })) << size;
    const std::size_t headers = wire::ip_header_size(GetParam()) + wire::kUdpHeaderSize;
    EXPECT_EQ(received() - before + headers, size);
  }
}

TEST_P(MeasuringEndpoint, ServesOthersWhileAPeerAsksWithoutEnd) {
  constexpr std::uint32_t kRequests = 3000;
  const std::uint64_t before = gateway_.interface().status(at_gateway_).transmit_bytes;
  for (std::uint32_t i = 0; i < kRequests; ++i) {
    ask(i, 9000);
    if (i % 50 == 0) {
      ASSERT_TRUE(client_.ping("10.9.0.1"));
    }
  }
  ASSERT_TRUE(client_.ping("10.9.0.1"));
  EXPECT_EQ(gateway_.endpoint().measuring()->stats().requests, kRequests);
  EXPECT_GT(gateway_.endpoint().measuring()->stats().limited, kRequests / 2);
  const std::uint64_t sent = gateway_.interface().status(at_gateway_).transmit_bytes - before;
  // What is earned meanwhile, and pings.
  EXPECT_LE(sent, 3 * MeasuringService::kBurst);
}

}  // namespace
}  // namespace wgscope::endpoint
