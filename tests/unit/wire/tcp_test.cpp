#include "wgscope/wire/tcp.hpp"

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

Bytes packet_of(const std::string& from, const std::string& to, const TcpSegment& segment) {
  const IpAddress source = address(from);
  Bytes packet(tcp_packet_size(source.family, segment.payload.size()));
  write_tcp_packet(packet, {source, address(to)}, segment);
  return packet;
}

TEST(TcpSegment, ReadsWhatItWrote) {
  const Bytes data = hex("0102030405");
  for (const auto& [from, to] : {std::pair("192.0.2.1", "192.0.2.2"), {"fd00::1", "fd00::2"}}) {
    const Bytes packet = packet_of(from, to,
                                   {.source = 40'000,
                                    .destination = 22,
                                    .sequence = 0xfffffff0,
                                    .acknowledgement = 7,
                                    .ack = true,
                                    .fin = true,
                                    .window = 512,
                                    .payload = data});
    const auto ip = parse_ip(packet).value();
    EXPECT_EQ(ip.protocol, Protocol::tcp);
    const TcpSegment read = parse_tcp(ip).value();
    EXPECT_EQ(read.source, 40'000);
    EXPECT_EQ(read.destination, 22);
    EXPECT_EQ(read.sequence, 0xfffffff0);
    EXPECT_EQ(read.acknowledgement, 7U);
    EXPECT_EQ(read.window, 512);
    EXPECT_TRUE(read.ack && read.fin && !read.syn && !read.rst);
    EXPECT_EQ(Bytes(read.payload.begin(), read.payload.end()), data);
  }
}

TEST(TcpSegment, SeesEveryChangedByte) {
  const Bytes data = hex("0102030405");
  for (const auto& [from, to] : {std::pair("192.0.2.1", "192.0.2.2"), {"fd00::1", "fd00::2"}}) {
    const Bytes packet = packet_of(from, to, {.source = 1, .destination = 2, .payload = data});
    for (std::size_t i = ip_header_size(address(from).family); i < packet.size(); ++i) {
      Bytes changed = packet;
      changed[i] ^= std::byte{0x10};
      EXPECT_FALSE(parse_tcp(parse_ip(changed).value())) << i;
    }
  }
}

TEST(TcpSegment, RefusesAHeaderThatIsNoneOrLongerThanTheSegment) {
  Bytes packet = packet_of("192.0.2.1", "192.0.2.2", {.source = 1, .destination = 2});
  packet[kIpv4HeaderSize + 12] = std::byte{0x60};
  EXPECT_EQ(parse_tcp(parse_ip(packet).value()).error().code, Errc::bad_length);
  packet[kIpv4HeaderSize + 12] = std::byte{0x40};
  EXPECT_EQ(parse_tcp(parse_ip(packet).value()).error().code, Errc::bad_length);
  packet.pop_back();
  store_be16(std::span(packet).subspan<2, 2>(), static_cast<std::uint16_t>(packet.size()));
  EXPECT_EQ(parse_tcp(parse_ip(packet).value()).error().code, Errc::truncated);
}

}  // namespace
}  // namespace wgscope::wire
