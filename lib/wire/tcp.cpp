#include "wgscope/wire/tcp.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/wire/checksum.hpp"
#include "wgscope/wire/ip.hpp"

namespace wgscope::wire {
namespace {

constexpr std::byte kSyn{0x02};
constexpr std::byte kAck{0x10};

// RFC 9293 §3.2.
constexpr std::byte kEnd{0};
constexpr std::byte kNothing{1};
constexpr std::byte kMss{2};
constexpr std::size_t kMssSize = 4;

Result<std::optional<std::uint16_t>> mss_in(std::span<const std::byte> options) {
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

}  // namespace

Result<TcpSyn> parse_tcp_syn(const IpPacket& packet) {
  const auto segment = packet.payload;
  if (packet.protocol != Protocol::tcp) return fail(Errc::bad_value, "no TCP");
  if (segment.size() < kTcpHeaderSize) return fail(Errc::truncated, "TCP header");
  const std::size_t header = std::to_integer<std::size_t>(segment[12] >> 4U) * 4;
  if (header < kTcpHeaderSize || header > segment.size())
    return fail(Errc::bad_length, "TCP header");
  if (transport_checksum(packet.source, packet.destination,
                         static_cast<std::uint8_t>(Protocol::tcp), segment) != 0)
    return fail(Errc::bad_value, "TCP checksum");
  if ((segment[13] & kSyn) == std::byte{0}) return fail(Errc::bad_value, "no TCP SYN");
  const auto mss = mss_in(segment.subspan(kTcpHeaderSize, header - kTcpHeaderSize));
  if (!mss) return tl::unexpected(mss.error());
  return TcpSyn{.source_port = load_be16(segment.first<2>()),
                .destination_port = load_be16(segment.subspan<2, 2>()),
                .acknowledges = (segment[13] & kAck) != std::byte{0},
                .mss = *mss};
}

}  // namespace wgscope::wire
