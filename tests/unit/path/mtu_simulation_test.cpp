// The whole search over paths whose truth is known: every MTU, and paths at random.

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
#include "wgscope/path/mtu_search.hpp"

#include "simulated_path.hpp"

namespace wgscope::path {
namespace {

using namespace std::chrono_literals;

/// The settings that tunnels have: 1420 and 1280 inside, over either family; jumbo frames.
constexpr std::size_t kCurrents[] = {576, 1340, 1360, 1412, 1480, 1500, 8981, 9000};

class Paths {
 public:
  explicit Paths(std::uint64_t seed) : random_(seed) {}
  std::size_t between(std::size_t low, std::size_t high) {
    return std::uniform_int_distribution<std::size_t>{low, high}(random_);
  }
  bool one_in(std::size_t n) { return between(1, n) == 1; }
  std::chrono::milliseconds ms(std::size_t low, std::size_t high) {
    return std::chrono::milliseconds{between(low, high)};
  }

 private:
  std::mt19937_64 random_;
};

TEST(MtuSearchOverEveryMtu, IsExactInAtMost24ProbesWhetherOrNotRoutersReport) {
  std::size_t most = 0;
  for (const std::size_t current : kCurrents) {
    for (std::size_t mtu = 576; mtu <= 9000; ++mtu) {
      for (const bool reports : {false, true}) {
        const auto run = simulate({.current = current}, {.mtu = mtu, .reports = reports}, mtu);
        ASSERT_TRUE(run.result.exact) << mtu;
        ASSERT_EQ(run.result.mtu, mtu) << "current " << current;
        ASSERT_EQ(run.result.not_above, mtu == 9000 ? std::nullopt : std::optional(mtu));
        ASSERT_EQ(run.result.current_fits, mtu >= current);
        ASSERT_EQ(run.result.verdict, mtu >= current ? MtuVerdict::ok
                                      : reports      ? MtuVerdict::ptb_reported
                                                     : MtuVerdict::black_hole);
        ASSERT_LE(run.result.probes, kMostWithoutLoss) << mtu << " with current " << current;
        ASSERT_LE(run.result.controls, 2 * run.result.probes);
        most = std::max(most, run.result.probes);
      }
    }
  }
  RecordProperty("most_probes", static_cast<int>(most));
}

/// Truth at random; what the search says must be it, whatever was in its way.
SimulatedPath random_path(Paths& paths) {
  SimulatedPath path;
  path.mtu = paths.one_in(2) ? paths.between(1280, 1500) : paths.between(576, 9000);
  path.reports = paths.one_in(3);
  if (paths.one_in(6)) path.lie = paths.between(500, 9000);
  path.round_trip = paths.ms(1, paths.one_in(10) ? 2500 : 300);
  path.jitter = paths.ms(0, 150);
  return path;
}

/// Repeats as the searches through a tunnel have them: with the first packet, or behind its answer.
void repeat(MtuSearchConfig& config, Paths& paths) {
  config.repeats = kRepeats;
  config.repeats_at_once = paths.one_in(2);
}

/// How many paths to try, where somebody has the time for more than CI does.
std::optional<std::uint64_t> long_run() {
  const char* const runs = std::getenv("WGSCOPE_SIMULATED_PATHS");
  if (runs == nullptr) return std::nullopt;
  return std::stoull(runs);
}

std::string told(const SimulatedPath& path, std::uint64_t seed) {
  return "seed " + std::to_string(seed) + ", MTU " + std::to_string(path.mtu) + ", loss " +
         std::to_string(path.loss);
}

/// A tenth of the packets each way.
constexpr double kTenPercentEachWay = 1 - 0.9 * 0.9;

/// What `wgscope mtu` has for the forward path, of its 60 s. Chance losses must not send the search
/// far below the limit, from where it would climb back slowly.
TEST(MtuSearchOverRandomPaths, FindsASilentLimitInTimeAtTenPercentLossEachWay) {
  constexpr std::uint64_t kRuns = 2000;
  std::uint64_t too_late = 0;
  for (std::uint64_t seed = 0; seed < kRuns; ++seed) {
    MtuSearchConfig config{.current = 1480};
    config.round_trip = 1ms;
    config.proofs = kProofs;
    const auto run =
        simulate(config, {.mtu = 1387, .loss = kTenPercentEachWay, .round_trip = 1ms}, seed);
    ASSERT_EQ(run.result.verdict, MtuVerdict::black_hole) << seed;
    ASSERT_EQ(run.result.mtu, 1387U) << seed;
    if (run.took > 30s) ++too_late;
  }
  EXPECT_LE(too_late, kRuns / 100);
}

TEST(MtuSearchOverRandomPaths, FindsTheTruthAtTenPercentLossEachWay) {
  Paths paths(1);
  for (std::uint64_t seed = 0; seed < 5000; ++seed) {
    SimulatedPath path = random_path(paths);
    path.loss = kTenPercentEachWay;
    const std::size_t current = paths.one_in(2) ? 1480 : paths.between(576, 9000);
    MtuSearchConfig config{.current = current};
    if (paths.one_in(2)) repeat(config, paths);
    const auto run = simulate(config, path, seed);
    ASSERT_TRUE(run.result.exact) << told(path, seed);
    ASSERT_EQ(run.result.mtu, path.mtu) << told(path, seed);
    const MtuVerdict verdict = run.result.verdict;
    if (path.mtu >= current) {
      ASSERT_TRUE(verdict == MtuVerdict::ok || verdict == MtuVerdict::loss_not_size)
          << told(path, seed);
    } else {
      ASSERT_TRUE(verdict == MtuVerdict::black_hole || verdict == MtuVerdict::ptb_reported)
          << told(path, seed);
      if (!path.lie && !path.reports) {
        ASSERT_EQ(verdict, MtuVerdict::black_hole);
      }
    }
  }
}

TEST(MtuSearchOverRandomPaths, NeverCallsALossyPathABlackHole) {
  Paths paths(2);
  for (std::uint64_t seed = 0; seed < 10'000; ++seed) {
    SimulatedPath path = random_path(paths);
    path.loss = static_cast<double>(paths.between(0, 60)) / 100;
    const std::size_t current = paths.between(576, path.mtu);
    MtuSearchConfig config{.current = current};
    repeat(config, paths);
    const auto run = simulate(config, path, seed);
    ASSERT_NE(run.result.verdict, MtuVerdict::black_hole) << told(path, seed);
    ASSERT_NE(run.result.verdict, MtuVerdict::ptb_reported) << told(path, seed);
    if (run.result.exact) {
      ASSERT_EQ(run.result.mtu, path.mtu) << told(path, seed);
    }
    if (run.result.mtu) {
      ASSERT_LE(*run.result.mtu, path.mtu) << told(path, seed);
    }
  }
}

TEST(MtuSearchOverRandomPaths, NeverTakesATokenBucketForASize) {
  Paths paths(3);
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    SimulatedPath path = random_path(paths);
    path.mtu = paths.between(1280, 1500);
    path.loss = static_cast<double>(paths.between(0, 5)) / 100;
    path.rate = static_cast<double>(paths.between(6'000, 100'000));
    path.depth = static_cast<double>(paths.between(4'000, 20'000));
    const std::size_t current = paths.between(576, path.mtu);
    const auto run = simulate({.current = current, .ceiling = 1500}, path, seed);
    ASSERT_NE(run.result.verdict, MtuVerdict::black_hole) << told(path, seed);
    if (run.result.exact) {
      ASSERT_EQ(run.result.mtu, path.mtu) << told(path, seed);
    }
  }
}

/// Only larger packets are lost: at random, or because they share few bytes a second.
SimulatedPath path_that_loses_large_packets(Paths& paths) {
  SimulatedPath path;
  path.mtu = paths.one_in(2) ? 1500 : paths.between(1280, 1500);
  path.large = paths.one_in(2) ? 1000 : paths.between(700, path.mtu - 100);
  if (paths.one_in(2)) {
    path.large_loss = static_cast<double>(paths.between(70, 90)) / 100;
  } else {
    path.rate_of_large = true;
    path.rate = static_cast<double>(paths.between(1'000, 3'000));
    path.depth = static_cast<double>(paths.between(1'500, 5'000));
  }
  if (paths.one_in(4)) path.loss = static_cast<double>(paths.between(0, 10)) / 100;
  path.round_trip = paths.ms(1, 200);
  path.jitter = paths.ms(0, 20);
  return path;
}

TEST(MtuSearchOverRandomPaths, TakesNothingForALimitThatPassesAtTimes) {
  Paths paths(6);
  std::size_t seen = 0;
  const std::uint64_t runs = long_run().value_or(3000);
  for (std::uint64_t seed = 0; seed < runs; ++seed) {
    const SimulatedPath path = path_that_loses_large_packets(paths);
    MtuSearchConfig config{.current = std::min<std::size_t>(1480, path.mtu), .proofs = kProofs};
    if (paths.one_in(3)) {
      config.floor = 588;
      config.step = 16;
    }
    if (paths.one_in(2)) config.ceiling = config.current;
    repeat(config, paths);
    const auto run = simulate(config, path, seed);
    const MtuResult& result = run.result;
    ASSERT_NE(result.verdict, MtuVerdict::black_hole) << told(path, seed);
    if (path.large_loss > 0) {
      ASSERT_NE(result.verdict, MtuVerdict::ok) << told(path, seed);
    }
    ASSERT_NE(result.current_fits, false) << told(path, seed);
    if (result.not_above) {
      ASSERT_GE(*result.not_above, path.mtu) << told(path, seed);
    }
    if (result.mtu) {
      ASSERT_LE(*result.mtu, path.mtu) << told(path, seed);
    }
    ASSERT_LE(result.controls_lost, path.loss > 0 ? result.controls : 0) << told(path, seed);
    if (result.size_loss) {
      ASSERT_LE(result.size_loss->to, path.mtu) << told(path, seed);
      if (path.loss == 0) {
        ASSERT_GT(result.size_loss->from, path.large) << told(path, seed);
        if (path.large_loss > 0) {
          ASSERT_LE(result.size_loss->below, path.large) << told(path, seed);
        }
      }
    }
    if (result.verdict == MtuVerdict::loss_by_size) ++seen;
  }
  RecordProperty("loss_by_size", static_cast<int>(seen));
  EXPECT_GT(seen, runs * 2 / 3);
}

/// Also where the first packets of the full size pass by luck, and nothing above it has to be tried.
TEST(MtuSearchOverRandomPaths, TellsOfLossWhateverPassesFirst) {
  Paths paths(8);
  const std::uint64_t runs = long_run().value_or(3000);
  std::uint64_t quiet = 0;
  std::uint64_t slow = 0;
  for (std::uint64_t seed = 0; seed < runs; ++seed) {
    const double loss = static_cast<double>(paths.between(20, 60)) / 100;
    const bool of_large = paths.one_in(2);
    const SimulatedPath path{.loss = of_large ? 0 : loss,
                             .large = 1000,
                             .large_loss = of_large ? loss : 0,
                             .round_trip = paths.ms(1, 200)};
    MtuSearchConfig config{.current = 1480, .ceiling = 1480, .proofs = kProofs};
    repeat(config, paths);
    const auto run = simulate(config, path, seed);
    if (run.took > 90s) ++slow;
    ASSERT_NE(run.result.verdict, MtuVerdict::black_hole) << told(path, seed);
    ASSERT_FALSE(run.result.size_loss && !of_large) << told(path, seed);
    if (run.result.verdict == MtuVerdict::ok) ++quiet;
  }
  // At 20 %, eleven packets in a row pass in 9 of 100 runs.
  EXPECT_LE(quiet, runs * 3 / 100);
  EXPECT_LE(slow, runs / 1000) << "most of it until the first one passes";
}

TEST(MtuSearchOverRandomPaths, SaysNothingOfSizesWhereEverySizeIsLostAlike) {
  Paths paths(7);
  const std::uint64_t runs = long_run().value_or(3000);
  for (std::uint64_t seed = 0; seed < runs; ++seed) {
    SimulatedPath path = random_path(paths);
    path.loss = static_cast<double>(paths.between(0, 60)) / 100;
    const std::size_t current = paths.one_in(2) ? 1480 : paths.between(576, 9000);
    MtuSearchConfig config{.current = current, .proofs = kProofs};
    repeat(config, paths);
    const auto run = simulate(config, path, seed);
    ASSERT_EQ(run.result.size_loss, std::nullopt) << told(path, seed);
    if (run.result.exact) {
      ASSERT_EQ(run.result.mtu, path.mtu) << told(path, seed);
    }
    if (run.result.verdict == MtuVerdict::black_hole) {
      ASSERT_LT(path.mtu, current) << told(path, seed);
    }
  }
}

TEST(MtuSearchOverEveryMtu, FindsALimitWithProofsInLessThanSevenSeconds) {
  for (std::size_t mtu = 576; mtu <= 1500; mtu += 7) {
    const auto run = simulate({.current = 1501, .proofs = kProofs}, {.mtu = mtu}, mtu);
    ASSERT_TRUE(run.result.exact) << mtu;
    ASSERT_EQ(run.result.mtu, mtu);
    ASSERT_EQ(run.result.verdict, MtuVerdict::black_hole);
    ASSERT_LE(run.result.probes, kMostWithoutLoss);
    ASSERT_LE(run.took, 7s);
  }
}

TEST(MtuSearchOverEveryMtu, NeedsNoProofsOfALimitThatARouterReports) {
  const auto run =
      simulate({.current = 1480, .proofs = kProofs}, {.mtu = 1400, .reports = true}, 1);
  EXPECT_EQ(run.result.verdict, MtuVerdict::ptb_reported);
  EXPECT_LE(run.result.trials.front().sent, 2U);
  EXPECT_LE(run.took, 3s);
}

TEST(MtuSearchOverRandomPaths, SaysWhatThePathIsAfterItChanged) {
  Paths paths(4);
  std::size_t noticed = 0;
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    SimulatedPath path = random_path(paths);
    path.lie.reset();
    path.mtu_then = paths.between(576, 9000);
    path.changes_after = paths.ms(1, 3000);
    MtuSearchConfig config{.current = 1480, .proofs = paths.one_in(2) ? kProofs : 0};
    if (paths.one_in(2)) repeat(config, paths);
    const auto run = simulate(config, path, seed);
    // One that changes as the search ends may be either.
    const bool over = run.took < *path.changes_after + 10s;
    ASSERT_TRUE(run.result.mtu == path.mtu_then || (over && run.result.mtu == path.mtu))
        << told(path, seed) << " then " << path.mtu_then << " after "
        << path.changes_after->count() / 1'000'000 << " ms; told " << run.result.mtu.value_or(0)
        << " after " << run.took.count() / 1'000'000 << " ms";
    if (run.result.path_changed) ++noticed;
  }
  EXPECT_GT(noticed, 100U);
}

TEST(MtuSearchOverRandomPaths, KeepsToSizesThatStepsOf16Make) {
  Paths paths(5);
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    SimulatedPath path = random_path(paths);
    path.mtu = paths.between(1280, 1500);
    const std::size_t floor = 588;
    const std::size_t ceiling = paths.between(1400, 1500);
    MtuSearchConfig config{.current = 1480, .floor = floor, .ceiling = ceiling, .step = 16};
    if (paths.one_in(2)) repeat(config, paths);
    const auto run = simulate(config, path, seed);
    const std::size_t fits = path.mtu >= ceiling ? ceiling : path.mtu - (path.mtu - floor) % 16;
    ASSERT_EQ(run.result.mtu, fits) << told(path, seed);
    if (path.mtu < ceiling) {
      ASSERT_LE(path.mtu, run.result.not_above) << told(path, seed);
    }
  }
}

}  // namespace
}  // namespace wgscope::path
