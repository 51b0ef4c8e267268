// What a search found, as a result for its owner.

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <vector>

#include "wgscope/path/mtu_search.hpp"
#include "wgscope/path/size_ladder.hpp"
#include "wgscope/path/size_loss.hpp"

namespace wgscope::path {
namespace {

/// Losses that a verdict is about. Chosen: more than one or two, and more than one in twenty.
constexpr std::size_t kLossWorthAWord = 3;
constexpr std::size_t kOneIn = 20;

bool is_worth_a_word(std::size_t lost, std::size_t sent) {
  return lost >= kLossWorthAWord && lost * kOneIn >= sent;
}

}  // namespace

std::string_view to_string(MtuVerdict verdict) {
  constexpr std::array<std::string_view, 8> kNames{"ok",           "refused_here", "ptb_reported",
                                                   "black_hole",   "frag_dropped", "loss_not_size",
                                                   "loss_by_size", "inconclusive"};
  return kNames[static_cast<std::size_t>(verdict)];
}

MtuBounds MtuSearch::bounds() const {
  MtuBounds bounds;
  if (ladder_.lo() >= 0) bounds.passes = ladder_.size_of(ladder_.lo());
  if (ladder_.hi() <= ladder_.top()) bounds.lost = ladder_.size_of(ladder_.hi());
  return bounds;
}

MtuResult MtuSearch::result() const {
  MtuResult result;
  const Rung current = ladder_.current();
  const Rung lo = ladder_.lo();
  const Rung hi = ladder_.hi();
  if (lo >= 0) result.mtu = ladder_.size_of(lo);
  const bool settled = (done_ || has_found()) && !out_of_probes_;
  const bool boundary = settled && (lo == ladder_.top() || is_limit(hi));
  result.exact = boundary && ladder_.closed() && !config_.only_current;
  if (boundary && hi <= ladder_.top()) result.not_above = ladder_.size_of(hi) - 1;
  result.own_limit = own_limit_;
  // Of a `current` above the interface's limit the ladder knows that limit instead.
  const bool too_large_here = own_limit_ && *own_limit_ < config_.current;
  if (too_large_here || (boundary && hi <= current)) {
    result.current_fits = false;
  } else if (config_.current <= config_.ceiling && ladder_.passed(current)) {
    result.current_fits = true;  // a `current` above the ceiling was not tried itself
  }
  result.path_changed = changed_;
  result.probes = probes_;
  result.controls = static_cast<std::size_t>(std::ranges::count_if(shots_, [](const Shot& shot) {
    return shot.role == Role::control && shot.fate != Fate::waiting;
  }));
  result.controls_lost = controls_lost_;
  result.lossy = is_worth_a_word(controls_lost_, result.controls);
  result.repeated = repeats_ - repeats_open_;
  result.repeated_lost = repeats_lost_;
  tell_size_loss(result);
  result.round_trip = shortest_;
  tell_reports(result);
  tell_trials(result);
  result.verdict = verdict(result);
  return result;
}

void MtuSearch::tell_size_loss(MtuResult& result) const {
  if (config_.proofs == 0) return;
  result.size_loss = find_size_loss(sized_packets(), largest_passed_);
  if (!result.size_loss || result.exact || largest_passed_ == 0) return;
  // The search may have begun anew, and what passed before passes at times still.
  result.mtu = std::max(result.mtu.value_or(0), largest_passed_);
}

/// Those sent before the first whose fate is not known: answers come sooner than losses show, so
/// what was sent last would look as if less of it was lost.
std::vector<SizedPacket> MtuSearch::sized_packets() const {
  std::vector<SizedPacket> packets;
  for (const Shot& shot : shots_) {
    if (shot.fate == Fate::flying) break;
    if (shot.fate == Fate::answered || shot.fate == Fate::lost)
      packets.push_back({.size = shot.size, .lost = shot.fate == Fate::lost});
  }
  return packets;
}

/// A report is right when the search itself came to the MTU that the report claims.
void MtuSearch::tell_reports(MtuResult& result) const {
  for (const TooBig& report : reports_) {
    const bool right = result.mtu && report.mtu >= *result.mtu &&
                       report.mtu <= result.not_above.value_or(*result.mtu);
    if (right) {
      if (!result.report) result.report = report;
      continue;
    }
    // A report of a hop before the narrowest one is right as well: only a size that passes above
    // what it claims refutes it.
    const bool refuted = result.mtu && report.mtu < *result.mtu;
    const auto same = [&](const TooBig& other) {
      return other.from == report.from && other.mtu == report.mtu;
    };
    if (refuted && std::ranges::none_of(result.wrong_reports, same))
      result.wrong_reports.push_back(report);
  }
}

void MtuSearch::tell_trials(MtuResult& result) const {
  for (const Shot& shot : shots_) {
    if (shot.role == Role::control || shot.fate == Fate::waiting) continue;
    auto trial = std::ranges::find(result.trials, shot.size, &MtuTrial::size);
    if (trial == result.trials.end())
      trial = result.trials.insert(trial, MtuTrial{.size = shot.size});
    ++trial->sent;
    if (shot.fate == Fate::answered) ++trial->answered;
    trial->reported = trial->reported || shot.reported;
    trial->refused = trial->refused || shot.fate == Fate::refused;
  }
}

MtuVerdict MtuSearch::verdict(const MtuResult& result) const {
  using enum MtuVerdict;
  if (result.current_fits == false) {
    if (result.own_limit && *result.own_limit < config_.current && !result.not_above)
      return refused_here;
    if (result.report) return ptb_reported;
    return config_.dont_fragment ? black_hole : frag_dropped;
  }
  if (result.size_loss) return loss_by_size;
  if (result.current_fits != true) return inconclusive;
  const bool lossy = result.lossy || is_worth_a_word(result.repeated_lost, result.repeated);
  return lossy || out_of_probes_ ? loss_not_size : ok;
}

}  // namespace wgscope::path
