#include "wgscope/noise/tai64n.hpp"

#include <chrono>
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
constexpr std::uint32_t kNanosecondsInSecond = 1'000'000'000;

}  // namespace

Tai64n Tai64n::from(WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time.since_epoch);
  Tai64n stamp;
  const std::span bytes(stamp.bytes);
  store_be64(bytes.first<8>(), kEpoch + static_cast<std::uint64_t>(seconds.count()));
  store_be32(bytes.last<4>(), static_cast<std::uint32_t>((time.since_epoch - seconds).count()));
  return stamp;
}

Tai64n Tai64n::next() const {
  Tai64n stamp = *this;
  const std::span written(stamp.bytes);
  const std::span<const std::byte, kSize> read(bytes);
  const std::uint32_t nanoseconds = load_be32(read.last<4>());
  if (nanoseconds + 1 < kNanosecondsInSecond) {
    store_be32(written.last<4>(), nanoseconds + 1);
  } else {
    store_be64(written.first<8>(), load_be64(read.first<8>()) + 1);
    store_be32(written.last<4>(), 0);
  }
  return stamp;
}

WallTime Tai64n::time() const {
  const std::span<const std::byte, kSize> read(bytes);
  const auto seconds = static_cast<std::int64_t>(load_be64(read.first<8>()) - kEpoch);
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / 1'000'000'000 - 1;
  if (seconds > kMost) return {Nanoseconds::max()};
  if (seconds < -kMost) return {Nanoseconds::min()};
  return {std::chrono::seconds(seconds) + Nanoseconds(load_be32(read.last<4>()))};
}

Tai64n TimestampSource::take(WallTime now) {
  const Tai64n stamp = Tai64n::from(now);
  last_ = stamp > last_ ? stamp : last_.next();
  return last_;
}

}  // namespace wgscope::noise
