#pragma once

#include <cstdint>

#include "clock.hpp"
#include "peer.hpp"

namespace wgscope::simulator {

/// A server behind the gateway that sends to a peer by TCP: a transfer as long as data is
/// acknowledged, retransmissions with twice the wait each time when it is not, the end after about
/// 15 min of them (RFC 6298; Linux, tcp_retries2).
class TcpSender {
 public:
  /// @param first_wait  before the first retransmission: 200 ms and more, by the round trip
  TcpSender(Clock& clock, Peer& peer, Time first_wait);

  /// Does nothing while an earlier transfer is under way.
  void start(std::int64_t bytes_per_second, Time duration);
  /// As a reset from the other end does it.
  void stop();
  [[nodiscard]] bool active() const { return seconds_left_ > 0; }

 private:
  void tick();
  void acknowledged();

  Clock* clock_;
  Peer* peer_;
  Time first_wait_;
  int flow_;
  std::int64_t rate_ = 0;
  std::int64_t seconds_left_ = 0;
  std::optional<Time> wait_;  ///< the last one, while data is lost
  Time lost_since_{0};
  bool acknowledged_ = false;
  Timer timer_;
};

/// A connection that nobody uses, which a server behind the gateway keeps alive: after two hours
/// nine probes, 75 s apart (Linux, tcp_keepalive_time, _probes, _intvl).
class IdleConnection {
 public:
  IdleConnection(Clock& clock, Peer& peer);
  /// The peer connects, or used the connection.
  void used();
  void stop() { timer_.cancel(); }

 private:
  void probe();

  Peer* peer_;
  int flow_;
  int unanswered_ = 0;
  Timer timer_;
};

/// Calls `tick` with a wait before each, for a time or for ever: a call, a feed, polls.
class Repeater {
 public:
  using Wait = std::function<Time()>;
  Repeater(Clock& clock, Clock::Action tick, Wait wait);
  void start(std::optional<Time> duration = {});
  void stop() { timer_.cancel(); }
  [[nodiscard]] bool active() const { return timer_.pending(); }

 private:
  void run();

  Clock* clock_;
  Clock::Action tick_;
  Wait wait_;
  std::optional<Time> end_;
  Timer timer_;
};

}  // namespace wgscope::simulator
