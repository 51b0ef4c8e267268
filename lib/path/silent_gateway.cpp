#include "wgscope/path/silent_gateway.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "wgscope/base/time.hpp"
#include "wgscope/path/flow_lifetime.hpp"

#include "chance.hpp"

namespace wgscope::path {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Chosen: with 10 % loss chance swallows all eight once in 100 million silences. If it does, the
/// silence began earlier than is thought, and fails where a shorter one would not.
constexpr int kHushes = 8;
/// Chosen: 350 ms for a row of eight, which is short beside any silence that is tried, and long
/// enough that one full queue on the path does not drop the whole row.
constexpr Nanoseconds kBetweenHushes = milliseconds(50);
/// Chosen: our tunnel sends an initiation at most every 5 s (REKEY_TIMEOUT, whitepaper §6.1) and up
/// to a third of a second later (its jitter), so waiting for less would ask in vain.
constexpr Nanoseconds kNoHandshake = milliseconds(5'500);
/// We renew a session that is older than 120 s (REKEY_AFTER_TIME, whitepaper §6.2) whenever we
/// send, which would break a silence, and at 180 s (REJECT_AFTER_TIME) the gateway no longer uses
/// it. Chosen: 5 s before the first of these, for the packets around a silence.
constexpr Nanoseconds kOldSession = seconds(115);
/// A session that is not older than REKEY_TIMEOUT cannot be renewed: its initiation would be held
/// back. Chosen: that, and 1 s for its jitter.
constexpr Nanoseconds kYoungSession = seconds(6);
/// Chosen: once or twice may be a stray packet, such as a ping from elsewhere in the tunnel.
constexpr int kMostBroken = 2;
/// Chosen: once a gateway may have been restarted, or the path may have come back just then.
constexpr std::size_t kMostLost = 1;

}  // namespace

bool is_no_chance(const LossSeen& seen, std::size_t copies) {
  const double ratio =
      (static_cast<double>(seen.lost) + 1) / (static_cast<double>(seen.received + seen.lost) + 2);
  return std::pow(ratio, static_cast<double>(copies)) < kChance;
}

void SilentGateway::hush(Instant now) {
  hushes_ = 1;
  hush_at_ = now + kBetweenHushes;
}

void SilentGateway::hush_again(Instant now) {
  hush_at_.reset();
  if (++hushes_ < kHushes) hush_at_ = now + kBetweenHushes;
}

bool SilentGateway::outlasts_session(Instant now, Nanoseconds silence) const {
  const Nanoseconds age = now - keyed_;
  return age > kYoungSession && age + silence > kOldSession;
}

void SilentGateway::key(Instant now) {
  keyings_ = 1;
  key_at_ = now + kNoHandshake;
}

bool SilentGateway::key_again(Instant now, int most) {
  key_at_.reset();
  if (suspect_) {
    suspect_.reset();
    doubts_ = kMostDoubts;
    return false;
  }
  if (keyings_ >= most) return false;
  ++keyings_;
  key_at_ = now + kNoHandshake;
  return true;
}

bool SilentGateway::handle_keyed(Instant now) {
  keyed_ = now;
  heard_ = now;
  const bool was_waited_for = key_at_.has_value();
  key_at_.reset();
  return was_waited_for;
}

/// One initiation only: where that is lost too, it is the path that does not carry.
bool SilentGateway::suspect_session(Instant now, std::size_t unanswered, int most) {
  if (doubts_ == most) return false;
  ++doubts_;
  suspect_ = {.lived = std::max(heard_ - keyed_, Nanoseconds(0)),
              .silent = now - heard_,
              .unanswered = unanswered};
  key(now);
  return true;
}

bool SilentGateway::handle_answer(Instant now, FlowLifetime& found) {
  heard_ = now;
  doubts_ = 0;
  if (suspect_ && !key_at_) found.lost.push_back(*suspect_);
  suspect_.reset();
  return found.lost.size() <= kMostLost;
}

std::uint64_t SilentGateway::take_missing(std::uint64_t missing) {
  const std::uint64_t more = missing - std::min(missing, missing_);
  // A packet that was overtaken counts as missing until it comes: if it went on counting, it would
  // hide the next one that is lost.
  missing_ = missing;
  return more;
}

bool SilentGateway::note_broken(FlowLifetime& found, Nanoseconds lasted) {
  ++found.broken_silences;
  found.broken_after = std::min(found.broken_after.value_or(lasted), lasted);
  return ++broken_ <= kMostBroken;
}

}  // namespace wgscope::path
