// How long the exporter's verdict "flapping" takes, and how long it lasts at most, for many peers: two machines with one
// key, and phones that change between two networks. The alert waits until it has lasted for 10 min.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "chance.hpp"
#include "clock.hpp"
#include "lives.hpp"
#include "watched.hpp"

namespace wgscope::simulator {
namespace {

using namespace std::chrono_literals;

constexpr Time kWaits = 10min;  // flapping_for
constexpr std::size_t kPeers = Watched::kPeers;

class Flapping : public testing::TestWithParam<Time> {};

TEST_P(Flapping, IsSaidInTimeOfTwoMachinesWithOneKey) {
  constexpr Time kPromised = 15min;  // without what scrapes and evaluations take
  int late = 0;
  int never = 0;
  Time slowest{0};
  constexpr std::uint64_t kRuns = 10;
  for (std::uint64_t seed = 1; seed <= kRuns; ++seed) {
    Watched watched(seed, GetParam(), make_site, "flapping", kWaits);
    std::vector<std::unique_ptr<Life>> others;
    std::vector<Time> begins;
    for (std::size_t i = 0; i < kPeers; ++i) {
      begins.push_back(watched.chance.between(50min, 2h));
      others.push_back(make_double(watched.clock, watched.chance, watched.peer(i)));
      watched.clock.at(begins[i], [&other = *others[i]] { other.start(); });
    }
    watched.clock.run_until(4h);
    for (std::size_t i = 0; i < kPeers; ++i) {
      if (!watched.alerted(i)) {
        ++never;
        continue;
      }
      const Time after = *watched.alerted(i) - begins[i];
      ASSERT_GT(after, kWaits) << "before the second machine came";
      slowest = std::max(slowest, after);
      if (after > kPromised) ++late;
    }
  }
  EXPECT_EQ(never, 0);
  EXPECT_LT(slowest, 75min) << "a call lasts up to an hour";
  EXPECT_LE(late, static_cast<int>(kRuns * kPeers * 3 / 100)) << "while one of the two streams";
}

TEST_P(Flapping, DoesNotLastForAPhoneAtTheEdgeOfAWifi) {
  Time longest{0};
  for (std::uint64_t seed = 7; seed <= 10; ++seed) {
    Watched watched(seed, GetParam(), make_phone, "flapping", kWaits);
    watched.clock.run_until(24h);
    longest = std::max(longest, watched.longest());
  }
  EXPECT_GT(longest, 0s) << "no phone changed its network often";
  EXPECT_LT(longest, kWaits);
}

INSTANTIATE_TEST_SUITE_P(ScrapeInterval, Flapping, testing::Values(5s, 15s, 30s, 60s),
                         [](const auto& of) { return fmt::format("Of{}s", of.param / 1s); });

}  // namespace
}  // namespace wgscope::simulator
