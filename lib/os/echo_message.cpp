// What ICMP sockets receive, taken apart: pure, and given any bytes.

#include <cstddef>
#include <optional>
#include <span>

#include "wgscope/base/bytes.hpp"
#include "wgscope/os/echo_socket.hpp"

namespace wgscope::os {
namespace {

constexpr std::size_t kHeader = 8;
constexpr std::byte kEchoReply4{0};    // RFC 792
constexpr std::byte kEchoReply6{129};  // RFC 4443 §4.2

/// Behind an IPv4 header, which may have options; empty where there is none.
std::span<const std::byte> behind_ip_header(std::span<const std::byte> packet) {
  constexpr std::size_t kLeast = 20;
  if (packet.size() < kLeast || (packet[0] >> 4U) != std::byte{4}) return {};
  const std::size_t size = std::to_integer<std::size_t>(packet[0] & std::byte{0x0f}) * 4;
  if (size < kLeast || size > packet.size()) return {};
  return packet.subspan(size);
}

}  // namespace

std::optional<EchoMessage> parse_echo_reply(std::span<const std::byte> received,
                                            EchoFraming framing) {
  const auto message =
      framing == EchoFraming::v4_with_ip_header ? behind_ip_header(received) : received;
  if (message.size() < kHeader) return std::nullopt;
  const auto header = message.first<kHeader>();
  const std::byte wanted = framing == EchoFraming::v6 ? kEchoReply6 : kEchoReply4;
  if (header[0] != wanted || header[1] != std::byte{0}) return std::nullopt;
  return EchoMessage{.id = load_be16(header.subspan<4, 2>()),
                     .sequence = load_be16(header.subspan<6, 2>()),
                     .payload = message.subspan(kHeader)};
}

}  // namespace wgscope::os
