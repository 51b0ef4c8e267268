#include "wgscope/noise/replay_window.hpp"

#include <algorithm>
#include <cstdint>

namespace wgscope::noise {

bool ReplayWindow::accept(std::uint64_t counter) {
  const std::uint64_t word = counter / kWordBits;
  const bool is_highest = counter >= next_;
  if (is_highest) {
    // The words that the window moves into hold counters of a round ago.
    const std::uint64_t newest = next_ == 0 ? 0 : (next_ - 1) / kWordBits;
    const std::uint64_t cleared = std::min(word - newest, kWords);
    for (std::uint64_t i = 1; i <= cleared; ++i) seen_[(newest + i) % kWords] = 0;
    next_ = counter + 1;
  } else if (next_ - counter > kSize) {
    return refuse();
  }
  std::uint64_t& bits = seen_[word % kWords];
  const std::uint64_t bit = std::uint64_t{1} << (counter % kWordBits);
  if ((bits & bit) != 0) return refuse();
  bits |= bit;
  ++received_;
  if (!is_highest) ++reordered_;
  return true;
}

}  // namespace wgscope::noise
