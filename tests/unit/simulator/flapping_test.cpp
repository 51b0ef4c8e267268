// How long the exporter's verdict "flapping" takes, and how long it lasts at most, for many peers: two machines with one
// key, and phones that change between two networks. The alert waits until it has lasted for 10 min.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "chance.hpp"
#include "clock.hpp"
#include "exporter.hpp"
#include "gateway.hpp"
#include "lives.hpp"
#include "series.hpp"

namespace wgscope::simulator {
namespace {

using namespace std::chrono_literals;

constexpr Time kWaits = 10min;  // flapping_for
constexpr std::size_t kPeers = 20;

/// One gateway with `kPeers` peers, scraped and read by the sampler.
class Watched {
 public:
  using MakeLife = std::unique_ptr<Life> (*)(Clock&, Chance&, Peer&);

  Watched(std::uint64_t seed, Time interval, MakeLife life)
      : chance(seed), interval_(interval), interface_(gateway.add_interface("wg0", "", false)) {
    for (std::size_t i = 0; i < kPeers; ++i) {
      Peer& peer = gateway.add_peer(interface_, fmt::format("key{}", i), "name");
      lives_.push_back(life(clock, chance, peer));
      series_.push_back(&target_.series(
          "wireguard_peer_verdict",
          fmt::format("interface=\"wg0\",public_key=\"key{}\",name=\"name\",verdict=\"flapping\"",
                      i)));
    }
    gateway.start();
    exporter_.start();
    for (const auto& each : lives_) each->start();
    clock.at(chance.between(0s, interval), [this] { scrape(); });
  }

  Peer& peer(std::size_t number) { return *interface_.peers[number]; }
  /// When the verdict had first lasted for as long as the alert waits.
  [[nodiscard]] std::optional<Time> alerted(std::size_t number) const { return alerted_[number]; }
  [[nodiscard]] Time longest() const { return longest_; }

  Clock clock;
  Chance chance;
  Gateway gateway{clock, chance, "gw"};

 private:
  void scrape() {
    exporter_.write(slot_);
    target_.end_scrape(slot_++);
    for (std::size_t i = 0; i < kPeers; ++i) {
      if (!series_[i]->present()) {
        since_[i].reset();
        continue;
      }
      if (!since_[i]) since_[i] = clock.now();
      const Time lasted = clock.now() - *since_[i];
      longest_ = std::max(longest_, lasted);
      if (lasted >= kWaits && !alerted_[i]) alerted_[i] = clock.now();
    }
    clock.after(interval_, [this] { scrape(); });
  }

  Time interval_;
  Interface& interface_;
  Target target_{"gw:9586"};
  Exporter exporter_{clock, chance, gateway, target_, false};
  std::vector<std::unique_ptr<Life>> lives_;
  std::vector<Series*> series_;
  std::int64_t slot_ = 0;
  std::array<std::optional<Time>, kPeers> since_;
  std::array<std::optional<Time>, kPeers> alerted_;
  Time longest_{0};
};

class Flapping : public testing::TestWithParam<Time> {};

TEST_P(Flapping, IsSaidInTimeOfTwoMachinesWithOneKey) {
  constexpr Time kPromised = 15min;  // without what scrapes and evaluations take
  int late = 0;
  int never = 0;
  Time slowest{0};
  constexpr std::uint64_t kRuns = 10;
  for (std::uint64_t seed = 1; seed <= kRuns; ++seed) {
    Watched watched(seed, GetParam(), make_site);
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
    Watched watched(seed, GetParam(), make_phone);
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
