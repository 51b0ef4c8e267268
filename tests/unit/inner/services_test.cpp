#include "wgscope/inner/services.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/bytes.hpp"
#include "wgscope/inner/tcp.hpp"

#include "network.hpp"

namespace wgscope::inner {
namespace {

using namespace std::chrono_literals;
using testing::address;
using testing::Bytes;
using testing::Network;

/// Services on the right; a client on the left that sends by UDP or TCP and keeps what comes back.
struct Client {
  explicit Client(Network& net) : network(&net), services(Services::start(net.right).value()) {
    EXPECT_TRUE(net.left.bind_udp(4000));
    net.on_event = [this](Host& at, const Event& event) {
      if (&at == &network->right) {
        EXPECT_TRUE(services.handle_event(network->now, event));
      } else {
        handle(event);
      }
    };
  }
  void handle(const Event& event) {
    Tcp& tcp = network->left.tcp();
    if (const auto* datagram = std::get_if<UdpReceived>(&event))
      datagrams.emplace_back(datagram->payload.begin(), datagram->payload.end());
    if (std::get_if<TcpConnected>(&event) != nullptr || std::get_if<TcpWritable>(&event) != nullptr)
      push();
    if (std::get_if<TcpReadable>(&event) != nullptr) {
      std::array<std::byte, 2000> buffer;
      while (const std::size_t count = tcp.receive(id, buffer))
        received.insert(received.end(), buffer.begin(),
                        buffer.begin() + static_cast<std::ptrdiff_t>(count));
    }
    if (const auto* ended = std::get_if<TcpEnded>(&event)) end = ended->why;
  }
  void push() {
    sent += network->left.tcp().send(id, std::span(to_send).subspan(sent));
    if (sent == to_send.size() && !goes_on) network->left.tcp().finish(id);
  }
  void send_udp(std::uint16_t port, const Bytes& payload, std::uint16_t from = 4000) {
    ASSERT_TRUE(network->left.send_udp({{address("10.9.0.2"), 0, port}, from}, payload));
    network->run(1s, [] { return false; });
  }
  void connect(std::uint16_t port) {
    id = network->left.tcp().connect(network->now, {address("fd00:9::2"), 0, port}).value();
  }

  Network* network;
  Services services;
  std::vector<Bytes> datagrams;
  TcpId id;
  Bytes to_send;
  std::size_t sent = 0;
  bool goes_on = false;  ///< does not finish when all is sent
  Bytes received;
  std::optional<TcpEnd> end;
};

TEST(Services, EchoDatagrams) {
  Network network;
  Client client(network);
  client.send_udp(kEchoPort, testing::bytes_of("hello"));
  EXPECT_EQ(client.datagrams, std::vector<Bytes>{testing::bytes_of("hello")});
  EXPECT_EQ(client.services.stats().echoed_bytes, 5U);
}

TEST(Services, DiscardDatagramsInSilence) {
  Network network;
  Client client(network);
  client.send_udp(kDiscardPort, testing::bytes_of("hello"));
  EXPECT_TRUE(client.datagrams.empty());
  EXPECT_EQ(client.services.stats().discarded_bytes, 5U);
}

TEST(Services, GiveAsManyBytesAsADatagramAsksForUpToTheMtu) {
  Network network;
  Client client(network);
  Bytes wanted(4);
  for (const auto& [asked, given] : {std::pair{0U, 0U}, {100U, 100U}, {0xffffffffU, 1420U - 28U}}) {
    client.datagrams.clear();
    store_be32(std::span(wanted).first<4>(), asked);
    client.send_udp(kSourcePort, wanted);
    ASSERT_EQ(client.datagrams.size(), 1U);
    EXPECT_EQ(client.datagrams[0].size(), given);
  }
  client.datagrams.clear();
  client.send_udp(kSourcePort, {});
  ASSERT_EQ(client.datagrams.size(), 1U);
  EXPECT_EQ(client.datagrams[0].size(), 512U);
}

TEST(Services, DoNotTalkWithEachOtherForEver) {
  Network network;
  Client client(network);
  for (const std::uint16_t from : {kEchoPort, kSourcePort})
    client.send_udp(kEchoPort, testing::bytes_of("x"), from);
  client.send_udp(kSourcePort, testing::bytes_of("x"), kEchoPort);
  EXPECT_EQ(network.right.stats().sent_packets, 0U);
  EXPECT_EQ(client.services.stats().udp_datagrams, 3U);
}

TEST(Services, EchoAMegabyteByTcpThroughLoss) {
  Network network(5, {5ms, 3ms, 0.01, 0.01});
  Client client(network);
  client.to_send = testing::pattern(1'000'000);
  client.connect(kEchoPort);
  ASSERT_TRUE(network.run(3000s, [&] { return client.end.has_value(); }));
  EXPECT_EQ(client.end, TcpEnd::closed);
  EXPECT_TRUE(client.received == client.to_send);
  network.run(300s, [] { return false; });
  EXPECT_EQ(network.right.tcp().connections(), 0U) << "the service keeps no ended connection";
}

TEST(Services, DiscardByTcp) {
  Network network;
  Client client(network);
  client.to_send = testing::pattern(300'000);
  client.connect(kDiscardPort);
  ASSERT_TRUE(network.run(300s, [&] { return client.end.has_value(); }));
  EXPECT_EQ(client.end, TcpEnd::closed);
  EXPECT_EQ(client.services.stats().discarded_bytes, 300'000U);
  EXPECT_TRUE(client.received.empty());
}

TEST(Services, GiveBytesByTcpUntilTheOtherSideCloses) {
  Network network;
  Client client(network);
  client.goes_on = true;
  client.connect(kSourcePort);
  ASSERT_TRUE(network.run(300s, [&] { return client.received.size() > 500'000; }));
  for (std::size_t i = 0; i < 94; ++i)
    EXPECT_EQ(client.received[i], static_cast<std::byte>('!' + i));
  network.left.tcp().finish(client.id);
  ASSERT_TRUE(network.run(300s, [&] { return client.end.has_value(); }));
  EXPECT_EQ(client.end, TcpEnd::closed);
  network.run(1s, [] { return false; });
  EXPECT_EQ(network.right.tcp().connections(), 0U);
}

TEST(Services, GiveTheirPortsBack) {
  Network network;
  {
    const auto services = Services::start(network.right);
    ASSERT_TRUE(services);
    EXPECT_EQ(Services::start(network.right).error().code, Errc::refused);
    EXPECT_EQ(network.right.bind_udp(kEchoPort).error().code, Errc::refused) << "still taken";
  }
  EXPECT_TRUE(network.right.bind_udp(kEchoPort));
  EXPECT_TRUE(network.right.tcp().listen(kEchoPort));
  EXPECT_EQ(Services::start(network.right).error().code, Errc::refused);
  EXPECT_TRUE(network.right.bind_udp(kSourcePort)) << "nothing is kept after a failure";
}

}  // namespace
}  // namespace wgscope::inner
