#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>

#include "wgscope/base/time.hpp"
#include "wgscope/path/flow_lifetime.hpp"
#include "wgscope/path/outbox.hpp"
#include "wgscope/path/silent_gateway.hpp"

// How long the NATs on the way remember a silent flow, where a second peer of the same gateway, the
// twin, can call at any moment: its packets come to us through the gateway. It is one flow, so one
// silence is tried after the other. No sockets, no clock.

namespace wgscope::path {

struct SilenceSearchConfig {
  /// PersistentKeepalive, which is judged: after a silence of it something must still come in.
  std::optional<std::chrono::seconds> interval;
  std::size_t trials = 3;  ///< silences of that length to try; all must be survived
  /// The longest silence that is tried, apart from that of `interval`. Zero: only finds out whether
  /// calls come in.
  std::chrono::seconds longest_silence{180};
  /// The run ends after so long, with what is known by then. Nothing: as long as all silences take.
  std::optional<Nanoseconds> most = {};
};

/// What is to be sent now.
struct SilenceSend {
  enum class Kind : std::uint8_t {
    keepalive,  ///< we send an empty packet, which opens the flow and keeps the gateway silent
    call,       ///< the twin sends us a packet with `serial`
    handshake,  ///< we handshake anew, because the session would expire during the next silence
  };
  Kind kind{};
  std::uint32_t serial = 0;  ///< identifies the call, which carries it; only with Kind::call
};

/// After a silence calls are made at these times from the first one, until one of them comes in,
/// because one may be lost on a path that is all right. Chosen: ever longer gaps, so that a short
/// outage does not swallow all of them.
inline constexpr std::chrono::milliseconds kCallCopies[]{
    std::chrono::milliseconds(0),   std::chrono::milliseconds(60),  std::chrono::milliseconds(130),
    std::chrono::milliseconds(210), std::chrono::milliseconds(300), std::chrono::milliseconds(400),
    std::chrono::milliseconds(510), std::chrono::milliseconds(630)};

/// At most so many silences are tried. Each takes at most kLongestBeside longer than its length.
std::size_t most_silences(const SilenceSearchConfig& config);
inline constexpr Nanoseconds kLongestBeside = std::chrono::seconds(45);

/// First the silence that is judged is tried, then silences that grow by half until one fails, then
/// halves of what is between, down to a second. For one thread at a time.
///
///      we ──keepalive──► gateway           the flow is open
///      we ◄────call───── gateway ◄── twin  and calls come in: a control
///      we ──keepalive──► gateway           without it the gateway would handshake after 15 s
///                silence …
///      we ◄────call───── gateway ◄── twin  comes in: the flow was remembered
///                                          does not: begin anew; the flow was forgotten only if
///                                          the control comes in then
class SilenceSearch {
 public:
  /// @param keyed  when our session was made, by us.
  SilenceSearch(const SilenceSearchConfig& config, Instant keyed, Instant now);

  /// What is to be sent now; call until there is nothing, after each handle_…() and
  /// at the beginning.
  std::optional<SilenceSend> poll_send() { return outbox_.poll(); }
  // What came in. @param missing  as of SilentGateway::take_missing().
  void handle_call(Instant now, std::uint32_t serial, std::uint64_t missing);
  /// Anything else from the gateway.
  void handle_other(Instant now, std::uint64_t missing);
  /// A handshake was completed, whoever began it: the session is new.
  void handle_keyed(Instant now);
  /// The same of the twin: that calls did not come in before may have been the doing of its old
  /// session.
  void handle_caller_keyed();
  void handle_timeout(Instant now);
  /// When to call handle_timeout(); nothing: done.
  [[nodiscard]] std::optional<Instant> next_timeout() const;

  [[nodiscard]] bool done() const { return is<Done>(); }
  /// What is known so far.
  [[nodiscard]] FlowLifetime result() const;
  /// The silence that goes on; nothing: none does.
  [[nodiscard]] std::optional<Nanoseconds> silence() const;
  /// When that silence is over.
  [[nodiscard]] Instant silent_until() const { return state_ends_; }

 private:
  /// The search waits for an answer to its handshake.
  struct Keying {
    Instant since;
    bool suspected = false;  ///< calls did not come in: has the gateway lost our session?
  };
  /// The search waits for a call that comes in right after we have sent.
  struct Greeting {
    std::uint32_t first_serial = 0;  ///< calls with lower serials belong to what was tried before
    /// No call came in after the last silence: this greeting is its control.
    bool suspected = false;
    int unanswered = 0;  ///< calls in a row that did not come in
  };
  /// The search waits before the next greeting, because a flow must be some seconds old to count as
  /// a stream.
  struct Pausing {};
  /// The last empty packets before a silence are sent.
  struct Hushing {};
  struct Silent {
    Instant since;
  };
  /// At the end of a silence, the search waits for one of several calls.
  struct Calling {
    std::size_t copies = 0;  ///< calls that were made at the end of this silence
    bool doubtful = false;   ///< that they do not come in may have another reason
  };
  struct Done {};

  void send(SilenceSend::Kind kind) { outbox_.push({.kind = kind, .serial = serial_}); }
  void begin(Instant now);
  void open_flow(Instant now, bool suspected);
  void greet(Instant now);
  void greet_again(Instant now);
  void handle_greeting(Instant now, std::uint32_t serial);
  void key(Instant now, bool suspected);
  void key_again(Instant now);
  void hush(Instant now);
  void hush_again(Instant now);
  void call(Instant now);
  void call_again(Instant now);
  void take_incoming(Instant now, std::uint64_t lost);
  void handle_broken(Instant now, Instant since, std::uint64_t lost);
  void handle_end_of_silence(Instant now, std::uint64_t lost);
  void note_broken(Nanoseconds lasted);
  void record(bool alive);
  void step(Instant now);
  void finish(FlowEnd end);
  template <class State>
  [[nodiscard]] bool is() const {
    return std::holds_alternative<State>(state_);
  }
  [[nodiscard]] Nanoseconds patience(Nanoseconds least) const;
  [[nodiscard]] std::optional<Nanoseconds> choose();
  [[nodiscard]] std::optional<Nanoseconds> choose_length(const FlowLifetime& known) const;
  [[nodiscard]] std::optional<Nanoseconds> judged() const;

  SilenceSearchConfig config_;
  std::optional<Instant> end_;  ///< when the run ends at the latest
  std::variant<Pausing, Keying, Greeting, Hushing, Silent, Calling, Done> state_;
  Instant state_ends_;  ///< when the current state ends by itself
  FlowLifetime found_;
  SilentGateway gateway_;
  Outbox<SilenceSend> outbox_;
  Nanoseconds silence_{};             ///< the length of the silence that is tried now
  std::uint32_t serial_ = 0;          ///< the serial of the last call
  Instant called_;                    ///< when the last call was made
  std::optional<Nanoseconds> delay_;  ///< the shortest time that a call took to come in
  /// Since when the NAT is known to remember the flow, which is not a stream at once. Nothing: it
  /// has forgotten the flow, or may have.
  std::optional<Instant> open_since_;
  int unclear_ = 0;  ///< tries of this silence that told nothing, as packets were lost at its end
  std::size_t alive_since_ = 0;  ///< silences survived since the shortest one that failed
  std::size_t repeated_ = 0;     ///< silences that failed and were tried once more
};

}  // namespace wgscope::path
