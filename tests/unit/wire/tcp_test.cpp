#include "wgscope/wire/tcp.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <gtest/gtest.h>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/wire/checksum.hpp"
#include "wgscope/wire/ip.hpp"

#include "packets.hpp"

namespace wgscope::wire {
namespace {

using testing::Bytes;
using testing::hex;

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

Result<TcpSyn> read(const Bytes& packet) { return parse_tcp_syn(parse_ip(packet).value()); }

// As Linux sends it: MSS, SACK, time stamps, a blank, window scale.
TEST(TcpSyn, TellsThePortsAndTheMss) {
  const auto syn = read(packet_with(hex("02040564 0402 080a 0000000000000000 01 030307"))).value();
  EXPECT_EQ(syn.source_port, 22);
  EXPECT_EQ(syn.destination_port, 50000);
  EXPECT_TRUE(syn.acknowledges);
  EXPECT_EQ(syn.mss, 1380);
  EXPECT_FALSE(read(packet_with(hex("02040564"), std::byte{0x02})).value().acknowledges);
}

TEST(TcpSyn, TellsTheMssOverIpv6) {
  const Bytes packet =
      hex("60000000 0018 06 40 fd090000000000000000000000000001 fd090000000000000000000000000002 "
          "0016c350 00000001 00000002 6012faf0 0000 0000 02040550");
  auto summed = packet;
  const auto parsed = parse_ip(packet).value();
  store_be16(std::span(summed).subspan(kIpv6HeaderSize + 16).first<2>(),
             transport_checksum(parsed.source, parsed.destination, 6, parsed.payload));
  EXPECT_EQ(read(summed).value().mss, 1360);
}

TEST(TcpSyn, HasNoMssWhereNoneIsAnnounced) {
  EXPECT_EQ(read(packet_with({})).value().mss, std::nullopt);
  EXPECT_EQ(read(packet_with(hex("00 020405"))).value().mss, std::nullopt) << "behind the end";
}

TEST(TcpSyn, RefusesOptionsThatContradictThemselves) {
  for (const char* options : {"02000564", "02010564", "02030564", "01010102", "0205056401010101"})
    EXPECT_EQ(read(packet_with(hex(options))).error().code, Errc::bad_length) << options;
}

TEST(TcpSyn, RefusesWhatIsNoSyn) {
  EXPECT_EQ(read(packet_with({}, std::byte{0x10})).error().code, Errc::bad_value);
  auto packet = packet_with(hex("02040564"));
  packet.back() ^= std::byte{1};
  EXPECT_EQ(read(packet).error().code, Errc::bad_value) << "its checksum is wrong";
}

}  // namespace
}  // namespace wgscope::wire
