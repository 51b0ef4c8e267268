#include "wgscope/wire/message.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "wgscope/base/bytes.hpp"

namespace wgscope::wire {

std::optional<MessageType> classify(std::span<const std::byte> datagram) {
  if (datagram.size() < 4) return std::nullopt;
  // One byte of type and three zero bytes, read as one number.
  switch (load_le32(datagram.first<4>())) {
    case static_cast<std::uint32_t>(MessageType::transport):
      if (datagram.size() >= kKeepaliveSize) return MessageType::transport;
      break;
    case static_cast<std::uint32_t>(MessageType::initiation):
      if (datagram.size() == kInitiationSize) return MessageType::initiation;
      break;
    case static_cast<std::uint32_t>(MessageType::response):
      if (datagram.size() == kResponseSize) return MessageType::response;
      break;
    case static_cast<std::uint32_t>(MessageType::cookie_reply):
      if (datagram.size() == kCookieReplySize) return MessageType::cookie_reply;
      break;
    default: break;
  }
  return std::nullopt;
}

void write_type(MessageType type, std::span<std::byte, 4> to) {
  store_le32(to, static_cast<std::uint32_t>(type));
}

std::size_t padded_size(std::size_t size, std::size_t mtu) {
  const std::size_t padded = (size + kPaddingMultiple - 1) / kPaddingMultiple * kPaddingMultiple;
  return std::max(size, std::min(padded, mtu));
}

std::optional<InnerPacket> trim_padding(std::span<std::byte> payload) {
  constexpr std::size_t kHeader4 = 20;
  constexpr std::size_t kHeader6 = 40;
  if (payload.empty()) return std::nullopt;
  const auto version = std::to_integer<unsigned>(payload[0] >> 4U);
  std::size_t size = 0;
  if (version == 4 && payload.size() >= kHeader4)
    size = load_be16(payload.subspan<2, 2>());  // RFC 791 §3.1: header and data
  else if (version == 6 && payload.size() >= kHeader6)
    size = kHeader6 + load_be16(payload.subspan<4, 2>());  // RFC 8200 §3: what follows the header
  if (size < (version == 4 ? kHeader4 : kHeader6) || size > payload.size()) return std::nullopt;
  return InnerPacket{payload.first(size), version == 6};
}

}  // namespace wgscope::wire
