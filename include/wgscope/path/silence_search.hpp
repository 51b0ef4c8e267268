#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/path/flow_lifetime.hpp"

// How long a silent flow is remembered, where somebody else can be made to call at any moment: the
// twin, a second peer of the same gateway, whose packets come to us through it. One flow, so one
// silence after the other. No sockets, no clock.

namespace wgscope::path {

struct SilenceSearchConfig {
  /// PersistentKeepalive, which is judged: after `interval` + `slack` something must still come in.
  std::optional<std::chrono::seconds> interval;
  std::size_t trials = 3;         ///< that must all succeed
  std::chrono::seconds slack{1};  ///< keepalives may come so much late
  /// How long a silence is tried, beyond that of `interval`. Zero: only whether calls come in.
  std::chrono::seconds longest{180};
};

/// What is to be sent now.
struct SilenceSend {
  enum class Kind : std::uint8_t {
    keepalive,  ///< by us: an empty packet, which opens the flow and silences the gateway
    call,       ///< by the twin, to us, with `serial`
    handshake,  ///< by us, as the session grows too old for the next silence
  };
  Kind kind{};
  std::uint32_t serial = 0;
};

/// A call that has to come in after a silence is made so often, until one does: one may be lost on
/// a path that is all right. Times from the first.
inline constexpr std::chrono::milliseconds kCallCopies[]{
    std::chrono::milliseconds(0),   std::chrono::milliseconds(60),  std::chrono::milliseconds(130),
    std::chrono::milliseconds(210), std::chrono::milliseconds(300), std::chrono::milliseconds(400),
    std::chrono::milliseconds(510), std::chrono::milliseconds(630)};

/// At most so many silences are tried, each within kLongestBeside of its length.
std::size_t most_silences(const SilenceSearchConfig& config);
inline constexpr Nanoseconds kLongestBeside = std::chrono::seconds(45);

/// First the silence that is judged, then ones that grow by half until one fails, then halves
/// between, down to a second. For one thread at a time.
///
///      we ──keepalive──► gateway           the flow is open
///      we ◄────call───── gateway ◄── twin  and calls come in: a control
///      we ──keepalive──► gateway           without it the gateway would handshake after 15 s
///                silence …
///      we ◄────call───── gateway ◄── twin  comes in: the flow was remembered
///                                          does not: begin anew, and only when the control comes
///                                          in was it forgotten
class SilenceSearch {
 public:
  /// @param keyed  when our session was made, by us.
  SilenceSearch(const SilenceSearchConfig& config, Instant keyed, Instant now);

  std::optional<SilenceSend> poll_send();
  // What came in. @param missing  how many packets of the gateway are known to be lost, in the
  // whole run, by their numbers (tunnel::ReceiveLoss).
  void handle_call(Instant now, std::uint32_t serial, std::uint64_t missing);
  /// Anything else of the gateway.
  void handle_other(Instant now, std::uint64_t missing);
  /// A handshake was completed, whoever began it: the session is new.
  void handle_keyed(Instant now);
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Instant> next_timeout() const;  ///< nothing: done

  [[nodiscard]] bool done() const { return state_ == State::done; }
  /// What is known so far.
  [[nodiscard]] FlowLifetime result() const;
  /// The silence that is being tried, and when it is over; nothing: none at the moment.
  [[nodiscard]] std::optional<Nanoseconds> silence() const;
  [[nodiscard]] Instant silent_until() const { return next_; }

 private:
  enum class State : std::uint8_t {
    keying,    ///< until the handshake is answered
    greeting,  ///< until a call comes in right after we have sent
    pausing,   ///< before the next greeting: a flow must be some seconds old to count as a stream
    hushing,   ///< the last word is ours
    silent,
    calling,  ///< until one of several calls comes in, or none
    done,
  };

  void send(SilenceSend::Kind kind);
  void begin(Instant now);
  void greet(Instant now);
  void handle_greeting(Instant now, std::uint32_t serial);
  void hush(Instant now);
  void hush_again(Instant now);
  void call(Instant now);
  void call_again(Instant now);
  void take_incoming(Instant now, std::uint64_t lost);
  void note_broken(Nanoseconds lasted);
  std::uint64_t take_missing(std::uint64_t missing);
  void record(bool alive);
  void step(Instant now);
  void finish(FlowEnd end);
  [[nodiscard]] std::optional<Nanoseconds> choose();
  [[nodiscard]] std::optional<Nanoseconds> choose_length(const FlowLifetime& known) const;
  [[nodiscard]] std::optional<Nanoseconds> judged() const;

  SilenceSearchConfig config_;
  State state_ = State::greeting;
  FlowLifetime found_;
  std::vector<SilenceSend> outbox_;
  std::size_t outbox_read_ = 0;
  Instant keyed_;
  Instant next_;
  Nanoseconds silence_{};  ///< that is tried
  std::uint32_t serial_ = 0;
  std::uint32_t first_greeting_ = 1;  ///< serial: calls before it are of what was tried earlier
  Instant called_;                    ///< when serial_ was sent
  Nanoseconds delay_{};               ///< a call's, the shortest
  bool heard_ = false;
  bool suspected_ = false;  ///< the calls of the last silence did not come in
  Instant fresh_;           ///< since when the flow may be a new one to the NAT
  bool is_fresh_ = true;
  int asked_ = 0;  ///< without an answer
  int hushed_ = 0;
  std::size_t copies_ = 0;
  Instant silent_since_;
  std::uint64_t missing_ = 0;    ///< packets of the gateway, so far
  int broken_here_ = 0;          ///< in this silence
  int unclear_here_ = 0;         ///< tries of it, at whose end something was lost
  std::size_t alive_since_ = 0;  ///< successes since the shortest failure
  std::size_t repeated_ = 0;     ///< failures that were tried again
};

}  // namespace wgscope::path
