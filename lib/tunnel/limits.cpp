#include "limits.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/base/token_bucket.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::tunnel {
namespace {

constexpr std::chrono::seconds kStaysUnderLoad{1};
constexpr std::chrono::seconds kSweepEvery{1};

}  // namespace

bool LoadMeter::note(Instant now) {
  if (!bucket_.take(now)) until_ = now + kStaysUnderLoad;
  return until_ && now < *until_;
}

SourceLimiter::SourceLimiter(std::uint64_t seed) : sources_(0, Hash{seed}) {}

std::size_t SourceLimiter::Hash::operator()(std::uint64_t source) const {
  // Two rounds of a 64-bit finalizer with the seed in each: enough for a table that is
  // bounded and short-lived.
  std::uint64_t x = source ^ seed;
  x = (x ^ (x >> 32U)) * (seed | 1U);
  x = (x ^ (x >> 29U)) * 0x9e3779b97f4a7c15;
  return static_cast<std::size_t>(x ^ (x >> 32U));
}

bool SourceLimiter::allow(Instant now, const IpAddress& source) {
  // IPv4 addresses in a part of the number space that no IPv6 prefix in use has (0000::/32).
  const std::span<const std::byte> bytes(source.bytes);
  const std::uint64_t key = source.family == Family::v4 ? std::uint64_t{load_be32(bytes.first<4>())}
                                                        : load_be64(bytes.first<8>());
  if (now - swept_ >= kSweepEvery) forget_idle(now);
  auto found = sources_.find(key);
  if (found == sources_.end()) {
    if (sources_.size() >= kMaxSources) return false;
    found = sources_.emplace(key, TokenBucket(kPerSecond, kBurst)).first;
  }
  return found->second.take(now);
}

void SourceLimiter::forget_idle(Instant now) {
  swept_ = now;
  // After a second without a message the bucket is full again, as a new one would be.
  // NOLINTNEXTLINE(misc-include-cleaner): it knows std::erase_if as <vector>'s alone
  std::erase_if(sources_, [&](const auto& source) {
    return now - source.second.last() >= std::chrono::seconds(1);
  });
}

}  // namespace wgscope::tunnel
