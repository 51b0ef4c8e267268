#include "wgscope/path/stalled_line.hpp"

#include <algorithm>
#include <chrono>

#include "wgscope/base/time.hpp"

#include "scale.hpp"

namespace wgscope::path {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// --- how late timers are

/// For a pause of 120 s, the longest one of Linux, the granularity of the timer wheel is 2.05 s
/// with HZ of 250, 4.1 s with 1000 and 5.12 s with 100 (kernel/time/timer.c, the tables in its
/// first comment). Rounded up. With HZ of 300 it is 13.7 s from 109 s on: such timers are waited
/// for once more, up to kMostLate.
constexpr Nanoseconds kUsuallyLate = milliseconds(5'200);
/// Chosen: by so much the way through the tunnel may differ between two packets.
constexpr Nanoseconds kOnTheWay = milliseconds(500);
/// Timers are never early, but a pause looks short when the packet before it was long on its way.
/// Chosen: 3 %, which comes near to kOnTheWay in pauses of 12.8 s and more.
constexpr double kEarly = 0.97;

// --- what a pause tells of the next one

/// Before the first pause is known: Linux begins with 0.2 s (TCP_RTO_MIN) to 1 s (TCP_TIMEOUT_INIT)
/// and the round trip on top (include/net/tcp.h). Chosen: twice the larger one.
constexpr Nanoseconds kFirstPause = seconds(2);
/// Chosen: it is waited for four times as long, as a host that begins with 3 s (RFC 1122 §4.2.3.1)
/// may have doubled once before.
constexpr int kFirstPatience = 4;
/// Chosen: a pause that equals the one before is a cap only if it is longer than this. Two short
/// pauses may look equal because packets took different times.
constexpr Nanoseconds kLeastCap = seconds(5);
/// A pause is as expected between these parts of it. Chosen: kMostLate and a little more above;
/// below a tenth, as what is shorter than that is learnt anew.
constexpr double kAsExpectedFrom = 0.9;
constexpr double kAsExpectedTo = 1.2;
/// A pause equals the one before between these parts of it. Chosen: an eighth and a little.
constexpr double kEqualFrom = 0.85;
constexpr double kEqualTo = 1.15;

Nanoseconds doubled(Nanoseconds pause) {
  return pause <= kUsualLongestPause ? std::min(2 * pause, kUsualLongestPause) : 2 * pause;
}

}  // namespace

StalledLine::StalledLine(Instant sent) : last_(sent), pause_(kFirstPause) {}

Instant StalledLine::early() const { return last_ + times(pause_, kEarly); }

Instant StalledLine::late(bool patient) const {
  Nanoseconds pause = learnt_ ? times(pause_, kMostLate) : kFirstPatience * pause_;
  if (learnt_ && !patient) pause = std::min(pause, pause_ + kUsuallyLate);
  return last_ + pause + kOnTheWay;
}

void StalledLine::handle_data(Instant now) {
  const Nanoseconds seen = now - last_;
  const Nanoseconds before = pause_;
  last_ = now;
  arrived_ = true;
  const bool as_expected =
      seen >= times(before, kAsExpectedFrom) && seen <= times(before, kAsExpectedTo);
  if (learnt_ && capped_ && as_expected) {
    pause_ = std::min(before, seen);
  } else if (learnt_ && as_expected) {
    // Late once is not late for ever: each pause is twice what the one before was to be.
    pause_ = doubled(std::min(before, seen));
    capped_ = pause_ == kUsualLongestPause && before == kUsualLongestPause;
  } else {
    const Nanoseconds last = before / 2;
    capped_ = learnt_ && seen >= kLeastCap && seen >= times(last, kEqualFrom) &&
              seen <= times(last, kEqualTo);
    pause_ = capped_ ? seen : doubled(seen);
  }
  learnt_ = true;
}

void StalledLine::suppose_sent() {
  last_ = last_ + pause_;
  if (!capped_) pause_ = doubled(pause_);
  arrived_ = true;
}

void StalledLine::expect_later() {
  if (learnt_) pause_ = 2 * pause_;
}

}  // namespace wgscope::path
