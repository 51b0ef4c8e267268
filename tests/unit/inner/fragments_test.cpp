// Datagrams in pieces: what the host puts together and cuts, and what hostile pieces get nowhere.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/bytes.hpp"
#include "wgscope/inner/host.hpp"
#include "wgscope/inner/services.hpp"
#include "wgscope/wire/fragment.hpp"
#include "wgscope/wire/icmp.hpp"
#include "wgscope/wire/ip.hpp"

#include "mend.hpp"
#include "network.hpp"

namespace wgscope::inner {
namespace {

using namespace std::chrono_literals;
using testing::address;
using testing::Bytes;
using testing::bytes_of;
using testing::mend;
using testing::Network;
using testing::pattern;

constexpr std::size_t kMtu = 1420;

/// An echo request of the left host to the right one.
Bytes request(Family family, std::size_t payload_size, std::uint16_t sequence = 1) {
  const Bytes payload = pattern(payload_size);
  Bytes packet(wire::echo_packet_size(family, payload_size));
  wire::IpHeader header{address(family == Family::v4 ? "10.9.0.1" : "fd00:9::1"),
                        address(family == Family::v4 ? "10.9.0.2" : "fd00:9::2")};
  header.hop_limit = 61;
  wire::write_echo_request(packet, header, {7, sequence, payload});
  return packet;
}

std::vector<Bytes> pieces_of(const Bytes& packet, std::uint32_t id = 99, std::size_t mtu = kMtu) {
  const wire::Pieces pieces(packet, mtu, id);
  std::vector<Bytes> made;
  for (std::size_t i = 0; i < pieces.count(); ++i) {
    made.emplace_back(pieces.size(i));
    pieces.write(i, made.back());
  }
  return made;
}

/// A host that puts pieces together.
class Target {
 public:
  Target() : network_(1, {}, Network::left_config(), config()) {}

  void take(const Bytes& packet) { host().handle_packet(network_.now, packet); }
  void take(const std::vector<Bytes>& packets) {
    for (const Bytes& packet : packets) take(packet);
  }
  /// What it sends.
  std::vector<Bytes> sent() {
    std::vector<Bytes> packets;
    for (auto packet = host().poll_packet(); !packet.empty(); packet = host().poll_packet())
      packets.emplace_back(packet.begin(), packet.end());
    return packets;
  }
  Host& host() { return network_.right; }
  void pass(Nanoseconds time) {
    network_.now = network_.now + time;
    host().handle_timeout(network_.now);
  }
  [[nodiscard]] std::uint64_t dropped() { return host().stats().dropped(Drop::fragment); }

 private:
  static HostConfig config() {
    HostConfig config = Network::right_config();
    config.mtu = kMtu;
    config.fragments = true;
    return config;
  }
  Network network_;
};

/// Whether what came back is the answer to the request, whole or in pieces.
bool is_answer(const std::vector<Bytes>& packets, const Bytes& request) {
  if (packets.empty()) return false;
  Bytes whole;
  const bool cut = packets.size() > 1;
  std::optional<std::uint32_t> id;
  for (const Bytes& packet : packets) {
    if (packet.size() > kMtu) return false;
    const auto parsed = wire::parse_ip(packet);
    if (!parsed || !wire::ipv4_header_intact(*parsed)) return false;
    if (parsed->fragment.has_value() != cut) return false;
    if (cut && parsed->fragment->offset_bytes != whole.size()) return false;
    if (cut && id && parsed->fragment->id != *id) return false;
    if (cut) id = parsed->fragment->id;
    whole.insert(whole.end(), parsed->payload.begin(), parsed->payload.end());
  }
  const auto wanted = wire::parse_ip(request).value();
  return whole.size() == wanted.payload.size() &&
         std::ranges::equal(std::span(whole).subspan(8), wanted.payload.subspan(8)) &&
         whole[0] == (wanted.source.family == Family::v4 ? std::byte{0} : std::byte{129});
}

class Fragments : public ::testing::TestWithParam<Family> {};
INSTANTIATE_TEST_SUITE_P(Families, Fragments, ::testing::Values(Family::v4, Family::v6));

TEST_P(Fragments, AreAnsweredAsWholePacketsAre) {
  for (const std::size_t size : {1372UL, 1373UL, 1393UL, 1400UL, 2800UL, 9000UL, 65'000UL}) {
    Target target;
    const Bytes whole = request(GetParam(), size);
    if (whole.size() <= kMtu) {
      target.take(whole);
    } else {
      target.take(pieces_of(whole));
    }
    EXPECT_TRUE(is_answer(target.sent(), whole)) << size;
    EXPECT_EQ(target.dropped(), 0U);
    EXPECT_EQ(target.host().next_timeout(), std::nullopt) << "nothing is kept";
  }
}

TEST_P(Fragments, OfTheLongestPacketThereIs) {
  Target target;
  const std::size_t header = wire::echo_packet_size(GetParam(), 0);
  const Bytes whole = request(GetParam(), 65'535 - header);
  target.take(pieces_of(whole));
  EXPECT_TRUE(is_answer(target.sent(), whole));
}

TEST_P(Fragments, MayComeInAnyOrderAndTwice) {
  std::mt19937 random(1);
  for (int round = 0; round < 20; ++round) {
    Target target;
    const Bytes whole = request(GetParam(), 9000);
    std::vector<Bytes> pieces = pieces_of(whole);
    std::ranges::shuffle(pieces, random);
    pieces.insert(pieces.begin() + 1, pieces.front());  // before the last: it is not complete yet
    target.take(pieces);
    EXPECT_TRUE(is_answer(target.sent(), whole));
  }
}

TEST_P(Fragments, OfSeveralDatagramsAreKeptApart) {
  Target target;
  const Bytes one = request(GetParam(), 3000, 1);
  const Bytes other = request(GetParam(), 5000, 2);
  const auto first = pieces_of(one, 1);
  const auto second = pieces_of(other, 2);
  target.take(second[0]);
  target.take(first[0]);
  target.take(second[1]);
  target.take(first[1]);
  target.take(first[2]);
  EXPECT_TRUE(is_answer(target.sent(), one));
  target.take(second[2]);
  target.take(second[3]);
  EXPECT_TRUE(is_answer(target.sent(), other));
}

TEST_P(Fragments, ThatOverlapCostTheirDatagram) {
  const Bytes whole = request(GetParam(), 3000);
  const auto pieces = pieces_of(whole);
  const auto other = pieces_of(whole, 99, 1300);  // cut elsewhere: the second begins in the first
  for (const bool after : {false, true}) {
    Target target;
    target.take(after ? pieces[0] : other[1]);
    target.take(after ? other[1] : pieces[0]);
    target.take(pieces);
    EXPECT_TRUE(target.sent().empty());
    EXPECT_GE(target.dropped(), 5U);
    // The same number is good again once the time is over.
    target.pass(16s);
    target.take(pieces);
    EXPECT_TRUE(is_answer(target.sent(), whole));
  }
}

TEST_P(Fragments, ThatSayOtherBytesInTheSamePlaceCostTheirDatagram) {
  Target target;
  const auto pieces = pieces_of(request(GetParam(), 3000));
  Bytes forged = pieces[1];
  forged.back() ^= std::byte{1};
  target.take(pieces[1]);
  target.take(forged);
  target.take(pieces);
  EXPECT_TRUE(target.sent().empty());
}

TEST_P(Fragments, ThatContradictEachOthersEndCostTheirDatagram) {
  const auto longer = pieces_of(request(GetParam(), 3000));
  const auto shorter = pieces_of(request(GetParam(), 2700));
  for (const bool first : {false, true}) {
    Target target;
    target.take(first ? shorter.back() : longer.back());
    target.take(first ? longer.back() : shorter.back());
    target.take(longer);
    EXPECT_TRUE(target.sent().empty());
  }
}

TEST_P(Fragments, AreForgottenWhenTheRestDoesNotCome) {
  Target target;
  const auto pieces = pieces_of(request(GetParam(), 3000));
  target.take(pieces[0]);
  ASSERT_TRUE(target.host().next_timeout());
  target.pass(15s);
  EXPECT_EQ(target.host().next_timeout(), std::nullopt);
  EXPECT_EQ(target.dropped(), 1U);
  target.take(pieces[1]);
  target.take(pieces[2]);
  EXPECT_TRUE(target.sent().empty());
}

TEST_P(Fragments, OfAFloodDoNotPushOutThoseOfOthers) {
  Target target;
  const Bytes whole = request(GetParam(), 3000);
  const auto honest = pieces_of(whole);
  target.take(honest[0]);
  // Another sender's first pieces.
  for (std::uint32_t id = 0; id < 10'000; ++id) {
    Bytes flood = pieces_of(whole, id)[0];
    const std::size_t last_of_source = GetParam() == Family::v4 ? 15 : 23;
    flood[last_of_source] = std::byte{77};
    mend(flood);
    target.take(flood);
  }
  target.take(honest[1]);
  target.take(honest[2]);
  EXPECT_TRUE(is_answer(target.sent(), whole));
  EXPECT_GE(target.dropped(), 9'990U);
}

TEST_P(Fragments, AreBoundedInNumber) {
  Target target;
  const Bytes whole = request(GetParam(), 3000);
  for (const Bytes& piece : pieces_of(whole, 1, GetParam() == Family::v4 ? 576 : 1280))
    target.take(piece);
  EXPECT_TRUE(is_answer(target.sent(), whole));
  // Pieces of eight bytes, as nobody honest sends: given up long before the end.
  Bytes tiny = pieces_of(whole, 2)[0];
  const auto header_size = static_cast<std::ptrdiff_t>(wire::parse_ip(tiny).value().header.size());
  tiny.resize(static_cast<std::size_t>(header_size) + 8);
  for (std::uint16_t unit = 0; unit < 8000; ++unit) {
    if (GetParam() == Family::v4) {
      store_be16(std::span(tiny).subspan<2, 2>(), static_cast<std::uint16_t>(tiny.size()));
      store_be16(std::span(tiny).subspan<6, 2>(), static_cast<std::uint16_t>(0x2000U | unit));
      store_be16(std::span(tiny).subspan<10, 2>(), 0);
      wire::Checksum sum;
      sum.add(std::span(tiny).first(20));
      store_be16(std::span(tiny).subspan<10, 2>(), sum.value());
    } else {
      store_be16(std::span(tiny).subspan<4, 2>(), 16);
      store_be16(std::span(tiny).subspan<42, 2>(), static_cast<std::uint16_t>(unit * 8U | 1U));
    }
    target.take(tiny);
  }
  EXPECT_EQ(target.dropped(), 8000U);
  EXPECT_TRUE(target.sent().empty());
}

TEST_P(Fragments, BeyondTheLongestPacketCostTheirDatagram) {
  Target target;
  const std::size_t header = wire::echo_packet_size(GetParam(), 0);
  auto pieces = pieces_of(request(GetParam(), 65'535 - header));
  // The last piece, longer than the packet can be.
  Bytes& last = pieces.back();
  last.resize(last.size() + 400);
  if (GetParam() == Family::v4) {
    store_be16(std::span(last).subspan<2, 2>(), static_cast<std::uint16_t>(last.size()));
    store_be16(std::span(last).subspan<10, 2>(), 0);
    wire::Checksum sum;
    sum.add(std::span(last).first(20));
    store_be16(std::span(last).subspan<10, 2>(), sum.value());
  } else {
    store_be16(std::span(last).subspan<4, 2>(), static_cast<std::uint16_t>(last.size() - 40));
  }
  target.take(pieces);
  EXPECT_TRUE(target.sent().empty());
  EXPECT_EQ(target.dropped(), pieces.size());
}

TEST_P(Fragments, AreDroppedWhereTheyAreNotAllowed) {
  Target target;
  target.host().allow_fragments(false);
  const auto pieces = pieces_of(request(GetParam(), 3000));
  target.take(pieces);
  EXPECT_TRUE(target.sent().empty());
  EXPECT_EQ(target.dropped(), pieces.size());
}

/// An MTU that leaves no room for a piece's payload is a configuration's mistake, and no more.
TEST_P(Fragments, AreNotMadeForAnMtuThatIsTooSmall) {
  for (const std::uint16_t mtu : {std::uint16_t{28}, std::uint16_t{50}, std::uint16_t{575}}) {
    Network network;
    HostConfig config = Network::right_config();
    config.mtu = mtu;
    config.fragments = true;
    Host host(config, network.right_random);
    host.handle_packet(network.now, request(GetParam(), 1000));
    EXPECT_TRUE(host.poll_packet().empty());
    EXPECT_EQ(host.stats().dropped(Drop::too_big), 1U);
  }
}

TEST_P(Fragments, OfUdpReachTheEchoService) {
  Target target;
  auto services = Services::start(target.host()).value();
  Network sender;  // whose MTU takes the datagram in one
  HostConfig wide = Network::left_config();
  wide.mtu = 9000;
  Host left(wide, sender.left_random);
  const IpAddress to = address(GetParam() == Family::v4 ? "10.9.0.2" : "fd00:9::2");
  ASSERT_TRUE(left.send_udp({{to, 0, kEchoPort}, 4000}, pattern(5000)));
  const auto packet = left.poll_packet();
  target.take(pieces_of(Bytes(packet.begin(), packet.end())));
  while (const auto event = target.host().poll_event()) services.handle_event({}, *event);
  Bytes echoed;
  for (const Bytes& piece : target.sent()) {
    const auto parsed = wire::parse_ip(piece).value();
    echoed.insert(echoed.end(), parsed.payload.begin(), parsed.payload.end());
  }
  ASSERT_EQ(echoed.size(), 5008U);
  EXPECT_TRUE(std::ranges::equal(std::span(echoed).subspan(8), pattern(5000)));
}

}  // namespace
}  // namespace wgscope::inner
