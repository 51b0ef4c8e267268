#include "wgscope/diagnosis/statistics.hpp"

#include <algorithm>
#include <array>
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

// Tenths in which a power of ten is divided, from fine to coarse.
constexpr std::array kFine{10, 12, 15, 20, 25, 30, 40, 50, 60, 80};
constexpr std::array kMiddle{10, 20, 50};
constexpr std::array kCoarse{10};

/// All bars that there are, in nanoseconds: 0 to 1, 1 to 2, …, to all that a clock can say.
std::vector<Bucket> bars(std::span<const int> tenths) {
  constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max() / 100;
  std::vector<Bucket> all{{.above = Nanoseconds{0}, .upto = Nanoseconds{1}}};
  const auto bound = [&](Nanoseconds upto) {
    if (upto > all.back().upto) all.push_back({.above = all.back().upto, .upto = upto});
  };
  // Nothing is shorter than a nanosecond: 1.2 and 1.5 of them are none more.
  for (std::int64_t power = 1; power < kLast; power *= 10)
    for (const int step : tenths) bound(Nanoseconds{step * power / 10});
  bound(Nanoseconds::max());
  return all;
}

/// @param samples  at least one.
std::vector<Bucket> counted(std::span<const Nanoseconds> samples, std::span<const int> tenths) {
  std::vector<Bucket> all = bars(tenths);
  for (const Nanoseconds sample : samples)
    ++std::ranges::lower_bound(all, sample, {}, &Bucket::upto)->count;
  while (all.back().count == 0) all.pop_back();  // some sample is in one
  const auto first =
      std::ranges::find_if(all, [](const Bucket& bucket) { return bucket.count != 0; });
  return {first, all.end()};
}

}  // namespace

Nanoseconds percentile(std::span<const Nanoseconds> sorted, double percent) {
  assert(!sorted.empty() && percent > 0 && percent <= 100);
  const auto count = static_cast<double>(sorted.size());
  // Divided last: 95 % of 20 is the 19th, not one more for a bit that 0.95 has too many.
  const auto rank = static_cast<std::size_t>(std::ceil(percent * count / 100));
  return sorted[std::clamp<std::size_t>(rank, 1, sorted.size()) - 1];
}

double chance_of_run(std::uint64_t lost, std::uint64_t of, std::uint64_t run) {
  // Below this nobody cares how far.
  constexpr double kNone = 1e-12;
  double chance = 1;
  for (std::uint64_t i = 0; i < run && chance > kNone; ++i)
    chance *= static_cast<double>(lost + 1 + i) / static_cast<double>(of + 2 + i);
  return chance;
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
  for (const std::span<const int> tenths :
       {std::span<const int>(kFine), std::span<const int>(kMiddle)}) {
    std::vector<Bucket> made = counted(samples, tenths);
    if (made.size() <= kMostBars) return made;
  }
  return counted(samples, kCoarse);
}

}  // namespace wgscope::diagnosis
