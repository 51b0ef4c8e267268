#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "wgscope/base/time.hpp"

// Whether a PersistentKeepalive is often enough: the one rule for that, which every method of
// wgscope nat asks (docs/methods.md, "Keepalive", has the reasons); and trials of one interval, with
// a service that answers after a silence. No sockets, no clock.

namespace wgscope::path {

struct KeepaliveConfig {
  std::chrono::seconds interval{25};  ///< the configured PersistentKeepalive, at least 1 s
  /// So many silences must be survived, one after the other.
  std::size_t trials = 3;
};

/// A request to the other side: it is to answer at once, and once more after `answer_after`.
struct KeepaliveRequest {
  std::uint32_t serial = 0;    ///< the answer repeats it, which tells which request is answered
  Nanoseconds answer_after{};  ///< zero: it is to answer at once only
};

enum class KeepaliveVerdict : std::uint8_t {
  not_known,  ///< the trials are not finished, or no answers come in at all
  enough,     ///< as many trials succeeded as were wanted
  /// Twice no answer came in after a silence, and right after it the flow could be opened again.
  not_enough,
};

struct KeepaliveResult {
  KeepaliveVerdict verdict = KeepaliveVerdict::not_known;
  std::size_t succeeded = 0;  ///< silences after which the answer came in
  std::size_t failed = 0;     ///< silences after which it did not, and the flow could be reopened
  bool no_service = false;    ///< not one request got an answer
};

/// One silence that is not survived may be loss, so it takes so many. Chosen: with 10 % loss chance
/// loses the three copies of an answer (kAnswerCopies) once in 1 000 silences, and twice in a run of
/// trials about once in 200 000 runs.
inline constexpr std::size_t kFailuresThatCount = 2;

/// The trials, one after the other, because there is one flow. In each an answer comes in after a
/// silence of `interval` both ways, or does not. For one thread at a time.
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
  /// When the trials end at the latest where requests arrive.
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
  int unanswered_ = 0;  ///< requests in a row that got no answer
  Instant asked_at_;
  Instant state_ends_;  ///< when the current state ends by itself
  std::optional<KeepaliveRequest> request_;
  KeepaliveResult result_;
};

// --- the rule

/// How long a silent flow is remembered, as far as silences were tried. Both ends are bounds, and
/// neither is the lifetime.
struct LifetimeBracket {
  /// The longest silence that the flow survived; nothing: none.
  std::optional<std::chrono::seconds> alive_after;
  /// The shortest silence that it did not survive; nothing: none.
  std::optional<std::chrono::seconds> gone_after;
};

/// What wg(8) calls a sensible interval.
inline constexpr std::chrono::seconds kUsualKeepalive{25};

/// After how long the keepalive of an implementation with coarse timers comes. wireguard-go's timers
/// are exact. The kernel's are late by up to an eighth, which is the granularity of each level of
/// its timer wheel (kernel/time/timer.c): an interval of 25 s was seen to take 26.4 to 27.0 s
/// (docs/simulation.md). Rounded to whole seconds, at least one.
std::chrono::seconds late_keepalive(std::chrono::seconds interval);

/// What silences as long as the keepalive's own say of it.
enum class KeepaliveFit : std::uint8_t {
  untried,         ///< its silence was neither survived nor not survived
  too_long,        ///< its silence, or a shorter one, was not survived
  only_if_exact,   ///< its silence was survived, and that of a late keepalive was not
  in_time,         ///< its silence was survived; that of a late keepalive was not tried
  in_time_if_late  ///< the silence of a late keepalive was survived
};

/// @param trials  of the interval's own silence: they count more than the bracket.
KeepaliveFit fit_keepalive(std::chrono::seconds interval, const LifetimeBracket& flow,
                           KeepaliveVerdict trials);

/// What the loss of one keepalive does: the flow is then silent for two intervals.
enum class LostKeepalive : std::uint8_t {
  untried,  ///< no silence that is as long was tried
  /// Even two late keepalives in a row come in time, so one of them may be lost.
  costs_nothing,
  /// The flow is forgotten before the next keepalive, which opens it again. Meanwhile what the
  /// gateway begins to send is lost.
  closes,
};

LostKeepalive lose_keepalive(std::chrono::seconds interval, const LifetimeBracket& flow);
/// For how long the flow is closed then at most: until the next keepalive, if that is late too.
std::chrono::seconds longest_closed(std::chrono::seconds interval, const LifetimeBracket& flow);

/// Intervals that are proven by a silence that was survived, at most kUsualKeepalive.
struct KeepaliveAdvice {
  /// The longest interval that is in time even if it is late. Nothing: unknown.
  std::optional<std::chrono::seconds> set_to;
  /// The longest interval of which one may be lost too. Nothing: unknown.
  std::optional<std::chrono::seconds> survives_a_loss;
};

/// @param alive_after  the longest silence that is known to be survived; nothing: unknown
KeepaliveAdvice advise_keepalive(std::optional<std::chrono::seconds> alive_after);

}  // namespace wgscope::path
