#include "wgscope/wire/ip.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/bytes.hpp"

#include "packets.hpp"

namespace wgscope::wire {
namespace {

using testing::address;
using testing::Bytes;
using testing::hex;
using testing::join;

// Linux, ping to the loopback addresses.
const Bytes kV4 = hex("45000024e7944000400155427f0000017f000001 08008f9a5c5400010001020304050607");
const Bytes kV6 =
    hex("6006683500103a40 00000000000000000000000000000001 00000000000000000000000000000001"
        "8000174d5c5500010001020304050607");

/// An IPv6 packet from its next header on.
Bytes v6(std::uint8_t next, const Bytes& rest) {
  Bytes packet(kV6.begin(), kV6.begin() + 40);
  store_be16(std::span(packet).subspan<4, 2>(), static_cast<std::uint16_t>(rest.size()));
  packet[6] = std::byte{next};
  return join({packet, rest});
}

TEST(ParseIp, ReadsAnIpv4PacketOfTheKernel) {
  const IpPacket packet = parse_ip(kV4).value();
  EXPECT_EQ(packet.source, address("127.0.0.1"));
  EXPECT_EQ(packet.destination, address("127.0.0.1"));
  EXPECT_EQ(packet.protocol, Protocol::icmp);
  EXPECT_EQ(packet.hop_limit, 64);
  EXPECT_TRUE(packet.dont_fragment);
  EXPECT_FALSE(packet.fragment);
  EXPECT_EQ(packet.header.size(), 20U);
  EXPECT_EQ(packet.payload.size(), 16U);
  EXPECT_TRUE(ipv4_header_intact(packet));
}

TEST(ParseIp, ReadsAnIpv6PacketOfTheKernel) {
  const IpPacket packet = parse_ip(kV6).value();
  EXPECT_EQ(packet.source, address("::1"));
  EXPECT_EQ(packet.protocol, Protocol::icmpv6);
  EXPECT_EQ(packet.hop_limit, 64);
  EXPECT_EQ(packet.header.size(), 40U);
  EXPECT_EQ(packet.payload.size(), 16U);
  EXPECT_TRUE(ipv4_header_intact(packet));
}

TEST(ParseIp, RefusesEveryLengthThatIsTooShort) {
  for (const Bytes& whole : {kV4, kV6})
    for (std::size_t size = 0; size < whole.size(); ++size)
      EXPECT_EQ(parse_ip(std::span(whole).first(size)).error().code, Errc::truncated) << size;
}

TEST(ParseIp, CutsPaddingOff) {
  for (const Bytes& whole : {kV4, kV6}) {
    const Bytes padded = join({whole, Bytes(12)});
    EXPECT_EQ(parse_ip(padded).value().payload.size(), 16U);
  }
}

TEST(ParseIp, RefusesLengthsThatContradictThemselves) {
  Bytes packet = kV4;
  packet[0] = std::byte{0x44};
  EXPECT_EQ(parse_ip(packet).error().code, Errc::bad_length);
  packet = kV4;
  packet[3] = std::byte{19};
  EXPECT_EQ(parse_ip(packet).error().code, Errc::bad_length);
  packet = kV4;
  packet[0] = std::byte{0x4f};
  EXPECT_EQ(parse_ip(packet).error().code, Errc::bad_length) << "60 bytes of header in 36";
}

TEST(ParseIp, RefusesOtherVersions) {
  for (int version = 0; version < 16; ++version) {
    if (version == 4 || version == 6) continue;
    Bytes packet = kV4;
    packet[0] = static_cast<std::byte>(version << 4 | 5);
    EXPECT_EQ(parse_ip(packet).error().code, Errc::bad_value) << version;
  }
}

TEST(ParseIp, SkipsIpv4Options) {
  const Bytes packet =
      hex("46000020 0000 0000 40 11 0000 0a000001 0a000002 01010101 0102030405060708");
  const IpPacket parsed = parse_ip(packet).value();
  EXPECT_EQ(parsed.header.size(), 24U);
  EXPECT_EQ(parsed.payload.size(), 8U);
}

TEST(ParseIp, RecognisesIpv4Fragments) {
  Bytes packet = kV4;
  packet[6] = std::byte{0x20};
  EXPECT_EQ(parse_ip(packet).value().fragment.value().more, true);
  EXPECT_EQ(parse_ip(packet).value().fragment.value().id, 0xe794U);
  packet[6] = std::byte{0x1f};
  packet[7] = std::byte{0xff};
  EXPECT_EQ(parse_ip(packet).value().fragment.value().offset_bytes, 65'528U);
  EXPECT_EQ(parse_ip(packet).value().fragment.value().more, false);
}

TEST(ParseIp, SkipsIpv6ExtensionHeaders) {
  const Bytes chain =
      join({hex("3c 00 010400000000"),                  // hop-by-hop, then options
            hex("33 01 0104000000000000000000000000"),  // options of 16 bytes, then AH
            hex("3a 04 0000 00000001 00000001 000000000000000000000000"),  // AH, then ICMPv6
            hex("8000000000000000")});
  const IpPacket packet = parse_ip(v6(0, chain)).value();
  EXPECT_EQ(packet.protocol, Protocol::icmpv6);
  EXPECT_EQ(packet.payload.size(), 8U);
  EXPECT_EQ(packet.header.size(), 40U + 8 + 16 + 24);
  EXPECT_FALSE(packet.fragment);
  EXPECT_FALSE(packet.routed_on);
}

TEST(ParseIp, RecognisesIpv6Fragments) {
  const auto fragment = [](const char* header) {
    return parse_ip(v6(44, join({hex(header), Bytes(8)}))).value();
  };
  EXPECT_FALSE(fragment("11 00 0000 00000007").fragment) << "an atomic fragment is whole";
  const IpPacket first = fragment("11 00 0001 00000007");
  EXPECT_EQ(first.protocol, Protocol::udp);
  EXPECT_TRUE(first.fragment.value().more);
  EXPECT_EQ(first.fragment.value().id, 7U);
  const IpPacket last = fragment("3c 00 0010 00000007");
  EXPECT_EQ(last.fragment.value().offset_bytes, 16U);
  EXPECT_EQ(last.payload.size(), 8U) << "what follows in later pieces is no header";
}

TEST(ParseIp, TellsRoutingHeadersWithFurtherStops) {
  EXPECT_TRUE(parse_ip(v6(43, join({hex("11 00 00 01 00000000"), Bytes(8)}))).value().routed_on);
  EXPECT_FALSE(parse_ip(v6(43, join({hex("11 00 00 00 00000000"), Bytes(8)}))).value().routed_on);
}

TEST(ParseIp, RefusesExtensionHeadersThatDoNotFitOrNeverEnd) {
  EXPECT_EQ(parse_ip(v6(0, Bytes(7))).error().code, Errc::truncated);
  EXPECT_EQ(parse_ip(v6(60, hex("11 ff 000000000000"))).error().code, Errc::truncated);
  EXPECT_EQ(parse_ip(v6(51, hex("11 00 000000000000 00"))).value().payload.size(), 1U);
  Bytes many;
  for (int i = 0; i < 100; ++i) many = join({many, hex("3c00000000000000")});
  EXPECT_EQ(parse_ip(v6(60, many)).error().code, Errc::bad_value);
}

TEST(ParseQuotedIp, TakesWhatThereIs) {
  const IpPacket packet = parse_quoted_ip(std::span(kV4).first(28)).value();
  EXPECT_EQ(packet.payload.size(), 8U);
  EXPECT_EQ(parse_quoted_ip(std::span(kV4).first(19)).error().code, Errc::truncated);
  EXPECT_EQ(parse_quoted_ip(std::span(kV6).first(48)).value().payload.size(), 8U);
}

TEST(WriteIpHeader, WritesWhatTheKernelWrote) {
  Bytes packet = kV4;
  std::fill_n(packet.begin(), 20, std::byte{0xaa});
  IpHeader header{address("127.0.0.1"), address("127.0.0.1"), Protocol::icmp};
  header.id = 0xe794;
  header.dont_fragment = true;
  write_ip_header(packet, header);
  EXPECT_EQ(packet, kV4);
}

TEST(WriteIpHeader, WritesIpv6ThatReadsTheSame) {
  Bytes packet = kV6;
  std::fill_n(packet.begin(), 40, std::byte{0xaa});
  write_ip_header(packet, {address("::1"), address("::1"), Protocol::icmpv6});
  Bytes expected = kV6;
  expected[1] = expected[2] = expected[3] = std::byte{0};  // the flow label
  EXPECT_EQ(packet, expected);
}

TEST(Addresses, AreSortedIntoTheirKinds) {
  for (const char* text : {"0.0.0.0", "0.255.1.2", "::"})
    EXPECT_TRUE(is_unspecified(address(text)));
  for (const char* text : {"1.0.0.0", "::1"}) EXPECT_FALSE(is_unspecified(address(text)));
  for (const char* text : {"224.0.0.0", "239.255.255.255", "255.255.255.255", "ff00::", "ff02::1"})
    EXPECT_TRUE(is_multicast(address(text))) << text;
  for (const char* text : {"223.255.255.255", "240.0.0.1", "10.0.0.255", "fe80::1", "2001:db8::"})
    EXPECT_FALSE(is_multicast(address(text))) << text;
  for (const char* text : {"127.0.0.1", "127.255.255.255", "::1"})
    EXPECT_TRUE(is_loopback(address(text)));
  for (const char* text : {"128.0.0.1", "::", "1::1"}) EXPECT_FALSE(is_loopback(address(text)));
  EXPECT_TRUE(is_mapped(address("::ffff:1.2.3.4")));
  EXPECT_FALSE(is_mapped(address("::1.2.3.4")));
}

TEST(Contains, ComparesAsManyBitsAsThePrefixHas) {
  const auto in = [](const char* prefix, const char* inside) {
    return contains(Prefix::parse(prefix).value(), address(inside));
  };
  EXPECT_TRUE(in("10.9.8.0/23", "10.9.9.255"));
  EXPECT_FALSE(in("10.9.8.0/23", "10.9.10.0"));
  EXPECT_TRUE(in("10.9.8.7/32", "10.9.8.7"));
  EXPECT_FALSE(in("10.9.8.7/32", "10.9.8.6"));
  EXPECT_TRUE(in("0.0.0.0/0", "203.0.113.1"));
  EXPECT_FALSE(in("0.0.0.0/0", "2001:db8::1"));
  EXPECT_TRUE(in("fd00::/7", "fc00::1"));
  EXPECT_FALSE(in("fd00::/8", "fc00::1"));
  EXPECT_TRUE(in("2001:db8::1/128", "2001:db8::1"));
}

}  // namespace
}  // namespace wgscope::wire
