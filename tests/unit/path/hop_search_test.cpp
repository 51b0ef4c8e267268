// The search for the hop behind which large packets are dropped, over paths whose truth is known.

#include "wgscope/path/hop_search.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"

#include "simulated_hops.hpp"

namespace wgscope::path {
namespace {

using namespace std::chrono_literals;

HopSearchConfig config() {
  return {.passing_size = 1400, .failing_size = 1401, .round_trip = 20ms, .controls = 24};
}

SimulatedHops path_of(std::size_t hops, std::size_t drops_behind) {
  SimulatedHops path;
  path.hops.resize(hops);
  path.drops_behind = drops_behind;
  return path;
}

/// Linux: 6 in store, one more a second; others less.
constexpr SimulatedHop kLinux{.burst = 6, .refill = 1s};
constexpr SimulatedHop kNoReserve{.burst = 1, .refill = 1s};

TEST(HopSearch, NamesBothEndsOfTheLinkWhereverItIs) {
  for (std::size_t hops = 1; hops <= 24; ++hops) {
    for (std::size_t behind = 0; behind < hops; ++behind) {
      const auto run = simulate(config(), path_of(hops, behind), 1);
      ASSERT_TRUE(run.result.first) << hops << " hops, behind " << behind;
      EXPECT_EQ(run.result.last->number, behind);
      EXPECT_EQ(run.result.first->number, behind + 1);
      EXPECT_EQ(run.result.first->is_end, behind + 1 == hops);
      EXPECT_EQ(run.result.last->address,
                behind > 0 ? std::optional(address_of_hop(behind)) : std::nullopt);
      EXPECT_EQ(run.result.first->address,
                behind + 1 < hops ? std::optional(address_of_hop(behind + 1)) : std::nullopt);
      ASSERT_LE(run.result.probes, behind + 36);
      ASSERT_LE(run.took, 28s);
    }
  }
}

TEST(HopSearch, IsNotTakenInByRoutersThatRationTheirErrors) {
  for (const SimulatedHop& hop : {kLinux, kNoReserve}) {
    for (std::size_t behind = 0; behind < 6; ++behind) {
      SimulatedHops path = path_of(8, behind);
      std::ranges::fill(path.hops, hop);
      const auto run = simulate(config(), path, 1);
      ASSERT_TRUE(run.result.first) << behind;
      EXPECT_EQ(run.result.last->number, behind);
      EXPECT_EQ(run.result.first->number, behind + 1);
    }
  }
}

TEST(HopSearch, NamesTheNearestHopsThatSpeakWhereOthersAreSilent) {
  SimulatedHops path = path_of(9, 4);
  path.hops[3].silent = path.hops[4].silent = true;  // 4 and 5
  const auto run = simulate(config(), path, 1);
  ASSERT_TRUE(run.result.first);
  EXPECT_EQ(run.result.last->number, 3);
  EXPECT_EQ(run.result.first->number, 6);
  ASSERT_EQ(run.result.hops.size(), 6U);
  EXPECT_EQ(run.result.hops[3].address, std::nullopt);
}

TEST(HopSearch, TellsNothingWhereNoRouterSpeaks) {
  SimulatedHops path = path_of(5, 2);
  for (std::size_t i = 0; i < 4; ++i) path.hops[i].silent = true;
  const auto run = simulate(config(), path, 1);
  EXPECT_EQ(run.result.first, std::nullopt);
  EXPECT_EQ(run.result.last, std::nullopt);
}

TEST(HopSearch, ComesToAnEndWhereNothingAnswersAtAll) {
  SimulatedHops path = path_of(40, 2);
  for (SimulatedHop& hop : path.hops) hop.silent = true;
  const auto run = simulate(config(), path, 1);
  EXPECT_EQ(run.result.first, std::nullopt);
  EXPECT_LE(run.took, 70s);
}

TEST(HopSearch, BelievesTheLastHopThatReportsSooner) {
  SimulatedHops path = path_of(6, 3);
  path.reports = true;
  const auto run = simulate(config(), path, 1);
  ASSERT_TRUE(run.result.first);
  EXPECT_EQ(run.result.last->number, 3);
  EXPECT_EQ(run.result.first->number, 4);
  EXPECT_TRUE(run.result.reported);
  EXPECT_LE(run.took, 7s);
}

TEST(HopSearch, DoesNotBelieveAReportAboutWhatComesFurther) {
  SimulatedHops path = path_of(6, 4);
  path.lies = 2;
  for (const bool identifies : {false, true}) {
    path.identifies = identifies;
    const auto run = simulate(config(), path, 1);
    ASSERT_TRUE(run.result.first);
    EXPECT_EQ(run.result.last->number, 4);
    EXPECT_EQ(run.result.first->number, 5);
    EXPECT_FALSE(run.result.reported);
  }
}

TEST(HopSearch, TellsNothingWhereLargePacketsArriveAfterAll) {
  SimulatedHops path = path_of(3, 2);
  path.passes_after = 2;
  const auto run = simulate(config(), path, 1);
  EXPECT_TRUE(run.result.large_arrived);
  EXPECT_TRUE(run.result.path_changed);
  EXPECT_EQ(run.result.first, std::nullopt);
}

TEST(HopSearch, IgnoresAnswersToWhatItDidNotAsk) {
  HopSearch search(config());
  search.handle_exceeded(Instant{1s}, 77, address_of_hop(1));
  search.handle_exceeded(Instant{1s}, std::nullopt, address_of_hop(1));
  search.handle_arrived(Instant{1s}, 0);
  search.handle_too_big(9, address_of_hop(1));
  EXPECT_FALSE(search.done());
  EXPECT_TRUE(search.result().hops.empty());
}

/// A change shows itself by then.
constexpr Nanoseconds kLatest = 10s;

class Paths {
 public:
  explicit Paths(std::uint64_t seed) : random_(seed) {}
  std::size_t between(std::size_t low, std::size_t high) {
    return std::uniform_int_distribution<std::size_t>{low, high}(random_);
  }
  bool one_in(std::size_t n) { return between(1, n) == 1; }

  SimulatedHops path() {
    SimulatedHops path = path_of(between(1, 16), 0);
    path.drops_behind = between(0, path.hops.size() - 1);
    for (std::size_t i = 0; i + 1 < path.hops.size(); ++i) {
      SimulatedHop& hop = path.hops[i];
      hop.silent = one_in(5);
      if (one_in(2))
        hop = {.silent = hop.silent,
               .burst = static_cast<double>(between(1, 6)),
               .refill = std::chrono::milliseconds(between(100, 2500))};
    }
    path.reports = one_in(4);
    path.identifies = one_in(2);
    path.per_hop = std::chrono::milliseconds(between(1, 30));
    return path;
  }

  /// What a search for the MTU would have learnt of loss.
  HopSearchConfig config_for(const SimulatedHops& path) {
    HopSearchConfig made = config();
    made.controls = between(12, 40);
    std::binomial_distribution<std::size_t> lost(made.controls, path.loss);
    made.controls_lost = lost(random_);
    return made;
  }

 private:
  std::mt19937_64 random_;
};

std::string told(const SimulatedHops& path, std::uint64_t seed, const HopSearchResult& result) {
  return "seed " + std::to_string(seed) + ": " + std::to_string(path.hops.size()) +
         " hops, dropped behind " + std::to_string(path.drops_behind) + ", loss " +
         std::to_string(path.loss) + ", told " +
         std::to_string(result.last ? result.last->number : -1) + " to " +
         std::to_string(result.first ? result.first->number : -1);
}

void expect_no_wrong_hop(const SimulatedHops& path, std::uint64_t seed,
                         const HopSearchResult& result) {
  if (!result.first) return;
  EXPECT_LE(result.last->number, path.drops_behind) << told(path, seed, result);
  EXPECT_GT(result.first->number, path.drops_behind) << told(path, seed, result);
}

TEST(HopSearchOverRandomPaths, NamesTheNearestHopsThatSpeak) {
  Paths paths(1);
  for (std::uint64_t seed = 0; seed < 5000 && !testing::Test::HasFailure(); ++seed) {
    SimulatedHops path = paths.path();
    for (SimulatedHop& hop : path.hops) hop.refill = 0s;
    const auto run = simulate(paths.config_for(path), path, seed);
    expect_no_wrong_hop(path, seed, run.result);
    std::size_t last = path.drops_behind;
    while (last > 0 && path.hops[last - 1].silent) --last;
    std::size_t first = path.drops_behind + 1;
    while (path.hops[first - 1].silent) ++first;
    if (last == 0 && first == path.hops.size() && first > 1) {
      EXPECT_FALSE(run.result.first) << told(path, seed, run.result);
    } else {
      ASSERT_TRUE(run.result.first) << told(path, seed, run.result);
      EXPECT_EQ(run.result.last->number, last) << told(path, seed, run.result);
      EXPECT_EQ(run.result.first->number, first) << told(path, seed, run.result);
    }
    const auto silent =
        static_cast<std::size_t>(std::ranges::count_if(path.hops, &SimulatedHop::silent));
    EXPECT_LE(run.result.probes, path.drops_behind + 36 + 5 * silent);
  }
}

TEST(HopSearchOverRandomPaths, NamesNoWrongHopWhateverIsRationed) {
  Paths paths(2);
  std::size_t tells = 0;
  for (std::uint64_t seed = 0; seed < 5000 && !testing::Test::HasFailure(); ++seed) {
    const SimulatedHops path = paths.path();
    const auto run = simulate(paths.config_for(path), path, seed);
    expect_no_wrong_hop(path, seed, run.result);
    if (run.result.first) ++tells;
  }
  EXPECT_GE(tells, 4000U);
}

/// As a result that is true of one path, or of the one that was there until just before the end.
bool is_true_of(const HopSearchResult& result, std::size_t drops_behind) {
  return result.last->number <= drops_behind && result.first->number > drops_behind;
}

// A hole that ends, or moves nearer or further, in each phase of the search.
TEST(HopSearchOverRandomPaths, NamesNoHopThatDropsNothingAnyMore) {
  Paths paths(4);
  std::size_t tells = 0;
  std::size_t late = 0;
  const char* const more = std::getenv("WGSCOPE_SIMULATED_PATHS");
  const std::uint64_t runs = more != nullptr ? std::stoull(more) : 10'000;
  for (std::uint64_t seed = 0; seed < runs && !testing::Test::HasFailure(); ++seed) {
    SimulatedHops path = paths.path();
    if (paths.one_in(3)) path.loss = static_cast<double>(paths.between(0, 10)) / 100;
    path.changes_after = std::chrono::milliseconds(paths.between(1, 30'000));
    path.drops_behind_then =
        paths.one_in(2) ? path.hops.size() : paths.between(0, path.hops.size() - 1);
    const auto run = simulate(paths.config_for(path), path, seed);
    if (!run.result.first) continue;
    ++tells;
    if (run.took < *path.changes_after) {
      EXPECT_TRUE(is_true_of(run.result, path.drops_behind)) << told(path, seed, run.result);
      continue;
    }
    if (is_true_of(run.result, path.drops_behind_then)) continue;
    ++late;
    EXPECT_TRUE(is_true_of(run.result, path.drops_behind) &&
                run.took < *path.changes_after + kLatest)
        << told(path, seed, run.result) << ", then behind " << path.drops_behind_then << " after "
        << path.changes_after->count() / 1'000'000 << " of " << run.took.count() / 1'000'000
        << " ms";
  }
  EXPECT_GE(tells, runs / 2);
  EXPECT_LE(late, runs / 50);
}

TEST(HopSearch, SaysNothingOfAHoleThatEndsWhileItIsConfirmed) {
  for (std::size_t ms = 100; ms < 12'000; ms += 100) {
    SimulatedHops path = path_of(4, 2);
    path.changes_after = std::chrono::milliseconds(ms);
    path.drops_behind_then = path.hops.size();
    const auto run = simulate(config(), path, 1);
    if (run.took < *path.changes_after + 2s) continue;
    EXPECT_EQ(run.result.first, std::nullopt) << "ended after " << ms << " ms";
    EXPECT_TRUE(run.result.path_changed);
  }
}

TEST(HopSearchOverRandomPaths, NamesNoWrongHopWhateverIsLostOrLate) {
  Paths paths(3);
  std::size_t tells = 0;
  for (std::uint64_t seed = 0; seed < 10'000 && !testing::Test::HasFailure(); ++seed) {
    SimulatedHops path = paths.path();
    path.loss = static_cast<double>(paths.between(0, 30)) / 100;
    if (paths.one_in(4)) path.late = static_cast<double>(paths.between(0, 10)) / 100;
    const auto run = simulate(paths.config_for(path), path, seed);
    expect_no_wrong_hop(path, seed, run.result);
    if (run.result.first) ++tells;
  }
  EXPECT_GE(tells, 7000U);
}

}  // namespace
}  // namespace wgscope::path
