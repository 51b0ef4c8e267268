#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/path/keepalive.hpp"

// How long the NATs on the way remember one flow that is silent both ways, the tunnel's own: what
// the engines for that find (silence_search.hpp, retransmission_ladder.hpp).

namespace wgscope::path {

/// Why a measurement came to its end.
enum class FlowEnd : std::uint8_t {
  not_yet,     ///< the measurement goes on, or was cut short: the result is only its beginning
  done,        ///< everything that this method can find out is known
  no_service,  ///< nothing that was asked for ever arrived, not even right after we had sent
  path_gone,   ///< what was asked for arrived at first, and later not even right after we had sent
  disturbed,   ///< the gateway keeps sending unasked before the silences to be tried are over
  service_ended,  ///< the TCP service stopped sending, so that missing data means nothing
  session_lost,   ///< the gateway lost our session again and again, so silence means nothing
  time_over,      ///< the time for the whole measurement is used up: the bracket may be wide
};

/// One silence, which lasted between `least` and `most`. A failure counts only after the flow was
/// opened again, which shows that nothing but the silence was to blame.
struct SilenceTried {
  Nanoseconds least{};
  Nanoseconds most{};
  /// Something came in at the end of the silence, so the flow was remembered.
  bool alive = false;
};

/// Our session, which the gateway had no more: nothing that was asked for came, though we had sent
/// right before, and after a new handshake it came at once.
struct SessionLost {
  Nanoseconds lived{};         ///< from its handshake to the last packet in it that came in
  Nanoseconds silent{};        ///< from then to the new handshake
  std::size_t unanswered = 0;  ///< packets that were asked for right after we had sent
};

struct FlowLifetime {
  /// The longest silence after which something came in, below `gone_after`.
  std::optional<std::chrono::seconds> alive_after;
  /// The shortest silence after which nothing came in. Both together are the bracket.
  std::optional<std::chrono::seconds> gone_after;
  /// Whether the configured PersistentKeepalive interval is short enough to keep the flow open.
  KeepaliveVerdict keepalive = KeepaliveVerdict::not_known;
  std::size_t trials = 0;  ///< silences of the interval or more that the flow survived
  FlowEnd end = FlowEnd::not_yet;
  /// The shortest silence that the gateway broke without being asked, as its own keepalives do.
  std::optional<Nanoseconds> broken_after;
  std::size_t broken_silences = 0;  ///< silences that the gateway ended by sending unasked
  std::size_t calls = 0;            ///< packets sent so that the gateway would send something back
  std::vector<SessionLost> lost;
  /// Every silence that came to its end, in the order of trying.
  std::vector<SilenceTried> tried;
};

/// The keepalive's own silence. @returns nothing if keepalives are off.
std::optional<Nanoseconds> judged_silence(std::optional<std::chrono::seconds> interval);

/// Adds a silence that the flow survived. A failure of no more than that was chance after all, and
/// is taken out.
void add_survived(FlowLifetime& lifetime, Nanoseconds silence);

/// Fills the bracket, `trials` and `keepalive` from `tried`: the shortest failure, and the longest
/// success below it. Any failure within the interval makes it not enough.
/// @param needed  successes that make it enough.
void conclude(FlowLifetime& lifetime, std::optional<Nanoseconds> interval, std::size_t needed);

/// Forgets the failures, where something else than a NAT may have made them: the bracket has no
/// upper end then, and no interval is too long.
/// @param interval, needed  as of conclude().
void forget_failures(FlowLifetime& lifetime, std::optional<Nanoseconds> interval,
                     std::size_t needed);

}  // namespace wgscope::path
