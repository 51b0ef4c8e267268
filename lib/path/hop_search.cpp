#include "wgscope/path/hop_search.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/mtu_search.hpp"

#include "chance.hpp"

// What may mislead the search, and what it does against that:
//
//   chance        losses of large packets are counted until chance would hardly make so many
//   rations       Hops ration ICMP errors. A hop's large and small packets have the same chance of
//                 one (see ask()).
//   an outage     A loss counts only if the small packet right behind it was answered.
//   late answers  An answer to a small packet may be taken for one to a large packet. Where answers
//                 do not tell which probe they are about, a hop's large packets wait until no late
//                 answer can come any more, and the last hop that answered a large packet has to do
//                 so twice.
//   a change      The path may change while it is searched. What was lost at hops beyond counts no
//                 more once a large packet came further. At last, the last hop has to answer a
//                 large packet again, and large packets must still be lost before the far end.
//   balancing     Routers may spread packets over paths. The next hop is asked whether large
//                 packets come to it all the same.

namespace wgscope::path {
namespace {

using namespace std::chrono_literals;

/// An answer is waited for so long. Chosen: as long as RFC 8899 §5.1.1 wants of probes; less where
/// a late answer is recognized, and counts.
constexpr Nanoseconds kPatience = 1s;
constexpr Nanoseconds kShortPatience = 300ms;
/// Linux answers one host once a second (net.ipv4.icmp_ratelimit, 1000 ms), and a little more.
constexpr Nanoseconds kPause = 1100ms;
/// Chosen: no answer comes later than so many times the patience. The simulation has answers that
/// are up to 3 s late.
constexpr int kLate = 4;
/// Chosen: pauses grow by so much, up to so much, for routers that answer once in 2, 3 or 4 s.
constexpr Nanoseconds kStretch = 1s;
constexpr Nanoseconds kMostStretch = 3s;
/// Chosen: a pause counts as short up to so many times the shortest one. The pause of a small
/// packet behind a lost large one is longer than that, by the patience for the large one.
constexpr double kOnTime = 1.1;

/// Chosen: a hop that leaves so many small packets unanswered counts as silent.
constexpr std::size_t kTries = 3;
/// MAX_PROBES (RFC 8899 §5.1.2), which is kMaxProbes of MtuSearch.
constexpr std::size_t kLeastLosses = 3;
/// Chosen: a hop that loses so many small packets in a row is of no use.
constexpr std::size_t kTooSeldom = 6;
/// Chosen: so many small packets lost after the shortest pause show that pauses are too short.
constexpr std::size_t kOffPace = 2;
/// At last, the first hop beyond leaves so many large packets unanswered that chance does so less
/// often than this. Chosen: the path has to change just then, too.
constexpr double kChanceOfChange = 1e-3;
/// Chosen: losses at the far end cost little time, so there are some more.
constexpr std::size_t kMoreAtEnd = 2;
/// Chosen: packets that a hop is sent at last, before the place counts as unknown.
constexpr std::size_t kMostAsked = 12;
/// Chosen: so many large packets lost after one was answered show that the answer was another's.
constexpr std::size_t kDisbelief = 4;
/// How often chance may name a wrong hop, before the other precautions.
constexpr double kChanceOfWrongHop = kChance;

}  // namespace

std::optional<HopSearchConfig> hop_search_for(const MtuResult& found,
                                              std::optional<Nanoseconds> round_trip) {
  if (!found.exact || !found.mtu || !found.not_above) return std::nullopt;
  HopSearchConfig config;
  config.passing_size = *found.mtu;
  config.failing_size = *found.not_above + 1;
  config.round_trip = round_trip;
  config.controls = found.controls;
  config.controls_lost = found.controls_lost;
  return config;
}

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
  shot.proves = phase_ == Phase::prove;
  if (asked.answered) shot.pause = now - *asked.answered;
  if (shot.large) ++asked.large_sent;
  shots_.push_back(shot);
  flying_ = id;
  step_.reset();
  return HopProbe{.id = id,
                  .size = shot.large ? config_.failing_size : config_.passing_size,
                  .hop_limit = shot.hop};
}

void HopSearch::handle_exceeded(Instant now, std::optional<std::uint32_t> id,
                                const IpAddress& from) {
  identified_ = identified_ || id;
  if (const auto matched = match(id, &from)) settle_seen(now, *matched, &from);
}

void HopSearch::handle_arrived(Instant now, std::optional<std::uint32_t> id) {
  const auto matched = match(id, nullptr);
  if (!matched) return;
  arrivals_identified_ = arrivals_identified_ || id;
  // It is the far end, unless this may be a late answer to another probe.
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
  if (flying_ && now >= shots_[*flying_].sent + patience_for(shots_[*flying_]))
    settle_lost(now, *flying_);
}

std::optional<Instant> HopSearch::next_timeout() const {
  if (done_) return std::nullopt;
  if (flying_) return shots_[*flying_].sent + patience_for(shots_[*flying_]);
  return step_ ? std::optional(step_->at) : std::nullopt;
}

/// Which probe an answer is about. Nothing: it is about none that is waited for.
std::optional<std::uint32_t> HopSearch::match(std::optional<std::uint32_t> id,
                                              const IpAddress* from) const {
  if (done_) return std::nullopt;
  if (id) return *id < shots_.size() ? id : std::nullopt;
  if (!flying_ || from == nullptr) return flying_;
  // It may be a late answer of another hop: each signs with its own address.
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
    seen.owes_small = seen.answered_at_pace = false;
    if (from == nullptr) large_arrived_ = path_changed_ = done_ = true;
  } else {
    settle_small_seen(shot, seen, late);
  }
  settle_proof(shot, true);
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
  seen.answers_at_pace = true;
  seen.answered_at_pace = seen.losses >= losses_needed();
  seen.off_pace = 0;
}

/// Where small packets are not answered after such a pause either, the losses do not count, and
/// pauses have to be longer.
void HopSearch::settle_small_lost(const Shot& shot, Hop& asked) {
  ++asked.small_lost;
  ++asked.lost_in_row;
  if (!identified_) asked.untrusted = shot.sent + kLate * patience();
  if (asked.small_seen > 0 && !asked.owes_small && ++asked.off_pace >= kOffPace) {
    asked.off_pace = asked.losses = 0;
    asked.answers_at_pace = false;
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
  settle_proof(shot, false);
  flying_.reset();
  decide(now);
}

/// Chooses the next probe, or ends the search.
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
      case Phase::prove: prove(now); break;
    }
  }
}

/// A large packet came to a hop beyond after all.
void HopSearch::look_again() {
  first_.reset();
  proof_ = {};
  phase_ = Phase::scan;
  at_ = static_cast<std::uint8_t>(last_ + 1);
  forget_losses();
}

/// The path may have changed: what was lost before says nothing of hops beyond any more.
void HopSearch::forget_losses() {
  for (std::size_t i = last_ + std::size_t{1}; i < hops_.size(); ++i) {
    Hop& beyond = hops_[i];
    beyond.large_sent = beyond.losses = 0;
    beyond.owes_small = beyond.answered_at_pace = false;
    beyond.reporter.reset();
  }
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
  ++at_;  // a silent hop is asked again at the end
}

void HopSearch::leave_candidate() {
  if (candidate_ <= last_) forget_losses();
  phase_ = first_ ? Phase::narrow : Phase::scan;
  if (!first_) at_ = static_cast<std::uint8_t>(std::max(candidate_, last_) + 1);
}

/// Makes certain that large packets do not come to the candidate.
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
    ask(candidate_, !here.owes_small && here.answers_at_pace && !enough, now);
  }
}

/// Asks the silent hops between the last and the first hop again.
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

/// Makes certain that a large packet came to the last hop.
void HopSearch::verify(Instant now) {
  Hop& here = hop(last_);
  if (last_ == 0 || !is_doubtful(here)) {
    phase_ = Phase::prove;
  } else if (here.lost_again < kDisbelief) {
    ask(last_, true, now);
    if (here.lost_again == 0) step_->at = std::max(step_->at, *lost_ + kLate * patience());
  } else {
    here.large_seen = 0;
    here.address.reset();
    last_ = furthest_seen();
  }
}

/// Makes certain that the path is still as it was found.
void HopSearch::prove(Instant now) {
  const Hop& first = hop(*first_);
  const Hop& end = hop(far_end());
  // It has reported a packet of this phase, so it drops them still.
  const bool is_reported = end.reporter && end.reporter == hop(last_).address;
  if (end.losses < (is_reported ? 1 : losses_needed() + kMoreAtEnd)) {
    if (end.lost_in_row >= kTooSeldom) return give_up(false);
    ask(far_end(), !end.owes_small, now);
    // The far end does not ration.
    step_->at = arrivals_identified_ ? now : std::max(now, end.untrusted.value_or(now));
  } else if (!first.is_end &&
             proof_.first.lost < (is_reported ? 1 : losses_beyond(kChanceOfChange))) {
    if (proof_.first.asked >= kMostAsked) return give_up(false);
    ask(*first_, !proof_.first.owes_small, now);
  } else if (last_ > 0 && !proof_.last.large_seen) {
    if (proof_.last.lost >= kDisbelief) return give_up(true);
    if (proof_.last.asked >= kMostAsked) return give_up(false);
    ask(last_, !proof_.last.owes_small, now);
  } else {
    proof_.done = done_ = true;
  }
}

void HopSearch::give_up(bool path_changed) {
  path_changed_ = path_changed;
  done_ = true;
}

void HopSearch::settle_proof(const Shot& shot, bool seen) {
  if (!shot.proves || (shot.hop != first_ && shot.hop != last_)) return;
  Recheck& check = shot.hop == last_ ? proof_.last : proof_.first;
  ++check.asked;
  if (!shot.large && seen && check.owes_small) ++check.lost;
  check.large_seen = check.large_seen || (shot.large && seen);
  check.owes_small = shot.large && !seen;
}

/// A hop that rations its answers has one left for us or not, whatever the size. So a large packet
/// comes no sooner after its last answer than a small packet that was answered
/// (Hop::answers_at_pace). The small packet behind a large one that was lost comes later than that,
/// with a better chance.
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
  if (here.is_end) return true;  // large packets are proven not to arrive at the far end
  // The last hop itself reports that it drops large packets.
  if (here.reporter && here.losses > 0 && here.reporter == hop(last_).address) return true;
  return here.answered_at_pace && here.losses >= losses_needed();
}

bool HopSearch::may_be_end(const Hop& here) const {
  return here.arrivals > 0 && !here.is_end && !here.address && here.small_lost < kTries;
}

bool HopSearch::is_doubtful(const Hop& here) const {
  return !identified_ && lost_ && here.sightings == 1;
}

/// So many losses in a row that chance would hardly make them. The ratio of other losses is that of
/// controls, of small packets at hops that answer any, and of large ones at hops that answer any.
/// The prior, a fifth of a loss in two packets, is chosen: it expects little loss.
std::size_t HopSearch::losses_needed() const {
  return std::max(losses_beyond(kChanceOfWrongHop), kLeastLosses);
}

std::size_t HopSearch::losses_beyond(double chance) const {
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
  return losses_beyond_chance(lost, sent, chance);
}

/// It is short where a late answer is recognized, and counts.
Nanoseconds HopSearch::patience() const {
  return std::max(identified_ ? kShortPatience : kPatience, 3 * longest_);
}

Nanoseconds HopSearch::patience_for(const Shot& shot) const {
  const bool recognized = shot.hop == far_end() && arrivals_identified_;
  return recognized ? std::max(kShortPatience, 3 * longest_) : patience();
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
  result.large_arrived = large_arrived_;
  result.probes = shots_.size();
  std::uint8_t looked_at = 0;
  for (const Shot& shot : shots_) looked_at = std::max(looked_at, shot.hop);
  if (first_) looked_at = *first_;
  for (std::uint8_t number = 1; number <= looked_at; ++number) result.hops.push_back(told(number));
  const bool doubtful = last_ > 0 && is_doubtful(hop(last_));
  const bool nothing_seen = first_ && last_ == 0 && *first_ > 1 && hop(*first_).is_end;
  if (path_changed_ || !first_ || !proof_.done || doubtful || nothing_seen) return result;
  const auto& signs = hop(last_).address;
  result.reported = signs && hop(*first_).reporter == signs;
  result.last = told(last_);
  result.first = told(*first_);
  return result;
}

}  // namespace wgscope::path
