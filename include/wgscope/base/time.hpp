#pragma once

#include <chrono>
#include <compare>

namespace wgscope {

using Nanoseconds = std::chrono::nanoseconds;

/// A point on CLOCK_BOOTTIME: monotonic, and running on while the machine sleeps, as WireGuard's
/// sessions age. (steady_clock stands still during suspend.) Rooms below os/ take it as an argument
/// and never read a clock.
struct Instant {
  Nanoseconds since_boot{};

  friend auto operator<=>(const Instant&, const Instant&) = default;
  friend Nanoseconds operator-(Instant a, Instant b) { return a.since_boot - b.since_boot; }
  friend Instant operator+(Instant a, Nanoseconds d) { return {a.since_boot + d}; }
  friend Instant operator-(Instant a, Nanoseconds d) { return {a.since_boot - d}; }
};

/// A point on CLOCK_REALTIME, which may step. A type of its own, so that it is never taken
/// for an Instant.
struct WallTime {
  Nanoseconds since_epoch{};

  friend auto operator<=>(const WallTime&, const WallTime&) = default;
  friend Nanoseconds operator-(WallTime a, WallTime b) { return a.since_epoch - b.since_epoch; }
};

/// Both clocks, read together.
struct Now {
  Instant boot;
  WallTime wall;
};

}  // namespace wgscope
