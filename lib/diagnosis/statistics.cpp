#include "wgscope/diagnosis/statistics.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "wgscope/base/time.hpp"

namespace wgscope::diagnosis {
namespace {

/// Sums of nanoseconds that would overflow (292 years) are none that anybody measured.
Nanoseconds average(double sum, std::size_t count) {
  return Nanoseconds{std::llround(sum / static_cast<double>(count))};
}

/// 1, 2, 5, 10, 20, 50, … in nanoseconds, as far as they fit.
std::vector<Nanoseconds> bounds() {
  std::vector<Nanoseconds> all{Nanoseconds{0}};
  constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max() / 100;
  for (std::int64_t power = 1; power < kLast; power *= 10) {
    for (const std::int64_t factor : {1, 2, 5}) all.emplace_back(factor * power);
  }
  all.push_back(Nanoseconds::max());
  return all;
}

}  // namespace

Nanoseconds percentile(std::span<const Nanoseconds> sorted, double percent) {
  assert(!sorted.empty() && percent > 0 && percent <= 100);
  const auto count = static_cast<double>(sorted.size());
  // Divided last: 95 % of 20 is the 19th, not one more for a bit that 0.95 has too many.
  const auto rank = static_cast<std::size_t>(std::ceil(percent * count / 100));
  return sorted[std::clamp<std::size_t>(rank, 1, sorted.size()) - 1];
}

std::optional<Statistics> statistics(std::span<const Nanoseconds> samples) {
  if (samples.empty()) return std::nullopt;
  std::vector<Nanoseconds> sorted(samples.begin(), samples.end());
  std::ranges::sort(sorted);
  double sum = 0;
  for (const Nanoseconds sample : sorted) sum += static_cast<double>(sample.count());
  return Statistics{.count = sorted.size(),
                    .min = sorted.front(),
                    .median = percentile(sorted, 50),
                    .p95 = percentile(sorted, 95),
                    .p99 = percentile(sorted, 99),
                    .max = sorted.back(),
                    .mean = average(sum, sorted.size())};
}

std::optional<Nanoseconds> jitter(std::span<const Nanoseconds> samples) {
  if (samples.size() < 2) return std::nullopt;
  double sum = 0;
  for (std::size_t i = 1; i < samples.size(); ++i)
    sum += std::abs(static_cast<double>(samples[i].count()) -
                    static_cast<double>(samples[i - 1].count()));
  return average(sum, samples.size() - 1);
}

std::vector<Bucket> histogram(std::span<const Nanoseconds> samples) {
  if (samples.empty()) return {};
  const std::vector<Nanoseconds> limits = bounds();
  std::vector<Bucket> buckets;
  for (std::size_t i = 1; i < limits.size(); ++i)
    buckets.push_back({.above = limits[i - 1], .upto = limits[i]});
  for (const Nanoseconds sample : samples) {
    const auto bucket = std::ranges::lower_bound(buckets, sample, {}, &Bucket::upto);
    ++bucket->count;
  }
  const auto counted = [](const Bucket& bucket) { return bucket.count != 0; };
  const auto first = std::ranges::find_if(buckets, counted);
  const auto last = std::find_if(buckets.rbegin(), buckets.rend(), counted).base();
  return {first, last};
}

}  // namespace wgscope::diagnosis
