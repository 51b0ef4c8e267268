#pragma once

#include <cstdint>
#include <random>

#include "clock.hpp"

namespace wgscope::simulator {

/// Randomness that is the same everywhere for the same seed: the distributions of the standard
/// library are not.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : engine_(seed) {}

  /// In [0, 1).
  double fraction() { return static_cast<double>(engine_() >> 11U) * 0x1p-53; }
  bool happens(double probability) { return fraction() < probability; }
  double between(double low, double high) { return low + fraction() * (high - low); }
  Time between(Time low, Time high) {
    return low +
           Time(static_cast<std::int64_t>(fraction() * static_cast<double>((high - low).count())));
  }
  /// In [0, count).
  std::size_t below(std::size_t count) {
    return static_cast<std::size_t>(fraction() * static_cast<double>(count));
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace wgscope::simulator
