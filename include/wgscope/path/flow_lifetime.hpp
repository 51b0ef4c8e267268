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
  not_yet,        ///< it goes on, or was cut short: what is known is the beginning of an answer
  done,           ///< nothing more is to be found out
  no_service,     ///< calls or data never came in, not even right after we had sent
  path_gone,      ///< they came in before, and no longer do, not even right after we have sent
  disturbed,      ///< the gateway sends by itself before the silences that are to be tried are over
  service_ended,  ///< data was not sent any more, so its absence means nothing
};

/// One silence, which lasted between `least` and `most`. A failure counts only after the flow was
/// opened again, which shows that nothing but the silence was to blame.
struct SilenceTried {
  Nanoseconds least{};
  Nanoseconds most{};
  bool alive = false;  ///< something came in at its end
};

struct FlowLifetime {
  /// The longest silence after which something came in, below `gone_after`.
  std::optional<std::chrono::seconds> alive_after;
  /// The shortest silence after which nothing came in. Both together are the bracket.
  std::optional<std::chrono::seconds> gone_after;
  /// Whether the interval that is judged is often enough.
  KeepaliveVerdict keepalive = KeepaliveVerdict::not_known;
  std::size_t trials = 0;  ///< silences of the interval and the slack that were survived
  std::chrono::seconds slack = kKeepaliveSlack;
  FlowEnd end = FlowEnd::not_yet;
  /// The shortest silence that the gateway broke without being asked, as its own keepalives do.
  std::optional<Nanoseconds> broken_after;
  std::size_t broken = 0;           ///< silences that the gateway broke in that way
  std::size_t calls = 0;            ///< packets that were sent to make something come in
  std::vector<SilenceTried> tried;  ///< in the order of trying
};

/// How long a silence must be survived for a PersistentKeepalive of `interval` to be often enough.
/// @param slack  by which a keepalive may be late. @returns nothing where there is no keepalive.
std::optional<Nanoseconds> judged_silence(std::optional<std::chrono::seconds> interval,
                                          std::chrono::seconds slack);

/// Fills the bracket, `trials` and `keepalive` from `tried`: the shortest failure, and the longest
/// success below it. Any failure within interval and slack makes it not enough.
/// @param needed  successes that make it enough.
void conclude(FlowLifetime& lifetime, std::optional<Nanoseconds> interval_and_slack,
              std::size_t needed);

}  // namespace wgscope::path
