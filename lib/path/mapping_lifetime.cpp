#include "wgscope/path/mapping_lifetime.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "wgscope/base/time.hpp"

// A lane waits for its turn (lanes begin one after the other, not as a burst), greets the service
// (only for a stream), asks it for an answer after the silence, learns that the request arrived,
// and sees whether the answer comes in. A request that does not arrive is repeated, and the
// silence begins anew.
//
// The run ends when the three lanes above the longest silence that was survived have failed. One
// lane is not enough, because its answer may be lost. With 10 % loss chance loses the nine copies
// for three lanes once in a thousand million runs.

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
constexpr int kGreetings = 3;
/// Chosen: with 10 % loss each way chance leaves six in a row unanswered once in 20 000 times.
constexpr int kMostGreetings = 6;
/// Chosen: between greetings beyond the regular ones, which wait for a first answer only.
constexpr Nanoseconds kExtraGreeting = milliseconds(500);
/// Chosen: then a request counts as lost, and is sent again.
constexpr Nanoseconds kNoArrival = milliseconds(700);
constexpr int kMostAsked = 4;
/// Chosen: 1 s for the way of the last copy.
constexpr Nanoseconds kGrace = kAnswerCopies[2] + milliseconds(1000);
constexpr std::size_t kGoneInARow = 3;
/// Chosen: lanes whose request had to be repeated are waited for up to so long beyond the first
/// silence that was not survived; kLongestBeyondLifetime includes it.
constexpr Nanoseconds kLatest = seconds(9);
/// The refreshed lane gets something every second and a copy up to 0.4 s later. Chosen: if the last
/// one came more than 1.2 s after the time at which a silent flow is forgotten, the lane outlived
/// it; if it came less than 0.6 s after that time, the lane did not.
constexpr Nanoseconds kOutlived = milliseconds(1200);
constexpr Nanoseconds kNotOutlived = milliseconds(600);

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
      lane.begun = now;
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
  if (lane.greeted && now >= lane.begun + kGreetingsTake) return ask(lane, index, now);
  if (lane.greetings == kMostGreetings) {
    lane.state = LaneState::no_service;
    return;
  }
  ++lane.greetings;
  outbox_.push({.lane = index, .serial = ++lane.serial});
  ++sent_;
  lane.next = now + (lane.greetings < kGreetings ? kGreeting : kExtraGreeting);
  if (lane.greetings >= kGreetings && lane.greeted)
    lane.next = std::max(now, lane.begun + kGreetingsTake);
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
  if (lane.state == LaneState::asking && serial == lane.serial) fall_silent(lane, now);
}

void MappingLifetime::handle_answer(Instant now, std::size_t index, std::uint32_t serial) {
  if (done_ || index >= lanes_.size()) return;
  Lane& lane = lanes_[index];
  if (lane.state == LaneState::greeting) {
    lane.greeted = lane.greeted || serial <= lane.serial;
    if (lane.greetings >= kGreetings) lane.next = std::max(now, lane.begun + kGreetingsTake);
    return;
  }
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

std::optional<std::size_t> MappingLifetime::last_alive() const {
  for (std::size_t i = lanes_.size(); i-- > 0;)
    if (lanes_[i].state == LaneState::alive) return i;
  return std::nullopt;
}

void MappingLifetime::check_end(Instant now) {
  const std::size_t above = last_alive() ? *last_alive() + 1 : 0;
  std::size_t gone = 0;
  bool open = false;  // a lane that may still change the bracket
  std::optional<Nanoseconds> first_gone;
  for (std::size_t i = above; i < lanes_.size() && gone < kGoneInARow; ++i) {
    const Lane& lane = lanes_[i];
    if (lane.refresh) continue;
    if (lane.state == LaneState::gone) {
      ++gone;
      if (!first_gone) first_gone = lane.silence;
    } else if (is_open(lane)) {
      open = true;
    }
  }
  done_ = !open || (gone == kGoneInARow && now - start_ >= *first_gone + kLatest);
}

MappingLifetimeResult MappingLifetime::result() const {
  MappingLifetimeResult result;
  result.requests_sent = sent_;
  const auto alive = last_alive();
  if (alive) result.alive_after = whole_seconds(lanes_[*alive].silence);
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    const Lane& lane = lanes_[i];
    if (lane.refresh) continue;
    if (lane.state == LaneState::no_service) ++result.lanes_without_service;
    if (lane.state != LaneState::gone) continue;
    if (alive && i < *alive)
      ++result.contradictions;
    else if (!result.gone_after)
      result.gone_after = whole_seconds(lane.silence);
  }
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
  if (lasted <= *result.gone_after + kNotOutlived) return false;
  return std::nullopt;
}

Instant MappingLifetime::latest_end() const {
  return start_ + config_.longest_silence + kLongestBeyondLifetime;
}

}  // namespace wgscope::path
