#pragma once

#include <algorithm>
#include <cmath>

// The one rule by which the exporter and wgscope drift tell two devices with one key from a device
// that roams: the endpoint keeps returning to the one before the last.
//
// Returns are added up in a level that leaks, so that the rule does not depend on how often somebody
// looks. Two devices that both keep alive every 25 s return 20 times in 5 minutes. A phone at the
// edge of a wifi comes to 4 for a while. Packets that overtake each other while a device changes its
// network return a few times within a second, once.

namespace wgscope::audit {

inline constexpr float kReturnsLeakSeconds = 5 * 60;
/// More are not remembered, so that what is over is over after 3 minutes.
inline constexpr float kMostReturns = 7;
inline constexpr float kManyReturns =
    5;  ///< above: two devices, until it is no longer above the next
inline constexpr float kFewReturns = 4;

/// The level of returns, `seconds` later.
/// @param returns  how many were seen in that time.
inline float endpoint_returns(float level, float seconds, float returns) {
  // Most levels are 0, of most peers, and what is left of the others would never quite be.
  constexpr float kNothing = 0.01F;
  const float left = level < kNothing ? 0 : level * std::exp(-seconds / kReturnsLeakSeconds);
  return std::min(kMostReturns, left + returns);
}

/// Whether that is two devices with one key. @param before  whether it was, before.
inline bool keeps_returning(float level, bool before) {
  return level > (before ? kFewReturns : kManyReturns);
}

}  // namespace wgscope::audit
