#include "wgscope/path/mapping_lifetime.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "wgscope/base/time.hpp"

#include "chance.hpp"

// A lane waits for its turn (lanes begin one after the other, not as a burst), greets the service
// (only for a stream), asks it for an answer after the silence, learns that the request arrived,
// and sees whether the answer comes in. A request that does not arrive is repeated, and the
// silence begins anew.
//
// The run ends when the three lanes above the longest silence that was survived have failed. One
// lane is not enough where packets are lost, because its answer may be lost too, and the mapping may
// live a second longer. With 10 % loss chance loses the nine copies for three lanes once in a
// thousand million runs. Where nothing is lost, the first lane that fails is the bound.

namespace wgscope::path {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Chosen: within this time all lanes begin, so that 180 of them are no burst.
constexpr Nanoseconds kBegin = milliseconds(500);
/// Linux takes a flow for a stream once packets both ways are more than 2 s apart
/// (net/netfilter/nf_conntrack_proto_udp.c), so the silence must begin later than that. Chosen: 0.3
/// s more for the way, and greetings at the beginning, in the middle and at the end.
constexpr Nanoseconds kGreetingsTake = milliseconds(2300);
constexpr Nanoseconds kGreeting = milliseconds(1100);
constexpr std::size_t kGreetings = 3;
/// Chosen: with 10 % loss each way chance leaves six in a row unanswered once in 20 000 times.
constexpr std::size_t kMostGreetings = 6;
/// Chosen: between greetings beyond the regular ones, which wait for a first answer only.
constexpr Nanoseconds kExtraGreeting = milliseconds(500);
/// Chosen: then a request counts as lost, and is sent again.
constexpr Nanoseconds kNoArrival = milliseconds(700);
constexpr int kMostAsked = 4;
/// Chosen: 1 s for the way of the last copy.
constexpr Nanoseconds kGrace = kAnswerCopies[2] + milliseconds(1000);
constexpr std::size_t kGoneInARow = 3;
/// Chosen: as many as a run can wait for.
constexpr std::size_t kMostInARow = 5;
/// Chosen: lanes whose request had to be repeated are waited for up to so long beyond the first
/// silence that was not survived; kLongestBeyondLifetime includes it.
constexpr Nanoseconds kLatest = seconds(9);
/// Chosen: a silence that begins later would end too late for kLongestBeyondLifetime.
constexpr Nanoseconds kLatestBegin = seconds(7);
/// The refreshed lane gets something every second and a copy up to 0.4 s later. Chosen: if the last
/// one came more than 1.2 s after the time at which a silent flow is forgotten, the lane outlived
/// it; if it came less than 0.6 s after that time, the lane did not.
constexpr Nanoseconds kOutlived = milliseconds(1200);
constexpr Nanoseconds kNotOutlived = milliseconds(600);
/// Chosen: so long after that time it is waited for, which are four answers: with 10 % loss chance
/// loses them once in 10 000 times.
constexpr Nanoseconds kStaysSilent = milliseconds(4500);
/// An answer is due every second, so a lane that lived as long as a silent one was heard so shortly
/// before that. Chosen: where that is less than four answers, chance may have lost them all.
constexpr Nanoseconds kHeardBefore = milliseconds(1500);
constexpr seconds kTooShort{4};
/// A second, which is how often the refreshed lane is looked at, before kLatest.
constexpr Nanoseconds kLatestToRefresh = kLatest - seconds(1);

seconds whole_seconds(Nanoseconds time) { return std::chrono::duration_cast<seconds>(time); }

}  // namespace

MappingLifetime::MappingLifetime(const MappingLifetimeConfig& config, Instant now)
    : config_(config), start_(now) {
  const auto count =
      static_cast<std::size_t>(std::max<seconds::rep>(config.longest_silence.count(), 1));
  config_.longest_silence = seconds(count);
  lanes_.resize(count);
  for (std::size_t i = 0; i < count; ++i) lanes_[i].silence = seconds(i + 1);
  if (config.watch_refresh && config.state == FlowState::stream)
    lanes_.push_back({.silence = seconds(1), .refresh = true});
  const auto all = static_cast<Nanoseconds::rep>(lanes_.size());
  for (std::size_t i = 0; i < lanes_.size(); ++i)
    lanes_[i].next = now + kBegin * static_cast<Nanoseconds::rep>(i) / all;
}

bool MappingLifetime::is_open(const Lane& lane) {
  return lane.state != LaneState::alive && lane.state != LaneState::gone &&
         lane.state != LaneState::no_service;
}

std::optional<Instant> MappingLifetime::next_timeout() const {
  if (done_) return std::nullopt;
  std::optional<Instant> first;
  for (const Lane& lane : lanes_)
    if (is_open(lane)) first = std::min(first.value_or(lane.next), lane.next);
  return first;
}

void MappingLifetime::handle_timeout(Instant now) {
  if (done_) return;
  for (std::size_t i = 0; i < lanes_.size(); ++i)
    if (is_open(lanes_[i]) && lanes_[i].next <= now) step(lanes_[i], i, now);
  check_end(now);
}

void MappingLifetime::step(Lane& lane, std::size_t index, Instant now) {
  switch (lane.state) {
    case LaneState::waiting:
      if (config_.state == FlowState::one_way) return ask(lane, index, now);
      lane.state = LaneState::greeting;
      return greet(lane, index, now);
    case LaneState::greeting: return greet(lane, index, now);
    case LaneState::asking: return ask(lane, index, now);
    case LaneState::silent:
      if (lane.refresh)
        lane.next = now + seconds(1);  // the refreshed lane has no end of its own
      else
        lane.state = LaneState::gone;
      return;
    default: return;
  }
}

void MappingLifetime::greet(Lane& lane, std::size_t index, Instant now) {
  if (lane.open_since && now >= *lane.open_since + kGreetingsTake) return ask(lane, index, now);
  if (lane.greeted_at.size() == kMostGreetings) {
    if (lane.open_since)
      lane.next = *lane.open_since + kGreetingsTake;
    else
      lane.state = LaneState::no_service;
    return;
  }
  lane.greeted_at.push_back(now);
  lane.answered.push_back(false);
  outbox_.push({.lane = index, .serial = ++lane.serial});
  ++sent_;
  lane.next = now + (lane.greeted_at.size() < kGreetings ? kGreeting : kExtraGreeting);
  wait_for_stream(lane, now);
}

/// After the regular greetings a lane that was greeted only has to be old enough.
void MappingLifetime::wait_for_stream(Lane& lane, Instant now) {
  if (lane.greeted_at.size() >= kGreetings && lane.open_since)
    lane.next = std::max(now, *lane.open_since + kGreetingsTake);
}

void MappingLifetime::ask(Lane& lane, std::size_t index, Instant now) {
  if (lane.asked == kMostAsked) {
    lane.state = LaneState::no_service;
    return;
  }
  ++lane.asked;
  lane.state = LaneState::asking;
  lane.asked_at = now;
  lane.next = now + kNoArrival;
  outbox_.push({index, ++lane.serial, lane.silence, lane.refresh});
  ++sent_;
}

void MappingLifetime::fall_silent(Lane& lane, Instant now) {
  lane.state = LaneState::silent;
  lane.next = std::max(now, lane.asked_at + lane.silence + kGrace);
}

void MappingLifetime::handle_arrival(Instant now, std::size_t index, std::uint32_t serial) {
  if (done_ || index >= lanes_.size()) return;
  Lane& lane = lanes_[index];
  if (lane.state != LaneState::asking || serial != lane.serial) return;
  lane.arrived = true;
  fall_silent(lane, now);
}

void MappingLifetime::handle_answer(Instant now, std::size_t index, std::uint32_t serial) {
  if (done_ || index >= lanes_.size()) return;
  Lane& lane = lanes_[index];
  const bool is_greeting = serial >= 1 && serial <= lane.greeted_at.size();
  if (is_greeting) {
    lane.answered[serial - 1] = true;
    latest_answer_ = std::max(latest_answer_, now - lane.greeted_at[serial - 1]);
  }
  if (lane.state == LaneState::greeting) {
    if (!is_greeting) return;
    // The NAT may have dropped earlier ones, so the flow may be younger than the first of them.
    const Instant known = lane.greeted_at[serial - 1];
    lane.open_since = std::min(lane.open_since.value_or(known), known);
    return wait_for_stream(lane, now);
  }
  if (is_greeting) return break_silence(lane, index, now);
  if (serial != lane.serial || lane.asked == 0) return;
  if (now - lane.asked_at < lane.silence) return;  // a forgery: the service answers later than this
  lane.heard = now;
  if (lane.refresh)
    lane.state = LaneState::silent;
  else
    lane.state = LaneState::alive;  // even where the lane counted as gone already
  if (lane.refresh && lane.next <= now) lane.next = now + seconds(1);
  check_end(now);
}

/// An answer to a greeting that comes so late may have refreshed the mapping within the silence,
/// which therefore begins anew; or proves nothing, where there is no time for that.
void MappingLifetime::break_silence(Lane& lane, std::size_t index, Instant now) {
  if (lane.refresh || !is_open(lane)) return;
  if (now - start_ <= kLatestBegin && lane.asked < kMostAsked) return ask(lane, index, now);
  lane.state = LaneState::no_service;
  ++lane.serial;  // an answer that is still to come proves nothing either
  check_end(now);
}

std::optional<std::size_t> MappingLifetime::last_alive() const {
  for (std::size_t i = lanes_.size(); i-- > 0;)
    if (lanes_[i].state == LaneState::alive) return i;
  return std::nullopt;
}

/// How long the silence of a lane was at least. An answer that never came in may have passed the NAT
/// and refreshed the mapping, as late as other answers came in.
Nanoseconds MappingLifetime::proven_silence(const Lane& lane) const {
  Instant since = lane.asked_at;
  for (std::size_t i = 0; i < lane.greeted_at.size(); ++i)
    if (!lane.answered[i]) since = std::max(since, lane.greeted_at[i] + latest_answer_);
  return lane.silence - (since - lane.asked_at);
}

std::optional<seconds> MappingLifetime::alive_after() const {
  std::optional<seconds> longest;
  for (const Lane& lane : lanes_) {
    if (lane.state != LaneState::alive) continue;
    const seconds silence = whole_seconds(proven_silence(lane));
    if (silence > seconds(0)) longest = std::max(longest.value_or(silence), silence);
  }
  return longest;
}

void MappingLifetime::check_end(Instant now) {
  const std::size_t above = last_alive() ? *last_alive() + 1 : 0;
  std::size_t gone = 0;
  bool open = false;  // a lane that may still change the bracket
  std::optional<Nanoseconds> first_gone;
  const std::size_t wanted = std::max(kGoneInARow, failures_that_count().value_or(kMostInARow));
  for (std::size_t i = above; i < lanes_.size() && gone < wanted; ++i) {
    const Lane& lane = lanes_[i];
    if (lane.refresh) continue;
    if (lane.state == LaneState::gone) {
      ++gone;
      if (!first_gone) first_gone = lane.silence;
    } else if (is_open(lane)) {
      open = true;
    }
  }
  const Nanoseconds took = now - start_;
  done_ = open ? gone == wanted && took >= *first_gone + kLatest
               : knows_refreshing(now) || (gone > 0 && took >= *first_gone + kLatestToRefresh);
  if (done_) ended_ = now;
}

/// So many lanes in a row have to fail that chance would hardly make them all fail: one where no
/// request was lost, and no answer to a greeting either, which a service may ration. Nothing: more
/// than the run waits for.
std::optional<std::size_t> MappingLifetime::failures_that_count() const {
  std::size_t asked = 0;
  std::size_t lost = 0;
  for (const Lane& lane : lanes_) {
    asked += lane.answered.size();
    lost += static_cast<std::size_t>(std::ranges::count(lane.answered, false));
    if (!lane.arrived) continue;
    asked += static_cast<std::size_t>(lane.asked);
    lost += static_cast<std::size_t>(lane.asked) - 1;
  }
  if (lost == 0) return 1;
  const double ratio = static_cast<double>(lost) / static_cast<double>(asked);
  const double lane = std::pow(ratio, std::size(kAnswerCopies));
  double chance = 1;
  for (std::size_t lanes = 1; lanes <= kMostInARow; ++lanes) {
    chance *= lane;
    if (chance <= kChance) return lanes;
  }
  return std::nullopt;
}

/// The silence of the last of these lanes, which are the first above the longest that was survived.
std::optional<seconds> MappingLifetime::gone_after() const {
  const std::size_t above = last_alive() ? *last_alive() + 1 : 0;
  const auto needed = failures_that_count();
  std::size_t failures = 0;
  for (std::size_t i = above; i < lanes_.size(); ++i) {
    const Lane& lane = lanes_[i];
    if (lane.refresh || lane.state != LaneState::gone) continue;
    if (++failures == needed) return whole_seconds(lane.silence);
  }
  return std::nullopt;
}

/// Whether the refreshed lane has outlived silent ones, or was silent for long enough.
bool MappingLifetime::knows_refreshing(Instant now) const {
  const Lane& lane = lanes_.back();
  const auto gone = gone_after();
  if (!lane.refresh || !is_open(lane) || !gone) return true;
  const Nanoseconds lasted = lane.heard.value_or(lane.asked_at) - lane.asked_at;
  return lasted >= *gone + kOutlived || now - lane.asked_at >= *gone + kStaysSilent;
}

MappingLifetimeResult MappingLifetime::result() const {
  MappingLifetimeResult result;
  result.requests_sent = sent_;
  const auto alive = last_alive();
  result.alive_after = alive_after();
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    const Lane& lane = lanes_[i];
    if (lane.refresh) continue;
    if (lane.state == LaneState::no_service) ++result.lanes_without_service;
    if (lane.state == LaneState::gone)
      ++(alive && i < *alive ? result.contradictions : result.unproven);
  }
  result.gone_after = gone_after();
  if (result.gone_after || !done_) result.unproven = 0;
  result.inbound_refreshes = refreshed(result);
  return result;
}

/// The refreshed lane gets an answer every second and sends nothing. If that goes on when a silent
/// lane of its age is forgotten, inbound traffic refreshes the mapping.
std::optional<bool> MappingLifetime::refreshed(const MappingLifetimeResult& result) const {
  if (!done_ || !result.gone_after || !lanes_.back().refresh || !lanes_.back().heard)
    return std::nullopt;
  const Nanoseconds lasted = *lanes_.back().heard - lanes_.back().asked_at;
  if (lasted >= *result.gone_after + kOutlived) return true;
  const seconds alive = result.alive_after.value_or(seconds(0));
  const bool waited = ended_ - lanes_.back().asked_at >= *result.gone_after + kStaysSilent;
  if (!waited || alive < kTooShort || lasted < alive - kHeardBefore) return std::nullopt;
  if (lasted <= *result.gone_after + kNotOutlived) return false;
  return std::nullopt;
}

Instant MappingLifetime::latest_end() const {
  return start_ + config_.longest_silence + kLongestBeyondLifetime;
}

}  // namespace wgscope::path
