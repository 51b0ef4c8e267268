#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "wgscope/base/time.hpp"

// Whether a PersistentKeepalive is often enough: after a silence of its interval something must
// still come in. No sockets, no clock.

namespace wgscope::path {

/// By how much a keepalive may be late. Chosen: timers are coarse, and systems busy.
inline constexpr std::chrono::seconds kKeepaliveSlack{1};

struct KeepaliveConfig {
  std::chrono::seconds interval{25};  ///< the configured PersistentKeepalive, at least 1 s
  /// How many silences are tried, one after the other; all must be survived.
  std::size_t trials = 3;
  std::chrono::seconds slack = kKeepaliveSlack;
};

/// A request to the other side: it is to answer at once, and once more after `answer_after`.
struct KeepaliveRequest {
  std::uint32_t serial = 0;    ///< the answer repeats it, which tells which request is answered
  Nanoseconds answer_after{};  ///< zero: it is to answer at once only
};

enum class KeepaliveVerdict : std::uint8_t {
  not_known,  ///< the trials are not finished, or no answers come in at all
  enough,     ///< every trial succeeded
  /// No answer came in after a silence, and right after it the flow could be opened again.
  not_enough,
};

struct KeepaliveResult {
  KeepaliveVerdict verdict = KeepaliveVerdict::not_known;
  std::size_t succeeded = 0;  ///< silences after which the answer came in
  bool no_service = false;    ///< not one request got an answer
  /// How much longer than the interval each silence was.
  std::chrono::seconds slack = kKeepaliveSlack;
};

/// The trials, one after the other, because there is one flow. In each an answer comes in after a
/// silence of `interval` + `slack` both ways, or does not. For one thread at a time.
class KeepaliveTrials {
 public:
  KeepaliveTrials(const KeepaliveConfig& config, Instant now);

  std::optional<KeepaliveRequest> poll_request();
  void handle_answer(Instant now, std::uint32_t serial);
  void handle_timeout(Instant now);
  /// When to call handle_timeout(); nothing: done.
  [[nodiscard]] std::optional<Instant> next_timeout() const;
  [[nodiscard]] bool done() const { return state_ == State::done; }
  [[nodiscard]] KeepaliveResult result() const { return result_; }
  /// When the trials end where no packet is lost.
  [[nodiscard]] Instant latest_end() const;

 private:
  enum class State : std::uint8_t {
    asking,  ///< waits for the answer that opens the flow
    silent,  ///< waits in silence for the second answer
    /// The second answer did not come, so another request shows whether the flow reopens.
    reopening,
    done,
  };

  void ask(Instant now, State state);
  void finish(KeepaliveVerdict verdict);

  KeepaliveConfig config_;
  Instant start_;
  State state_ = State::asking;
  std::uint32_t serial_ = 0;
  int asked_ = 0;  ///< requests in a row that got no answer
  Instant asked_at_;
  Instant next_;  ///< when the current state ends by itself
  std::optional<KeepaliveRequest> request_;
  KeepaliveResult result_;
};

/// What wg(8) calls a sensible interval.
inline constexpr std::chrono::seconds kUsualKeepalive{25};
/// The shortest possible lifetime of the flow, divided by the interval, should be at least this.
/// Chosen: then a keepalive that is late by half an interval is still in time.
inline constexpr double kEnoughMargin = 1.5;

struct KeepaliveAdvice {
  /// The shortest possible lifetime divided by the interval. Nothing: there is no
  /// interval, or the lifetime is unknown.
  std::optional<double> margin;
  /// The longest interval with at least kEnoughMargin, at most kUsualKeepalive. Nothing: unknown.
  std::optional<std::chrono::seconds> set_to;
};

/// @param interval     as configured; nothing: there is none
/// @param alive_after  the longest silence that is known to be survived; nothing: unknown
KeepaliveAdvice advise_keepalive(std::optional<std::chrono::seconds> interval,
                                 std::optional<std::chrono::seconds> alive_after);

}  // namespace wgscope::path
