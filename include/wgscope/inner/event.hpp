#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/wire/icmp.hpp"

namespace wgscope::inner {

/// Identifies a TCP connection of one host. A value is never used again.
struct TcpId {
  std::uint32_t value = 0;

  friend auto operator<=>(const TcpId&, const TcpId&) = default;
};

/// An answer to one of our echo requests. Duplicates and late answers are reported too; `sequence`
/// reveals them.
struct EchoReplied {
  Instant at;
  IpAddress from;
  std::uint16_t id = 0;
  std::uint16_t sequence = 0;
  std::uint8_t hop_limit = 0;    ///< as received
  std::size_t payload_size = 0;  ///< bytes
  bool intact = false;           ///< the payload is unchanged
};

/// An ICMP error about something we sent.
struct IcmpFailed {
  Instant at;
  IpAddress reporter;
  wire::IcmpKind kind = wire::IcmpKind::other;
  std::uint8_t type = 0;  ///< type and code as on the wire, to show them to people
  std::uint8_t code = 0;
  std::optional<std::uint32_t> mtu;  ///< bytes; for packet_too_big only
  wire::QuotedPacket about;
  std::optional<TcpId> connection;  ///< the connection that the error is about, if any
};

struct UdpReceived {
  Instant at;
  Endpoint from;
  IpAddress to;
  std::uint16_t to_port = 0;
  std::uint8_t hop_limit = 0;
  std::span<const std::byte> payload;  ///< valid until the host's next handle_…() or poll_event()
};

struct TcpConnected {
  TcpId id;
};

/// A client connected to a port that we listen on.
struct TcpAccepted {
  TcpId id;
  std::uint16_t port = 0;
  Endpoint from;
};

/// There is data to receive. This event comes again only after receive() was called.
struct TcpReadable {
  TcpId id;
};

/// There is room to send again. This event follows a send() that did not take everything.
struct TcpWritable {
  TcpId id;
};

/// The other side has finished sending; what it sent before can still be received.
struct TcpFinished {
  TcpId id;
};

/// Why a connection ended.
enum class TcpEnd : std::uint8_t {
  closed,     ///< both sides have finished sending
  refused,    ///< reset before it was established, because nothing listens
  reset,      ///< reset by the other side
  timed_out,  ///< no answer in time
};

std::string_view to_string(TcpEnd end);

/// A connection ended. What was received before can still be read, until close().
struct TcpEnded {
  TcpId id;
  TcpEnd why = TcpEnd::closed;
};

using Event = std::variant<EchoReplied, IcmpFailed, UdpReceived, TcpConnected, TcpAccepted,
                           TcpReadable, TcpWritable, TcpFinished, TcpEnded>;

}  // namespace wgscope::inner
