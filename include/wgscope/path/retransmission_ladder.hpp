#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/path/flow_lifetime.hpp"
#include "wgscope/path/outbox.hpp"
#include "wgscope/path/silent_gateway.hpp"
#include "wgscope/path/stalled_line.hpp"

// How long the NATs on the way remember a silent flow, where no second peer can call at a chosen
// moment: a TCP service inside the tunnel sends data that we do not acknowledge again and again,
// after pauses that double. No sockets, no clock.

namespace wgscope::path {

struct LadderConfig {
  /// PersistentKeepalive, which is judged: after a silence of it something must still come in.
  std::optional<std::chrono::seconds> interval;
  /// The longest silence that is tried, beside the interval's.
  std::chrono::seconds longest_silence{120};
  /// The run ends after so long, with what is known by then. Nothing: as long as the pauses take.
  std::optional<Nanoseconds> most = {};
  /// Where AlarmTrials with such an alarm can look into the bracket, the run ends once it is known.
  /// Nothing: it goes on with longer pauses.
  std::optional<std::chrono::seconds> alarm = {};
  /// Silences that were tried before.
  std::vector<SilenceTried> known = {};
};

/// What is to be sent now.
struct LadderSend {
  enum class Kind : std::uint8_t {
    /// An empty packet, so that the gateway's timers stop and it sends nothing by itself.
    keepalive,
    ask,        ///< a segment on `line` that the other side must answer (SilentTcp::ask())
    handshake,  ///< a new handshake, because the session would expire during the next pause
  };
  Kind kind{};
  std::size_t line = 0;  ///< index of the TCP connection; only with Kind::ask
};

/// So many connections ("lines") are opened at once. They stall together, so the service sends to
/// all of them again at the same time, and the loss of one packet is not taken for silence. Chosen:
/// with 10 % loss chance loses all four once in 10 000 pauses.
inline constexpr std::size_t kLadderLines = 4;
/// One silence of the interval that is survived makes it often enough: each takes minutes.
inline constexpr std::size_t kLadderTrials = 1;

/// The run takes no more than this: LadderConfig::most, or else the pauses of one connection, and a
/// few more of the longest.
Nanoseconds longest_ladder(const LadderConfig& config);

/// Follows the pauses, from the shortest up, until data is missing. For one thread at a time.
///
///     gateway ──data──► we        0.2 s, 0.4 s, … each answered by an empty packet, which
///        ◄──keepalive── we        acknowledges nothing but keeps the gateway silent
///        ──data──► ✗              missing: the flow was forgotten, or it was lost, or not sent
///        ◄────ask────── we        opens the flow again
///        ──answer─► we            whose number tells how many packets the gateway has sent in vain
///
/// Packets in vain show that the flow was forgotten only if chance, at the ratio in which other
/// packets are lost, would hardly lose so many; else the same silence is tried again. In a pause
/// that is longer than the wanted silence, a question makes the silence begin later.
class RetransmissionLadder {
 public:
  /// @param stalled  when each line's first data came in. Without any it is done at once.
  /// @param keyed    when our session was made, by us.
  /// @param missing  as of the handlers.
  RetransmissionLadder(const LadderConfig& config, std::span<const Instant> stalled, Instant keyed,
                       std::uint64_t missing, Instant now);

  /// What is to be sent now; call until there is nothing, after each handle_…() and
  /// at the beginning.
  std::optional<LadderSend> poll_send() { return outbox_.poll(); }
  // What came in. @param missing  as of SilentGateway::take_missing().
  void handle_data(Instant now, std::size_t line, std::uint64_t missing);
  void handle_answer(Instant now, std::size_t line, std::uint64_t missing);
  void handle_other(Instant now, std::uint64_t missing);
  void handle_keyed(Instant now);
  /// The other side has reset the line.
  void handle_end(Instant now, std::size_t line, std::uint64_t missing);
  void handle_timeout(Instant now);
  /// When to call handle_timeout(); nothing: done.
  [[nodiscard]] std::optional<Instant> next_timeout() const;

  [[nodiscard]] bool done() const { return std::holds_alternative<Done>(state_); }
  /// What is known so far.
  [[nodiscard]] FlowLifetime result() const;
  /// What came in and what was lost while no silence was suspected.
  [[nodiscard]] const LossSeen& seen() const { return seen_; }
  /// How long the silence that goes on will have been when it is over; nothing: it is short.
  [[nodiscard]] std::optional<Nanoseconds> silence() const;
  /// When that silence is over.
  [[nodiscard]] Instant silent_until() const { return earliest(); }

 private:
  /// Follows the pauses: until lines have sent, or should have.
  struct Climbing {
    /// When to ask, so that the silence begins there; nothing: do not ask.
    std::optional<Instant> shape_at;
  };
  /// Questions that are out without an answer.
  struct Questions {
    Instant again_at;    ///< until when answers are waited for
    int unanswered = 0;  ///< questions in a row that got no answer
  };
  /// A question is out on one line, so that the silence begins late in a longer pause.
  struct Shaping {
    Questions questions;
  };
  /// A silence after which nothing came, which may have been loss.
  struct Suspect {
    Nanoseconds least{};
    Nanoseconds most{};
    std::size_t copies = 0;  ///< packets that the gateway sent in vain during the silence
  };
  /// Questions are out on all lines, because nothing came after a silence.
  struct Checking {
    Suspect suspect;
    bool counted = false;  ///< the first packet after the silence has shown Suspect::copies
    Questions questions;
    int rounds = 0;  ///< how often the questions were asked on all lines and answered
  };
  struct Done {};

  void begin_checking(Instant now, Nanoseconds least, Nanoseconds most);
  void send(Instant now, LadderSend::Kind kind, std::size_t line = 0);
  void finish(FlowEnd end);
  void hush(Instant now);
  void handle_gateway_timers(Instant now);
  void take_incoming(Instant now, std::uint64_t missing);
  [[nodiscard]] bool hear(Instant now);
  void suspect_session(Instant now, Questions& questions);
  void ask_anew(Instant now);
  void note_broken(Instant now);
  void next_rung(Instant now);
  void begin_pause(Instant now);
  void handle_deadline(Instant now);
  void suppose_all_sent();
  void ask_one(Instant now);
  void ask_all(Instant now);
  void note_asked(Questions& questions, Instant now);
  void handle_silence_of_all(Instant now);
  void handle_nothing_sent(Instant now);
  void judge_suspect(Instant now);
  void record_alive(Nanoseconds silence);
  /// When the first line that has not sent in this pause may send.
  [[nodiscard]] Instant earliest() const;
  [[nodiscard]] Instant latest() const;
  [[nodiscard]] std::size_t live_lines() const;
  [[nodiscard]] bool is_climbing() const { return std::holds_alternative<Climbing>(state_); }
  [[nodiscard]] std::optional<Nanoseconds> judged() const;
  [[nodiscard]] std::optional<Nanoseconds> choose(Nanoseconds pause);
  [[nodiscard]] std::optional<Nanoseconds> choose_between(const FlowLifetime& known,
                                                          Nanoseconds pause);

  LadderConfig config_;
  std::variant<Climbing, Shaping, Checking, Done> state_;
  FlowLifetime found_;
  SilentGateway gateway_;
  std::vector<StalledLine> lines_;
  Outbox<LadderSend> outbox_;
  Instant end_;               ///< when the run ends at the latest
  Instant silent_since_;      ///< when we sent our last packet
  std::size_t ask_line_ = 0;  ///< index of the line that the last question on one line went to
  /// A silence that may have failed by chance, and is to be tried again.
  std::optional<Suspect> pending_;
  LossSeen seen_;
  bool patient_ = false;   ///< nothing was sent yet in this pause, so its data may still be late
  int unsent_ = 0;         ///< pauses in a row at whose end the service had sent nothing
  std::size_t extra_ = 0;  ///< pauses that were followed since the bracket is known
  /// Since the bracket is known, the judged silence was tried once more.
  bool tried_enough_ = false;
  /// Since then, silences of so many late keepalives were tried.
  int keepalives_tried_ = 0;
};

}  // namespace wgscope::path
