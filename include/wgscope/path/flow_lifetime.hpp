#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/path/keepalive.hpp"

// How long the NATs on the way remember one flow that is silent both ways: the tunnel's own. What
// the engines for that find (silence_search.hpp, retransmission_ladder.hpp).

namespace wgscope::path {

/// Why a measurement came to its end.
enum class FlowEnd : std::uint8_t {
  not_yet,     ///< it goes on, or was cut short: what is known is the beginning of an answer
  done,        ///< nothing more to find out
  no_service,  ///< what should come in never did, not even right after we had sent
  path_gone,   ///< it had come in before, and no longer does, not even right after we have sent
  disturbed,   ///< the gateway sends by itself, before the silences that were to be tried are over
  service_ended,  ///< what should come in was not sent any more, so its absence means nothing
};

/// One silence, and whether something came in at its end. A failure counts only after the flow was
/// opened again, which shows that nothing but the silence was to blame.
struct SilenceTried {
  Nanoseconds least{};  ///< it lasted so long at least, and …
  Nanoseconds most{};   ///< … at most
  bool alive = false;
};

struct FlowLifetime {
  /// Something came in after this silence, and …
  std::optional<std::chrono::seconds> alive_after;
  /// … nothing after this one. Both together are the bracket.
  std::optional<std::chrono::seconds> gone_after;
  /// Whether the interval that is judged is often enough.
  KeepaliveVerdict keepalive = KeepaliveVerdict::not_known;
  std::size_t trials = 0;  ///< silences of the interval and its slack that were survived
  FlowEnd end = FlowEnd::not_yet;
  /// The shortest silence that the gateway broke without being asked, as its own keepalives do.
  std::optional<Nanoseconds> broken_after;
  std::size_t broken = 0;           ///< silences, in that way
  std::size_t calls = 0;            ///< what was sent to make something come in
  std::vector<SilenceTried> tried;  ///< in the order of trying
};

/// Fills the bracket, `trials` and `keepalive` from `tried`: the shortest failure, and the longest
/// success below it. Any failure within interval and slack makes it not enough.
/// @param needed  successes that make it enough.
void conclude(FlowLifetime& lifetime, std::optional<Nanoseconds> interval_and_slack,
              std::size_t needed);

}  // namespace wgscope::path
