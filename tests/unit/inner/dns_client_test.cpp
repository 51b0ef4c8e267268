#include "wgscope/inner/dns_client.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "network.hpp"

namespace wgscope::inner {
namespace {

using namespace std::chrono_literals;
using testing::address;
using testing::Bytes;
using testing::Network;

const Endpoint kServer{address("10.9.0.2"), 0, 53};
const wire::DnsQuestion kQuestion{"host.example", wire::DnsType::a};

/// The answer "192.0.2.7" to a query.
Bytes answer_to(std::span<const std::byte> query) {
  Bytes answer(query.begin(), query.end());
  answer[2] = std::byte{0x81};
  answer[3] = std::byte{0x80};
  answer[7] = std::byte{1};
  for (const int byte : {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7})
    answer.push_back(static_cast<std::byte>(byte));
  return answer;
}

/// A server on the right that answers queries unless told otherwise.
struct Zone {
  explicit Zone(Network& net) : network(&net) {
    EXPECT_TRUE(net.right.bind_udp(53));
    net.on_event = [this](Host& at, const Event& event) {
      if (&at == &network->left) {
        if (lookup) lookup->handle_event(network->now, event);
      } else if (const auto* query = std::get_if<UdpReceived>(&event)) {
        ++queries;
        ports.insert(query->from.port);
        if (queries > silent_for) reply(*query);
      }
    };
    net.next_alarm = [this] { return lookup ? lookup->next_timeout() : std::nullopt; };
    net.on_alarm = [this] { lookup->handle_timeout(network->now); };
  }
  void reply(const UdpReceived& query) {
    Bytes answer = answer_to(query.payload);
    if (spoil_id) answer[0] ^= std::byte{1};
    EXPECT_TRUE(network->right.send_udp({query.from, reply_from}, answer));
  }
  void ask() {
    auto started =
        DnsLookup::start(network->now, network->left, network->left_random, kServer, kQuestion);
    ASSERT_TRUE(started) << started.error().context;
    lookup.emplace(std::move(*started));
  }
  bool settle(Nanoseconds most) {
    return network->run(most, [this] { return lookup->result().has_value(); });
  }

  Network* network;
  std::optional<DnsLookup> lookup;
  int queries = 0;
  int silent_for = 0;
  bool spoil_id = false;
  std::uint16_t reply_from = 53;
  std::set<std::uint16_t> ports;
};

TEST(DnsLookup, GivesTheAnswerAndHowLongItTook) {
  Network network;
  Zone zone(network);
  zone.ask();
  ASSERT_TRUE(zone.settle(10s));
  ASSERT_TRUE(*zone.lookup->result());
  EXPECT_EQ((*zone.lookup->result())->addresses, std::vector{address("192.0.2.7")});
  EXPECT_EQ(zone.lookup->round_trip(), 20ms);
  EXPECT_EQ(zone.lookup->queries(), 1);
  EXPECT_FALSE(zone.lookup->next_timeout());
}

TEST(DnsLookup, AsksAgainAfterSilence) {
  Network network;
  Zone zone(network);
  zone.silent_for = 2;
  zone.ask();
  ASSERT_TRUE(zone.settle(10s));
  EXPECT_TRUE(*zone.lookup->result());
  EXPECT_EQ(zone.lookup->queries(), 3);
  EXPECT_EQ(network.now, Instant{1000s} + 4s + 20ms);
}

TEST(DnsLookup, GivesUpAfterItsTries) {
  Network network;
  Zone zone(network);
  zone.silent_for = 100;
  zone.ask();
  ASSERT_TRUE(zone.settle(60s));
  EXPECT_EQ(zone.lookup->result()->error().code, Errc::timeout);
  EXPECT_EQ(zone.queries, 3);
  EXPECT_EQ(network.now, Instant{1000s} + 6s);
}

TEST(DnsLookup, TakesNoAnswerWithAnotherIdentifierOrFromAnotherPort) {
  for (const bool from_port : {false, true}) {
    Network network;
    Zone zone(network);
    zone.spoil_id = !from_port;
    zone.reply_from = from_port ? 54 : 53;
    zone.ask();
    ASSERT_TRUE(zone.settle(60s));
    EXPECT_EQ(zone.lookup->result()->error().code, Errc::timeout);
    EXPECT_EQ(zone.lookup->strays(), 3U);
  }
}

TEST(DnsLookup, TellsAClosedPortFromSilence) {
  Network network;
  Zone zone(network);
  network.right.close_udp(53);
  zone.ask();
  ASSERT_TRUE(zone.settle(60s));
  EXPECT_EQ(zone.lookup->result()->error().code, Errc::refused);
  EXPECT_EQ(network.now, Instant{1000s} + 20ms);
}

TEST(DnsLookup, AsksFromAnotherPortEachTimeAndGivesItBack) {
  Network network;
  Zone zone(network);
  for (int i = 0; i < 20; ++i) {
    zone.lookup.reset();
    zone.ask();
    ASSERT_TRUE(zone.settle(10s));
  }
  EXPECT_GE(zone.ports.size(), 19U);
  const std::uint16_t last = *zone.ports.rbegin();
  zone.lookup.reset();
  EXPECT_TRUE(network.left.bind_udp(last));
}

TEST(DnsLookup, RefusesWhatIsNoName) {
  Network network;
  const auto refused = DnsLookup::start(network.now, network.left, network.left_random, kServer,
                                        {"a..b", wire::DnsType::a});
  EXPECT_EQ(refused.error().code, Errc::bad_value);
}

}  // namespace
}  // namespace wgscope::inner
