#include "stretches.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ranges>
#include <vector>

#include "wgscope/diagnosis/ping.hpp"

namespace wgscope::checks {

void Stretches::sent(std::uint64_t number, std::size_t session) {
  if (!stretches_.empty() && stretches_.back().session == session) {
    stretches_.back().last = number;
    return;
  }
  if (stretches_.size() == kMost) {
    earlier_tails_ += tail_of(stretches_.front());
    stretches_.erase(stretches_.begin());
  }
  stretches_.push_back(
      {.session = session, .first = number, .last = number, .highest = number - 1});
}

void Stretches::answered(std::uint64_t number) {
  const auto latest_first = std::views::reverse(stretches_);
  const auto found = std::ranges::find_if(
      latest_first, [&](const Stretch& stretch) { return stretch.first <= number; });
  if (found == latest_first.end()) return;
  if (number <= counted_) ++found->answered;
  found->highest = std::max(found->highest, number);
}

std::uint64_t Stretches::tail_of(const Stretch& stretch) const {
  const std::uint64_t last = std::min(stretch.last, counted_);
  return last - std::min(last, std::max(stretch.highest, stretch.first - 1));
}

std::uint64_t Stretches::tails() const {
  std::uint64_t sum = earlier_tails_;
  for (const Stretch& stretch : stretches_) sum += tail_of(stretch);
  return sum;
}

std::uint64_t Stretches::last_tail() const {
  return stretches_.empty() ? 0 : tail_of(stretches_.back());
}

std::vector<diagnosis::PingStretch> Stretches::ended() const {
  std::vector<diagnosis::PingStretch> ended;
  for (std::size_t i = 0; i + 1 < stretches_.size(); ++i) {
    const Stretch& stretch = stretches_[i];
    const std::uint64_t last = std::min(stretch.last, counted_);
    ended.push_back({.sent = last + 1 - std::min(last + 1, stretch.first),
                     .answered = stretch.answered,
                     .tail = tail_of(stretch)});
  }
  return ended;
}

}  // namespace wgscope::checks
