#include "wgscope/path/silence_search.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <variant>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/path/flow_lifetime.hpp"
#include "wgscope/path/keepalive.hpp"
#include "wgscope/path/silent_gateway.hpp"

// A run, state by state (docs/methods.md has the packets drawn):
//
//   greeting ──call comes in──► [pausing ──► greeting, until the flow is a stream]
//                               ──► [keying] ──► hushing ──► silent ──► calling
//       ▲ │                                                              │  │
//       │ └──no call comes in any more──► keying: was it the session? ──► greeting
//       │                                                                │  │
//       └──────────────no call comes in: was it the silence?─────────────┘  └─a call comes in:
//                                                                             the next silence
//
// A packet that comes in where nothing should tells the same as a call, unless another one was lost
// just before: the lost packet may have passed the NAT, and refreshed what it remembers.

namespace wgscope::path {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Chosen: on any path that is in use a call takes less from the twin over the gateway to us.
constexpr Nanoseconds kNoAnswer = seconds(1);
/// Chosen: the last of several calls gets less time, because the first one was made 0.6 s before.
constexpr Nanoseconds kLastAnswer = milliseconds(500);
/// Chosen: answers have so many times the shortest delay, where that is more than the two above.
constexpr int kLongDelay = 3;
/// Chosen: without a session that outlasts it the silence cannot be tried, so this insists longer
/// than RetransmissionLadder does; with 10 % loss each way chance loses all once in 4 000 times.
constexpr int kMostKeyings = 5;
/// Linux takes a flow for a stream, with a timer of its own, once packets both ways are more than
/// 2 s apart (net/netfilter/nf_conntrack_proto_udp.c). Chosen: 0.3 s more for the way.
constexpr Nanoseconds kStreamAfter = milliseconds(2'300);
/// Half of kStreamAfter: greetings at the beginning, in the middle and at the end are enough.
constexpr Nanoseconds kPause = milliseconds(1'150);
/// Chosen: what comes in so soon after the last word was on its way already.
constexpr Nanoseconds kStillComing = seconds(1);
/// Chosen: at 10 % loss each way the end of a silence is unclear five times in a row about once in
/// 4 000 times.
constexpr int kMostUnclear = 4;
/// The shortest failure is tried again where at least kDoubtful silences succeeded since, at most
/// kMostRepeated times in a run. Chosen: they bound the time that a path with loss can cost.
constexpr std::size_t kDoubtful = 2;
constexpr std::size_t kMostRepeated = 3;
/// Chosen: where no call has ever come in, a session that is new gets three more, less one.
constexpr int kAnew = 2;
/// Chosen: below it hardly any NAT forgets, and it costs little where one does.
constexpr seconds kFirstSilence{10};

}  // namespace

std::size_t most_silences(const SilenceSearchConfig& config) {
  const auto longest = std::max(config.longest_silence, config.interval.value_or(seconds(0)));
  const auto halvings = std::bit_width(static_cast<std::uint64_t>(longest.count()) + 1);
  return config.trials + 8 + 4 * static_cast<std::size_t>(halvings);
}

SilenceSearch::SilenceSearch(const SilenceSearchConfig& config, Instant keyed, Instant now)
    : config_(config), state_ends_(now), gateway_(keyed), called_(now) {
  if (config.most) end_ = now + *config.most;
  open_flow(now, false);
}

std::optional<Instant> SilenceSearch::next_timeout() const {
  if (done()) return std::nullopt;
  return std::min(state_ends_, end_.value_or(state_ends_));
}

std::optional<Nanoseconds> SilenceSearch::silence() const {
  return is<Silent>() ? std::optional(silence_) : std::nullopt;
}

std::optional<Nanoseconds> SilenceSearch::judged() const {
  return judged_silence(config_.interval);
}

FlowLifetime SilenceSearch::result() const {
  FlowLifetime result = found_;
  conclude(result, judged(), config_.trials);
  return result;
}

void SilenceSearch::finish(FlowEnd end) {
  found_.end = end;
  state_ = Done{};
  outbox_.clear();
}

Nanoseconds SilenceSearch::patience(Nanoseconds least) const {
  return std::max(least, kLongDelay * delay_.value_or(Nanoseconds(0)));
}

// --- opening the flow ---

/// @param suspected  no call came in after a silence: was it that?
void SilenceSearch::open_flow(Instant now, bool suspected) {
  state_ = Greeting{.first_serial = serial_ + 1, .suspected = suspected};
  greet(now);
}

void SilenceSearch::greet(Instant now) {
  ++std::get<Greeting>(state_).unanswered;
  send(SilenceSend::Kind::keepalive);
  call(now);
  state_ends_ = now + patience(kNoAnswer);
}

void SilenceSearch::greet_again(Instant now) {
  if (std::get<Greeting>(state_).unanswered < kMostUnanswered) return greet(now);
  const int doubts = delay_ ? SilentGateway::kMostDoubts : 1;
  if (gateway_.suspect_session(now, kMostUnanswered, doubts)) return key(now, true);
  finish(delay_ ? FlowEnd::path_gone : FlowEnd::no_service);
}

void SilenceSearch::call(Instant now) {
  ++serial_;
  ++found_.calls;
  called_ = now;
  send(SilenceSend::Kind::call);
}

void SilenceSearch::handle_greeting(Instant now, std::uint32_t serial) {
  const Greeting greeting = std::get<Greeting>(state_);
  if (serial == serial_) delay_ = std::min(delay_.value_or(now - called_), now - called_);
  if (serial < greeting.first_serial) gateway_.excuse_session();
  if (!gateway_.handle_answer(now, found_)) return finish(FlowEnd::session_lost);
  // A call that was made earlier and comes in only now may have been let in by what we sent since:
  // then that silence is tried again.
  if (greeting.suspected && serial >= greeting.first_serial) record(false);
  // Counted from the first call that came in: the NAT may not have seen what we sent before.
  if (!open_since_) open_since_ = now;
  if (now - *open_since_ < kStreamAfter) {
    state_ = Pausing{};
    state_ends_ = now + kPause;
    return;
  }
  step(now);
}

// --- one silence ---

void SilenceSearch::step(Instant now) {
  const auto chosen = choose();
  if (!chosen) return finish(FlowEnd::done);
  // A silence whose end would come too late is not begun.
  if (end_ && now + *chosen >= *end_) return finish(FlowEnd::time_over);
  silence_ = *chosen;
  unclear_ = 0;
  gateway_.begin_silence();
  begin(now);
}

void SilenceSearch::begin(Instant now) {
  if (!gateway_.outlasts_session(now, silence_)) return hush(now);
  gateway_.key(now);
  key(now, false);
}

void SilenceSearch::key(Instant now, bool suspected) {
  state_ = Keying{.since = now, .suspected = suspected};
  send(SilenceSend::Kind::handshake);
  state_ends_ = *gateway_.next_key();
}

void SilenceSearch::key_again(Instant now) {
  const bool known_to_arrive = delay_ || !std::get<Keying>(state_).suspected;
  if (!gateway_.key_again(now, kMostKeyings))
    return finish(known_to_arrive ? FlowEnd::path_gone : FlowEnd::no_service);
  send(SilenceSend::Kind::handshake);
  state_ends_ = *gateway_.next_key();
}

void SilenceSearch::hush(Instant now) {
  state_ = Hushing{};
  send(SilenceSend::Kind::keepalive);
  gateway_.hush(now);
  state_ends_ = *gateway_.next_hush();
}

void SilenceSearch::hush_again(Instant now) {
  send(SilenceSend::Kind::keepalive);
  gateway_.hush_again(now);
  if (gateway_.next_hush()) {
    state_ends_ = *gateway_.next_hush();
    return;
  }
  state_ = Silent{.since = now};
  // The silence counts from the NAT, which sees our last word a little later.
  state_ends_ = now + silence_ + delay_.value_or(Nanoseconds(0));
}

void SilenceSearch::call_again(Instant now) {
  std::size_t& copies = std::get<Calling>(state_).copies;
  if (copies == std::size(kCallCopies)) {
    open_since_.reset();
    return open_flow(now, !std::get<Calling>(state_).doubtful);
  }
  call(now);
  const std::size_t sent = copies++;
  state_ends_ = now + (copies < std::size(kCallCopies) ? kCallCopies[copies] - kCallCopies[sent]
                                                       : patience(kLastAnswer));
}

/// @param lost  packets of the gateway, since the last one that came in.
void SilenceSearch::take_incoming(Instant now, std::uint64_t lost) {
  if (is<Calling>()) return handle_end_of_silence(now, lost);
  if (is<Hushing>()) return hush(now);
  if (const auto* silent = std::get_if<Silent>(&state_)) handle_broken(now, silent->since, lost);
}

/// Something came in after the silence.
void SilenceSearch::handle_end_of_silence(Instant now, std::uint64_t lost) {
  if (lost == 0) {
    record(true);
    return step(now);
  }
  // It may have been a call; or something else, in between, that passed the NAT and refreshed it.
  if (++unclear_ > kMostUnclear) note_broken(silence_);
  if (!done()) begin(now);
}

/// Something came in during the silence.
void SilenceSearch::handle_broken(Instant now, Instant since, std::uint64_t lost) {
  const Nanoseconds lasted = now - since;
  if (lasted >= kStillComing) {
    note_broken(lasted);
    // It passed the NAT a little before it came in here.
    const Nanoseconds least = lasted - delay_.value_or(Nanoseconds(0));
    if (lost == 0) found_.tried.push_back({.least = least, .most = lasted, .alive = true});
  }
  if (!done()) begin(now);
}

void SilenceSearch::note_broken(Nanoseconds lasted) {
  if (!gateway_.note_broken(found_, lasted)) finish(FlowEnd::disturbed);
}

void SilenceSearch::record(bool alive) {
  const auto shortest = result().gone_after;
  found_.tried.push_back({.least = silence_, .most = silence_, .alive = alive});
  if (alive)
    ++alive_since_;
  else if (!shortest || silence_ < *shortest)
    alive_since_ = 0;
}

// --- what happens ---

void SilenceSearch::handle_call(Instant now, std::uint32_t serial, std::uint64_t missing) {
  if (done() || serial > serial_) return;
  const std::uint64_t lost = gateway_.take_missing(missing);
  if (is<Greeting>()) return handle_greeting(now, serial);
  if (gateway_.is_suspected()) gateway_.excuse_session();
  static_cast<void>(gateway_.handle_answer(now, found_));
  take_incoming(now, lost);
}

void SilenceSearch::handle_other(Instant now, std::uint64_t missing) {
  if (done()) return;
  if (gateway_.is_suspected()) gateway_.excuse_session();
  take_incoming(now, gateway_.take_missing(missing));
}

void SilenceSearch::handle_caller_keyed() {
  gateway_.excuse_session();
  if (auto* const greeting = std::get_if<Greeting>(&state_)) greeting->suspected = false;
  if (auto* const calling = std::get_if<Calling>(&state_)) calling->doubtful = true;
}

void SilenceSearch::handle_keyed(Instant now) {
  if (done()) return;
  gateway_.handle_keyed(now);
  if (const auto* const keying = std::get_if<Keying>(&state_)) {
    const bool suspected = keying->suspected;
    if (!suspected && now - keying->since < patience(kNoAnswer)) return hush(now);
    // Meanwhile the flow may have been forgotten, and a new one is not yet a stream.
    open_since_.reset();
    open_flow(now, false);
    // Where no call ever came in, nothing speaks for more patience.
    if (suspected && !delay_) std::get<Greeting>(state_).unanswered = kMostUnanswered - kAnew;
    return;
  }
  // The gateway began it, as it does 15 s after a packet of its own came to nothing: so it tells
  // nothing of the silence before it.
  if (!is<Calling>()) take_incoming(now, 1);
}

void SilenceSearch::handle_timeout(Instant now) {
  if (done()) return;
  if (end_ && now >= *end_) return finish(FlowEnd::time_over);
  if (now < state_ends_) return;
  if (is<Keying>()) return key_again(now);
  if (is<Greeting>()) return greet_again(now);
  if (is<Pausing>()) return open_flow(now, false);
  if (is<Hushing>()) return hush_again(now);
  if (is<Silent>()) state_ = Calling{};
  call_again(now);
}

// --- which silence next ---

std::optional<Nanoseconds> SilenceSearch::choose() {
  const FlowLifetime known = result();
  if (const auto length = choose_length(known)) return length;
  // Nothing failed beside the shortest failure, while all about it went well: was it the silence?
  if (!known.gone_after || alive_since_ < kDoubtful || repeated_ == kMostRepeated)
    return std::nullopt;
  ++repeated_;
  const Nanoseconds again = *known.gone_after;
  std::erase_if(found_.tried,
                [&](const SilenceTried& one) { return !one.alive && one.most <= again; });
  return again;
}

std::optional<Nanoseconds> SilenceSearch::choose_length(const FlowLifetime& known) const {
  const auto judged = this->judged();
  const bool too_long = judged && known.gone_after && *known.gone_after <= *judged;
  if (judged && known.trials == 0 && !too_long) return judged;
  const seconds alive = known.alive_after.value_or(seconds(0));
  if (!known.gone_after) {
    if (alive < config_.longest_silence) {
      const seconds grown =
          alive == seconds(0) ? kFirstSilence : std::max(alive + alive / 2, alive + seconds(1));
      return std::min(grown, config_.longest_silence);
    }
  } else if (*known.gone_after - alive > seconds(1) && config_.longest_silence > seconds(0)) {
    return alive + (*known.gone_after - alive) / 2;
  }
  if (!judged || too_long) return std::nullopt;
  const seconds late = late_keepalive(*config_.interval);
  if (alive < late && (!known.gone_after || *known.gone_after > late)) return late;
  if (known.trials < config_.trials) return judged;
  return std::nullopt;
}

}  // namespace wgscope::path
