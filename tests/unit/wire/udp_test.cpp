#include "wgscope/wire/udp.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "wgscope/base/bytes.hpp"

#include "packets.hpp"

namespace wgscope::wire {
namespace {

using testing::address;
using testing::Bytes;
using testing::hex;

Bytes datagram(const std::string& from, const std::string& to, const Bytes& payload) {
  const IpAddress source = address(from);
  Bytes packet(udp_packet_size(source.family, payload.size()));
  write_udp_packet(packet, {source, address(to)}, {53, 54321}, payload);
  return packet;
}

TEST(Udp, ReadsWhatItWrote) {
  for (const auto& [from, to] : {std::pair("192.0.2.1", "192.0.2.2"), {"fd00::1", "fd00::2"}}) {
    const Bytes packet = datagram(from, to, hex("0102030405"));
    const auto ip = parse_ip(packet).value();
    EXPECT_EQ(ip.protocol, Protocol::udp);
    const auto udp = parse_udp(ip).value();
    EXPECT_EQ(udp.ports.source, 53);
    EXPECT_EQ(udp.ports.destination, 54321);
    EXPECT_EQ(Bytes(udp.payload.begin(), udp.payload.end()), hex("0102030405"));
  }
}

TEST(Udp, SeesEveryChangedByte) {
  for (const auto& [from, to] : {std::pair("192.0.2.1", "192.0.2.2"), {"fd00::1", "fd00::2"}}) {
    const Bytes packet = datagram(from, to, hex("0102030405"));
    const std::size_t header = ip_header_size(address(from).family);
    for (std::size_t i = header; i < packet.size(); ++i) {
      Bytes changed = packet;
      changed[i] ^= std::byte{0x10};
      EXPECT_FALSE(parse_udp(parse_ip(changed).value())) << i;
    }
  }
}

TEST(Udp, TakesAnUnsummedDatagramByIpv4Only) {
  Bytes v4 = datagram("192.0.2.1", "192.0.2.2", hex("01"));
  store_be16(std::span(v4).subspan<26, 2>(), 0);
  EXPECT_TRUE(parse_udp(parse_ip(v4).value()));
  Bytes v6 = datagram("fd00::1", "fd00::2", hex("01"));
  store_be16(std::span(v6).subspan<46, 2>(), 0);
  EXPECT_EQ(parse_udp(parse_ip(v6).value()).error().code, Errc::bad_value);
}

TEST(Udp, WritesAllOnesWhereTheSumIsZero) {
  // The two bytes of payload are chosen so that everything adds up to 0xffff.
  Bytes packet = datagram("192.0.2.1", "192.0.2.2", hex("0000"));
  const std::uint16_t sum = load_be16(std::span(packet).subspan<26, 2>());
  Bytes payload(2);
  store_be16(std::span(payload).first<2>(), sum);
  packet = datagram("192.0.2.1", "192.0.2.2", payload);
  EXPECT_EQ(load_be16(std::span(packet).subspan<26, 2>()), 0xffff);
  EXPECT_TRUE(parse_udp(parse_ip(packet).value()));
}

TEST(Udp, RefusesLengthsThatDoNotFit) {
  const Bytes packet = datagram("192.0.2.1", "192.0.2.2", hex("0102"));
  for (const unsigned length : {0U, 7U, 11U, 65535U}) {
    Bytes changed = packet;
    store_be16(std::span(changed).subspan<24, 2>(), static_cast<std::uint16_t>(length));
    EXPECT_EQ(parse_udp(parse_ip(changed).value()).error().code, Errc::bad_length) << length;
  }
  auto ip = parse_ip(packet).value();
  ip.payload = ip.payload.first(7);
  EXPECT_EQ(parse_udp(ip).error().code, Errc::truncated);
}

TEST(Udp, EndsAtItsOwnLengthNotThePackets) {
  const Bytes whole = datagram("192.0.2.1", "192.0.2.2", hex("0102"));
  auto ip = parse_ip(whole).value();
  const Bytes longer = testing::join({Bytes(ip.payload.begin(), ip.payload.end()), hex("ffff")});
  ip.payload = longer;
  EXPECT_EQ(parse_udp(ip).value().payload.size(), 2U);
}

}  // namespace
}  // namespace wgscope::wire
