#include "wgscope/inner/host.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/bytes.hpp"
#include "wgscope/wire/checksum.hpp"
#include "wgscope/wire/icmp.hpp"
#include "wgscope/wire/udp.hpp"

#include "network.hpp"

namespace wgscope::inner {
namespace {

using namespace std::chrono_literals;
using testing::address;
using testing::Bytes;
using ::testing::ElementsAre;
using testing::Network;

template <class T>
std::vector<T> take_all(Host& host) {
  std::vector<T> taken;
  while (const auto event = host.poll_event())
    if (const auto* wanted = std::get_if<T>(&*event)) taken.push_back(*wanted);
  return taken;
}

/// Keeps the events of one kind that happen on the left.
template <class T>
struct Seen {
  explicit Seen(Network& network) {
    network.on_event = [this, &network](Host& at, const Event& event) {
      if (const auto* wanted = std::get_if<T>(&event); wanted != nullptr && &at == &network.left)
        all.push_back(*wanted);
    };
  }
  std::vector<T> all;
};

Bytes udp_packet(const std::string& from, const std::string& to, std::uint16_t port) {
  const auto payload = testing::bytes_of("hello");
  const IpAddress source = address(from);
  Bytes packet(wire::udp_packet_size(source.family, payload.size()));
  wire::write_udp_packet(packet, {source, address(to)}, {4000, port}, payload);
  return packet;
}

class HostEcho : public ::testing::TestWithParam<std::string> {};

TEST_P(HostEcho, RepliesComeWithTheExactTime) {
  Network network;
  Seen<EchoReplied> seen(network);
  const std::uint16_t id = network.left.open_echo();
  for (std::uint16_t sequence = 1; sequence <= 3; ++sequence)
    ASSERT_TRUE(network.left.send_echo({address(GetParam()), id, sequence, 100}));
  ASSERT_TRUE(network.run(1s, [&] { return seen.all.size() == 3; }));
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(seen.all[i].sequence, i + 1);
    EXPECT_EQ(seen.all[i].id, id);
    EXPECT_EQ(seen.all[i].at, Instant{1000s} + 20ms);
    EXPECT_EQ(seen.all[i].from, address(GetParam()));
    EXPECT_EQ(seen.all[i].payload_size, 100U);
    EXPECT_EQ(seen.all[i].hop_limit, 64);
    EXPECT_TRUE(seen.all[i].intact);
  }
}

TEST_P(HostEcho, ShowsDuplicatesAndReordering) {
  Network network(3, {10ms, 10ms, 0, 0.3});
  Seen<EchoReplied> seen(network);
  const std::uint16_t id = network.left.open_echo();
  for (std::uint16_t sequence = 0; sequence < 50; ++sequence)
    ASSERT_TRUE(network.left.send_echo({address(GetParam()), id, sequence}));
  network.run(1s, [] { return false; });
  EXPECT_GT(seen.all.size(), 55U);
  std::set<std::uint16_t> different;
  bool reordered = false;
  for (const EchoReplied& reply : seen.all) {
    if (!different.empty()) reordered |= reply.sequence < *different.rbegin();
    different.insert(reply.sequence);
  }
  EXPECT_EQ(different.size(), 50U);
  EXPECT_TRUE(reordered);
}

TEST_P(HostEcho, CarriesEveryPayloadSizeUpToTheMtu) {
  Network network;
  Seen<EchoReplied> seen(network);
  const std::uint16_t id = network.left.open_echo();
  const IpAddress to = address(GetParam());
  const std::size_t most = 1420 - wire::echo_packet_size(to.family, 0);
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{7}, most}) {
    seen.all.clear();
    ASSERT_TRUE(network.left.send_echo({to, id, 1, size}));
    ASSERT_TRUE(network.run(1s, [&] { return !seen.all.empty(); })) << size;
    EXPECT_TRUE(seen.all[0].intact);
    EXPECT_EQ(seen.all[0].payload_size, size);
  }
  EXPECT_EQ(network.left.send_echo({to, id, 1, most + 1}).error().code, Errc::too_large);
}

INSTANTIATE_TEST_SUITE_P(Families, HostEcho, ::testing::Values("10.9.0.2", "fd00:9::2"),
                         [](const auto& tested) {
                           return tested.param.find(':') == std::string::npos ? "v4" : "v6";
                         });

TEST(Host, DoesNotTakeRepliesToNobodysRequests) {
  Network network;
  const std::uint16_t id = network.left.open_echo();
  ASSERT_TRUE(network.left.send_echo({address("10.9.0.2"), id, 1}));
  network.left.close_echo(id);
  network.run(1s, [] { return false; });
  EXPECT_EQ(network.left.stats().dropped(Drop::unsolicited), 1U);
}

TEST(Host, TellsAForgedReplyFromATrueOne) {
  Network network;
  const std::uint16_t id = network.left.open_echo();
  Bytes forged(wire::echo_packet_size(Family::v4, 56));
  wire::write_echo_reply(forged, {address("10.9.0.2"), address("10.9.0.1")},
                         {id, 1, Bytes(56, std::byte{'x'})});
  network.left.handle_packet(network.now, forged);
  const auto replies = take_all<EchoReplied>(network.left);
  ASSERT_EQ(replies.size(), 1U);
  EXPECT_FALSE(replies[0].intact);
}

class HostUdp : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(HostUdp, CarriesDatagramsToABoundPort) {
  Network network;
  ASSERT_EQ(network.right.bind_udp(5000), 5000);
  std::optional<UdpReceived> got;
  std::string text;
  network.on_event = [&](Host& at, const Event& event) {
    EXPECT_EQ(&at, &network.right);
    got = std::get<UdpReceived>(event);
    text = testing::text_of(got->payload);
  };
  const auto [from, to] = GetParam();
  ASSERT_TRUE(
      network.left.send_udp({{address(to), 0, 5000}, 4321}, testing::bytes_of("a datagram")));
  ASSERT_TRUE(network.run(1s, [&] { return got.has_value(); }));
  EXPECT_EQ(text, "a datagram");
  EXPECT_EQ(got->from, (Endpoint{address(from), 0, 4321}));
  EXPECT_EQ(got->to, address(to));
  EXPECT_EQ(got->to_port, 5000);
  EXPECT_EQ(got->at, Instant{1000s} + 10ms);
}

TEST_P(HostUdp, SaysPortUnreachableForAClosedPort) {
  Network network;
  Seen<IcmpFailed> seen(network);
  const auto [from, to] = GetParam();
  ASSERT_TRUE(network.left.send_udp({{address(to), 0, 5000}, 4321}, testing::pattern(1300)));
  ASSERT_TRUE(network.run(1s, [&] { return !seen.all.empty(); }));
  const IcmpFailed& failed = seen.all[0];
  EXPECT_EQ(failed.kind, wire::IcmpKind::port_unreachable);
  EXPECT_EQ(failed.reporter, address(to));
  EXPECT_EQ(failed.about.protocol, wire::Protocol::udp);
  EXPECT_EQ(failed.about.source, address(from));
  EXPECT_EQ(failed.about.source_port, 4321);
  EXPECT_EQ(failed.about.destination_port, 5000);
  EXPECT_EQ(failed.at, Instant{1000s} + 20ms);
}

INSTANTIATE_TEST_SUITE_P(Families, HostUdp,
                         ::testing::Values(std::pair("10.9.0.1", "10.9.0.2"),
                                           std::pair("fd00:9::1", "fd00:9::2")),
                         [](const auto& tested) {
                           return std::string(tested.param.first).find(':') == std::string::npos
                                      ? "v4"
                                      : "v6";
                         });

TEST(Host, BindsAPortOnceAndRandomPortsAmongTheDynamicOnes) {
  Network network;
  ASSERT_TRUE(network.left.bind_udp(7));
  EXPECT_EQ(network.left.bind_udp(7).error().code, Errc::refused);
  network.left.close_udp(7);
  EXPECT_TRUE(network.left.bind_udp(7));
  std::set<std::uint16_t> ports;
  for (int i = 0; i < 100; ++i) ports.insert(network.left.bind_udp(0).value());
  EXPECT_EQ(ports.size(), 100U);
  EXPECT_GE(*ports.begin(), 49152);
}

TEST(Host, CountsWhatItRefusesUnderItsReason) {
  struct Case {
    const char* from;
    const char* to;
    Drop reason;
  };
  for (const Case& c :
       {Case{"10.9.0.2", "10.9.0.3", Drop::not_ours}, Case{"10.9.0.2", "224.0.0.1", Drop::not_ours},
        Case{"10.9.0.2", "255.255.255.255", Drop::not_ours},
        Case{"10.9.0.1", "10.9.0.1", Drop::own_source},
        Case{"127.0.0.1", "10.9.0.1", Drop::bad_source},
        Case{"0.0.0.0", "10.9.0.1", Drop::bad_source},
        Case{"0.1.2.3", "10.9.0.1", Drop::bad_source},
        Case{"224.0.0.1", "10.9.0.1", Drop::bad_source},
        Case{"239.255.255.255", "10.9.0.1", Drop::bad_source},
        Case{"255.255.255.255", "10.9.0.1", Drop::bad_source},
        Case{"fd00:9::2", "ff02::1", Drop::not_ours},
        Case{"fd00:9::1", "fd00:9::1", Drop::own_source}, Case{"::", "fd00:9::1", Drop::bad_source},
        Case{"::1", "fd00:9::1", Drop::bad_source}, Case{"ff02::1", "fd00:9::1", Drop::bad_source},
        Case{"::ffff:10.0.0.1", "fd00:9::1", Drop::bad_source}}) {
    Network network;
    ASSERT_TRUE(network.left.bind_udp(9));
    network.left.handle_packet(network.now, udp_packet(c.from, c.to, 9));
    EXPECT_EQ(network.left.stats().dropped(c.reason), 1U) << c.from << " to " << c.to;
    EXPECT_FALSE(network.left.poll_event()) << c.from;
    EXPECT_TRUE(network.left.poll_packet().empty());
  }
}

TEST(Host, RefusesBrokenChecksumsFragmentsAndUnknownProtocols) {
  const Bytes good = udp_packet("10.9.0.2", "10.9.0.1", 9);
  const auto reason_for = [&](const std::function<void(Bytes&)>& change) {
    Network network;
    EXPECT_TRUE(network.left.bind_udp(9));
    Bytes packet = good;
    change(packet);
    network.left.handle_packet(network.now, packet);
    const HostStats stats = network.left.stats();
    for (std::size_t i = 0; i < kDropCount; ++i)
      if (stats.drops[i] != 0) return std::string(to_string(Drop{static_cast<std::uint8_t>(i)}));
    return std::string("taken");
  };
  const auto mend = [](Bytes& packet) {
    store_be16(std::span(packet).subspan<10, 2>(), 0);
    wire::Checksum sum;
    sum.add(std::span(packet).first(20));
    store_be16(std::span(packet).subspan<10, 2>(), sum.value());
  };
  EXPECT_EQ(reason_for([](Bytes&) {}), "taken");
  EXPECT_EQ(reason_for([](Bytes& p) { p[8] ^= std::byte{1}; }), "bad_checksum");
  EXPECT_EQ(reason_for([](Bytes& p) { p.back() ^= std::byte{1}; }), "bad_checksum");
  EXPECT_EQ(reason_for([&](Bytes& p) {
              p[6] = std::byte{0x20};
              mend(p);
            }),
            "fragment");
  EXPECT_EQ(reason_for([&](Bytes& p) {
              p[7] = std::byte{1};
              mend(p);
            }),
            "fragment");
  EXPECT_EQ(reason_for([&](Bytes& p) {
              p[9] = std::byte{47};
              mend(p);
            }),
            "protocol");
  EXPECT_EQ(reason_for([&](Bytes& p) {
              p[9] = std::byte{58};
              mend(p);
            }),
            "protocol");
  EXPECT_EQ(reason_for([](Bytes& p) { p.pop_back(); }), "malformed");
  EXPECT_EQ(reason_for([](Bytes& p) { p[0] = std::byte{0x55}; }), "malformed");
  EXPECT_EQ(reason_for([](Bytes& p) { p.clear(); }), "malformed");
  EXPECT_EQ(reason_for([](Bytes& p) { p.resize(p.size() + 13); }), "taken") << "padding";
}

TEST(Host, BoundsWhatWaits) {
  Network network;
  const IpAddress to = address("10.9.0.2");
  const std::uint16_t id = network.left.open_echo();
  int sent = 0;
  while (network.left.send_echo({to, id, 1})) ASSERT_LT(++sent, 100'000);
  EXPECT_EQ(network.left.send_echo({to, id, 1}).error().code, Errc::io);
  EXPECT_EQ(network.left.stats().dropped(Drop::queue_full), 2U);

  ASSERT_TRUE(network.right.bind_udp(9));
  const Bytes packet = udp_packet("10.9.0.1", "10.9.0.2", 9);
  for (int i = 0; i < 5000; ++i) network.right.handle_packet(network.now, packet);
  const std::size_t events = take_all<UdpReceived>(network.right).size();
  EXPECT_EQ(network.right.stats().dropped(Drop::queue_full), 5000U - events);
  EXPECT_GT(events, 500U);
}

TEST(Host, SpeaksFromTheAddressNearestToTheDestination) {
  testing::SeededRandom random(1);
  const Host host({{Prefix::parse("10.0.0.1/24").value(), Prefix::parse("10.9.0.1/24").value(),
                    Prefix::parse("fd00::1/64").value()}},
                  random);
  EXPECT_EQ(host.source_for(address("10.9.0.77")), address("10.9.0.1"));
  EXPECT_EQ(host.source_for(address("10.0.0.77")), address("10.0.0.1"));
  EXPECT_EQ(host.source_for(address("8.8.8.8")), address("10.0.0.1"));
  EXPECT_EQ(host.source_for(address("2001:db8::1")), address("fd00::1"));
}

TEST(Host, RefusesToSpeakToItselfOrWithoutAnAddress) {
  testing::SeededRandom random(1);
  Host host({{Prefix::parse("10.0.0.1/24").value()}}, random);
  EXPECT_EQ(host.send_echo({address("10.0.0.1")}).error().code, Errc::bad_value);
  EXPECT_EQ(host.send_echo({address("fd00::1")}).error().code, Errc::bad_value);
}

TEST(Host, DoesNotAnswerErrorsWithErrors) {
  Network network;
  const Bytes about = udp_packet("10.9.0.1", "10.9.0.2", 9);
  Bytes error(wire::echo_packet_size(Family::v4, about.size()));
  wire::write_port_unreachable(error, {address("10.9.0.2"), address("10.9.0.1")}, about);
  network.left.handle_packet(network.now, error);
  EXPECT_EQ(take_all<IcmpFailed>(network.left).size(), 1U);
  EXPECT_TRUE(network.left.poll_packet().empty());
}

TEST(Host, IgnoresErrorsAboutOthersPackets) {
  Network network;
  const Bytes about = udp_packet("10.9.0.77", "10.9.0.2", 9);
  Bytes error(wire::echo_packet_size(Family::v4, about.size()));
  wire::write_port_unreachable(error, {address("10.9.0.2"), address("10.9.0.1")}, about);
  network.left.handle_packet(network.now, error);
  EXPECT_EQ(network.left.stats().dropped(Drop::unsolicited), 1U);
}

TEST(Host, GivesPayloadsAsTheyWereAlthoughMorePacketsWait) {
  Network network;
  ASSERT_TRUE(network.right.bind_udp(9));
  for (int i = 0; i < 20; ++i)
    ASSERT_TRUE(network.left.send_udp({{address("10.9.0.2"), 0, 9}, 1},
                                      testing::bytes_of("datagram " + std::to_string(i))));
  for (auto packet = network.left.poll_packet(); !packet.empty();
       packet = network.left.poll_packet())
    network.right.handle_packet(network.now, packet);
  for (int i = 0; i < 20; ++i) {
    const auto event = network.right.poll_event();
    ASSERT_TRUE(event);
    EXPECT_EQ(testing::text_of(std::get<UdpReceived>(*event).payload),
              "datagram " + std::to_string(i));
  }
}

}  // namespace
}  // namespace wgscope::inner
