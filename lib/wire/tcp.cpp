#include "wgscope/wire/tcp.hpp"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/wire/checksum.hpp"
#include "wgscope/wire/ip.hpp"

namespace wgscope::wire {
namespace {

constexpr unsigned kFin = 0x01;
constexpr unsigned kSyn = 0x02;
constexpr unsigned kRst = 0x04;
constexpr unsigned kPsh = 0x08;
constexpr unsigned kAck = 0x10;
constexpr std::size_t kWord = 4;  // the data offset counts 32-bit words

// RFC 9293 §3.2.
constexpr std::byte kEnd{0};
constexpr std::byte kNothing{1};
constexpr std::byte kMss{2};
constexpr std::size_t kMssSize = 4;

std::uint16_t checksum(const IpAddress& source, const IpAddress& destination,
                       std::span<const std::byte> segment) {
  return transport_checksum(source, destination, static_cast<std::uint8_t>(Protocol::tcp), segment);
}

}  // namespace

Result<TcpSegment> parse_tcp(const IpPacket& packet) {
  if (packet.protocol != Protocol::tcp) return fail(Errc::bad_value, "no TCP");
  if (packet.payload.size() < kTcpHeaderSize) return fail(Errc::truncated, "TCP header");
  const auto header = packet.payload.first<kTcpHeaderSize>();
  const std::size_t size = kWord * std::to_integer<std::size_t>(header[12] >> 4U);
  if (size < kTcpHeaderSize || size > packet.payload.size())
    return fail(Errc::bad_length, "TCP data offset");
  if (checksum(packet.source, packet.destination, packet.payload) != 0)
    return fail(Errc::bad_value, "TCP checksum");
  const auto flags = std::to_integer<unsigned>(header[13]);
  return TcpSegment{.source = load_be16(header.first<2>()),
                    .destination = load_be16(header.subspan<2, 2>()),
                    .sequence = load_be32(header.subspan<4, 4>()),
                    .acknowledgement = load_be32(header.subspan<8, 4>()),
                    .syn = (flags & kSyn) != 0,
                    .ack = (flags & kAck) != 0,
                    .fin = (flags & kFin) != 0,
                    .rst = (flags & kRst) != 0,
                    .window = load_be16(header.subspan<14, 2>()),
                    .payload = packet.payload.subspan(size),
                    .options = packet.payload.first(size).subspan(kTcpHeaderSize)};
}

Result<std::optional<std::uint16_t>> maximum_segment_size(const TcpSegment& segment) {
  auto options = segment.options;
  std::optional<std::uint16_t> mss;
  while (!options.empty() && options[0] != kEnd) {
    if (options[0] == kNothing) {
      options = options.subspan(1);
      continue;
    }
    if (options.size() < 2) return fail(Errc::bad_length, "TCP option");
    const auto size = std::to_integer<std::size_t>(options[1]);
    if (size < 2 || size > options.size()) return fail(Errc::bad_length, "TCP option");
    if (options[0] == kMss) {
      if (size != kMssSize) return fail(Errc::bad_length, "TCP maximum segment size");
      mss = load_be16(options.subspan<2, 2>());
    }
    options = options.subspan(size);
  }
  return mss;
}

void write_tcp_packet(std::span<std::byte> packet, IpHeader header, const TcpSegment& segment) {
  assert(packet.size() == tcp_packet_size(header.source.family, segment.payload.size()));
  header.protocol = Protocol::tcp;
  write_ip_header(packet, header);
  const auto out = packet.subspan(ip_header_size(header.source.family));
  const auto fixed = out.first<kTcpHeaderSize>();
  std::ranges::fill(fixed, std::byte{0});
  store_be16(fixed.first<2>(), segment.source);
  store_be16(fixed.subspan<2, 2>(), segment.destination);
  store_be32(fixed.subspan<4, 4>(), segment.sequence);
  store_be32(fixed.subspan<8, 4>(), segment.ack ? segment.acknowledgement : 0);
  fixed[12] = static_cast<std::byte>((kTcpHeaderSize / kWord) << 4U);
  fixed[13] = static_cast<std::byte>((segment.fin ? kFin : 0U) | (segment.syn ? kSyn : 0U) |
                                     (segment.rst ? kRst : 0U) | (segment.ack ? kAck : 0U) |
                                     (segment.payload.empty() ? 0U : kPsh));
  store_be16(fixed.subspan<14, 2>(), segment.window);
  std::ranges::copy(segment.payload, out.subspan(kTcpHeaderSize).begin());
  store_be16(fixed.subspan<16, 2>(), checksum(header.source, header.destination, out));
}

}  // namespace wgscope::wire
