#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "wgscope/base/time.hpp"

// Whether a PersistentKeepalive is often enough: after so long a silence something must still come
// in, on the tunnel's own flow. No sockets, no clock.

namespace wgscope::path {

struct KeepaliveConfig {
  std::chrono::seconds interval{25};  ///< as configured, at least 1
  std::size_t trials = 3;             ///< that must all succeed
  /// Keepalives may come so much late: timers are coarse, and systems busy.
  Nanoseconds slack = std::chrono::seconds(1);
};

/// To be sent through the tunnel: answer at once, then again after `answer_after`, then nothing.
struct KeepaliveRequest {
  std::uint32_t serial = 0;
  Nanoseconds answer_after{};  ///< zero: only at once
};

enum class KeepaliveVerdict : std::uint8_t {
  not_known,   ///< not finished, or what should have come in had no way at all
  enough,      ///< every trial succeeded
  not_enough,  ///< a trial failed, and right after it the flow could be opened again
};

struct KeepaliveResult {
  KeepaliveVerdict verdict = KeepaliveVerdict::not_known;
  std::size_t succeeded = 0;  ///< trials
  bool no_service = false;    ///< requests had no answer at all
};

/// The trials, one after the other, as there is one flow. Each ends with something coming in after
/// `interval` + `slack` of silence both ways, or not. For one thread at a time.
class KeepaliveTrials {
 public:
  KeepaliveTrials(const KeepaliveConfig& config, Instant now);

  std::optional<KeepaliveRequest> poll_request();
  void handle_answer(Instant now, std::uint32_t serial);
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Instant> next_timeout() const;  ///< nothing: done
  [[nodiscard]] bool done() const { return state_ == State::done; }
  [[nodiscard]] KeepaliveResult result() const { return result_; }
  [[nodiscard]] Instant latest_end() const;  ///< where nothing is lost

 private:
  enum class State : std::uint8_t {
    asking,     ///< until the request is answered at once
    silent,     ///< until it is answered again
    reopening,  ///< that came not: does the flow open again?
    done,
  };

  void ask(Instant now, State state);
  void finish(KeepaliveVerdict verdict);

  KeepaliveConfig config_;
  Instant start_;
  State state_ = State::asking;
  std::uint32_t serial_ = 0;
  int asked_ = 0;  ///< without an answer
  Instant asked_at_;
  Instant next_;
  std::optional<KeepaliveRequest> request_;
  KeepaliveResult result_;
};

/// What wg(8) calls a sensible interval.
inline constexpr std::chrono::seconds kUsualKeepalive{25};
/// Lifetime divided by interval. Below this, one lost keepalive and a little delay close the flow.
inline constexpr double kEnoughMargin = 1.5;

struct KeepaliveAdvice {
  std::optional<double> margin;                ///< the shortest lifetime it can be / interval
  std::optional<std::chrono::seconds> set_to;  ///< an interval with margin; at most the usual one
};

/// @param interval    configured; nothing: none
/// @param alive_after  the longest silence that is known to be survived; nothing: not known
KeepaliveAdvice advise_keepalive(std::optional<std::chrono::seconds> interval,
                                 std::optional<std::chrono::seconds> alive_after);

}  // namespace wgscope::path
