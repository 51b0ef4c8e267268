#include "wgscope/endpoint/services.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <utility>
#include <variant>

#include <gtest/gtest.h>

#include "wgscope/inner/event.hpp"
#include "wgscope/inner/host.hpp"
#include "wgscope/inner/tcp.hpp"

#include "unit/inner/network.hpp"

namespace wgscope::endpoint {
namespace {

using namespace std::chrono_literals;
using inner::testing::Bytes;
using inner::testing::bytes_of;
using inner::testing::Network;
using inner::testing::pattern;

/// The left host tries the services of the right one.
class ServicesTest : public testing::Test {
 protected:
  ServicesTest() {
    auto opened = Services::open(network_.right);
    EXPECT_TRUE(opened);
    services_.emplace(std::move(*opened));
    network_.on_event = [this](inner::Host& at, const inner::Event& event) {
      if (&at == &network_.right)
        services_->handle_event(event);
      else
        handle(event);
    };
  }

  Endpoint service(std::uint16_t port) const {
    Endpoint to;
    to.address = network_.right.config().addresses.front().address;
    to.port = port;
    return to;
  }

  void handle(const inner::Event& event) {
    if (const auto* received = std::get_if<inner::UdpReceived>(&event))
      datagram_ = Bytes(received->payload.begin(), received->payload.end());
    if (std::holds_alternative<inner::TcpConnected>(event) ||
        std::holds_alternative<inner::TcpWritable>(event))
      push();
    if (std::holds_alternative<inner::TcpReadable>(event)) pull();
    if (std::holds_alternative<inner::TcpFinished>(event)) finished_ = true;
  }

  void push() {
    sent_ += network_.left.tcp().send(*id_, std::span(to_send_).subspan(sent_));
    if (sent_ == to_send_.size() && finishes_) network_.left.tcp().finish(*id_);
  }
  void pull() {
    if (!reads_) return;
    std::array<std::byte, 4096> buffer{};
    while (const std::size_t size = network_.left.tcp().receive(*id_, buffer))
      received_.insert(received_.end(), buffer.begin(),
                       buffer.begin() + static_cast<std::ptrdiff_t>(size));
  }

  void connect(std::uint16_t port) {
    id_ = network_.left.tcp().connect(network_.now, service(port)).value();
  }

  std::optional<Bytes> exchange(std::uint16_t port, std::uint16_t from) {
    EXPECT_TRUE(network_.left.bind_udp(from));
    EXPECT_TRUE(
        network_.left.send_udp({.to = service(port), .from_port = from}, bytes_of("hello")));
    network_.run(5s, [&] { return datagram_.has_value(); });
    return datagram_;
  }

  Network network_;
  std::optional<Services> services_;
  std::optional<inner::TcpId> id_;
  std::optional<Bytes> datagram_;
  Bytes to_send_;
  std::size_t sent_ = 0;
  bool finishes_ = true;
  bool reads_ = true;
  Bytes received_;
  bool finished_ = false;
};

TEST_F(ServicesTest, EchoDatagrams) { EXPECT_EQ(exchange(7, 5000), bytes_of("hello")); }
TEST_F(ServicesTest, DiscardDatagrams) { EXPECT_EQ(exchange(9, 5000), std::nullopt); }
TEST_F(ServicesTest, AnswerDatagramsWithBytes) { EXPECT_EQ(exchange(19, 5000)->size(), 512U); }
TEST_F(ServicesTest, DoNotAnswerEachOther) { EXPECT_EQ(exchange(7, 19), std::nullopt); }

TEST_F(ServicesTest, EchoAConnectionToItsEnd) {
  to_send_ = pattern(300'000);
  connect(Services::kEcho);
  ASSERT_TRUE(network_.run(120s, [&] { return finished_; }));
  EXPECT_EQ(received_.size(), to_send_.size());
  EXPECT_TRUE(received_ == to_send_);
  EXPECT_EQ(services_->connections(), 0U);
}

TEST_F(ServicesTest, EchoToAPeerThatReadsLate) {
  reads_ = false;
  to_send_ = pattern(1'000'000);
  connect(Services::kEcho);
  EXPECT_FALSE(network_.run(20s, [&] { return sent_ == to_send_.size(); })) << "it must stall";
  reads_ = true;
  pull();
  ASSERT_TRUE(network_.run(600s, [&] { return finished_; }));
  EXPECT_EQ(received_.size(), to_send_.size());
  EXPECT_TRUE(received_ == to_send_);
}

TEST_F(ServicesTest, EchoOverALineThatLosesPackets) {
  network_.weather = {.latency = 20ms, .jitter = 5ms, .loss = 0.03, .duplication = 0.02};
  to_send_ = pattern(100'000);
  connect(Services::kEcho);
  ASSERT_TRUE(network_.run(600s, [&] { return finished_; }));
  EXPECT_EQ(received_.size(), to_send_.size());
  EXPECT_TRUE(received_ == to_send_);
}

TEST_F(ServicesTest, DiscardAConnectionToItsEnd) {
  to_send_ = pattern(300'000);
  connect(Services::kDiscard);
  ASSERT_TRUE(network_.run(120s, [&] { return finished_; }));
  EXPECT_TRUE(received_.empty());
  EXPECT_EQ(sent_, to_send_.size());
  EXPECT_EQ(services_->connections(), 0U);
}

TEST_F(ServicesTest, PourBytesUntilTheyAreNotWanted) {
  finishes_ = false;
  connect(Services::kSource);
  ASSERT_TRUE(network_.run(120s, [&] { return received_.size() > 500'000; }));
  EXPECT_EQ(received_[0], std::byte{' '});
  EXPECT_EQ(received_[95], std::byte{' '});
  network_.left.tcp().abort(*id_);
  EXPECT_TRUE(network_.run(60s, [&] { return services_->connections() == 0; }));
}

TEST(Services, NeedTheirPorts) {
  Network network;
  ASSERT_TRUE(network.right.bind_udp(Services::kDiscard));
  const auto opened = Services::open(network.right);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::refused);
}

}  // namespace
}  // namespace wgscope::endpoint
