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

// A TCP client that never acknowledges what it is sent, so that the other side sends it again and
// again, ever more slowly. No sockets, no clock.

namespace wgscope::path {

/// What a packet was to the connection.
enum class TcpSeen : std::uint8_t {
  nothing,   ///< none of it
  progress,  ///< of it, and neither data nor an answer
  data,      ///< its first data, for the first time or again
  answer,    ///< to ask()
  ended,     ///< the other side has reset it
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
    ended,  ///< reset, after it had been stalled
  };

  /// Begins to connect. @param sequence  its first, at random.
  SilentTcp(const Endpoint& from, const Endpoint& to, std::uint32_t sequence, Instant now);

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool is_opening() const {
    return state_ == State::connecting || state_ == State::waiting;
  }

  /// The next whole IP packet to send; nothing: none.
  std::optional<std::vector<std::byte>> poll_packet() { return outbox_.poll(); }
  /// @param packet  any.
  TcpSeen handle_packet(Instant now, const wire::IpPacket& packet);
  /// Sends what the other side must answer whatever its state: a byte that it has had already, as
  /// TCP's own keepalives do (RFC 9293 §3.8.4). Only with State::stalled.
  void ask();
  /// Resets it, so that the other side forgets it.
  void reset();
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Instant> next_timeout() const;  ///< nothing: is not opening

 private:
  void send(const wire::TcpSegment& segment);
  void connect(Instant now);
  void request(Instant now);
  TcpSeen handle_opening(Instant now, const wire::TcpSegment& segment);
  TcpSeen handle_reset(const wire::TcpSegment& segment);

  Endpoint from_;
  Endpoint to_;
  State state_ = State::connecting;
  std::uint32_t next_sequence_;  ///< of ours
  std::uint32_t expected_ = 0;   ///< of theirs, behind its SYN: all that is ever acknowledged
  int tries_ = 0;
  Instant next_;
  Outbox<std::vector<std::byte>> outbox_;
};

}  // namespace wgscope::path
