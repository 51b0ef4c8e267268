#include "wgscope/path/hop_search.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"

#include "chance.hpp"

// What may deceive, and what stands against it:
//
//   chance       losses of large packets are counted until chance is out of the question
//   rations      of ICMP errors: a hop's large and small packets have the same standing (see ask())
//   an outage    a loss counts only if the small packet right behind it was answered
//   late answers to small packets, taken for one to a large packet: without identifiers, a hop's
//                large packets wait until such an answer is out of the question, and the last hop
//                that saw one has to see it twice
//   balancing    routers that spread packets over paths: the next hop is asked whether it sees
//                large ones all the same

namespace wgscope::path {
namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds kPatience = 1s;
constexpr Nanoseconds kShortPatience = 300ms;
constexpr Nanoseconds kPause = 1100ms;  ///< a second and a little: Linux' icmp_ratelimit
constexpr int kLate = 4;                ///< times the patience: no answer comes later
constexpr Nanoseconds kStretch = 1s;
constexpr Nanoseconds kMostStretch = 3s;
constexpr double kOnTime =
    1.1;  ///< times the shortest pause: less than one behind a lost large one

constexpr std::size_t kTries = 3;        ///< before a hop counts as silent
constexpr std::size_t kLeastLosses = 3;  ///< as many as kMaxProbes of RFC 8899
constexpr std::size_t kTooSeldom = 6;    ///< small ones lost in a row
constexpr std::size_t kOffPace = 2;      ///< small ones lost after the shortest pause
constexpr std::size_t kDisbelief = 4;    ///< large ones lost where one was seen
constexpr double kChanceOfWrongHop = 1e-5;

}  // namespace

HopSearch::HopSearch(const HopSearchConfig& config)
    : config_(config),
      hops_(std::size_t{config.most_hops} + 2),
      longest_(config.round_trip.value_or(Nanoseconds{0})) {
  decide(Instant{});
}

std::optional<HopProbe> HopSearch::poll_probe(Instant now) {
  if (done_ || flying_ || !step_ || now < step_->at) return std::nullopt;
  const auto id = static_cast<std::uint32_t>(shots_.size());
  Hop& asked = hop(step_->hop);
  Shot shot{.hop = step_->hop, .large = step_->large, .sent = now};
  if (asked.answered) shot.pause = now - *asked.answered;
  if (shot.large) ++asked.large_sent;
  shots_.push_back(shot);
  flying_ = id;
  step_.reset();
  return HopProbe{
      .id = id, .size = shot.large ? config_.fails : config_.passes, .hop_limit = shot.hop};
}

void HopSearch::handle_exceeded(Instant now, std::optional<std::uint32_t> id,
                                const IpAddress& from) {
  identified_ = identified_ || id;
  if (const auto matched = match(id, &from)) settle_seen(now, *matched, &from);
}

void HopSearch::handle_arrived(Instant now, std::optional<std::uint32_t> id) {
  const auto matched = match(id, nullptr);
  if (!matched) return;
  // Unless a late answer to another probe may look like it.
  Hop& here = hop(shots_[*matched].hop);
  here.is_end = here.is_end || ++here.arrivals > 1 || id || identified_ || !lost_;
  settle_seen(now, *matched, nullptr);
}

void HopSearch::handle_too_big(std::optional<std::uint32_t> id, const IpAddress& from) {
  const auto matched = id ? id : flying_;
  if (!matched || *matched >= shots_.size() || !shots_[*matched].large) return;
  hop(shots_[*matched].hop).reporter = from;
}

void HopSearch::handle_timeout(Instant now) {
  if (flying_ && now >= shots_[*flying_].sent + patience()) settle_lost(now, *flying_);
}

std::optional<Instant> HopSearch::next_timeout() const {
  if (done_) return std::nullopt;
  if (flying_) return shots_[*flying_].sent + patience();
  return step_ ? std::optional(step_->at) : std::nullopt;
}

/// Which probe an answer is about.
std::optional<std::uint32_t> HopSearch::match(std::optional<std::uint32_t> id,
                                              const IpAddress* from) const {
  if (done_) return std::nullopt;
  if (id) return *id < shots_.size() ? id : std::nullopt;
  if (!flying_ || from == nullptr) return flying_;
  // A late one of another hop: each signs with its own address.
  const auto is_of = [&](const Hop& other) { return other.address == *from; };
  if (is_of(hop(shots_[*flying_].hop)) || std::ranges::none_of(hops_, is_of)) return flying_;
  return std::nullopt;
}

void HopSearch::settle_seen(Instant now, std::uint32_t id, const IpAddress* from) {
  Shot& shot = shots_[id];
  if (shot.fate == Fate::seen) return;
  const bool late = shot.fate == Fate::lost;
  shot.fate = Fate::seen;
  longest_ = std::max(longest_, now - shot.sent);
  Hop& seen = hop(shot.hop);
  if (from != nullptr && !seen.address) seen.address = *from;
  if (shot.large) {
    ++seen.large_seen;
    ++seen.sightings;
    seen.losses = seen.lost_again = 0;
    seen.owes_small = seen.kept_pace = false;
    if (from == nullptr) path_changed_ = done_ = true;
  } else {
    settle_small_seen(shot, seen, late);
  }
  seen.answered = now;
  if (flying_ == id) flying_.reset();
  if (!flying_) decide(now);
}

void HopSearch::settle_small_seen(const Shot& shot, Hop& seen, bool late) {
  ++seen.small_seen;
  seen.lost_in_row = 0;
  if (late) --seen.small_lost;
  if (seen.owes_small && !late) ++seen.losses;
  seen.owes_small = false;
  const std::chrono::duration<double> longest_on_time = kOnTime * pause();
  if (!seen.answered || shot.pause > longest_on_time) return;
  seen.keeps_pace = true;
  seen.kept_pace = seen.losses >= losses_needed();
  seen.off_pace = 0;
}

/// Where small ones are not answered after such a pause either, nothing that was lost counts, and
/// pauses have to be longer.
void HopSearch::settle_small_lost(const Shot& shot, Hop& asked) {
  ++asked.small_lost;
  ++asked.lost_in_row;
  if (!identified_) asked.untrusted = shot.sent + kLate * patience();
  if (asked.small_seen > 0 && !asked.owes_small && ++asked.off_pace >= kOffPace) {
    asked.off_pace = asked.losses = 0;
    asked.keeps_pace = false;
    stretch_ = std::min(stretch_ + kStretch, kMostStretch);
  }
  asked.owes_small = false;
}

void HopSearch::settle_lost(Instant now, std::uint32_t id) {
  Shot& shot = shots_[id];
  if (shot.fate != Fate::flying) return;
  shot.fate = Fate::lost;
  lost_ = shot.sent;
  Hop& asked = hop(shot.hop);
  if (shot.large) {
    asked.owes_small = asked.large_seen == 0;
    if (asked.large_seen > 0) ++asked.lost_again;
  } else {
    settle_small_lost(shot, asked);
  }
  flying_.reset();
  decide(now);
}

/// What to send next, or that all is told.
void HopSearch::decide(Instant now) {
  step_.reset();
  last_ = furthest_seen();
  if (first_ && last_ >= *first_) look_again();
  if (phase_ == Phase::confirm && candidate_ <= last_) leave_candidate();
  if (shots_.size() >= config_.most_probes) done_ = true;
  while (!done_ && !step_) {
    switch (phase_) {
      case Phase::scan: scan(now); break;
      case Phase::confirm: confirm(now); break;
      case Phase::narrow: narrow(now); break;
    }
  }
}

/// A hop beyond saw a large one after all.
void HopSearch::look_again() {
  first_.reset();
  phase_ = Phase::scan;
  at_ = static_cast<std::uint8_t>(last_ + 1);
}

void HopSearch::scan(Instant now) {
  if (at_ > config_.most_hops) {
    done_ = true;
    return;
  }
  const Hop& here = hop(at_);
  if (here.large_seen > 0 || here.unusable) {
    ++at_;
    return;
  }
  if (here.large_sent == 0) return ask(at_, true, now);
  if (may_be_end(here)) return ask(at_, false, now);
  if (here.small_seen > 0) {
    candidate_ = at_;
    phase_ = Phase::confirm;
    looked_beyond_ = false;
    return;
  }
  if (here.small_lost == 0) return ask(at_, false, now);
  ++at_;  // silent: asked again at the end
}

void HopSearch::leave_candidate() {
  phase_ = first_ ? Phase::narrow : Phase::scan;
  if (!first_) at_ = static_cast<std::uint8_t>(std::max(candidate_, last_) + 1);
}

/// That large ones do not come here.
void HopSearch::confirm(Instant now) {
  Hop& here = hop(candidate_);
  const auto next = static_cast<std::uint8_t>(candidate_ + 1);
  if (is_certain(here)) {
    first_ = candidate_;
    phase_ = Phase::narrow;
  } else if (here.lost_in_row >= kTooSeldom) {
    here.unusable = true;
    leave_candidate();
  } else if (!first_ && !looked_beyond_ && next <= config_.most_hops) {
    looked_beyond_ = true;
    if (hop(next).large_sent == 0) ask(next, true, now);
  } else {
    const bool enough = here.losses >= losses_needed();
    ask(candidate_, !here.owes_small && here.keeps_pace && !enough, now);
  }
}

/// What is between the last and the first hop, asked again.
void HopSearch::narrow(Instant now) {
  for (auto number = static_cast<std::uint8_t>(last_ + 1); number < *first_; ++number) {
    const Hop& here = hop(number);
    if (here.unusable) continue;
    if (may_be_end(here)) return ask(number, false, now);
    if (here.small_seen > 0) {
      candidate_ = number;
      phase_ = Phase::confirm;
      return;
    }
    if (here.small_lost < kTries) return ask(number, false, now);
  }
  verify(now);
}

/// That the last hop which saw a large one did.
void HopSearch::verify(Instant now) {
  Hop& here = hop(last_);
  if (last_ == 0 || !is_doubtful(here)) {
    done_ = true;
  } else if (here.lost_again < kDisbelief) {
    ask(last_, true, now);
    if (here.lost_again == 0) step_->at = std::max(step_->at, *lost_ + kLate * patience());
  } else {
    here.large_seen = 0;
    here.address.reset();
    last_ = furthest_seen();
  }
}

/// A hop that rations its answers has one for us or not, whatever the size, so large ones come no
/// sooner after its last answer than a small one that was answered (Hop::keeps_pace). The small one
/// behind a large one that was lost comes later than that, and has the better standing.
void HopSearch::ask(std::uint8_t number, bool large, Instant now) {
  const Hop& asked = hop(number);
  Instant at = now;
  const bool at_once = !large && (asked.owes_small || asked.small_seen == 0);
  if (asked.answered && !at_once) at = std::max(at, *asked.answered + pause());
  if (asked.untrusted && large) at = std::max(at, *asked.untrusted);
  step_ = Step{.hop = number, .large = large, .at = at};
}

std::uint8_t HopSearch::furthest_seen() const {
  std::uint8_t number = 0;
  for (std::size_t i = 1; i < hops_.size(); ++i)
    if (hops_[i].large_seen > 0) number = static_cast<std::uint8_t>(i);
  return number;
}

bool HopSearch::is_certain(const Hop& here) const {
  if (here.small_seen == 0) return false;
  if (here.is_end) return true;  // as was proven before
  // The last hop says that it is the one.
  if (here.reporter && here.losses > 0 && here.reporter == hop(last_).address) return true;
  return here.kept_pace && here.losses >= losses_needed();
}

bool HopSearch::may_be_end(const Hop& here) const {
  return here.arrivals > 0 && !here.is_end && !here.address && here.small_lost < kTries;
}

bool HopSearch::is_doubtful(const Hop& here) const {
  return !identified_ && lost_ && here.sightings == 1;
}

/// So many in a row that it is no chance, by what is known of losses that have nothing to do with
/// size (the rule of succession, with a prior that expects little).
std::size_t HopSearch::losses_needed() const {
  double lost = static_cast<double>(config_.controls_lost) + 0.2;
  double sent = static_cast<double>(config_.controls) + 2;
  for (const Hop& one : hops_) {
    if (one.small_seen > 0) {
      sent += static_cast<double>(one.small_seen + one.small_lost);
      lost += static_cast<double>(one.small_lost);
    }
    if (one.large_seen > 0) {
      sent += static_cast<double>(one.large_sent);
      lost += static_cast<double>(one.large_sent - one.large_seen);
    }
  }
  return std::max(losses_beyond_chance(lost, sent, kChanceOfWrongHop), kLeastLosses);
}

/// Short where a late answer is known for what it is, and counts.
Nanoseconds HopSearch::patience() const {
  return std::max(identified_ ? kShortPatience : kPatience, 3 * longest_);
}

Nanoseconds HopSearch::pause() const { return std::max(kPause, patience()) + stretch_; }

PathHop HopSearch::told(std::uint8_t number) const {
  const Hop& one = hop(number);
  return {.number = number,
          .address = one.address,
          .is_end = one.is_end,
          .small_seen = one.small_seen > 0 || one.large_seen > 0,
          .large_seen = one.large_seen > 0};
}

HopSearchResult HopSearch::result() const {
  HopSearchResult result;
  result.path_changed = path_changed_;
  result.probes = shots_.size();
  std::uint8_t looked_at = 0;
  for (const Shot& shot : shots_) looked_at = std::max(looked_at, shot.hop);
  if (first_) looked_at = *first_;
  for (std::uint8_t number = 1; number <= looked_at; ++number) result.hops.push_back(told(number));
  const bool doubtful = last_ > 0 && is_doubtful(hop(last_));
  const bool nothing_seen = first_ && last_ == 0 && *first_ > 1 && hop(*first_).is_end;
  if (path_changed_ || !first_ || doubtful || nothing_seen) return result;
  const auto& signs = hop(last_).address;
  result.reported = signs && hop(*first_).reporter == signs;
  result.last = told(last_);
  result.first = told(*first_);
  return result;
}

}  // namespace wgscope::path
