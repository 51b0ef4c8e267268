#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

// WireGuard's four messages (whitepaper §5.4): where their fields are. Nothing is copied and
// nothing is checked but lengths and types; what the fields hold is the business of noise/.

namespace wgscope::wire {

enum class MessageType : std::uint8_t {
  initiation = 1,
  response = 2,
  cookie_reply = 3,
  transport = 4
};

inline constexpr std::size_t kInitiationSize = 148;
inline constexpr std::size_t kResponseSize = 92;
inline constexpr std::size_t kCookieReplySize = 64;
inline constexpr std::size_t kTransportHeaderSize = 16;
inline constexpr std::size_t kTagSize = 16;
inline constexpr std::size_t kTransportOverhead = kTransportHeaderSize + kTagSize;
inline constexpr std::size_t kPaddingMultiple = 16;  // whitepaper §5.4.6
inline constexpr std::size_t kMacSize = 16;

/// A transport message without content: a keepalive.
inline constexpr std::size_t kKeepaliveSize = kTransportOverhead;

/// The type of a datagram, by its first byte, three zero bytes and its length: exact for the first
/// three, at least a keepalive's for transport. @returns nothing for any other datagram.
std::optional<MessageType> classify(std::span<const std::byte> datagram);

/// Views of one message's fields, for reading (Byte = const std::byte) and for writing. Source:
/// whitepaper §5.4.2.
template <class Byte>
struct InitiationView {
  std::span<Byte, kInitiationSize> bytes;

  [[nodiscard]] auto sender() const { return bytes.template subspan<4, 4>(); }
  [[nodiscard]] auto ephemeral() const { return bytes.template subspan<8, 32>(); }
  [[nodiscard]] auto sealed_static() const { return bytes.template subspan<40, 48>(); }
  [[nodiscard]] auto sealed_timestamp() const { return bytes.template subspan<88, 28>(); }
  [[nodiscard]] auto before_mac1() const { return bytes.template first<116>(); }
  [[nodiscard]] auto mac1() const { return bytes.template subspan<116, 16>(); }
  [[nodiscard]] auto before_mac2() const { return bytes.template first<132>(); }
  [[nodiscard]] auto mac2() const { return bytes.template subspan<132, 16>(); }
};

/// The fields of a response (whitepaper §5.4.3).
template <class Byte>
struct ResponseView {
  std::span<Byte, kResponseSize> bytes;

  [[nodiscard]] auto sender() const { return bytes.template subspan<4, 4>(); }
  [[nodiscard]] auto receiver() const { return bytes.template subspan<8, 4>(); }
  [[nodiscard]] auto ephemeral() const { return bytes.template subspan<12, 32>(); }
  [[nodiscard]] auto sealed_nothing() const { return bytes.template subspan<44, 16>(); }
  [[nodiscard]] auto before_mac1() const { return bytes.template first<60>(); }
  [[nodiscard]] auto mac1() const { return bytes.template subspan<60, 16>(); }
  [[nodiscard]] auto before_mac2() const { return bytes.template first<76>(); }
  [[nodiscard]] auto mac2() const { return bytes.template subspan<76, 16>(); }
};

/// The fields of a cookie reply (whitepaper §5.4.7).
template <class Byte>
struct CookieReplyView {
  std::span<Byte, kCookieReplySize> bytes;

  [[nodiscard]] auto receiver() const { return bytes.template subspan<4, 4>(); }
  [[nodiscard]] auto nonce() const { return bytes.template subspan<8, 24>(); }
  [[nodiscard]] auto sealed_cookie() const { return bytes.template subspan<32, 32>(); }
};

/// The fields of a transport message (whitepaper §5.4.6).
template <class Byte>
struct TransportView {
  std::span<Byte> bytes;  ///< at least kKeepaliveSize

  [[nodiscard]] auto receiver() const { return bytes.template subspan<4, 4>(); }
  [[nodiscard]] auto counter() const { return bytes.template subspan<8, 8>(); }
  [[nodiscard]] auto sealed() const { return bytes.subspan(kTransportHeaderSize); }
};

using Initiation = InitiationView<const std::byte>;
using Response = ResponseView<const std::byte>;
using CookieReply = CookieReplyView<const std::byte>;
using Transport = TransportView<const std::byte>;

/// Writes the type and the three reserved bytes that every message begins with.
void write_type(MessageType type, std::span<std::byte, 4> to);

/// The size an inner packet is padded to: a multiple of 16, but no more than `mtu` (whitepaper
/// §5.4.6; a packet above the MTU stays as it is).
std::size_t padded_size(std::size_t size, std::size_t mtu);

/// The part of a decrypted payload that is the IP packet, by its own length field; the
/// rest is padding.
struct InnerPacket {
  std::span<std::byte> bytes;
  bool v6 = false;
};

/// @returns nothing if it is not an IPv4 or IPv6 packet, or claims to be longer than it is.
std::optional<InnerPacket> trim_padding(std::span<std::byte> payload);

}  // namespace wgscope::wire
