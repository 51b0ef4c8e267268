#include "wgscope/path/mtu_search.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/size_ladder.hpp"
#include "wgscope/path/size_loss.hpp"

#include "chance.hpp"
#include "mtu_pace.hpp"

// A round is a probe and, sent right behind it, packets that must come back if the path carries
// anything at all: a small control and, while a boundary is made certain, a packet of the size
// below it. Which of these come back tells a drop because of size from other loss:
//
//   probe   size below   control
//   back                           passes
//   lost    back         back      lost because of its size, or by chance: counted
//   lost    lost         back      the path has become smaller: after some of these, begin anew
//   lost                 lost      the path lost everything for a moment: tried again
//
// While the search looks for the boundary one round is under way. Its probe is given up once the
// control behind it has come back and some grace is over; an answer that comes later counts all the
// same. At the boundary several rounds are under way, and each has the full second of RFC 8899
// §5.1.1 to come back.
//
// A boundary that no router reports may still be none: a path that loses nine of ten large packets
// loses a few in a row nearly always. So batches of packets of the size above follow, each with its
// control and its size below. One that passes moves the search up; what is lost and passes by turns
// ends it (size_loss.hpp).

namespace wgscope::path {
namespace {

using namespace std::chrono_literals;

/// PROBE_TIMER must not be shorter (RFC 8899 §5.1.1).
constexpr Nanoseconds kProbeTimer = 1s;
/// Chosen: an answer that a path delivers out of order may come so much behind a control's at
/// least. It grows with what is seen.
constexpr Nanoseconds kGrace = 100ms;
/// Chosen: rounds at the boundary are so far apart that one short outage does not lose several.
constexpr Nanoseconds kConfirmGap = 200ms;
/// Chosen: where controls are lost, a full queue or a ration may be the reason, so rounds come ever
/// more slowly, between these two.
constexpr Nanoseconds kFirstGap = 100ms;
constexpr std::size_t kBatch = 10;
/// Where rounds have to come slowly, or time is short: a quarter of kProofs.
constexpr std::size_t kLargeBatch = 35;
/// A path may change while it is searched; twice, and larger packets pass at times only.
constexpr std::size_t kMostReversals = 2;
/// So many more packets are lost before is_unsteady() looks at all of them again.
constexpr std::size_t kLookAgain = 4;
constexpr Nanoseconds kLongestGap = 1s;
/// While the search looks for the boundary a packet that a ration drops costs a wrong turn at most,
/// which the rounds at the boundary find out.
constexpr Nanoseconds kLongestSearchGap = 400ms;
/// Chosen: by so much longer an answer is waited for after each round that nothing came back of.
constexpr Nanoseconds kMoreInSilence = 500ms;
/// Rounds in a row that nothing comes back of end the search. Chosen: 6, about 14 s, where nothing
/// ever answered; 12, about 45 s, where the path may recover.
constexpr std::size_t kSilentAtFirst = 6;
constexpr std::size_t kSilentLater = 12;

}  // namespace

MtuSearch::MtuSearch(const MtuSearchConfig& config)
    : config_(config),
      ladder_({.current = config.current,
               .floor = config.floor,
               .ceiling = config.ceiling,
               .step = config.step,
               .expected = config.expected}),
      gap_(config.pace),
      grace_(kGrace),
      shortest_(config.round_trip),
      longest_(config.round_trip) {
  if (longest_) grace_ = std::max(grace_, *longest_);
  begin_round(ladder_.current(), false, config_.repeats_at_once ? 1 + config_.repeats : 0);
}

std::optional<MtuProbe> MtuSearch::poll_probe(Instant now) {
  if (done_ || waiting_.empty()) return std::nullopt;
  const std::size_t index = waiting_.front();
  waiting_.pop_front();
  Shot& shot = shots_[index];
  shot.fate = Fate::flying;
  shot.sent = now;
  if (shot.role == Role::probe) ++probes_;
  return MtuProbe{static_cast<std::uint32_t>(index), shot.size};
}

void MtuSearch::handle_answer(Instant now, std::uint32_t id) {
  if (id >= shots_.size()) return;
  Shot& shot = shots_[id];
  if (shot.fate != Fate::flying && shot.fate != Fate::lost) return;
  const Nanoseconds took = now - shot.sent;
  if (!shortest_ || took < *shortest_) shortest_ = took;
  if (!longest_ || took > *longest_) longest_ = took;
  silent_ = 0;
  answered_ = true;
  if (is_trusted(shot) && shot.fate == Fate::lost) count_trusted_loss(shot, false);
  if (is_trusted(shot) && shot.fate == Fate::flying) ++trusted_sent_;
  if (shot.role == Role::repeat) --(shot.fate == Fate::lost ? repeats_lost_ : repeats_open_);
  if (shot.reported) lied_to_ = true;
  if (shot.counted) {  // too late for the grace, but not lost
    ladder_.take_back_loss(shot.rung);
    shot.counted = false;
    grace_ = std::clamp(took + took / 2, grace_, std::max(kProbeTimer, grace_));
  }
  shot.fate = Fate::answered;
  shot.answered = now;
  largest_passed_ = std::max(largest_passed_, shot.size);
  if (shot.role == Role::probe || shot.role == Role::proof) {
    // What was lost before was not lost because of its size.
    if (ladder_.losses(shot.rung) > 0) slow_down();
    const bool given_up = ladder_.losses(shot.rung) >= losses_needed();
    if (config_.proofs > 0 && given_up && !ladder_.passed(shot.rung)) ++reversals_;
    ladder_.count_pass(shot.rung);
  }
  if (shot.role == Role::below) smaller_ = 0;
  advance(now);
}

void MtuSearch::handle_too_big(Instant now, const IpAddress& from, std::size_t mtu) {
  // It is about the probe that was sent last, of those that it can be about.
  for (std::size_t i = shots_.size(); i-- > 0;) {
    Shot& shot = shots_[i];
    if (shot.fate == Fate::waiting || shot.reported || shot.size <= mtu) continue;
    if (shot.sent + patience() < now || mtu < config_.floor) return;
    shot.reported = true;
    reports_.push_back({.from = from, .mtu = mtu, .about = shot.size});
    ladder_.hint(mtu);
    return advance(now);
  }
}

void MtuSearch::handle_refused(Instant now, std::uint32_t id, std::optional<std::size_t> limit) {
  if (id >= shots_.size() || shots_[id].fate != Fate::flying) return;
  Shot& shot = shots_[id];
  // The limit of an interface is above nothing that it has just sent.
  if (!limit || shot.size <= *limit) return advance(now);
  shot.fate = Fate::refused;
  if (shot.role == Role::repeat) --repeats_open_;
  own_limit_ = std::min(*limit, own_limit_.value_or(*limit));
  ladder_.limit(*limit);
  advance(now);
}

std::size_t MtuSearch::add_shot(Role role, Rung rung) {
  const std::size_t size = role == Role::control ? 0 : ladder_.size_of(rung);
  shots_.push_back({.role = role, .rung = rung, .size = size});
  waiting_.push_back(shots_.size() - 1);
  return shots_.size() - 1;
}

/// @param packets  of that size in one batch; 0: a single one.
void MtuSearch::begin_round(Rung rung, bool confirms, std::size_t packets) {
  Round round{.confirms = confirms,
              .probe = add_shot(confirms && packets > 0 ? Role::proof : Role::probe, rung),
              .count = std::max<std::size_t>(packets, 1),
              .below = std::nullopt,
              .control = 0};
  while (shots_.size() < round.probe + round.count) add_shot(Role::proof, rung);
  if (confirms && ladder_.lo() >= 0 && ladder_.lo() < rung)
    round.below = add_shot(Role::below, ladder_.lo());
  round.control = add_shot(Role::control, 0);
  rounds_.push_back(round);
}

Nanoseconds MtuSearch::patience() const {
  const Nanoseconds usual = std::max(kProbeTimer, 3 * longest_.value_or(Nanoseconds{0}));
  // A path that answers nothing may be a long one.
  return usual + silent_ * kMoreInSilence;
}

/// Packets that have not come back in time are lost.
void MtuSearch::expire(Instant now) {
  for (Shot& shot : shots_) {
    if (shot.fate != Fate::flying || now < shot.sent + patience()) continue;
    shot.fate = Fate::lost;
    ++lost_;
    if (shot.role == Role::repeat) {
      --repeats_open_;
      ++repeats_lost_;
    }
    if (!is_trusted(shot)) continue;
    ++trusted_sent_;
    count_trusted_loss(shot, true);
    slow_down();
  }
}

MtuSearch::Outcome MtuSearch::judge(const Round& round, Instant now) const {
  const Shot& probe = shots_[round.probe];
  const Shot& control = shots_[round.control];
  const auto has = [&](Fate fate) {
    return any(round, [&](const Shot& shot) { return shot.fate == fate; });
  };
  if (has(Fate::answered)) return Outcome::passed;
  if (has(Fate::refused)) return Outcome::refused;
  if (has(Fate::waiting)) return Outcome::pending;
  if (round.confirms) return judge_confirming(round);
  if (any(round, [](const Shot& shot) { return shot.reported; }) && !lied_to_) return Outcome::lost;
  if (is_back(round.control) && now >= control.answered + grace_) return Outcome::lost;
  if (probe.fate == Fate::flying) return Outcome::pending;
  return is_back(round.control) ? Outcome::lost : Outcome::silent;
}

/// Whether that is so of a shot that has the size of the round.
template <class Fits>
bool MtuSearch::any(const Round& round, const Fits& fits) const {
  const auto begin = shots_.begin() + static_cast<std::ptrdiff_t>(round.probe);
  return std::any_of(begin, begin + static_cast<std::ptrdiff_t>(round.count), fits);
}

MtuSearch::Outcome MtuSearch::judge_confirming(const Round& round) const {
  if (any(round, [](const Shot& shot) { return shot.fate == Fate::flying; }))
    return Outcome::pending;
  const auto flying = [&](std::size_t shot) {
    return shots_[shot].fate == Fate::flying || shots_[shot].fate == Fate::waiting;
  };
  if (flying(round.control) || (round.below && flying(*round.below))) return Outcome::pending;
  if (!is_back(round.below.value_or(round.control)))
    return is_back(round.control) ? Outcome::smaller : Outcome::silent;
  return Outcome::lost;
}

void MtuSearch::settle(const Round& round, Outcome outcome) {
  switch (outcome) {
    case Outcome::lost: settle_lost(round); break;
    case Outcome::passed: adopt_repeats(round); break;
    case Outcome::smaller: ++smaller_; break;
    case Outcome::silent:
      ++silent_;
      slow_down();
      break;
    case Outcome::pending:
    case Outcome::refused: break;
  }
}

/// Of packets that were sent at once to look for the boundary, one counts: the others are no proofs
/// of a limit at which the search has not arrived.
void MtuSearch::settle_lost(const Round& round) {
  const std::size_t count = round.confirms ? round.count : 1;
  for (std::size_t i = round.probe; i < round.probe + count; ++i) {
    shots_[i].counted = true;
    ladder_.count_loss(shots_[i].rung);
  }
}

void MtuSearch::advance(Instant now) {
  if (done_) return;
  expire(now);
  std::vector<Round> open;
  for (const Round& round : rounds_) {
    const Outcome outcome = judge(round, now);
    if (outcome == Outcome::pending)
      open.push_back(round);
    else
      settle(round, outcome);
  }
  rounds_ = std::move(open);
  if (smaller_ >= std::max(kMaxProbes, losses_needed())) begin_anew();
  go_on(now);
}

void MtuSearch::go_on(Instant now) {
  repeat_current(now);
  if (has_found()) {
    const bool repeated = repeats_open_ == 0 && !wants_more_repeats();
    if (repeated || is_lost_by_size()) finish();
    return;
  }
  if (silent_ >= (answered_ ? kSilentLater : kSilentAtFirst)) return finish();
  if (probes_ >= config_.most_probes || is_unsteady()) {
    out_of_probes_ = true;
    return finish();
  }
  if (config_.only_current && ladder_.losses(ladder_.current()) > 0)
    return confirm(now, ladder_.current());
  if (ladder_.closed()) return confirm(now, ladder_.hi());
  // A boundary that was being made certain has moved: rounds that are under way there are useless.
  std::erase_if(rounds_, [](const Round& round) { return round.confirms; });
  if (!rounds_.empty() || now < next_round_) return;
  begin_round(is_doubtful(ladder_.hi()) ? ladder_.hi() : ladder_.next(), false);
  next_round_ = now + search_gap();
}

void MtuSearch::confirm(Instant now, Rung rung) {
  std::erase_if(rounds_, [&](const Round& round) {
    return shots_[round.probe].rung != rung && shots_[round.probe].fate != Fate::waiting;
  });
  if (is_limit(rung)) return finish();
  const std::size_t wanted = still_to_send(rung);
  if (wanted == 0 || now < next_round_) return;
  const bool in_batches = config_.proofs > 0 && !is_reported(rung);
  const std::size_t singly = in_batches ? singles() : losses_needed();
  if (ladder_.losses(rung) + in_flight() < singly) {
    begin_round(rung, true);
    // With batches to come, single rounds are still part of the search.
    next_round_ = now + std::max(kConfirmGap, in_batches ? search_gap() : gap_);
  } else {
    const bool large = config_.large_batches || config_.proofs_at_once || gap_ > kBatchGap;
    begin_round(rung, true, std::min(wanted, large ? kLargeBatch : kBatch));
    const Nanoseconds gap = std::max(large ? kLargeBatchGap : kBatchGap, gap_);
    next_round_ = now + (config_.proofs_at_once ? gap : uneven(gap, shots_.size()));
  }
}

/// Packets above a limit that are sent one by one before batches of them.
std::size_t MtuSearch::singles() const { return config_.proofs_at_once ? 0 : kMaxProbes; }

/// Whether chance may well have lost the only packet of this size, so that a second one costs less
/// than to look for the boundary on the wrong side.
bool MtuSearch::is_doubtful(Rung rung) const {
  return rung <= ladder_.top() && ladder_.losses(rung) == 1 && !is_reported(rung) &&
         trusted_lost_ + config_.known_lost > 0;
}

/// Packets of rounds whose outcome is pending.
std::size_t MtuSearch::in_flight() const {
  std::size_t packets = 0;
  for (const Round& round : rounds_) packets += round.count;
  return packets;
}

/// Whether a router reports what the search has come to.
bool MtuSearch::is_reported(Rung rung) const {
  return std::ranges::any_of(reports_, [&](const TooBig& report) {
    return report.mtu < ladder_.size_of(rung) && ladder_.lo() >= 0 &&
           report.mtu >= ladder_.size_of(ladder_.lo());
  });
}

/// Packets of this size that have to be lost before it counts as above a limit.
std::size_t MtuSearch::losses_wanted(Rung rung) const {
  const std::size_t needed = losses_needed();
  if (config_.proofs == 0 || is_reported(rung)) return needed;
  // What was lost of larger sizes speaks for the limit too.
  const std::size_t larger = ladder_.losses_above(rung);
  return std::max(needed, config_.proofs - std::min(config_.proofs, larger));
}

bool MtuSearch::is_limit(Rung rung) const { return ladder_.losses(rung) >= losses_wanted(rung); }

std::size_t MtuSearch::still_to_send(Rung rung) const {
  const std::size_t have = ladder_.losses(rung) + in_flight();
  return losses_wanted(rung) - std::min(losses_wanted(rung), have);
}

void MtuSearch::begin_anew() {
  changed_ = true;
  if (config_.proofs > 0) ++reversals_;
  smaller_ = 0;
  ladder_.forget();
  rounds_.clear();
  for (Shot& shot : shots_) shot.counted = false;
}

/// Whether larger packets pass at times only, so that there is no boundary to be found.
bool MtuSearch::is_unsteady() {
  if (config_.proofs == 0) return false;
  return reversals_ >= kMostReversals || is_lost_by_size();
}

bool MtuSearch::is_lost_by_size() {
  if (config_.proofs == 0 || lost_ < looked_at_ + kLookAgain) return false;
  looked_at_ = lost_;
  return find_size_loss(sized_packets(), largest_passed_).has_value();
}

void MtuSearch::count_trusted_loss(const Shot& shot, bool lost) {
  const auto count = [&](std::size_t& losses) { lost ? ++losses : --losses; };
  count(trusted_lost_);
  if (shot.role == Role::control) count(controls_lost_);
}

/// The pause between rounds that look for the boundary.
Nanoseconds MtuSearch::search_gap() const {
  return std::max(config_.pace, std::min(gap_, kLongestSearchGap));
}

void MtuSearch::slow_down() {
  gap_ = std::clamp(2 * gap_, kFirstGap, std::max(kLongestGap, config_.pace));
}

/// So many losses in a row that chance would hardly make them. The ratio of other losses is that of
/// controls, and of probes up to the largest size that passed. The prior, half a loss in one and a
/// half packets, is chosen: it expects little loss, so that a path without any needs few.
std::size_t MtuSearch::losses_needed() const {
  const auto [passed, lost] = ladder_.below_boundary();
  const auto losses = static_cast<double>(trusted_lost_ + config_.known_lost + lost) + 0.5;
  const auto sent = static_cast<double>(trusted_sent_ + config_.known_sent + passed + lost) + 1.5;
  return std::max(losses_beyond_chance(losses, sent, kChance), kMaxProbes);
}

Instant MtuSearch::deadline(const Round& round) const {
  const Shot& probe = shots_[round.probe];
  Instant last = probe.sent + patience();
  if (!round.confirms) {
    if (is_back(round.control)) return std::min(last, shots_[round.control].answered + grace_);
    return last;
  }
  for (const std::size_t shot : {round.control, round.below.value_or(round.control)})
    if (shots_[shot].fate == Fate::flying) last = std::max(last, shots_[shot].sent + patience());
  return last;
}

std::optional<Instant> MtuSearch::next_timeout() const {
  if (done_ || !waiting_.empty()) return std::nullopt;
  std::optional<Instant> next;
  const auto consider = [&](Instant at) { next = next ? std::min(*next, at) : at; };
  for (const Round& round : rounds_) consider(deadline(round));
  if (repeats_open_ > 0) {
    for (const Shot& shot : shots_)
      if (shot.role == Role::repeat && shot.fate == Fate::flying) consider(shot.sent + patience());
  }
  if (wants_more_repeats()) consider(next_repeats_);
  if (has_found()) return next;
  const bool confirming = !rounds_.empty() && rounds_.front().confirms;
  const bool may_begin = confirming ? still_to_send(shots_[rounds_.front().probe].rung) > 0 : true;
  if (rounds_.empty() || (confirming && may_begin)) consider(next_round_);
  return next;
}

}  // namespace wgscope::path
