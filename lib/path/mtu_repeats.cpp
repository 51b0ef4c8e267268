// Packets of the size in use are repeated, because one that passes may have passed by luck.

#include <algorithm>
#include <cstddef>
#include <utility>

#include "wgscope/base/time.hpp"
#include "wgscope/path/mtu_search.hpp"
#include "wgscope/path/size_ladder.hpp"

#include "mtu_pace.hpp"

namespace wgscope::path {

/// Whether no other size has to be tried.
bool MtuSearch::has_found() const {
  const bool enough = config_.only_current || config_.until_current;
  return ladder_.lo() == ladder_.top() || (enough && ladder_.passed(ladder_.current()));
}

/// The size whose repeats are sent: `current`, or the largest that this host's interface takes.
Rung MtuSearch::repeated_rung() const { return std::min(ladder_.current(), ladder_.top()); }

bool MtuSearch::wants_more_repeats() const {
  if (config_.repeats == 0 || !ladder_.passed(repeated_rung())) return false;
  // What was lost of a size that passes shows that packets are lost at times.
  const bool doubtful = repeats_lost_ > 0 || doubted_ || ladder_.below_boundary().lost > 0;
  return repeats_ == 0 || (doubtful && repeats_ < config_.proofs);
}

/// Sends more packets of a size that has passed, beside whatever else is under way. Where some are
/// lost, as many small ones go with the others, so that both sizes can be compared.
void MtuSearch::repeat_current(Instant now) {
  if (now < next_repeats_ || !wants_more_repeats()) return;
  const std::size_t controls = repeats_ == 0 ? 0 : config_.repeats;
  for (std::size_t i = 0; i < config_.repeats; ++i) add_shot(Role::repeat, repeated_rung());
  for (std::size_t i = 0; i < controls; ++i) add_shot(Role::control, 0);
  repeats_ += config_.repeats;
  repeats_open_ += config_.repeats;
  next_repeats_ = now + uneven(std::max(kBatchGap, search_gap()), shots_.size());
}

/// Of packets that were sent at once, one has passed: the others are its repeats.
void MtuSearch::adopt_repeats(const Round& round) {
  if (round.confirms || round.count == 1) return;
  bool has_first = false;
  for (std::size_t i = round.probe; i < round.probe + round.count; ++i) {
    Shot& shot = shots_[i];
    if (shot.fate == Fate::refused) continue;
    if (shot.fate == Fate::answered && !std::exchange(has_first, true)) continue;
    shot.role = Role::repeat;
    ++repeats_;
    if (shot.fate == Fate::flying || shot.fate == Fate::waiting) {
      ++repeats_open_;
      continue;
    }
    ++trusted_sent_;
    if (shot.fate != Fate::lost) continue;
    ++repeats_lost_;
    count_trusted_loss(shot, true);
  }
}

void MtuSearch::doubt(Instant now) {
  if (doubted_ || repeats_lost_ > 0 || config_.repeats == 0) return;
  if (!ladder_.passed(ladder_.current())) return;
  doubted_ = true;
  done_ = false;
  advance(now);
}

}  // namespace wgscope::path
