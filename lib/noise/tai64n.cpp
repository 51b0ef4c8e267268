#include "wgscope/noise/tai64n.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/time.hpp"

namespace wgscope::noise {
namespace {

/// TAI64: seconds since 1970 in TAI, above 2^62. TAI was 10 s ahead of UTC in 1970, and
/// implementations leave it at that: what counts is that stamps rise.
constexpr std::uint64_t kEpoch = (std::uint64_t{1} << 62U) + 10;
constexpr std::int64_t kNanosecondsInSecond = 1'000'000'000;

}  // namespace

Tai64n Tai64n::from(WallTime time) {
  // std::chrono::floor would overflow in the first second that nanoseconds can tell.
  std::int64_t seconds = time.since_epoch.count() / kNanosecondsInSecond;
  std::int64_t nanoseconds = time.since_epoch.count() % kNanosecondsInSecond;
  if (nanoseconds < 0) {
    --seconds;
    nanoseconds += kNanosecondsInSecond;
  }
  Tai64n stamp;
  const std::span bytes(stamp.bytes);
  store_be64(bytes.first<8>(), kEpoch + static_cast<std::uint64_t>(seconds));
  store_be32(bytes.last<4>(), static_cast<std::uint32_t>(nanoseconds));
  return stamp;
}

Tai64n Tai64n::next() const {
  Tai64n stamp = *this;
  const std::span written(stamp.bytes);
  const std::span<const std::byte, kSize> read(bytes);
  const std::uint32_t nanoseconds = load_be32(read.last<4>());
  if (nanoseconds < kNanosecondsInSecond - 1) {
    store_be32(written.last<4>(), nanoseconds + 1);
  } else {
    store_be64(written.first<8>(), load_be64(read.first<8>()) + 1);
    store_be32(written.last<4>(), 0);
  }
  return stamp;
}

WallTime Tai64n::time() const {
  using Limits = std::numeric_limits<std::int64_t>;
  constexpr std::uint64_t kMost = Limits::max() / kNanosecondsInSecond;
  const std::span<const std::byte, kSize> read(bytes);
  const std::uint64_t label = load_be64(read.first<8>());
  if (label > kEpoch + kMost) return {Nanoseconds(Limits::max())};
  if (label < kEpoch - kMost - 1) return {Nanoseconds(Limits::min())};

  // A negative count of seconds is rounded towards zero first, or the lowest would overflow; and a
  // stamp from outside may hold up to four seconds of nanoseconds.
  const bool negative = label < kEpoch;
  const std::int64_t whole =
      static_cast<std::int64_t>(label - kEpoch + (negative ? 1 : 0)) * kNanosecondsInSecond;
  const std::int64_t rest = load_be32(read.last<4>()) - (negative ? kNanosecondsInSecond : 0);
  if (rest > 0 && whole > Limits::max() - rest) return {Nanoseconds(Limits::max())};
  if (rest < 0 && whole < Limits::min() - rest) return {Nanoseconds(Limits::min())};
  return {Nanoseconds(whole + rest)};
}

Tai64n TimestampSource::take(WallTime now) {
  const Tai64n stamp = Tai64n::from(now);
  last_ = stamp > last_ ? stamp : last_.next();
  return last_;
}

}  // namespace wgscope::noise
