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
  std::chrono::seconds interval{25};  ///< as configured, at least 1
  std::size_t trials = 3;             ///< which must all succeed
  std::chrono::seconds slack = kKeepaliveSlack;
};

/// A request to the other side: it is to answer at once, and once more after `answer_after`.
struct KeepaliveRequest {
  std::uint32_t serial = 0;
  Nanoseconds answer_after{};  ///< zero: it is to answer at once only
};

enum class KeepaliveVerdict : std::uint8_t {
  not_known,   ///< the trials are not finished, or answers do not come in at all
  enough,      ///< every trial succeeded
  not_enough,  ///< a trial failed, and right after it the flow could be opened again
};

struct KeepaliveResult {
  KeepaliveVerdict verdict = KeepaliveVerdict::not_known;
  std::size_t succeeded = 0;                     ///< trials
  bool no_service = false;                       ///< requests got no answer at all
  std::chrono::seconds slack = kKeepaliveSlack;  ///< of the trials
};

/// The trials, one after the other, because there is one flow. In each an answer comes in after a
/// silence of `interval` + `slack` both ways, or does not. For one thread at a time.
class KeepaliveTrials {
 public:
  KeepaliveTrials(const KeepaliveConfig& config, Instant now);

  std::optional<KeepaliveRequest> poll_request();
  void handle_answer(Instant now, std::uint32_t serial);
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Instant> next_timeout() const;  ///< nothing: done
  [[nodiscard]] bool done() const { return state_ == State::done; }
  [[nodiscard]] KeepaliveResult result() const { return result_; }
  /// When the trials end where no packet is lost.
  [[nodiscard]] Instant latest_end() const;

 private:
  enum class State : std::uint8_t {
    asking,     ///< until the request is answered at once
    silent,     ///< until it is answered again
    reopening,  ///< the second answer did not come: does the flow open again?
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
/// The shortest lifetime divided by the interval should be this at least. Chosen: then a keepalive
/// that is late by half an interval is still in time.
inline constexpr double kEnoughMargin = 1.5;

struct KeepaliveAdvice {
  /// The lifetime divided by the interval, of the shortest lifetime that is possible.
  std::optional<double> margin;
  /// The longest interval with enough margin, up to the usual one.
  std::optional<std::chrono::seconds> set_to;
};

/// @param interval     as configured; nothing: there is none
/// @param alive_after  the longest silence that is known to be survived; nothing: unknown
KeepaliveAdvice advise_keepalive(std::optional<std::chrono::seconds> interval,
                                 std::optional<std::chrono::seconds> alive_after);

}  // namespace wgscope::path
