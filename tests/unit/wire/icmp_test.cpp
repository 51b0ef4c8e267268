#include "wgscope/wire/icmp.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/bytes.hpp"
#include "wgscope/wire/checksum.hpp"

#include "packets.hpp"

namespace wgscope::wire {
namespace {

using testing::address;
using testing::Bytes;
using testing::hex;
using testing::join;

// Linux, on the loopback interface: a ping and its answer, and a datagram to a closed port.
const Bytes kRequest4 =
    hex("45000024e7944000400155427f0000017f00000108008f9a5c5400010001020304050607");
const Bytes kReply4 =
    hex("45000024e7950000400195417f0000017f0000010000979a5c5400010001020304050607");
const Bytes kRequest6 =
    hex("6006683500103a40000000000000000000000000000000010000000000000000000000000000000180"
        "00174d5c5500010001020304050607");
const Bytes kReply6 =
    hex("600642f100103a40000000000000000000000000000000010000000000000000000000000000000181"
        "00164d5c5500010001020304050607");
const Bytes kUnreachable4 =
    hex("45c0003de82b0000400193d27f0000017f0000010303df1b0000000045000021745440004011c8757f000001"
        "7f000001dbd70009000dfe2068656c6c6f");
const Bytes kUnreachable6 =
    hex("60044888003d3a4000000000000000000000000000000001000000000000000000000000000000010104"
        "2fc400000000600470aa000d1140000000000000000000000000000000010000000000000000000000000000"
        "0001a8b80009000d002068656c6c6f");

IcmpMessage parse(const Bytes& packet) { return parse_icmp(parse_ip(packet).value()).value(); }

TEST(Icmp, ReadsTheKernelsEchoes) {
  for (const auto& [bytes, kind, id] : {std::tuple(kRequest4, IcmpKind::echo_request, 0x5c54),
                                        {kReply4, IcmpKind::echo_reply, 0x5c54},
                                        {kRequest6, IcmpKind::echo_request, 0x5c55},
                                        {kReply6, IcmpKind::echo_reply, 0x5c55}}) {
    const IcmpMessage message = parse(bytes);
    EXPECT_EQ(message.kind, kind);
    EXPECT_EQ(message.echo_id, id);
    EXPECT_EQ(message.echo_sequence, 1);
    EXPECT_EQ(Bytes(message.body.begin(), message.body.end()), hex("0001020304050607"));
  }
}

TEST(Icmp, ReadsTheKernelsErrorsAndWhatTheyQuote) {
  for (const auto& [bytes, port] : {std::pair(kUnreachable4, 0xdbd7), {kUnreachable6, 0xa8b8}}) {
    const IcmpMessage message = parse(bytes);
    EXPECT_EQ(message.kind, IcmpKind::port_unreachable);
    const QuotedPacket quoted = parse_quoted(message.body).value();
    EXPECT_EQ(quoted.protocol, Protocol::udp);
    EXPECT_EQ(quoted.source_port, port);
    EXPECT_EQ(quoted.destination_port, 9);
    EXPECT_TRUE(is_loopback(quoted.source));
  }
}

TEST(Icmp, WritesTheEchoesThatTheKernelWrote) {
  const Bytes payload = hex("0001020304050607");
  Bytes packet(kRequest4.size());
  IpHeader header{address("127.0.0.1"), address("127.0.0.1")};
  header.id = 0xe794;
  header.dont_fragment = true;
  write_echo_request(packet, header, {0x5c54, 1, payload});
  EXPECT_EQ(packet, kRequest4);
  header.id = 0xe795;
  header.dont_fragment = false;
  write_echo_reply(packet, header, {0x5c54, 1, payload});
  EXPECT_EQ(packet, kReply4);

  Bytes packet6(kReply6.size());
  write_echo_reply(packet6, {address("::1"), address("::1")}, {0x5c55, 1, payload});
  Bytes expected = kReply6;
  expected[1] = expected[2] = expected[3] = std::byte{0};  // the flow label
  EXPECT_EQ(packet6, expected);
}

TEST(Icmp, WritesTheErrorThatTheKernelWrote) {
  const auto quote = std::span(kUnreachable4).subspan(28);
  Bytes packet(kUnreachable4.size());
  IpHeader header{address("127.0.0.1"), address("127.0.0.1")};
  header.id = 0xe82b;
  write_port_unreachable(packet, header, quote);
  EXPECT_EQ(Bytes(packet.begin() + 20, packet.end()),
            Bytes(kUnreachable4.begin() + 20, kUnreachable4.end()));
}

TEST(Icmp, SeesEveryChangedByte) {
  for (const Bytes& whole : {kRequest4, kUnreachable6})
    for (std::size_t i = whole == kRequest4 ? 20 : 40; i < whole.size(); ++i) {
      Bytes changed = whole;
      changed[i] ^= std::byte{1};
      EXPECT_EQ(parse_icmp(parse_ip(changed).value()).error().code, Errc::bad_value) << i;
    }
}

TEST(Icmp, RefusesTheOtherFamilysProtocol) {
  Bytes packet = kRequest4;
  packet[9] = std::byte{58};
  EXPECT_EQ(parse_icmp(parse_ip(packet).value()).error().code, Errc::bad_value);
}

/// A message of that type and code, its checksum right, behind the given header.
Bytes message(const Bytes& header, int type, int code, const char* rest = "00000000") {
  Bytes packet(header);
  const std::size_t size = header.size();
  const Bytes body = join({Bytes{static_cast<std::byte>(type), static_cast<std::byte>(code)},
                           hex("0000"), hex(rest), Bytes(8)});
  packet.insert(packet.end(), body.begin(), body.end());
  IpHeader fresh{address(size == 20 ? "10.0.0.1" : "fd00::1"),
                 address(size == 20 ? "10.0.0.2" : "fd00::2"),
                 size == 20 ? Protocol::icmp : Protocol::icmpv6};
  write_ip_header(packet, fresh);
  const auto segment = std::span(packet).subspan(size);
  Checksum plain;
  plain.add(segment);
  store_be16(segment.subspan<2, 2>(),
             size == 20 ? plain.value()
                        : transport_checksum(fresh.source, fresh.destination, 58, segment));
  return packet;
}

TEST(Icmp, SortsTypesAndCodesIntoKinds) {
  struct Case {
    std::size_t header;
    int type;
    int code;
    IcmpKind kind;
  };
  for (const Case& c : {Case{20, 3, 0, IcmpKind::no_route},
                        Case{20, 3, 1, IcmpKind::host_unreachable},
                        Case{20, 3, 2, IcmpKind::port_unreachable},
                        Case{20, 3, 4, IcmpKind::packet_too_big},
                        Case{20, 3, 9, IcmpKind::prohibited},
                        Case{20, 3, 10, IcmpKind::prohibited},
                        Case{20, 3, 13, IcmpKind::prohibited},
                        Case{20, 3, 99, IcmpKind::host_unreachable},
                        Case{20, 11, 0, IcmpKind::time_exceeded},
                        Case{20, 12, 0, IcmpKind::parameter_problem},
                        Case{20, 5, 0, IcmpKind::other},
                        Case{20, 128, 0, IcmpKind::other},
                        Case{40, 1, 0, IcmpKind::no_route},
                        Case{40, 1, 1, IcmpKind::prohibited},
                        Case{40, 1, 3, IcmpKind::host_unreachable},
                        Case{40, 1, 4, IcmpKind::port_unreachable},
                        Case{40, 1, 6, IcmpKind::prohibited},
                        Case{40, 2, 0, IcmpKind::packet_too_big},
                        Case{40, 3, 0, IcmpKind::time_exceeded},
                        Case{40, 4, 1, IcmpKind::parameter_problem},
                        Case{40, 135, 0, IcmpKind::other},
                        Case{40, 8, 0, IcmpKind::other}})
    EXPECT_EQ(parse(message(Bytes(c.header), c.type, c.code)).kind, c.kind)
        << c.header << " " << c.type << " " << c.code;
}

TEST(Icmp, GivesTheMtuWhereTheRouterNamedOne) {
  EXPECT_EQ(parse(message(Bytes(20), 3, 4, "00000514")).mtu, 1300U);
  EXPECT_FALSE(parse(message(Bytes(20), 3, 4, "00000000")).mtu);
  EXPECT_EQ(parse(message(Bytes(40), 2, 0, "00010500")).mtu, 66'816U);
  EXPECT_FALSE(parse(message(Bytes(40), 1, 0, "00010500")).mtu) << "no other error has one";
}

TEST(ParseQuoted, ReadsEchoRequestsAndTcpPorts) {
  const QuotedPacket echo = parse_quoted(std::span(kRequest4).first(28)).value();
  EXPECT_EQ(echo.echo_id, 0x5c54);
  EXPECT_EQ(echo.echo_sequence, 1);
  Bytes tcp = kRequest4;
  tcp[9] = std::byte{6};
  const QuotedPacket segment = parse_quoted(tcp).value();
  EXPECT_EQ(segment.source_port, 0x0800);
  EXPECT_EQ(segment.destination_port, 0x8f9a);
}

TEST(ParseQuoted, RefusesWhatTellsTooLittle) {
  for (std::size_t size = 0; size < 28; ++size)
    EXPECT_EQ(parse_quoted(std::span(kRequest4).first(size)).error().code, Errc::truncated) << size;
  EXPECT_EQ(parse_quoted(kReply4).error().code, Errc::bad_value) << "errors about replies";
  Bytes later = kRequest4;
  later[7] = std::byte{1};
  EXPECT_EQ(parse_quoted(later).error().code, Errc::bad_value) << "a later piece has no ports";
}

TEST(QuoteSize, KeepsErrorsSmall) {
  EXPECT_EQ(quote_size(Family::v4, 30), 30U);
  EXPECT_EQ(quote_size(Family::v4, 1500), 576U - 28U);
  EXPECT_EQ(quote_size(Family::v6, 1500), 1280U - 48U);
}

}  // namespace
}  // namespace wgscope::wire
