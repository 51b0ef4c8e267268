#include "wgscope/path/size_ladder.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <optional>
#include <vector>

namespace wgscope::path {
namespace {

/// MTUs that links have: what every link takes (RFC 791, RFC 8200), what tunnels leave of
/// Ethernet's 1500, PPPoE (RFC 2516), FDDI and Token Ring (RFC 1191 §7.1), jumbo frames. Chosen:
/// the ones in between, which keep the gaps small.
constexpr std::array<std::size_t, 21> kPlateaus{576,  768,  1006, 1280, 1360, 1380, 1400,
                                                1420, 1440, 1452, 1460, 1472, 1480, 1492,
                                                1500, 2002, 3000, 4352, 6000, 8166, 9000};
/// Chosen: a gap that is not wider is halved, as the common MTUs in it would save no probe.
constexpr Rung kNarrow = 4;

}  // namespace

SizeLadder::SizeLadder(const SizeLadderConfig& config)
    : floor_(config.floor),
      ceiling_(config.ceiling),
      step_(config.step),
      current_(config.current),
      hint_(config.expected),
      top_(static_cast<Rung>((ceiling_ - floor_ + step_ - 1) / step_)) {
  assert(floor_ <= ceiling_ && step_ > 0);
}

std::size_t SizeLadder::size_of(Rung rung) const {
  return std::min(floor_ + static_cast<std::size_t>(rung) * step_, ceiling_);
}

Rung SizeLadder::rung_of(std::size_t size) const {
  if (size >= ceiling_) return top_;
  if (size <= floor_) return 0;
  return std::min(static_cast<Rung>((size - floor_) / step_), top_);
}

Rung SizeLadder::current() const { return rung_of(current_); }

void SizeLadder::count_pass(Rung rung) {
  ++tallies_[rung].passed;
  lo_ = std::max(lo_, std::min(rung, top_));  // it may have been sent before limit() was called
}

std::size_t SizeLadder::losses(Rung rung) const {
  const auto found = tallies_.find(rung);
  return found == tallies_.end() ? 0 : found->second.lost;
}

std::size_t SizeLadder::losses_above(Rung rung) const {
  std::size_t lost = 0;
  for (auto entry = tallies_.upper_bound(rung); entry != tallies_.end(); ++entry)
    lost += entry->second.lost;
  return lost;
}

bool SizeLadder::passed(Rung rung) const { return rung <= lo_; }

SizeLadder::Tally SizeLadder::below_boundary() const {
  Tally all;
  for (auto entry = tallies_.begin(); entry != tallies_.end() && entry->first <= lo_; ++entry) {
    all.passed += entry->second.passed;
    all.lost += entry->second.lost;
  }
  return all;
}

void SizeLadder::limit(std::size_t size) {
  if (size >= ceiling_) return;
  ceiling_ = std::max(size, floor_);
  top_ = static_cast<Rung>((ceiling_ - floor_ + step_ - 1) / step_);
  std::erase_if(tallies_, [&](const auto& entry) { return entry.first > top_; });
  lo_ = std::min(lo_, top_);
}

void SizeLadder::forget() {
  tallies_.clear();
  lo_ = -1;
}

Rung SizeLadder::hi() const {
  for (auto entry = tallies_.upper_bound(lo_); entry != tallies_.end(); ++entry)
    if (entry->second.lost > 0) return entry->first;
  return top_ + 1;
}

/// The size that is claimed to be the MTU, then the size above it, which must not pass.
std::optional<Rung> SizeLadder::next_by_hint(Rung hi) const {
  if (!hint_ || *hint_ < floor_) return std::nullopt;
  const Rung hinted = rung_of(*hint_);
  if (hinted > lo_ && hinted < hi) return hinted;
  if (hinted == lo_ && lo_ + 1 < hi) return lo_ + 1;
  return std::nullopt;
}

/// The middle one of the common MTUs in the gap. With none left, the size above the gap's lower
/// end, where that is a common MTU and so may be the path's.
std::optional<Rung> SizeLadder::next_by_plateau(Rung hi) const {
  std::vector<Rung> inside;
  bool at_plateau = false;
  for (const std::size_t size : kPlateaus) {
    if (size < floor_ || size > ceiling_) continue;
    const Rung rung = rung_of(size);
    at_plateau = at_plateau || rung == lo_;
    if (rung > lo_ && rung < hi && (inside.empty() || inside.back() != rung))
      inside.push_back(rung);
  }
  if (!inside.empty()) return inside[inside.size() / 2];
  if (at_plateau && untried(lo_ + 1)) return lo_ + 1;
  return std::nullopt;
}

Rung SizeLadder::next() const {
  const Rung hi = this->hi();
  if (untried(current()) && current() > lo_ && current() < hi) return current();
  if (const auto hinted = next_by_hint(hi)) return *hinted;
  // A path that takes every size is recognized at once.
  if (hi == top_ + 1) return top_;
  if (hi - lo_ > kNarrow)
    if (const auto plateau = next_by_plateau(hi)) return *plateau;
  return lo_ + (hi - lo_) / 2;
}

}  // namespace wgscope::path
