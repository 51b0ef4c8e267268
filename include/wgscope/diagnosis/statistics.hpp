#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "wgscope/base/time.hpp"

// Many times measured, in a few figures.

namespace wgscope::diagnosis {

struct Statistics {
  std::size_t count = 0;
  Nanoseconds min{};
  Nanoseconds median{};
  Nanoseconds p95{};
  Nanoseconds p99{};
  Nanoseconds max{};
  Nanoseconds mean{};
};

/// @param samples  in any order. @returns nothing for none.
std::optional<Statistics> statistics(std::span<const Nanoseconds> samples);

/// The smallest sample that at least `percent` of all are not above (nearest rank): always one that
/// was measured, never one in between.
/// @param sorted   ascending, at least one.
/// @param percent  above 0, at most 100.
Nanoseconds percentile(std::span<const Nanoseconds> sorted, double percent);

/// How much neighbours differ on average. @param samples  in the order of measuring.
/// @returns nothing for fewer than two.
std::optional<Nanoseconds> jitter(std::span<const Nanoseconds> samples);

/// The chance that the next `run` of equal tries all fail, after `lost` of `of` failed: the rule of
/// succession, by which each failure makes the next one likelier. 1 for a run of none.
double chance_of_run(std::uint64_t lost, std::uint64_t of, std::uint64_t run);

/// A bar of a histogram.
struct Bucket {
  Nanoseconds above{};  ///< what is counted is longer than this …
  Nanoseconds upto{};   ///< … and not longer than that
  std::size_t count = 0;

  friend bool operator==(const Bucket&, const Bucket&) = default;
};

/// A histogram from the shortest sample's bar to the longest's, empty ones between them included.
/// Its bounds are round numbers in steps that grow with them, since round trips spread over
/// powers of ten; the finest steps that need no more than kMostBars. What is not above 0 counts
/// in the lowest.
inline constexpr std::size_t kMostBars = 16;
std::vector<Bucket> histogram(std::span<const Nanoseconds> samples);

}  // namespace wgscope::diagnosis
