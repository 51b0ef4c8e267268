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

/// A TCP connection of one host. Never given out twice.
struct TcpId {
  std::uint32_t value = 0;

  friend auto operator<=>(const TcpId&, const TcpId&) = default;
};

/// An answer to one of our echo requests. Duplicates and late ones come too: the sequence tells.
struct EchoReplied {
  Instant at;
  IpAddress from;
  std::uint16_t id = 0;
  std::uint16_t sequence = 0;
  std::uint8_t hop_limit = 0;    ///< as it arrived
  std::size_t payload_size = 0;  ///< bytes
  bool intact = false;           ///< the payload is what was sent
};

/// An ICMP error about something we sent.
struct IcmpFailed {
  Instant at;
  IpAddress reporter;
  wire::IcmpKind kind = wire::IcmpKind::other;
  std::uint8_t type = 0;  ///< as on the wire, for people
  std::uint8_t code = 0;
  std::optional<std::uint32_t> mtu;  ///< bytes; of packet_too_big
  wire::QuotedPacket about;
  std::optional<TcpId> connection;  ///< which it is about, if about one
};

struct UdpReceived {
  Instant at;
  Endpoint from;
  IpAddress to;
  std::uint16_t to_port = 0;
  std::uint8_t hop_limit = 0;
  std::span<const std::byte> payload;  ///< valid until the host's next handle_… or poll_event()
};

struct TcpConnected {
  TcpId id;
};

/// Somebody connected to a port that listens.
struct TcpAccepted {
  TcpId id;
  std::uint16_t port = 0;
  Endpoint from;
};

/// There is something to receive. Comes again only after receive() was called.
struct TcpReadable {
  TcpId id;
};

/// There is room to send again, after a send() that did not take everything.
struct TcpWritable {
  TcpId id;
};

/// The other side sends nothing more; what it sent before can still be received.
struct TcpFinished {
  TcpId id;
};

/// Why nothing more comes or goes.
enum class TcpEnd : std::uint8_t {
  closed,     ///< both sides finished
  refused,    ///< reset before it was established: nothing listens
  reset,      ///< broken off by the other side
  timed_out,  ///< no answer in time
};

std::string_view to_string(TcpEnd end);

/// The end of a connection. What was received before can still be read; close() forgets it.
struct TcpEnded {
  TcpId id;
  TcpEnd why = TcpEnd::closed;
};

using Event = std::variant<EchoReplied, IcmpFailed, UdpReceived, TcpConnected, TcpAccepted,
                           TcpReadable, TcpWritable, TcpFinished, TcpEnded>;

}  // namespace wgscope::inner
