// Packet headers: what is read lies within what was given, and what is written from it
// reads the same.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "wgscope/wire/icmp.hpp"
#include "wgscope/wire/ip.hpp"
#include "wgscope/wire/tcp.hpp"
#include "wgscope/wire/udp.hpp"

#include "fuzz.hpp"

namespace {

using namespace wgscope;

bool within(std::span<const std::byte> part, std::span<const std::byte> whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void check_udp(const wire::IpPacket& packet) {
  const auto datagram = wire::parse_udp(packet);
  if (!datagram) return;
  WGSCOPE_PROMISE(within(datagram->payload, packet.payload));
  if (wire::udp_packet_size(packet.source.family, datagram->payload.size()) > UINT16_MAX) return;
  std::vector<std::byte> again(
      wire::udp_packet_size(packet.source.family, datagram->payload.size()));
  wire::write_udp_packet(again, {packet.source, packet.destination}, datagram->ports,
                         datagram->payload);
  const auto reread = wire::parse_udp(wire::parse_ip(again).value());
  WGSCOPE_PROMISE(reread && reread->ports.source == datagram->ports.source &&
                  reread->ports.destination == datagram->ports.destination &&
                  reread->payload.size() == datagram->payload.size());
}

void check_tcp(const wire::IpPacket& packet) {
  const auto segment = wire::parse_tcp(packet);
  if (!segment) return;
  WGSCOPE_PROMISE(within(segment->payload, packet.payload));
  const std::size_t size = wire::tcp_packet_size(packet.source.family, segment->payload.size());
  if (size > UINT16_MAX) return;
  std::vector<std::byte> again(size);
  wire::write_tcp_packet(again, {packet.source, packet.destination}, *segment);
  const auto reread = wire::parse_tcp(wire::parse_ip(again).value());
  WGSCOPE_PROMISE(reread && reread->sequence == segment->sequence && reread->syn == segment->syn &&
                  reread->payload.size() == segment->payload.size());
}

void check_icmp(const wire::IpPacket& packet) {
  const auto message = wire::parse_icmp(packet);
  if (!message) return;
  WGSCOPE_PROMISE(within(message->body, packet.payload));
  WGSCOPE_PROMISE(!message->mtu || message->kind == wire::IcmpKind::packet_too_big);
  static_cast<void>(wire::parse_quoted(message->body));
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::as_bytes(data, size);
  static_cast<void>(wire::parse_quoted(bytes));

  const auto packet = wire::parse_ip(bytes);
  if (!packet) return 0;
  WGSCOPE_PROMISE(within(packet->header, bytes) && within(packet->payload, bytes));
  WGSCOPE_PROMISE(packet->header.data() == bytes.data());
  WGSCOPE_PROMISE(packet->header.size() >= wire::ip_header_size(packet->source.family));
  WGSCOPE_PROMISE(packet->source.family == packet->destination.family);
  static_cast<void>(wire::ipv4_header_intact(*packet));
  check_udp(*packet);
  check_tcp(*packet);
  check_icmp(*packet);
  return 0;
}
