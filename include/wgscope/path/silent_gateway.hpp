#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "wgscope/base/time.hpp"
#include "wgscope/path/flow_lifetime.hpp"

// What both measurements of the tunnel's own flow do to a stock gateway. No sockets, no clock.

namespace wgscope::path {

/// A call or a question that gets no answer is repeated; after so many in a row the path counts as
/// gone. Chosen: with 10 % loss each way chance makes 8 in a row in 2 of a million cases (0.19^8).
inline constexpr int kMostUnanswered = 8;

/// What came in, and what was lost, while nothing but chance could be to blame.
struct LossSeen {
  std::uint64_t received = 0;  ///< packets
  std::uint64_t lost = 0;      ///< packets
};

/// Whether chance would hardly lose so many packets in a row, at the ratio in which others were lost.
bool is_no_chance(const LossSeen& seen, std::size_t copies);

/// Keeps a gateway silent that knows nothing of the measurement, renews the session with it before
/// a silence would outlast it, and counts what the gateway sends all the same. It is a part of
/// SilenceSearch and RetransmissionLadder: they send the packets that its functions stand for.
///
/// Data that the gateway sends arms its timer of 15 s for a new handshake, and data that it
/// receives arms its timer of 10 s for a keepalive. An empty packet of ours stops the first and
/// does not arm the second (Linux: drivers/net/wireguard/timers.c; wireguard-go: device/timers.go).
/// So our last word before a silence is an empty packet. It is repeated, because one may be lost.
class SilentGateway {
 public:
  /// @param keyed    when our session was made, by us.
  /// @param missing  as of take_missing(), at the beginning.
  explicit SilentGateway(Instant keyed, std::uint64_t missing = 0)
      : keyed_(keyed), missing_(missing), heard_(keyed) {}

  // --- the last word; the caller sends an empty packet with each of these calls

  /// The first of a row, which ends an earlier row.
  void hush(Instant now);
  /// The next of a row, at next_hush().
  void hush_again(Instant now);
  /// When the next of the row is due. Nothing: the last word is said, or stop_hushing() was called.
  [[nodiscard]] const std::optional<Instant>& next_hush() const { return hush_at_; }
  void stop_hushing() { hush_at_.reset(); }

  // --- the session

  /// Whether a silence that begins now would outlast the session.
  [[nodiscard]] bool outlasts_session(Instant now, Nanoseconds silence) const;
  /// The caller begins a handshake.
  void key(Instant now);
  /// No answer came until next_key(). @param most  handshakes that are tried; of a session that is
  /// suspected, one.
  /// @returns whether the caller is to begin another one; if not, none is waited for any more.
  [[nodiscard]] bool key_again(Instant now, int most);
  /// Until when an answer to a handshake is waited for. Nothing: none is.
  [[nodiscard]] const std::optional<Instant>& next_key() const { return key_at_; }
  /// A handshake was completed, whoever began it. @returns whether one was waited for.
  bool handle_keyed(Instant now);

  // --- a session that the gateway no longer has, as another device that uses our key, or an
  // interface that is created again, takes it away without a sign

  /// Nothing that was asked for comes in, though we have sent: is it the session?
  /// @param unanswered  what was asked for. @param most  handshakes that may be made to find out
  /// before something comes in. @returns whether the caller is to begin one.
  [[nodiscard]] bool suspect_session(Instant now, std::size_t unanswered, int most = kMostDoubts);
  /// Chosen: the new session may be lost at once as well.
  static constexpr int kMostDoubts = 2;
  /// Whether the answer to that handshake is waited for.
  [[nodiscard]] bool is_suspected() const { return suspect_.has_value() && key_at_.has_value(); }
  /// Something else may have been to blame.
  void excuse_session() { suspect_.reset(); }
  /// Something that was asked for has come in: notes it where only the new session let it in.
  /// @returns false where sessions were lost too often for silences to mean anything.
  [[nodiscard]] bool handle_answer(Instant now, FlowLifetime& found);

  // --- what the gateway sends

  /// @param missing  how many packets of the gateway are known to be lost, in the whole run, by
  /// their numbers (tunnel::ReceiveLoss). @returns how many more these are than at the last call.
  std::uint64_t take_missing(std::uint64_t missing);
  /// Another silence is tried from now on.
  void begin_silence() { broken_ = 0; }
  /// The gateway broke the silence, without being asked. @param lasted  so long it was silent.
  /// @returns false where it does that too often: then it sends by itself, as with keepalives of
  /// its own, and no silence of this length can be tried.
  [[nodiscard]] bool note_broken(FlowLifetime& found, Nanoseconds lasted);

 private:
  Instant keyed_;                   ///< when the session was made
  std::optional<Instant> hush_at_;  ///< as next_hush()
  int hushes_ = 0;                  ///< empty packets of the row so far
  std::optional<Instant> key_at_;   ///< as next_key()
  int keyings_ = 0;                 ///< attempts at the handshake that is waited for
  /// How many packets of the gateway were lost so far, as take_missing() was told.
  std::uint64_t missing_;
  Instant heard_;  ///< when something that was asked for last came in
  /// What is to be said of the session before, if what is asked for now comes in.
  std::optional<SessionLost> suspect_;
  int doubts_ = 0;  ///< handshakes of suspect_session() that were answered since something came in
  int broken_ = 0;  ///< how often the gateway broke the silence that is tried now
};

}  // namespace wgscope::path
