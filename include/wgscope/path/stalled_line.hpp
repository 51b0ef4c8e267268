#pragma once

#include <chrono>

#include "wgscope/base/time.hpp"

namespace wgscope::path {

/// Linux' timers are late by an eighth of their time at most: that is the granularity of each level
/// of the timer wheel (kernel/time/timer.c, the tables in its first comment). Rounded up.
inline constexpr double kMostLate = 1.13;
/// Linux doubles pauses no further (TCP_RTO_MAX, include/net/tcp.h). Where another system does, or
/// stops earlier, that is learnt.
inline constexpr Nanoseconds kUsualLongestPause = std::chrono::seconds(120);

/// When the other side of a connection sends again what we never acknowledge. That is learnt from
/// when it did; only that pauses double, and stop doing so at some length, is supposed. A part of
/// RetransmissionLadder. No sockets, no clock.
class StalledLine {
 public:
  /// @param sent  when its data came in for the first time.
  explicit StalledLine(Instant sent);

  /// It goes on: the other side has not reset it.
  [[nodiscard]] bool is_live() const { return live_; }
  /// Data of the pause that is followed now is still to come.
  [[nodiscard]] bool is_awaited() const { return live_ && !arrived_; }
  /// Data of this pause came in, or was lost as far as is known.
  [[nodiscard]] bool has_arrived() const { return arrived_; }
  /// One pause at least was seen, so that the next one is known.
  [[nodiscard]] bool is_learnt() const { return learnt_; }

  /// Between these two it sends again. @param patient  it was late already in this pause.
  [[nodiscard]] Instant early() const;
  [[nodiscard]] Instant late(bool patient) const;
  /// It was never seen to send before this: for what must not be believed too early.
  [[nodiscard]] Instant much_too_early() const;

  void handle_data(Instant now);
  /// Nothing came in, and the other side is supposed to have sent all the same.
  void suppose_sent();
  /// It sends later than its pauses said.
  void expect_later();
  void begin_pause() { arrived_ = false; }
  void end() { live_ = false; }

 private:
  Instant last_;         ///< when it last sent, as far as is known
  Nanoseconds pause_;    ///< until it sends again
  bool capped_ = false;  ///< pauses double no more
  bool learnt_ = false;
  bool arrived_ = false;
  bool live_ = true;
};

}  // namespace wgscope::path
