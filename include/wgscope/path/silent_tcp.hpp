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
  nothing,   ///< it does not belong to the connection
  progress,  ///< it belongs to the connection, and is neither data nor an answer
  data,      ///< it carries the connection's first data, for the first time or again
  answer,    ///< it answers ask()
  ended,     ///< it resets the connection
};

class SilentTcp {
 public:
  enum class State : std::uint8_t {
    connecting,
    waiting,  ///< for data; a service that says nothing by itself is asked by HTTP
    stalled,  ///< has its data, and leaves it unacknowledged
    silent,   ///< never answered
    refused,
    no_data,
    ended,  ///< it was reset after it had been stalled
  };

  /// Begins to connect. @param sequence  the first sequence number, at random.
  SilentTcp(const Endpoint& from, const Endpoint& to, std::uint32_t sequence, Instant now);

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool is_opening() const {
    return state_ == State::connecting || state_ == State::waiting;
  }

  /// The next whole IP packet to send.
  std::optional<std::vector<std::byte>> poll_packet() { return outbox_.poll(); }
  /// @param packet  any.
  TcpSeen handle_packet(Instant now, const wire::IpPacket& packet);
  /// Sends a segment that the other side must answer whatever its state: its sequence number
  /// is that of a byte that it has had already, as in TCP's own keepalives (RFC 9293 §3.8.4).
  /// Only with State::stalled.
  void ask();
  /// Resets the connection, so that the other side forgets it.
  void reset();
  void handle_timeout(Instant now);
  /// Nothing: the connection is not opening.
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
  std::uint32_t next_sequence_;  ///< ours
  std::uint32_t expected_ = 0;   ///< theirs, behind the SYN: no more is ever acknowledged
  int tries_ = 0;
  Instant next_;
  Outbox<std::vector<std::byte>> outbox_;
};

}  // namespace wgscope::path
