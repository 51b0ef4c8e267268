#include "wgscope/wire/icmp.hpp"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/wire/checksum.hpp"
#include "wgscope/wire/ip.hpp"

namespace wgscope::wire {
namespace {

// RFC 792, and codes of RFC 1122 §3.2.2.1 and RFC 1812 §5.2.7.1.
enum V4 : std::uint8_t {
  kEchoReply4 = 0,
  kUnreachable4 = 3,
  kEchoRequest4 = 8,
  kTimeExceeded4 = 11,
  kParameterProblem4 = 12,
};
// RFC 4443.
enum V6 : std::uint8_t {
  kUnreachable6 = 1,
  kTooBig6 = 2,
  kTimeExceeded6 = 3,
  kParameterProblem6 = 4,
  kEchoRequest6 = 128,
  kEchoReply6 = 129,
};
constexpr std::uint8_t kPortUnreachable4 = 3;
constexpr std::uint8_t kPortUnreachable6 = 4;

IcmpKind unreachable_v4(std::uint8_t code) {
  switch (code) {
    case 0:
    case 6: return IcmpKind::no_route;
    case 2:
    case kPortUnreachable4: return IcmpKind::port_unreachable;
    case 4: return IcmpKind::packet_too_big;
    case 9:
    case 10:
    case 13: return IcmpKind::prohibited;
    default: return IcmpKind::host_unreachable;
  }
}

IcmpKind kind_v4(std::uint8_t type, std::uint8_t code) {
  switch (type) {
    case kEchoReply4: return IcmpKind::echo_reply;
    case kUnreachable4: return unreachable_v4(code);
    case kEchoRequest4: return IcmpKind::echo_request;
    case kTimeExceeded4: return IcmpKind::time_exceeded;
    case kParameterProblem4: return IcmpKind::parameter_problem;
    default: return IcmpKind::other;
  }
}

IcmpKind unreachable_v6(std::uint8_t code) {
  switch (code) {
    case 0: return IcmpKind::no_route;
    case 1:
    case 5:
    case 6: return IcmpKind::prohibited;
    case kPortUnreachable6: return IcmpKind::port_unreachable;
    default: return IcmpKind::host_unreachable;
  }
}

IcmpKind kind_v6(std::uint8_t type, std::uint8_t code) {
  switch (type) {
    case kUnreachable6: return unreachable_v6(code);
    case kTooBig6: return IcmpKind::packet_too_big;
    case kTimeExceeded6: return IcmpKind::time_exceeded;
    case kParameterProblem6: return IcmpKind::parameter_problem;
    case kEchoRequest6: return IcmpKind::echo_request;
    case kEchoReply6: return IcmpKind::echo_reply;
    default: return IcmpKind::other;
  }
}

/// ICMPv6 sums a pseudo header, ICMP does not.
std::uint16_t checksum(const IpAddress& source, const IpAddress& destination,
                       std::span<const std::byte> message) {
  if (source.family == Family::v6)
    return transport_checksum(source, destination, static_cast<std::uint8_t>(Protocol::icmpv6),
                              message);
  Checksum sum;
  sum.add(message);
  return sum.value();
}

Protocol protocol_of(Family family) {
  return family == Family::v4 ? Protocol::icmp : Protocol::icmpv6;
}

struct Head {
  std::uint8_t type = 0;
  std::uint8_t code = 0;
  std::uint16_t first = 0;  ///< the two halves of what follows the checksum
  std::uint16_t second = 0;
};

void write_message(std::span<std::byte> packet, IpHeader header, const Head& head,
                   std::span<const std::byte> body) {
  assert(packet.size() == echo_packet_size(header.source.family, body.size()));
  header.protocol = protocol_of(header.source.family);
  write_ip_header(packet, header);
  const auto message = packet.subspan(ip_header_size(header.source.family));
  const auto fixed = message.first<kIcmpHeaderSize>();
  fixed[0] = std::byte{head.type};
  fixed[1] = std::byte{head.code};
  store_be16(fixed.subspan<2, 2>(), 0);
  store_be16(fixed.subspan<4, 2>(), head.first);
  store_be16(fixed.subspan<6, 2>(), head.second);
  std::copy_n(body.data(), body.size(), message.subspan(kIcmpHeaderSize).data());
  store_be16(fixed.subspan<2, 2>(), checksum(header.source, header.destination, message));
}

}  // namespace

Result<IcmpMessage> parse_icmp(const IpPacket& packet) {
  const Family family = packet.source.family;
  if (packet.protocol != protocol_of(family)) return fail(Errc::bad_value, "ICMP family");
  if (packet.payload.size() < kIcmpHeaderSize) return fail(Errc::truncated, "ICMP header");
  if (checksum(packet.source, packet.destination, packet.payload) != 0)
    return fail(Errc::bad_value, "ICMP checksum");

  const auto fixed = packet.payload.first<kIcmpHeaderSize>();
  IcmpMessage message;
  message.type = std::to_integer<std::uint8_t>(fixed[0]);
  message.code = std::to_integer<std::uint8_t>(fixed[1]);
  message.kind = family == Family::v4 ? kind_v4(message.type, message.code)
                                      : kind_v6(message.type, message.code);
  message.body = packet.payload.subspan(kIcmpHeaderSize);
  if (message.kind == IcmpKind::echo_request || message.kind == IcmpKind::echo_reply) {
    message.echo_id = load_be16(fixed.subspan<4, 2>());
    message.echo_sequence = load_be16(fixed.subspan<6, 2>());
  }
  if (message.kind == IcmpKind::packet_too_big) {
    const std::uint32_t mtu =
        family == Family::v4 ? load_be16(fixed.subspan<6, 2>()) : load_be32(fixed.subspan<4, 4>());
    if (mtu != 0) message.mtu = mtu;  // routers from before RFC 1191 leave it 0
  }
  return message;
}

Result<QuotedPacket> parse_quoted(std::span<const std::byte> body) {
  const auto packet = parse_quoted_ip(body);
  if (!packet) return tl::unexpected(packet.error());
  if (packet->fragment && packet->fragment->offset_bytes != 0)
    return fail(Errc::bad_value, "quoted fragment");
  if (packet->payload.size() < 8) return fail(Errc::truncated, "quoted packet");
  const auto start = packet->payload.first<8>();
  QuotedPacket quoted{packet->source, packet->destination, packet->protocol};
  if (packet->protocol == Protocol::tcp || packet->protocol == Protocol::udp) {
    quoted.source_port = load_be16(start.first<2>());
    quoted.destination_port = load_be16(start.subspan<2, 2>());
  } else if (packet->protocol == protocol_of(packet->source.family)) {
    const std::uint8_t request = packet->source.family == Family::v4 ? std::uint8_t{kEchoRequest4}
                                                                     : std::uint8_t{kEchoRequest6};
    if (start[0] != std::byte{request}) return fail(Errc::bad_value, "quoted ICMP");
    quoted.echo_id = load_be16(start.subspan<4, 2>());
    quoted.echo_sequence = load_be16(start.subspan<6, 2>());
  }
  return quoted;
}

void write_echo_request(std::span<std::byte> packet, const IpHeader& header, const Echo& echo) {
  const bool v4 = header.source.family == Family::v4;
  write_message(
      packet, header,
      {v4 ? std::uint8_t{kEchoRequest4} : std::uint8_t{kEchoRequest6}, 0, echo.id, echo.sequence},
      echo.payload);
}

void write_echo_reply(std::span<std::byte> packet, const IpHeader& header, const Echo& echo) {
  const bool v4 = header.source.family == Family::v4;
  write_message(
      packet, header,
      {v4 ? std::uint8_t{kEchoReply4} : std::uint8_t{kEchoReply6}, 0, echo.id, echo.sequence},
      echo.payload);
}

std::size_t quote_size(Family family, std::size_t size) {
  const std::size_t most = family == Family::v4 ? 576 : 1280;
  return std::min(size, most - echo_packet_size(family, 0));
}

void write_port_unreachable(std::span<std::byte> packet, const IpHeader& header,
                            std::span<const std::byte> quote) {
  const Head head = header.source.family == Family::v4 ? Head{kUnreachable4, kPortUnreachable4}
                                                       : Head{kUnreachable6, kPortUnreachable6};
  write_message(packet, header, head, quote);
}

}  // namespace wgscope::wire
