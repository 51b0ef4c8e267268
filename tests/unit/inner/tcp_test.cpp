#include "wgscope/inner/tcp.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/bytes.hpp"
#include "wgscope/wire/checksum.hpp"

#include "network.hpp"

namespace wgscope::inner {
namespace {

using namespace std::chrono_literals;
using testing::address;
using testing::Bytes;
using testing::Network;
using testing::Weather;

constexpr std::uint16_t kPort = 8080;

/// One side of a conversation: sends `to_send`, finishes, keeps what comes.
struct Side {
  Host* host = nullptr;
  std::optional<TcpId> id;
  Bytes to_send;
  std::size_t sent = 0;
  Bytes received;
  bool finished = false;
  std::optional<TcpEnd> end;

  void push() {
    sent += host->tcp().send(*id, std::span(to_send).subspan(sent));
    if (sent == to_send.size()) host->tcp().finish(*id);
  }
  void pull() {
    std::array<std::byte, 4096> buffer{};
    for (;;) {
      const std::size_t count = host->tcp().receive(*id, buffer);
      if (count == 0) return;
      received.insert(received.end(), buffer.begin(),
                      buffer.begin() + static_cast<std::ptrdiff_t>(count));
    }
  }
  void handle(const Event& event) {
    if (const auto* accepted = std::get_if<TcpAccepted>(&event)) {
      id = accepted->id;
      push();
    } else if (const auto* connected = std::get_if<TcpConnected>(&event)) {
      EXPECT_EQ(connected->id, id);
      push();
    } else if (std::get_if<TcpWritable>(&event) != nullptr) {
      push();
    } else if (std::get_if<TcpReadable>(&event) != nullptr) {
      pull();
    } else if (std::get_if<TcpFinished>(&event) != nullptr) {
      finished = true;
    } else if (const auto* ended = std::get_if<TcpEnded>(&event)) {
      EXPECT_FALSE(end) << "ended twice";
      end = ended->why;
    }
  }
};

/// A client on the left that connects to a server on the right.
struct Conversation {
  explicit Conversation(Network& net) : network(&net) {
    client.host = &net.left;
    server.host = &net.right;
    net.on_event = [this](Host& at, const Event& event) {
      (&at == client.host ? client : server).handle(event);
    };
  }
  void connect(const std::string& to, Nanoseconds timeout = 60s) {
    client.id = network->left.tcp().connect(network->now, {address(to), 0, kPort}, timeout).value();
  }
  [[nodiscard]] bool over() const { return client.end && server.end; }

  Network* network;
  Side client;
  Side server;
};

class TcpExchange : public ::testing::TestWithParam<std::string> {};

TEST_P(TcpExchange, CarriesMegabytesBothWaysOverACleanWay) {
  Network network;
  Conversation talk(network);
  talk.client.to_send = testing::pattern(2'000'000);
  talk.server.to_send = testing::pattern(1'500'000);
  ASSERT_TRUE(network.right.tcp().listen(kPort));
  talk.connect(GetParam());
  ASSERT_TRUE(network.run(120s, [&] { return talk.over(); }));
  EXPECT_EQ(talk.client.end, TcpEnd::closed);
  EXPECT_EQ(talk.server.end, TcpEnd::closed);
  EXPECT_TRUE(talk.server.received == talk.client.to_send);
  EXPECT_TRUE(talk.client.received == talk.server.to_send);
  EXPECT_TRUE(talk.client.finished && talk.server.finished);
}

TEST_P(TcpExchange, CarriesMegabytesThroughLossReorderingAndDuplication) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    Network network(seed, {5ms, 4ms, 0.02, 0.02});
    Conversation talk(network);
    talk.client.to_send = testing::pattern(1'000'000);
    talk.server.to_send = testing::pattern(300'000);
    ASSERT_TRUE(network.right.tcp().listen(kPort));
    talk.connect(GetParam());
    ASSERT_TRUE(network.run(3000s, [&] { return talk.over(); })) << "seed " << seed;
    EXPECT_TRUE(talk.server.received == talk.client.to_send);
    EXPECT_TRUE(talk.client.received == talk.server.to_send);
  }
}

INSTANTIATE_TEST_SUITE_P(Families, TcpExchange, ::testing::Values("10.9.0.2", "fd00:9::2"),
                         [](const auto& tested) {
                           return tested.param.find(':') == std::string::npos ? "v4" : "v6";
                         });

TEST(Tcp, TellsRefusedFromTimedOut) {
  Network network;
  Conversation talk(network);
  talk.connect("10.9.0.2");
  ASSERT_TRUE(network.run(10s, [&] { return talk.client.end.has_value(); }));
  EXPECT_EQ(talk.client.end, TcpEnd::refused);
  EXPECT_EQ(network.now, Instant{1000s} + 20ms) << "one round trip";
  network.left.tcp().close(*talk.client.id);

  talk.client.end.reset();
  network.filter = [](Host&, std::span<const std::byte> packet) {
    EXPECT_EQ(packet[33], std::byte{2}) << "only SYNs: there is nothing to reset";
    return false;
  };
  talk.connect("10.9.0.2", 5s);
  const Instant begin = network.now;
  ASSERT_TRUE(network.run(60s, [&] { return talk.client.end.has_value(); }));
  EXPECT_EQ(talk.client.end, TcpEnd::timed_out);
  EXPECT_EQ(network.now, begin + 5s);
  network.left.tcp().close(*talk.client.id);
  EXPECT_EQ(network.left.tcp().connections(), 0U);
}

TEST(Tcp, ConnectsAlthoughTheFirstSynIsLost) {
  Network network;
  Conversation talk(network);
  ASSERT_TRUE(network.right.tcp().listen(kPort));
  int dropped = 0;
  network.filter = [&](Host&, std::span<const std::byte>) { return dropped++ != 0; };
  talk.connect("fd00:9::2");
  ASSERT_TRUE(network.run(60s, [&] { return talk.over(); }));
  EXPECT_EQ(talk.client.end, TcpEnd::closed);
  EXPECT_GT(network.now, Instant{1002s});
  EXPECT_LT(network.now, Instant{1006s});
}

TEST(Tcp, ReportsAResetOfAnEstablishedConnection) {
  Network network;
  ASSERT_TRUE(network.right.tcp().listen(kPort));
  const TcpId id = network.left.tcp().connect(network.now, {address("10.9.0.2"), 0, kPort}).value();
  std::optional<TcpEnd> end;
  bool connected = false;
  network.on_event = [&](Host& at, const Event& event) {
    if (const auto* accepted = std::get_if<TcpAccepted>(&event)) at.tcp().abort(accepted->id);
    if (&at == &network.left && std::get_if<TcpConnected>(&event) != nullptr) connected = true;
    if (const auto* ended = std::get_if<TcpEnded>(&event); ended != nullptr && ended->id == id)
      end = ended->why;
  };
  ASSERT_TRUE(network.run(10s, [&] { return end.has_value(); }));
  EXPECT_TRUE(connected);
  EXPECT_EQ(end, TcpEnd::reset);
}

TEST(Tcp, StopsASenderWhoseReaderDoesNotRead) {
  Network network;
  ASSERT_TRUE(network.right.tcp().listen(kPort));
  const Bytes data = testing::pattern(400'000);
  std::size_t sent = 0;
  std::optional<TcpId> reader;
  network.on_event = [&](Host& at, const Event& event) {
    if (const auto* accepted = std::get_if<TcpAccepted>(&event)) reader = accepted->id;
    if (const auto* up = std::get_if<TcpConnected>(&event))
      sent += at.tcp().send(up->id, std::span(data).subspan(sent));
    if (const auto* room = std::get_if<TcpWritable>(&event))
      sent += at.tcp().send(room->id, std::span(data).subspan(sent));
  };
  ASSERT_TRUE(network.left.tcp().connect(network.now, {address("10.9.0.2"), 0, kPort}));
  network.run(30s, [] { return false; });
  EXPECT_LE(sent, 2U * 65535U) << "one window there, one here";
  ASSERT_TRUE(reader);
  EXPECT_LE(network.right.tcp().receivable(*reader), 65535U);

  Bytes received;
  Bytes buffer(10'000);
  ASSERT_TRUE(network.run(600s, [&] {
    const std::size_t count = network.right.tcp().receive(*reader, buffer);
    received.insert(received.end(), buffer.begin(),
                    buffer.begin() + static_cast<std::ptrdiff_t>(count));
    return received.size() == data.size();
  })) << received.size();
  EXPECT_TRUE(received == data);
}

TEST(Tcp, RefusesToConnectToItselfAndToNobody) {
  Network network;
  for (const char* to : {"10.9.0.1", "fd00:9::1", "224.0.0.1", "0.0.0.0", "::", "127.0.0.1", "::1"})
    EXPECT_EQ(network.left.tcp().connect(network.now, {address(to), 0, kPort}).error().code,
              Errc::bad_value)
        << to;
  EXPECT_EQ(network.left.tcp().connect(network.now, {address("10.9.0.2"), 0, 0}).error().code,
            Errc::bad_value);
}

TEST(Tcp, ListensOnAPortOnceAndAgainAfterStopping) {
  Network network;
  ASSERT_TRUE(network.right.tcp().listen(kPort));
  EXPECT_EQ(network.right.tcp().listen(kPort).error().code, Errc::refused);
  EXPECT_TRUE(network.left.tcp().listen(kPort)) << "the other host's ports are its own";
  network.right.tcp().stop_listening(kPort);
  Conversation talk(network);
  talk.connect("10.9.0.2");
  ASSERT_TRUE(network.run(10s, [&] { return talk.client.end.has_value(); }));
  EXPECT_EQ(talk.client.end, TcpEnd::refused);
  EXPECT_TRUE(network.right.tcp().listen(kPort));
}

TEST(Tcp, NamesTheConnectionAnIcmpErrorIsAbout) {
  Network network;
  std::optional<IcmpFailed> failed;
  network.on_event = [&](Host&, const Event& event) {
    if (const auto* icmp = std::get_if<IcmpFailed>(&event)) failed = *icmp;
  };
  // A router on the way says "prohibited" instead of letting the SYN through.
  network.filter = [&](Host& from, std::span<const std::byte> packet) {
    if (&from != &network.left) return true;
    Bytes answer(wire::echo_packet_size(Family::v4, packet.size()));
    wire::write_port_unreachable(answer, {address("10.9.0.254"), address("10.9.0.1")}, packet);
    answer[21] = std::byte{13};  // communication administratively prohibited
    store_be16(std::span(answer).subspan<22, 2>(), 0);
    wire::Checksum sum;
    sum.add(std::span(answer).subspan(20));
    store_be16(std::span(answer).subspan<22, 2>(), sum.value());
    network.left.handle_packet(network.now, answer);
    return false;
  };
  const TcpId id = network.left.tcp().connect(network.now, {address("10.9.0.2"), 0, kPort}).value();
  ASSERT_TRUE(network.run(1s, [&] { return failed.has_value(); }));
  EXPECT_EQ(failed->kind, wire::IcmpKind::prohibited);
  EXPECT_EQ(failed->reporter, address("10.9.0.254"));
  EXPECT_EQ(failed->connection, id);
}

TEST(Tcp, SpeaksFromEveryAddressOfItsHost) {
  for (const char* to : {"10.9.0.2", "10.8.0.2", "fd00:9::2", "fd00:8::2"}) {
    HostConfig right = Network::right_config();
    right.addresses.push_back(Prefix::parse("10.8.0.2/24").value());
    right.addresses.push_back(Prefix::parse("fd00:8::2/64").value());
    Network network(1, {}, Network::left_config(), right);
    Conversation talk(network);
    talk.client.to_send = testing::pattern(5000);
    ASSERT_TRUE(network.right.tcp().listen(kPort));
    talk.connect(to);
    ASSERT_TRUE(network.run(10s, [&] { return talk.over(); })) << to;
    EXPECT_TRUE(talk.server.received == talk.client.to_send);
  }
}

TEST(Tcp, AnswersWithAResetThroughTheTunnelThatAsked) {
  // Two tunnels whose far sides have the same addresses: lwIP would route by destination.
  Network first(1);
  Network second(2, {}, Network::left_config(), {{Prefix::parse("10.9.0.3/24").value()}, 1420});
  ASSERT_TRUE(first.right.tcp().listen(1));
  ASSERT_TRUE(second.right.tcp().listen(1));
  Conversation talk(second);
  talk.connect("10.9.0.3");
  ASSERT_TRUE(second.run(10s, [&] { return talk.client.end.has_value(); }));
  EXPECT_EQ(talk.client.end, TcpEnd::refused);
  EXPECT_TRUE(first.right.poll_packet().empty());
  EXPECT_TRUE(first.left.poll_packet().empty());
}

TEST(Tcp, LimitsHowManyConnectionsStrangersOpen) {
  Network network;
  ASSERT_TRUE(network.right.tcp().listen(kPort));
  std::optional<Bytes> syn;
  network.filter = [&](Host& from, std::span<const std::byte> packet) {
    if (&from == &network.left && !syn) syn.emplace(packet.begin(), packet.end());
    return false;
  };
  ASSERT_TRUE(network.left.tcp().connect(network.now, {address("10.9.0.2"), 0, kPort}, 1s));
  network.run(10ms, [&] { return syn.has_value(); });
  ASSERT_TRUE(syn);
  // The same SYN from other ports, with its checksum mended (RFC 1624).
  for (unsigned i = 1; i <= 5000; ++i) {
    const auto port = std::span(*syn).subspan<20, 2>();
    const auto sum = std::span(*syn).subspan<36, 2>();
    const unsigned old_port = load_be16(port);
    const auto new_port = static_cast<std::uint16_t>(1024 + i);
    unsigned mended = (~load_be16(sum) & 0xffffU) + (~old_port & 0xffffU) + new_port;
    mended = (mended & 0xffffU) + (mended >> 16U);
    mended = (mended & 0xffffU) + (mended >> 16U);
    store_be16(port, new_port);
    store_be16(sum, static_cast<std::uint16_t>(~mended & 0xffffU));
    network.right.handle_packet(network.now, *syn);
  }
  EXPECT_GT(network.right.stats().dropped(Drop::tcp_limit), 4000U);
  EXPECT_LT(network.right.stats().dropped(Drop::tcp_limit), 5000U);
}

TEST(Tcp, HasNothingToWaitForWhenIdle) {
  Network network;
  ASSERT_TRUE(network.right.tcp().listen(kPort));
  EXPECT_FALSE(network.right.next_timeout());
  Conversation talk(network);
  talk.connect("10.9.0.2");
  EXPECT_TRUE(network.left.next_timeout());
  ASSERT_TRUE(network.run(10s, [&] { return talk.over(); }));
  network.left.tcp().close(*talk.client.id);
  network.right.tcp().close(*talk.server.id);
  network.run(300s, [&] { return !network.left.next_timeout(); });
  EXPECT_FALSE(network.left.next_timeout()) << "after TIME_WAIT";
}

TEST(Tcp, IsDueOnceAnotherHostHasRunTheTimersOfAll) {
  Network network;
  ASSERT_TRUE(network.right.tcp().listen(kPort));
  ASSERT_TRUE(network.left.tcp().connect(network.now, {address("10.9.0.2"), 0, kPort}));
  const auto due = network.left.next_timeout();
  ASSERT_TRUE(due);
  network.right.handle_timeout(*due);
  const auto now_due = network.left.next_timeout();
  ASSERT_TRUE(now_due);
  EXPECT_LE(*now_due, *due);
  network.left.handle_timeout(*due);
  EXPECT_GT(network.left.next_timeout(), *due);
}

std::uint64_t digest_of_a_conversation(std::uint64_t seed) {
  Network network(seed, {5ms, 4ms, 0.05, 0.05});
  Conversation talk(network);
  talk.client.to_send = testing::pattern(100'000);
  EXPECT_TRUE(network.right.tcp().listen(kPort));
  talk.connect("10.9.0.2");
  EXPECT_TRUE(network.run(1000s, [&] { return talk.over(); }));
  return network.digest;
}

TEST(Tcp, SendsTheSamePacketsFromTheSameSeedAndOthersFromAnother) {
  const std::uint64_t first = digest_of_a_conversation(7);
  EXPECT_EQ(digest_of_a_conversation(7), first);
  EXPECT_NE(digest_of_a_conversation(8), first);
}

TEST(Tcp, SurvivesItsHostInTheMiddleOfAConversation) {
  for (int steps = 0; steps < 60; ++steps) {
    Network network;
    Conversation talk(network);
    talk.client.to_send = testing::pattern(50'000);
    ASSERT_TRUE(network.right.tcp().listen(kPort));
    talk.connect("10.9.0.2");
    int count = 0;
    network.run(10s, [&] { return ++count > steps; });
  }
  Network after;
  EXPECT_FALSE(after.left.next_timeout()) << "no connection may be left behind";
  ASSERT_TRUE(after.right.tcp().listen(kPort));
}

}  // namespace
}  // namespace wgscope::inner
