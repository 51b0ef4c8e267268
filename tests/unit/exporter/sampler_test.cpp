// When the sampler reads, and what is counted then. How scrapes share its collections:
// single_flight_test.cpp.

#include "exporter/sampler.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/os/clock.hpp"

#include "collections_fixture.hpp"
#include "exporter/collection.hpp"
#include "exporter/device_view.hpp"
#include "exporter/peer_history.hpp"
#include "exporter/peer_verdict.hpp"
#include "fake_daemon.hpp"
#include "wait.hpp"

namespace wgscope::exporter {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SamplerTest : public CollectionsTest {
 protected:
  FakeDaemon daemon_{folder_.path(), "lo", daemon_answer({{1}})};

  [[nodiscard]] CollectorOptions sampled() const {
    CollectorOptions made = options();
    made.sampled = true;
    return made;
  }
  [[nodiscard]] bool daemon_was_asked(int times) {
    return test::wait_until([&] { return daemon_.asked() >= times; }, 10s);
  }
};

/// Stands still until it is told otherwise. It is ahead of the real one, so that no deadline made
/// from it passes while a test waits for a busy machine.
class FakeClock {
 public:
  [[nodiscard]] std::function<Now()> function() {
    return [this] { return now_; };
  }
  [[nodiscard]] Instant now() const { return now_.boot; }
  void pass(Nanoseconds time) {
    now_.boot.since_boot += time;
    now_.wall.since_epoch += time;
  }
  void step(Nanoseconds by) { now_.wall.since_epoch += by; }

 private:
  Now now_{os::boot_now() + 1h, os::now().wall};
};

// --- when it reads ---

TEST(UnevenPause, IsLongerThanTheIntervalByUpToAFifth) {
  std::mt19937_64 random(1);
  std::vector<Nanoseconds> pauses;
  for (int i = 0; i < 1000; ++i) pauses.push_back(uneven_pause(5s, random));
  EXPECT_GE(std::ranges::min(pauses), 5s) << "it does not read more often than it was told";
  EXPECT_LT(std::ranges::min(pauses), 5050ms);
  EXPECT_LE(std::ranges::max(pauses), 6s);
  EXPECT_GT(std::ranges::max(pauses), 5950ms);
}

TEST_F(SamplerTest, ReadsAtOnceIfNobodyDid) {
  Collections collections(sampled(), collect_warnings());
  collections.sample(1h, 5s);
  EXPECT_EQ(daemon_.asked(), 1);
}

TEST_F(SamplerTest, WaitsItsWholeIntervalAfterAnyReading) {
  FakeClock clock;
  CollectorOptions with_clock = sampled();
  with_clock.clock = clock.function();
  Collections collections(with_clock, collect_warnings());
  get(collections);
  EXPECT_EQ(collections.sample(5s, 5s), clock.now() + 5s);
  EXPECT_EQ(daemon_.asked(), 1) << "a scrape has just read";
  clock.pass(3s);
  get(collections);
  clock.pass(3s);
  EXPECT_EQ(collections.sample(5s, 5s), clock.now() + 2s);
  EXPECT_EQ(daemon_.asked(), 2);
  clock.pass(2s);
  EXPECT_EQ(collections.sample(5s, 5s), clock.now() + 5s);
  EXPECT_EQ(daemon_.asked(), 3);
  clock.pass(1s);
  EXPECT_EQ(collections.sample(5s, 5s), clock.now() + 4s);
  EXPECT_EQ(daemon_.asked(), 3) << "nor after a reading of its own";
}

TEST_F(SamplerTest, GivesItsReadingToScrapesThatFollowWithinMaxAge) {
  CollectorOptions aged = sampled();
  aged.max_age = 1h;
  Collections collections(aged, collect_warnings());
  collections.sample(5s, 5s);
  EXPECT_EQ(get(collections), get(collections));
  EXPECT_EQ(daemon_.asked(), 1);
}

TEST_F(SamplerTest, ReadsNoMoreOftenThanMaxAgeAllows) {
  FakeClock clock;
  CollectorOptions aged = sampled();
  aged.max_age = 1min;
  aged.clock = clock.function();
  Collections collections(aged, collect_warnings());
  collections.sample(5s, 5s);
  clock.pass(55s);
  EXPECT_EQ(collections.sample(5s, 5s), clock.now() + 5s) << "or it would ask all the time";
  EXPECT_EQ(daemon_.asked(), 1);
}

TEST_F(SamplerTest, DoesNotWaitForACollectionThatIsBeingTaken) {
  Collections collections(sampled(), collect_warnings());
  daemon_.hold();
  {
    const std::jthread scrape([&] { static_cast<void>(collections.get(in(60s))); });
    ASSERT_TRUE(daemon_was_asked(1));
    const Instant before = os::boot_now();
    EXPECT_GT(collections.sample(5s, 20s), in(4s));
    EXPECT_LT(os::boot_now() - before, 5s) << "the daemon would have kept it for half of its 20 s";
    daemon_.release();
  }
  EXPECT_EQ(daemon_.asked(), 1);
}

TEST_F(SamplerTest, IsNotHurriedByAScrapeWithoutTime) {
  Collections collections(sampled(), collect_warnings());
  static_cast<void>(collections.get(in(-1s)));
  const int before = daemon_.asked();
  collections.sample(0s, 20s);
  EXPECT_GT(daemon_.asked(), before);
  EXPECT_EQ(get(collections)->snapshot.failures.size(), 0U);
  static_cast<void>(warnings());
  static_cast<void>(collections.get(in(-1s)));
  EXPECT_THAT(warnings(), ::testing::Contains(HasSubstr("timeout"))) << "the scrape itself fails";
  collections.sample(0s, 20s);
  EXPECT_THAT(warnings(), IsEmpty());
}

TEST_F(SamplerTest, TakesNoMoreTimeForADaemonThatHangsThanScrapesHave) {
  FakeDaemon stuck(folder_.path(), "stuck", daemon_answer({}));
  stuck.hold();
  Collections collections(sampled(), collect_warnings());
  ASSERT_TRUE(collections.get(in(1s)));
  std::jthread sampler([&] { collections.sample(0s, 20s); });
  ASSERT_TRUE(daemon_was_asked(2));
  const auto scraped = collections.get(in(1s));
  ASSERT_TRUE(scraped) << "it waited for the sampler in vain: " << scraped.error().context;
  EXPECT_EQ((*scraped)->snapshot.devices.size(), 1U) << "all but the daemon that hangs";
}

struct Rhythm {
  Nanoseconds scrapes;  ///< from one to the next
  int readings;         ///< of scrapes and sampler together, in ten minutes
};

class SharedReadings : public SamplerTest, public ::testing::WithParamInterface<Rhythm> {};

// What docs/metrics.md promises, over ten minutes that pass in a moment.
TEST_P(SharedReadings, AreAsManyAsPromised) {
  constexpr Nanoseconds kInterval = 5s;
  FakeClock clock;
  CollectorOptions with_clock = sampled();
  with_clock.max_age = 1s;
  with_clock.clock = clock.function();
  Collections collections(with_clock, collect_warnings());
  const Instant end = clock.now() + 10min;
  Instant scrape = clock.now();
  Instant sample = clock.now();
  while (clock.now() < end) {
    if (clock.now() >= sample) sample = collections.sample(kInterval, 5s);
    if (clock.now() >= scrape) {
      ASSERT_TRUE(collections.get(clock.now() + 5s));
      scrape = scrape + GetParam().scrapes;
    }
    clock.pass(std::min(scrape, sample) - clock.now());
  }
  EXPECT_NEAR(daemon_.asked(), GetParam().readings, 1);
}

INSTANTIATE_TEST_SUITE_P(Rhythms, SharedReadings,
                         ::testing::Values(Rhythm{2s, 300}, Rhythm{5s, 120}, Rhythm{7s, 172},
                                           Rhythm{15s, 120}, Rhythm{30s, 120}, Rhythm{1min, 120},
                                           Rhythm{10min, 120}),
                         [](const auto& rhythm) {
                           return "EverySeconds" +
                                  std::to_string(rhythm.param.scrapes / std::chrono::seconds(1));
                         });

// --- what is counted ---

PeerEvents events_of(const Collection& collection) {
  return collection.views.at(0).peers.at(0).events;
}

TEST_F(SamplerTest, CountsWhatHappensBetweenScrapes) {
  Collections collections(sampled(), collect_warnings());
  EXPECT_EQ(events_of(*get(collections)), PeerEvents{}) << "first sight";
  EXPECT_TRUE(get(collections)->events_counted);
  const auto between = [&](std::int64_t handshake, const char* endpoint) {
    daemon_.answer_with(daemon_answer({{1, handshake, 0, endpoint}}));
    collections.sample(0s, 5s);
  };
  between(1'700'000'000, "192.0.2.1:51820");
  between(1'700'000'120, "192.0.2.2:51820");
  between(1'700'000'120, "192.0.2.1:51820");
  between(1'700'000'120, "[2001:db8::1]:1");
  EXPECT_EQ(events_of(*get(collections)), (PeerEvents{2, 3, 1}));

  daemon_.answer_with(daemon_answer({}));
  collections.sample(0s, 5s);
  between(1'700'000'300, "192.0.2.1:51820");
  EXPECT_EQ(events_of(*get(collections)), PeerEvents{}) << "it was gone in between";
}

TEST_F(SamplerTest, CountsNoHandshakeForAStepOfTheClock) {
  FakeClock clock;
  CollectorOptions with_clock = sampled();
  with_clock.clock = clock.function();
  Collections collections(with_clock, collect_warnings());
  daemon_.answer_with(daemon_answer({{1, 1'700'000'000}}));
  collections.sample(0s, 5s);
  for (const Nanoseconds step : {Nanoseconds(-1h), Nanoseconds(24h)}) {
    clock.step(step);
    collections.sample(0s, 5s);
  }
  const auto collection = get(collections);
  EXPECT_EQ(events_of(*collection), PeerEvents{});
  EXPECT_EQ(collection->clock_steps, 2U);
}

TEST_F(SamplerTest, KeepsCountsWhileAnInterfaceCannotBeRead) {
  Collections collections(sampled(), collect_warnings());
  get(collections);
  daemon_.answer_with(daemon_answer({{1, 1'700'000'000}}));
  collections.sample(0s, 5s);
  daemon_.answer_with("errno=1\n\n");
  collections.sample(0s, 5s);
  daemon_.answer_with(daemon_answer({{1, 1'700'000'120}}));
  EXPECT_EQ(events_of(*get(collections)), (PeerEvents{2, 0, 0}));
}

TEST_F(SamplerTest, JudgesPeersByItsReadings) {
  FakeClock clock;
  CollectorOptions with_clock = sampled();
  with_clock.clock = clock.function();
  Collections collections(with_clock, collect_warnings());
  for (std::uint64_t bytes = 0; bytes < 20 * 148; bytes += 148) {
    daemon_.answer_with(daemon_answer({{1, 0, bytes}, {2}}));
    collections.sample(0s, 5s);
    clock.pass(5s);
  }
  const auto collection = get(collections);
  ASSERT_TRUE(collection->judged);
  const DeviceView& view = collection->views.at(0);
  EXPECT_EQ(view.peers.at(0).verdict, Verdict::replies_lost);
  EXPECT_EQ(view.peers.at(1).verdict, Verdict::never);
  EXPECT_THAT(view.by_verdict, ElementsAre(1, 0, 0, 0, 0, 0, 1, 0));
}

TEST_F(SamplerTest, JudgesWithoutASamplerToo) {
  FakeClock clock;
  CollectorOptions with_clock = options();
  with_clock.clock = clock.function();
  Collections collections(with_clock, collect_warnings());
  Verdict verdict{};
  for (std::uint64_t bytes = 0; bytes < 3 * 12 * 148; bytes += 12 * 148) {
    daemon_.answer_with(daemon_answer({{1, 0, bytes}}));
    verdict = collections.get(clock.now() + 5s).value()->views.at(0).peers.at(0).verdict;
    clock.pass(1min);
  }
  EXPECT_EQ(verdict, Verdict::replies_lost);
}

TEST_F(SamplerTest, CountsPeersThatStartAgainFromZero) {
  Collections collections(sampled(), collect_warnings());
  const auto resets = [&](const std::vector<DaemonPeer>& peers) {
    daemon_.answer_with(daemon_answer(peers));
    collections.sample(0s, 5s);
    return get(collections)->views.at(0).peer_resets;
  };
  EXPECT_EQ(resets({{1, 1'700'000'000, 700}, {2, 0, 500}, {3}}), 0U);
  EXPECT_EQ(resets({{1, 1'700'000'000, 800}, {2, 0, 500}, {3}}), 0U);
  EXPECT_EQ(resets({{1, 0, 0}, {2, 0, 148}, {3}}), 2U) << "no handshake any more; fewer bytes";
  EXPECT_EQ(resets({{1, 1'700'000'100, 300}, {2, 0, 148}, {3}}), 2U);
}

TEST_F(SamplerTest, CountsNothingWhenItIsOff) {
  Collections collections(options(), collect_warnings());
  get(collections);
  daemon_.answer_with(daemon_answer({{1, 1'700'000'000}}));
  const auto collection = get(collections);
  EXPECT_FALSE(collection->events_counted);
  EXPECT_EQ(events_of(*collection), PeerEvents{});
}

// --- its thread ---

TEST_F(SamplerTest, ReadsOnAThreadOfItsOwn) {
  constexpr Nanoseconds kInterval = 20ms;
  Collections collections(sampled(), collect_warnings());
  const Instant start = os::boot_now();
  int asked = 0;
  Nanoseconds took{};
  {
    const Sampler sampler(collections, {kInterval, 5s}, collect_warnings());
    ASSERT_TRUE(daemon_was_asked(5));
    took = os::boot_now() - start;
    asked = daemon_.asked();
  }
  EXPECT_LE(asked, 2 + took / kInterval) << "it does not read more often than it was told";
  EXPECT_THAT(warnings(), IsEmpty());
}

TEST_F(SamplerTest, LeavesTheReadingToScrapesThatAreFrequent) {
  Collections collections(sampled(), collect_warnings());
  get(collections);
  const Sampler sampler(collections, {1h, 5s}, collect_warnings());
  for (int i = 0; i < 20; ++i) get(collections);
  EXPECT_EQ(daemon_.asked(), 21);
}

TEST_F(SamplerTest, EndsAtOnceInTheMiddleOfAPause) {
  Collections collections(sampled(), collect_warnings());
  auto sampler =
      std::make_unique<Sampler>(collections, Sampler::Settings{24h, 5s}, collect_warnings());
  ASSERT_TRUE(daemon_was_asked(1));
  const Instant before = os::boot_now();
  sampler.reset();
  EXPECT_LT(os::boot_now() - before, 5s);
}

TEST_F(SamplerTest, GoesOnAfterAnException) {
  daemon_.answer_with("nonsense\n");
  std::atomic<bool> thrown = false;
  Collections collections(sampled(), [&](const std::string&) {
    if (!thrown.exchange(true)) throw std::runtime_error("no memory for a warning");
  });
  const Sampler sampler(collections, {1ms, 5s}, collect_warnings());
  ASSERT_TRUE(daemon_was_asked(2));
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("no memory for a warning")));
}

// For the thread sanitizer: scrapes and a sampler that hardly rests.
TEST_F(SamplerTest, StandsManyScrapesAtOnce) {
  Collections collections(sampled(), collect_warnings());
  const Sampler sampler(collections, {100us, 5s}, collect_warnings());
  std::atomic<int> read = 0;
  {
    std::vector<std::jthread> scrapers;
    for (int i = 0; i < 4; ++i)
      scrapers.emplace_back([&] {
        for (int round = 0; round < 40; ++round) {
          const auto collection = collections.get(os::boot_now() + 20s);
          if (collection && events_of(**collection) == PeerEvents{}) ++read;
        }
      });
  }
  EXPECT_EQ(read, 4 * 40);
}

}  // namespace
}  // namespace wgscope::exporter
