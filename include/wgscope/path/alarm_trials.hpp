#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/path/flow_lifetime.hpp"
#include "wgscope/path/outbox.hpp"
#include "wgscope/path/silent_gateway.hpp"

// Tries silences of a chosen length on the tunnel's own flow, to a fraction of a second, with a host
// inside the tunnel that sends something at a known time: when it gives up an incomplete packet. No
// sockets, no clock.

namespace wgscope::path {

/// Linux gives up an incomplete packet after so long (net.ipv4.ipfrag_time and
/// net.ipv6.ip6frag_time, Documentation/networking/ip-sysctl.rst).
inline constexpr std::chrono::seconds kReassemblyTime4{30};
inline constexpr std::chrono::seconds kReassemblyTime6{60};

/// So many pieces are sent for one alarm, each of another packet, because one may be lost. Linux
/// sends six such errors at once to one host, and one more each second (icmp_ratelimit).
inline constexpr std::size_t kAlarmPieces = 4;

struct AlarmConfig {
  std::chrono::seconds interval{25};             ///< PersistentKeepalive, which is judged
  std::chrono::seconds alarm{kReassemblyTime4};  ///< expected reassembly time of the host
  LossSeen seen = {};                            ///< before
  Instant end = {};                              ///< the run ends then, with what is known
};

/// What is to be sent now.
struct AlarmSend {
  enum class Kind : std::uint8_t {
    keepalive,  ///< an empty packet, so that the gateway sends nothing by itself
    ask,        ///< an echo request to the host
    piece,      ///< the first piece of a packet to the host, of which no other will follow
    handshake,  ///< a new handshake, because the session would expire during the silence
  };
  Kind kind{};
  /// Of an echo request or a piece: the number that its answer is to be handed in with.
  std::uint32_t number = 0;
};

/// One silence after the other around the interval, and around a keepalive that is late, as long as
/// it is open whether the flow survives them. For one thread at a time.
///
///     we ──piece──► host           it waits for the rest, which never comes
///     we ◄──asks──► host           so the flow is open, and a stream
///     we ──keepalive──► gateway    the silence begins
///        ◄──error──── host         "reassembly took too long": the flow was remembered
///     we ──ask──► host             or, just before the silence is too long to tell: the gateway's
///                                  numbers say whether the error was sent in vain
///
/// The first alarm tells when the host's timers fire: Linux' timers of such lengths fire at
/// multiples of their granularity only, and all of these divide 10.24 s or 20.48 s.
class AlarmTrials {
 public:
  /// @param known    what was found before; the bracket is narrowed.
  /// @param keyed    when our session was made, by us.
  /// @param missing  as of SilentGateway::take_missing().
  AlarmTrials(const AlarmConfig& config, FlowLifetime known, Instant keyed, std::uint64_t missing,
              Instant now);

  /// Whether it is open what the interval's silence does, and alarms can tell.
  static bool can_help(const AlarmConfig& config, const FlowLifetime& known);

  std::optional<AlarmSend> poll_send() { return outbox_.poll(); }
  // What came in. @param missing  as of SilentGateway::take_missing().
  /// The host has given up a piece. @param number  the piece's.
  void handle_alarm(Instant now, std::uint32_t number, std::uint64_t missing);
  /// The host has answered a question. @param number  the question's.
  void handle_answer(Instant now, std::uint32_t number, std::uint64_t missing);
  void handle_other(Instant now, std::uint64_t missing);
  void handle_keyed(Instant now);
  void handle_timeout(Instant now);
  /// When to call handle_timeout(). Nothing: done.
  [[nodiscard]] std::optional<Instant> next_timeout() const;

  [[nodiscard]] bool done() const { return std::holds_alternative<Done>(state_); }
  /// What is known so far.
  [[nodiscard]] FlowLifetime result() const;
  /// Whether the host has given up a piece in time at least once.
  [[nodiscard]] bool has_rung() const { return rung_at_.has_value(); }
  /// How long the silence that goes on will have been when it is over. Nothing: there is none.
  [[nodiscard]] std::optional<Nanoseconds> silence() const;
  /// When that silence is over.
  [[nodiscard]] Instant silent_until() const { return ring_late_; }

 private:
  /// A silence that is to end a little below or above `at`.
  struct Aim {
    std::chrono::seconds at{};
    bool above = false;
  };
  /// A silence at whose end nothing came in, which may have been loss.
  struct Suspect {
    Nanoseconds least{};
    Nanoseconds most{};
    std::size_t copies = 0;  ///< packets that the gateway sent in vain meanwhile
    /// How many were missing before, as of SilentGateway::take_missing(). Nothing: nothing has come
    /// in since the silence, so `copies` is not known yet.
    std::optional<std::uint64_t> missing_before;
  };
  /// Questions keep the flow open until the silence begins.
  struct Open {
    std::optional<Instant> since;  ///< since when answers come in
    Instant ask_at;
    int unanswered = 0;              ///< questions in a row that got no answer
    std::optional<Suspect> suspect;  ///< of the silence before
    /// After a silence without an alarm: until when it may still come in.
    std::optional<Instant> ring_by;
  };
  struct Hushing {};
  struct Silent {
    Instant since;
  };
  struct Done {};

  [[nodiscard]] std::optional<Aim> choose() const;
  [[nodiscard]] std::optional<Aim> choose_around(std::chrono::seconds at,
                                                 const FlowLifetime& known) const;
  [[nodiscard]] Nanoseconds delay() const { return delay_.value_or(Nanoseconds(0)); }
  void send(Instant now, AlarmSend::Kind kind, std::uint32_t number = 0);
  void finish(FlowEnd end);
  void open(Instant now, std::optional<Suspect> suspect);
  void ask(Instant now);
  void handle_time_in_open(Instant now, const Open& open);
  void go_on(Instant now);
  void judge(const Suspect& suspect);
  void plan(Instant now);
  void arm(Instant now);
  void begin_silence(Instant now);
  void learn_alarm(Instant now);
  void take_incoming(std::uint64_t missing);
  void break_silence(Instant now);

  AlarmConfig config_;
  std::variant<Hushing, Open, Silent, Done> state_;
  FlowLifetime found_;
  SilentGateway gateway_;
  LossSeen seen_;  ///< while no silence was suspected
  Outbox<AlarmSend> outbox_;
  std::optional<Nanoseconds> delay_;  ///< the shortest time between a question and its answer
  std::uint32_t asked_ = 0;           ///< the number of the last question
  Instant asked_at_;
  Instant silent_since_;  ///< when we sent our last packet
  bool renewed_ = false;  ///< the session was renewed for this trial, or that was tried
  Aim aim_;               ///< of this trial
  std::uint32_t trial_ = 0;
  std::optional<Instant> arm_at_;    ///< when the pieces are to be sent. Nothing: not planned
  std::optional<Instant> armed_at_;  ///< when they were sent. Nothing: none is waited for
  Instant ring_early_;               ///< when the host is expected to give them up
  Instant ring_late_;
  Instant hush_at_;                 ///< when to send the first packet of our last ones
  Instant check_at_;                ///< when to ask whether the alarm was sent in vain
  std::optional<Instant> rung_at_;  ///< when an alarm came in last
  int unrung_ = 0;                  ///< alarms in a row that never came
  std::optional<Suspect> pending_;  ///< a silence that may have failed by chance
};

}  // namespace wgscope::path
