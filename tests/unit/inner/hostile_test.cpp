// What a host does with packets that nobody honest sends: nothing worse than counting them.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <set>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/bytes.hpp"
#include "wgscope/inner/host.hpp"
#include "wgscope/inner/services.hpp"
#include "wgscope/inner/tcp.hpp"
#include "wgscope/wire/checksum.hpp"
#include "wgscope/wire/ip.hpp"

#include "mend.hpp"
#include "network.hpp"

namespace wgscope::inner {
namespace {

using namespace std::chrono_literals;
using testing::address;
using testing::Bytes;
using testing::mend;
using testing::Network;

/// Packets of every kind that the two hosts exchange, as sent to the right one.
std::vector<Bytes> honest_packets() {
  Network network;
  auto services = Services::start(network.right).value();
  std::vector<Bytes> packets;
  network.filter = [&](Host& from, std::span<const std::byte> packet) {
    if (&from == &network.left) packets.emplace_back(packet.begin(), packet.end());
    return true;
  };
  network.on_event = [&](Host& at, const Event& event) {
    if (&at == &network.right) {
      services.handle_event(network.now, event);
    } else if (const auto* up = std::get_if<TcpConnected>(&event)) {
      at.tcp().send(up->id, testing::pattern(200));
      at.tcp().finish(up->id);
    }
  };
  const std::uint16_t id = network.left.open_echo();
  for (const char* text : {"10.9.0.2", "fd00:9::2"}) {
    const IpAddress to = address(text);
    EXPECT_TRUE(network.left.send_echo({to, id, 1}));
    for (const std::uint16_t port : {kEchoPort, kSourcePort, std::uint16_t{1}})
      EXPECT_TRUE(network.left.send_udp({{to, 0, port}, 4000}, testing::pattern(20)));
    EXPECT_TRUE(network.left.tcp().connect(network.now, {to, 0, kEchoPort}));
    EXPECT_TRUE(network.left.tcp().connect(network.now, {to, 0, 1}));
  }
  network.run(10s, [] { return false; });
  EXPECT_GT(packets.size(), 16U);
  return packets;
}

/// A host with services that swallows packets and all that comes of them.
struct Target {
  Network network;
  Services services = Services::start(network.right).value();
  std::size_t answers = 0;

  void hand(std::span<const std::byte> packet) {
    // A heap block of the exact size, so that the address sanitizer sees a step beyond it.
    const Bytes exact(packet.begin(), packet.end());
    network.right.handle_packet(network.now, exact);
    while (const auto event = network.right.poll_event())
      services.handle_event(network.now, *event);
    while (!network.right.poll_packet().empty()) ++answers;
  }
};

TEST(HostilePackets, TruncatedAtEveryLengthDoNoHarm) {
  const auto packets = honest_packets();
  Target target;
  for (const Bytes& packet : packets)
    for (std::size_t size = 0; size < packet.size(); ++size)
      target.hand(std::span(packet).first(size));
  EXPECT_EQ(target.answers, 0U);
  const HostStats stats = target.network.right.stats();
  EXPECT_EQ(stats.dropped(Drop::malformed), stats.received_packets);
}

TEST(HostilePackets, RandomBytesDoNoHarm) {
  std::mt19937_64 dice(42);
  Target target;
  for (int i = 0; i < 20'000; ++i) {
    Bytes packet(dice() % 200);
    for (std::byte& byte : packet) byte = static_cast<std::byte>(dice() & 0xffU);
    if (!packet.empty()) packet[0] = static_cast<std::byte>(dice() % 2 == 0 ? 0x45 : 0x60);
    target.hand(packet);
  }
  EXPECT_EQ(target.answers, 0U);
}

TEST(HostilePackets, HonestOnesWithBytesChangedAndChecksumsMendedDoNoHarm) {
  const auto packets = honest_packets();
  std::mt19937_64 dice(43);
  Target target;
  for (int i = 0; i < 40'000; ++i) {
    Bytes packet = packets[dice() % packets.size()];
    for (auto changes = 1 + dice() % 4; changes != 0; --changes)
      packet[dice() % packet.size()] = static_cast<std::byte>(dice() & 0xffU);
    mend(packet);
    target.hand(packet);
    target.network.now = target.network.now + 1ms;
    target.network.right.handle_timeout(target.network.now);
  }
  EXPECT_GT(target.answers, 1000U) << "many of them are still good enough to be answered";
  target.network.run(600s, [] { return false; });
}

TEST(HostilePackets, FromItselfToItselfAreDroppedBeforeTcpSeesThem) {
  for (Bytes packet : honest_packets()) {
    const bool v4 = (packet[0] >> 4U) == std::byte{4};
    // The land attack: source and destination alike, ports too.
    if (v4)
      std::copy_n(packet.begin() + 16, 4, packet.begin() + 12);
    else
      std::copy_n(packet.begin() + 24, 16, packet.begin() + 8);
    const std::ptrdiff_t ports = v4 ? 20 : 40;
    std::copy_n(packet.begin() + ports + 2, 2, packet.begin() + ports);
    mend(packet);
    Target target;
    target.hand(packet);
    EXPECT_EQ(target.network.right.stats().dropped(Drop::own_source), 1U);
    EXPECT_EQ(target.answers, 0U);
  }
}

TEST(HostilePackets, AreNotForwarded) {
  for (Bytes packet : honest_packets()) {
    const bool v4 = (packet[0] >> 4U) == std::byte{4};
    packet[v4 ? 19 : 39] = std::byte{99};
    mend(packet);
    Target target;
    target.hand(packet);
    EXPECT_EQ(target.network.right.stats().dropped(Drop::not_ours), 1U);
    EXPECT_EQ(target.answers, 0U);
  }
}

TEST(HostilePackets, WithOptionsAndExtensionHeadersReachTcpWithoutThem) {
  std::set<Family> tried;
  for (const Bytes& packet : honest_packets()) {
    const auto parsed = wire::parse_ip(packet).value();
    // The first of each family is a SYN.
    if (parsed.protocol != wire::Protocol::tcp || !tried.insert(parsed.source.family).second)
      continue;
    Bytes dressed;
    if (parsed.source.family == Family::v4) {
      dressed.assign(packet.begin(), packet.begin() + 20);
      dressed.insert(dressed.end(), 4, std::byte{1});  // no-operation options
      dressed[0] = std::byte{0x46};
      store_be16(std::span(dressed).subspan<2, 2>(), static_cast<std::uint16_t>(packet.size() + 4));
      dressed.insert(dressed.end(), packet.begin() + 20, packet.end());
    } else {
      dressed.assign(packet.begin(), packet.begin() + 40);
      dressed[6] = std::byte{60};
      store_be16(std::span(dressed).subspan<4, 2>(),
                 static_cast<std::uint16_t>(packet.size() - 32));
      for (const int byte : {6, 0, 1, 4, 0, 0, 0, 0})
        dressed.push_back(static_cast<std::byte>(byte));
      dressed.insert(dressed.end(), packet.begin() + 40, packet.end());
    }
    mend(dressed);
    Target target;
    target.hand(dressed);
    EXPECT_EQ(target.answers, 1U) << "a SYN-ACK";
  }
  EXPECT_EQ(tried.size(), 2U);
}

TEST(HostilePackets, WithSequenceNumbersHalfTheSpaceAwayAreDropped) {
  // lwIP ends the process over such a one ("insane offset!").
  Network network;
  auto services = Services::start(network.right).value();
  std::vector<Bytes> sent;
  network.filter = [&](Host& from, std::span<const std::byte> packet) {
    if (&from == &network.left) sent.emplace_back(packet.begin(), packet.end());
    return true;
  };
  network.on_event = [&](Host& at, const Event& event) {
    if (&at == &network.right) services.handle_event(network.now, event);
  };
  ASSERT_TRUE(network.left.tcp().connect(network.now, {address("10.9.0.2"), 0, kDiscardPort}));
  ASSERT_TRUE(network.run(1s, [&] { return services.stats().tcp_connections == 1; }));
  Bytes segment = sent.back();  // the acknowledgement that completed the handshake
  const auto sequence = std::span(segment).subspan<24, 4>();
  const std::uint32_t expected = load_be32(sequence);
  segment[33] |= std::byte{1};  // FIN, which counts as a byte
  for (const std::uint32_t away : {0x7fffffffU, 0x80000000U, 0x80000001U, 0x40000000U}) {
    store_be32(sequence, expected + away);
    mend(segment);
    network.right.handle_packet(network.now, segment);
  }
  EXPECT_EQ(network.right.stats().dropped(Drop::tcp_segment), 4U);
  EXPECT_EQ(network.right.tcp().connections(), 1U) << "it is as alive as before";
}

TEST(Tcp, ChecksumsAreWhatOursAre) {
  std::size_t seen = 0;
  for (const Bytes& bytes : honest_packets()) {
    const auto packet = wire::parse_ip(bytes).value();
    if (packet.protocol != wire::Protocol::tcp) continue;
    ++seen;
    EXPECT_TRUE(wire::ipv4_header_intact(packet));
    EXPECT_EQ(wire::transport_checksum(packet.source, packet.destination, 6, packet.payload), 0);
  }
  EXPECT_GT(seen, 8U);
}

}  // namespace
}  // namespace wgscope::inner
