#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/outbox.hpp"
#include "wgscope/wire/ip.hpp"
#include "wgscope/wire/tcp.hpp"

// A TCP client that never acknowledges the data that it receives, so that the other side sends it
// again and again, ever more slowly. No sockets, no clock.

namespace wgscope::path {

/// What a packet means for a connection.
enum class TcpSeen : std::uint8_t {
  nothing,   ///< the packet does not belong to the connection
  progress,  ///< the packet belongs to the connection, and is neither data nor an answer
  data,      ///< the packet carries the connection's first data, for the first time or again
  answer,    ///< the packet answers ask()
  ended,     ///< the packet resets the connection
};

class SilentTcp {
 public:
  enum class State : std::uint8_t {
    connecting,  ///< the SYN is not answered yet
    /// Connected, no data yet; a service that does not speak first is sent an HTTP request.
    waiting,
    stalled,  ///< data came in, and stays unacknowledged
    silent,   ///< the other side never answered the SYN
    refused,  ///< the other side, or a firewall in its name, answered the SYN with a reset
    no_data,  ///< connected, but no data came, not even after the HTTP request
    ended,    ///< the other side reset the connection after it had been stalled
  };

  /// Begins to connect. @param sequence  the first sequence number, at random.
  SilentTcp(const Endpoint& from, const Endpoint& to, std::uint32_t sequence, Instant now);

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool is_opening() const {
    return state_ == State::connecting || state_ == State::waiting;
  }

  /// The next whole IP packet to send.
  std::optional<std::vector<std::byte>> poll_packet() { return outbox_.poll(); }
  /// @param packet  any packet; those of other connections are TcpSeen::nothing.
  TcpSeen handle_packet(Instant now, const wire::IpPacket& packet);
  /// Sends a segment that the other side must answer whatever its state: its sequence number
  /// is that of a byte that it has had already, as in TCP's own keepalives (RFC 9293 §3.8.4).
  /// Only with State::stalled.
  void ask();
  /// Resets the connection, so that the other side forgets it.
  void reset();
  void handle_timeout(Instant now);
  /// When to call handle_timeout(). Nothing: the connection is not being opened.
  [[nodiscard]] std::optional<Instant> next_timeout() const;

 private:
  void send(const wire::TcpSegment& segment);
  void connect(Instant now);
  void request(Instant now);
  TcpSeen handle_opening(Instant now, const wire::TcpSegment& segment);
  TcpSeen handle_reset(const wire::TcpSegment& segment);

  Endpoint from_;
  Endpoint to_;
  State state_ = State::connecting;
  std::uint32_t next_sequence_;  ///< the sequence number of our next byte
  /// The number of the other side's first byte: we acknowledge no more.
  std::uint32_t expected_ = 0;
  int tries_ = 0;      ///< transmissions of what is waited for: the SYN, then the HTTP request
  Instant resend_at_;  ///< when to send that again, or to give up
  Outbox<std::vector<std::byte>> outbox_;
};

}  // namespace wgscope::path
