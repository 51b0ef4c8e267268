#include "exporter/peer_verdict.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>

#include "wgscope/audit/endpoint_returns.hpp"
#include "wgscope/base/time.hpp"

namespace wgscope::exporter {
namespace {

// All times in seconds, all rates in bytes per second.

/// A session ends 180 s after its handshake (whitepaper §6.1, REJECT_AFTER_TIME). A daemon may have
/// answered some seconds after the clock of the reading was looked at: half of --collect.timeout.
constexpr float kSessionPossible = 180 + 5;

/// Scrapes every minute may fail twice. After a longer gap nothing is concluded from it.
constexpr float kLongestGap = 200;

// Failed handshakes. A side that tries sends 148 bytes every 5 s, which is 29.6 B/s; the
// other one answers with 18.4 B/s. Five initiations within a leak's time are enough. A level
// that is no higher than kMostAttempts falls to kEnoughAttempts within just that time,
// however many there were.
constexpr float kAttemptsLeak = 120;
constexpr float kEnoughAttempts = 5 * kAttemptsLeak;
constexpr float kMostAttempts = kEnoughAttempts * std::numbers::e_v<float>;
// A path that loses most packets in both directions looks as if replies were lost: it lets some
// initiations through, and no handshake completes for minutes. Or one completes for the peer alone,
// which counts on the response; this side waits for a packet of the new session (whitepaper
// §5.4.6), and that is lost too. So the verdict begins only with more initiations than come through
// such a path within 90 s, and then goes on as above.
constexpr float kManyAttempts = 8 * kAttemptsLeak;

// Data in one direction. The limits are far above keepalives and handshakes on one side, and just
// above keepalives every 10 s (3.2 B/s) and handshakes every 120 s (1.2 B/s) on the other.
constexpr float kBlock = 60;
constexpr float kMuchSent = 2000;
constexpr float kLittleReceived = 20;
// A peer that sent this much on average did answer data. A feed that was one-way from the beginning
// is normal.
constexpr float kAnswered = 200;
constexpr float kAnswersLeak = 20 * 60;

// A peer renews a session when that is 120 s old (whitepaper §6.1, REKEY_AFTER_TIME). Readings may
// show two handshakes closer to each other by the time between two readings.
constexpr float kEarlyHandshake = 100;
// Two devices that are both in use come to more than two early handshakes a minute, and so stay
// above audit::kFewReturns. A path that loses every second packet comes to about one.
constexpr float kEarlyHandshakeCounts = 0.5;

std::uint32_t milliseconds_of(Instant time) {
  return static_cast<std::uint32_t>(time.since_boot / std::chrono::milliseconds(1));
}

/// What is left after `elapsed`.
float leaked(float level, float elapsed, float leak) {
  // Most levels are 0, of most peers, and what is left of the others would never quite be.
  constexpr float kNothing = 0.01F;
  return level < kNothing ? 0 : level * std::exp(-elapsed / leak);
}

/// Adds what came in at an even rate during `elapsed`, of which some has leaked by now.
float filled(float level, float added, float elapsed, float leak) {
  if (added == 0 || elapsed == 0) return leaked(level, elapsed, leak) + added;
  const float kept = std::exp(-elapsed / leak);
  return level * kept + added / elapsed * leak * (1 - kept);
}

}  // namespace

/// From one reading to the next.
struct PeerJudge::Step {
  float seconds;
  float received;
  float sent;
};

Verdict PeerJudge::judge(const PeerReading& reading) {
  if (!known_) {
    begin(reading);
    return verdict(reading);
  }
  const Step step{static_cast<float>(milliseconds_of(reading.at) - at_ms_) / 1000,
                  static_cast<float>(reading.receive_bytes - receive_bytes_),
                  static_cast<float>(reading.transmit_bytes - transmit_bytes_)};
  at_ms_ = milliseconds_of(reading.at);
  receive_bytes_ = reading.receive_bytes;
  transmit_bytes_ = reading.transmit_bytes;

  // Of an earlier handshake, session_left_ says how long ago it was first seen.
  const bool early_handshake =
      reading.new_handshake && session_left_ - step.seconds > kSessionPossible - kEarlyHandshake;
  const bool session_possible = session_left_ > 0 || reading.new_handshake;
  session_left_ =
      reading.new_handshake ? kSessionPossible : std::max(0.0F, session_left_ - step.seconds);
  if (step.seconds > kLongestGap) {
    drop_evidence(session_possible);
    return verdict(reading);
  }
  if (session_possible != with_session_) watch_anew(session_possible);
  if (session_possible) {
    watch_data(step, reading.session_live);
  } else {
    watch_attempts(step);
  }
  watch_endpoint(step, reading.endpoint_returned, early_handshake);
  return verdict(reading);
}

void PeerJudge::begin(const PeerReading& reading) {
  known_ = true;
  at_ms_ = milliseconds_of(reading.at);
  receive_bytes_ = reading.receive_bytes;
  transmit_bytes_ = reading.transmit_bytes;
  session_left_ = reading.handshaken ? kSessionPossible : 0;
  drop_evidence(reading.handshaken);
}

void PeerJudge::drop_evidence(bool with_session) {
  answers_ = returns_ = 0;
  turned_one_way_ = flapping_ = false;
  watch_anew(with_session);
}

void PeerJudge::watch_anew(bool with_session) {
  with_session_ = with_session;
  replies_lost_ = false;
  received_ = sent_ = 0;
  seconds_ = with_session ? 0 : std::numeric_limits<float>::infinity();
}

void PeerJudge::watch_attempts(const Step& step) {
  const auto fill = [&](float& level, float added) {
    level = std::min(kMostAttempts, filled(level, added, step.seconds, kAttemptsLeak));
  };
  fill(received_, step.received);
  fill(sent_, step.sent);
  replies_lost_ = received_ > (replies_lost_ ? kEnoughAttempts : kManyAttempts);
  seconds_ = step.received > 0 ? 0 : seconds_ + step.seconds;
  answers_ = leaked(answers_, step.seconds, kAnswersLeak);
  turned_one_way_ = false;
}

void PeerJudge::watch_data(const Step& step, bool session_live) {
  received_ += step.received;
  sent_ += step.sent;
  seconds_ += step.seconds;
  if (seconds_ < kBlock) return;
  const float received = received_ / seconds_;
  const bool one_way = session_live && sent_ / seconds_ > kMuchSent && received < kLittleReceived;
  turned_one_way_ = one_way && answers_ > kAnswered;
  if (!turned_one_way_)
    answers_ += (received - answers_) * (1 - std::exp(-seconds_ / kAnswersLeak));
  received_ = sent_ = seconds_ = 0;
}

void PeerJudge::watch_endpoint(const Step& step, bool returned, bool early_handshake) {
  float signs = returned ? 1 : 0;
  if (flapping_ && early_handshake) signs += kEarlyHandshakeCounts;
  returns_ = audit::endpoint_returns(returns_, step.seconds, signs);
  flapping_ = audit::keeps_returning(returns_, flapping_);
}

Verdict PeerJudge::verdict(const PeerReading& reading) const {
  if (!with_session_) {
    if (replies_lost_) return Verdict::replies_lost;
    if (sent_ > kEnoughAttempts && seconds_ > kAttemptsLeak) return Verdict::unanswered;
  }
  if (flapping_) return Verdict::flapping;
  if (reading.session_live) return turned_one_way_ ? Verdict::one_way : Verdict::live;
  return reading.handshaken ? Verdict::idle : Verdict::never;
}

}  // namespace wgscope::exporter
