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

  /// Whether the connection goes on: the other side has not reset it.
  [[nodiscard]] bool is_live() const { return live_; }
  /// Whether data of the pause that is followed now is still to come.
  [[nodiscard]] bool is_awaited() const { return live_ && !arrived_; }
  /// Whether data of this pause came in, or is taken for lost.
  [[nodiscard]] bool has_arrived() const { return arrived_; }
  /// Whether at least one pause was seen, so that the length of the next one is known.
  [[nodiscard]] bool is_learnt() const { return learnt_; }

  /// The other side sends again between early() and late(). @param patient  it was late already in
  /// this pause.
  [[nodiscard]] Instant early() const;
  [[nodiscard]] Instant late(bool patient) const;

  void handle_data(Instant now);
  /// Notes that nothing came in, although the other side is supposed to have sent.
  void suppose_sent();
  /// Notes that the other side sends later than its pauses said.
  void expect_later();
  void begin_pause() { arrived_ = false; }
  void end() { live_ = false; }

 private:
  Instant last_;         ///< when the other side last sent, as far as is known
  Nanoseconds pause_;    ///< how long after `last_` it sends again
  bool capped_ = false;  ///< its pauses double no further
  bool learnt_ = false;
  bool arrived_ = false;  ///< as has_arrived()
  bool live_ = true;
};

}  // namespace wgscope::path
