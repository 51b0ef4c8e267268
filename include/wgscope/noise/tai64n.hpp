#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>

#include "wgscope/base/time.hpp"

namespace wgscope::noise {

/// A TAI64N label: the timestamp of an initiation, by which a responder refuses replays (whitepaper
/// §5.1). Compared as bytes, which is in order of time.
struct Tai64n {
  static constexpr std::size_t kSize = 12;
  std::array<std::byte, kSize> bytes{};

  friend auto operator<=>(const Tai64n&, const Tai64n&) = default;

  /// The label of a wall clock's time, which may be before 1970.
  static Tai64n from(WallTime time);
  /// The smallest stamp above this one.
  [[nodiscard]] Tai64n next() const;
  /// The wall clock's time that the label stands for; the nearest one that WallTime can hold.
  [[nodiscard]] WallTime time() const;
};

/// Stamps that only ever rise: the clock's, or just above the last one where the clock was set
/// back. Whoever restarts hands in the last stamp it used, or a gateway would silently ignore it
/// until the clock catches up.
class TimestampSource {
 public:
  explicit TimestampSource(Tai64n last = {}) : last_(last) {}

  Tai64n take(WallTime now);
  [[nodiscard]] Tai64n last() const { return last_; }

 private:
  Tai64n last_;
};

}  // namespace wgscope::noise
