#pragma once

#include <cstddef>

namespace wgscope::path {

/// Losses prove something only where chance would make them less often than this. Chosen: a check
/// that runs every ten minutes is then misled about once in twenty years.
inline constexpr double kChance = 1e-6;

/// A path that loses so much that more losses than this would be needed cannot be told about at
/// all. Chosen: it takes a ratio of loss above 70 %.
inline constexpr std::size_t kMostLosses = 40;

/// How many losses in a row chance makes less often than `chance`, after `lost` of `sent` packets
/// were lost for no reason of their own (the rule of succession: each loss in the row makes the
/// next one likelier). Both may have a prior added, and are fractions then.
inline std::size_t losses_beyond_chance(double lost, double sent, double chance) {
  std::size_t losses = 0;
  for (double by_chance = 1; by_chance > chance && losses < kMostLosses; ++losses)
    by_chance *= lost++ / sent++;
  return losses;
}

}  // namespace wgscope::path
