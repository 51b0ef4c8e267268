#include "wgscope/wire/tcp.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include <gtest/gtest.h>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/wire/checksum.hpp"
#include "wgscope/wire/ip.hpp"

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

/// A SYN-ACK of 10.9.0.1:22 to 10.9.0.2:50000 with these options.
Bytes packet_with(const Bytes& options, std::byte flags = std::byte{0x12}) {
  Bytes packet(kIpv4HeaderSize + kTcpHeaderSize + options.size());
  const IpHeader header{.source = testing::address("10.9.0.1"),
                        .destination = testing::address("10.9.0.2"),
                        .protocol = Protocol::tcp};
  write_ip_header(packet, header);
  const auto segment = std::span(packet).subspan(kIpv4HeaderSize);
  store_be16(segment.first<2>(), 22);
  store_be16(segment.subspan(2).first<2>(), 50000);
  segment[12] = static_cast<std::byte>((kTcpHeaderSize + options.size()) / 4 << 4U);
  segment[13] = flags;
  std::copy(options.begin(), options.end(), segment.subspan(kTcpHeaderSize).begin());
  store_be16(segment.subspan(16).first<2>(),
             transport_checksum(header.source, header.destination, 6, segment));
  return packet;
}

TcpSegment read(const Bytes& packet) { return parse_tcp(parse_ip(packet).value()).value(); }

Result<std::optional<std::uint16_t>> mss_of(const Bytes& packet) {
  return maximum_segment_size(read(packet));
}

// As Linux sends it: MSS, SACK, time stamps, a blank, window scale.
TEST(MaximumSegmentSize, IsReadAmongOtherOptions) {
  const Bytes packet = packet_with(hex("02040564 0402 080a 0000000000000000 01 030307"));
  const TcpSegment segment = read(packet);
  EXPECT_EQ(segment.source, 22);
  EXPECT_EQ(segment.destination, 50000);
  EXPECT_TRUE(segment.syn && segment.ack);
  EXPECT_EQ(mss_of(packet).value(), 1380);
}

TEST(MaximumSegmentSize, IsReadOverIpv6) {
  const Bytes packet =
      hex("60000000 0018 06 40 fd090000000000000000000000000001 fd090000000000000000000000000002 "
          "0016c350 00000001 00000002 6012faf0 0000 0000 02040550");
  auto summed = packet;
  const auto parsed = parse_ip(packet).value();
  store_be16(std::span(summed).subspan(kIpv6HeaderSize + 16).first<2>(),
             transport_checksum(parsed.source, parsed.destination, 6, parsed.payload));
  EXPECT_EQ(mss_of(summed).value(), 1360);
}

TEST(MaximumSegmentSize, IsAbsentWhereNoneIsAnnounced) {
  EXPECT_EQ(mss_of(packet_with({})).value(), std::nullopt);
  EXPECT_EQ(mss_of(packet_with(hex("00 020405"))).value(), std::nullopt) << "behind the end";
}

TEST(MaximumSegmentSize, RefusesOptionsThatContradictThemselves) {
  for (const char* options : {"02000564", "02010564", "02030564", "01010102", "0205056401010101"})
    EXPECT_EQ(mss_of(packet_with(hex(options))).error().code, Errc::bad_length) << options;
}

}  // namespace
}  // namespace wgscope::wire
