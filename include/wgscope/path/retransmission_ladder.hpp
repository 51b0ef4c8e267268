#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/path/flow_lifetime.hpp"

// How long a silent flow is remembered, where nobody can be made to call: a TCP service inside the
// tunnel sends what we do not acknowledge again and again, after pauses that double. No sockets, no
// clock.

namespace wgscope::path {

struct LadderConfig {
  /// PersistentKeepalive, which is judged: after `interval` + `slack` something must still come in.
  std::optional<std::chrono::seconds> interval;
  std::size_t trials = 3;             ///< that are wanted; as many as the pauses allow
  std::chrono::seconds slack{1};      ///< keepalives may come so much late
  std::chrono::seconds longest{120};  ///< how long a silence is tried
};

/// What is to be sent now.
struct LadderSend {
  enum class Kind : std::uint8_t {
    keepalive,  ///< an empty packet, which silences the gateway
    ask,        ///< on `line`: what its other side must answer (SilentTcp::ask())
    handshake,  ///< the session grows too old for the next pause
  };
  Kind kind{};
  std::size_t line = 0;
};

/// So many connections are opened at once, and stall together: what they are sent again comes
/// together too, and if one of them is lost the others are not.
inline constexpr std::size_t kLadderLines = 4;

/// The run takes no more than this: as long as the pauses of one connection are, and a few of the
/// longest more.
Nanoseconds longest_ladder(const LadderConfig& config);

/// Follows the pauses up until something is missing.
///
///     gateway ──data──► we        0.2 s, 0.4 s, … each answered by an empty packet, which
///        ◄──keepalive── we        acknowledges nothing but silences the gateway
///        ──data──► ✗              missing: the flow was forgotten, or it was lost, or not sent
///        ◄────ask────── we        opens the flow again
///        ──answer─► we            whose number tells how many packets the gateway has sent in vain
///
/// A packet in vain counts as forgotten only if there were so many, beside what else was lost, that
/// chance would not make them; else the same silence is tried again. In a pause that is longer than
/// wanted, a question makes the silence shorter.
///
/// When the other side sends again is learnt from when it did; only that pauses double, and stop
/// doing so at some length, is supposed.
class RetransmissionLadder {
 public:
  /// @param stalled  when each line's first data came in. At least one.
  /// @param keyed    when our session was made, by us.
  /// @param missing  as in the handlers.
  RetransmissionLadder(const LadderConfig& config, std::span<const Instant> stalled, Instant keyed,
                       std::uint64_t missing, Instant now);

  std::optional<LadderSend> poll_send();
  // What came in. @param missing  how many packets of the gateway are known to be lost, in the
  // whole run, by their numbers (tunnel::ReceiveLoss).
  void handle_data(Instant now, std::size_t line, std::uint64_t missing);
  void handle_answer(Instant now, std::size_t line, std::uint64_t missing);
  void handle_other(Instant now, std::uint64_t missing);
  void handle_keyed(Instant now);
  void handle_end(Instant now, std::size_t line, std::uint64_t missing);  ///< it was reset
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Instant> next_timeout() const;  ///< nothing: done

  [[nodiscard]] bool done() const { return state_ == State::done; }
  /// What is known so far.
  [[nodiscard]] FlowLifetime result() const;
  /// The silence that is going on, as long as it will be, and when it is over; nothing: it is
  /// short.
  [[nodiscard]] std::optional<Nanoseconds> silence() const;
  [[nodiscard]] Instant silent_until() const { return earliest(); }

 private:
  enum class State : std::uint8_t {
    climbing,  ///< until lines have sent, or should have
    shaping,   ///< a question is out, so that the silence begins late
    checking,  ///< questions are out, as nothing came
    done,
  };
  struct Line {
    Instant last;          ///< sent, as far as is known
    Nanoseconds pause{};   ///< until the next
    bool capped = false;   ///< pauses double no more
    bool learnt = false;   ///< a pause was seen
    bool arrived = false;  ///< on this rung, or was lost there
    bool live = true;
  };
  /// A silence after which nothing came, that may have been loss.
  struct Suspect {
    Nanoseconds least{};
    Nanoseconds most{};
    std::size_t copies = 0;  ///< in vain
    bool counted = false;
  };

  [[nodiscard]] static Instant early(const Line& line);
  [[nodiscard]] Instant late(const Line& line) const;
  [[nodiscard]] Instant earliest() const;  ///< of the rung, with what arrived left aside
  [[nodiscard]] Instant latest() const;
  [[nodiscard]] std::size_t live_lines() const;
  static void learn(Line& line, Instant now);
  static void suppose_sent(Line& line);

  void send(Instant now, LadderSend::Kind kind, std::size_t line = 0);
  void finish(FlowEnd end);
  void take_incoming(Instant now, std::uint64_t missing);
  void note_broken(Instant now);
  void hush(Instant now);
  void hush_again(Instant now);
  void key_again(Instant now);
  void next_rung(Instant now);
  void begin_pause(Instant now);
  void handle_deadline(Instant now);
  void ask(Instant now);
  void handle_no_answer(Instant now);
  void judge_suspect(Instant now);
  void record_alive(Nanoseconds silence);
  [[nodiscard]] bool is_no_chance(std::size_t copies) const;
  [[nodiscard]] std::optional<Nanoseconds> choose(Nanoseconds pause);
  [[nodiscard]] std::optional<Nanoseconds> choose_between(const FlowLifetime& known,
                                                          Nanoseconds pause);
  [[nodiscard]] std::optional<Nanoseconds> judged() const;

  LadderConfig config_;
  State state_ = State::climbing;
  FlowLifetime found_;
  std::vector<Line> lines_;
  std::vector<LadderSend> outbox_;
  std::size_t outbox_read_ = 0;
  Instant start_;
  Instant keyed_;
  Instant silent_since_;
  std::optional<Instant> hush_at_;  ///< once more
  int hushes_ = 0;
  std::optional<Instant> key_at_;  ///< no answer to a handshake yet
  int keyings_ = 0;
  std::optional<Instant> shape_at_;  ///< when the silence is to begin
  Instant ask_at_;                   ///< no answer until then: once more
  int asked_ = 0;                    ///< without an answer
  int rounds_ = 0;                   ///< of questions that were answered
  std::size_t ask_line_ = 0;
  std::optional<Suspect> suspect_;  ///< what is being looked at
  std::optional<Suspect> pending_;  ///< what may have been chance
  std::uint64_t missing_ = 0;       ///< all, so far
  std::uint64_t received_ = 0;      ///< where nothing was suspected
  std::uint64_t lost_ = 0;          ///< likewise
  int broken_here_ = 0;             ///< in this pause
  int unsent_ = 0;                  ///< pauses at whose end nothing had been sent
  std::size_t extra_ = 0;           ///< pauses since the bracket is known
  bool tried_enough_ = false;       ///< the silence that is judged, since then
  bool patient_ = false;            ///< nothing was sent yet on this rung: they are later still
};

}  // namespace wgscope::path
