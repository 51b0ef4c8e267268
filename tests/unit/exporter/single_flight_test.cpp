#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/os/clock.hpp"
#include "wgscope/os/file.hpp"

#include "collections_fixture.hpp"
#include "exporter/collection.hpp"
#include "fake_daemon.hpp"
#include "keys.hpp"
#include "sample_collection.hpp"
#include "wait.hpp"

namespace wgscope::exporter {
namespace {

using namespace std::chrono_literals;
using ::testing::Each;
using ::testing::HasSubstr;

/// Asks for a collection in a thread of its own.
class Asker {
 public:
  Asker(Collections& collections, Nanoseconds patience)
      : thread_([this, &collections, deadline = os::boot_now() + patience] {
          thread_id_ = gettid();
          result_ = collections.get(deadline);
        }) {}

  /// Waits until the thread does nothing, several times in a row: then it waits in get().
  [[nodiscard]] bool waits() const {
    int seen = 0;
    return test::wait_until(
        [&] {
          if (thread_id_ == 0) return false;
          const auto stat =
              os::read_file(fmt::format("/proc/self/task/{}/stat", thread_id_.load()), 4096);
          const bool asleep = stat && stat->find(") S ") != std::string::npos;
          return asleep ? ++seen == 5 : (seen = 0) != 0;
        },
        10s);
  }

  /// Waits for the end.
  const Result<std::shared_ptr<const Collection>>& result() {
    if (thread_.joinable()) thread_.join();
    return result_;
  }

 private:
  std::atomic<pid_t> thread_id_ = 0;
  Result<std::shared_ptr<const Collection>> result_;
  std::jthread thread_;  ///< last: it uses the rest
};

class SingleFlightTest : public CollectionsTest {
 protected:
  FakeDaemon daemon_{folder_.path(), "lo", daemon_answer({{1}, {2}, {3}})};

  [[nodiscard]] bool daemon_was_asked(int times) {
    return test::wait_until([&] { return daemon_.asked() >= times; }, 10s);
  }
};

TEST_F(SingleFlightTest, TakesOneCollectionForAllWhoAskAtTheSameTime) {
  constexpr std::size_t kAskers = 16;
  CollectorOptions no_age = options();  // however old it is by then, those who waited get it
  Collections collections(no_age, collect_warnings());
  daemon_.hold();
  std::vector<std::unique_ptr<Asker>> askers;
  askers.push_back(std::make_unique<Asker>(collections, 20s));
  ASSERT_TRUE(daemon_was_asked(1));
  while (askers.size() < kAskers) askers.push_back(std::make_unique<Asker>(collections, 20s));
  for (const auto& asker : askers) ASSERT_TRUE(asker->waits());
  daemon_.release();
  std::vector<const Collection*> got;
  for (const auto& asker : askers) {
    ASSERT_TRUE(asker->result()) << asker->result().error().context;
    got.push_back(asker->result()->get());
  }
  EXPECT_THAT(got, Each(got.front()));
  EXPECT_EQ(daemon_.asked(), 1);
}

TEST_F(SingleFlightTest, SharesTheCollectionThatTheSamplerIsTaking) {
  CollectorOptions sampled = options();
  sampled.sampled = true;
  Collections collections(sampled, collect_warnings());
  daemon_.hold();
  std::jthread sampler([&] { collections.sample(5s, 20s); });
  ASSERT_TRUE(daemon_was_asked(1));
  Asker scrape(collections, 20s);
  ASSERT_TRUE(scrape.waits());
  daemon_.release();
  ASSERT_TRUE(scrape.result()) << scrape.result().error().context;
  EXPECT_EQ((*scrape.result())->views.at(0).peers.size(), 3U);
  EXPECT_EQ(daemon_.asked(), 1);
}

TEST_F(SingleFlightTest, TakesAnotherOnceTheLastIsTooOld) {
  CollectorOptions aged = options();
  aged.max_age = 1h;
  Collections collections(aged, collect_warnings());
  const auto first = get(collections);
  EXPECT_EQ(get(collections), first);
  EXPECT_EQ(daemon_.asked(), 1);

  CollectorOptions fresh = options();
  fresh.max_age = 1ms;
  Collections others(fresh, collect_warnings());
  const auto before = get(others);
  const auto too_old = [&] {
    return os::boot_now() - before->snapshot.taken.boot >= fresh.max_age;
  };
  ASSERT_TRUE(test::wait_until(too_old, 10s));
  EXPECT_NE(get(others), before);
  EXPECT_EQ(daemon_.asked(), 3);
}

TEST_F(SingleFlightTest, DoesNotKeepAnyoneWaitingBeyondTheirDeadline) {
  Collections collections(options(), collect_warnings());
  daemon_.hold();
  Asker patient(collections, 20s);
  ASSERT_TRUE(daemon_was_asked(1));
  const auto hasty = collections.get(in(50ms));
  ASSERT_FALSE(hasty);
  EXPECT_EQ(hasty.error().code, Errc::timeout);
  EXPECT_THAT(hasty.error().context, HasSubstr("did not end in time"));
  const auto too_late = collections.get(in(-1s));
  ASSERT_FALSE(too_late);
  EXPECT_EQ(too_late.error().code, Errc::timeout);
  daemon_.release();
  EXPECT_TRUE(patient.result());
  EXPECT_EQ(daemon_.asked(), 1);
}

TEST_F(SingleFlightTest, DoesNotServeToOthersWhatOneClientsHurryCutShort) {
  CollectorOptions aged = options();
  aged.max_age = 1h;
  Collections collections(aged, collect_warnings());
  daemon_.hold();
  const auto hurried = collections.get(in(100ms));
  ASSERT_TRUE(hurried) << hurried.error().context;
  ASSERT_EQ((*hurried)->snapshot.failures.size(), 1U);
  EXPECT_EQ((*hurried)->snapshot.failures[0].reason, FailureReason::timeout);
  daemon_.release();

  const auto patient = get(collections);
  EXPECT_EQ(patient->views.at(0).peers.size(), 3U);
  EXPECT_EQ(get(collections), patient) << "that one is for everybody";
  EXPECT_EQ(collections.get(in(100ms)).value(), patient) << "for those in a hurry as well";
}

TEST_F(SingleFlightTest, HasThoseWhoWaitForAHurriedOneTakeTheirOwn) {
  Collections collections(options(), collect_warnings());
  daemon_.hold();
  Asker hasty(collections, 300ms);
  ASSERT_TRUE(daemon_was_asked(1));
  Asker patient(collections, 20s);
  ASSERT_TRUE(hasty.result());
  daemon_.release();
  ASSERT_TRUE(patient.result()) << patient.result().error().context;
  EXPECT_EQ((*patient.result())->views.at(0).peers.size(), 3U);
}

TEST_F(SingleFlightTest, TellsWhenReadersHoldTooMuchOfOldCollections) {
  CollectorOptions little = options();
  little.most_held = 1;
  Collections collections(little, collect_warnings());
  std::vector<Instant> crowded;
  collections.on_crowded([&](Instant since) { crowded.push_back(since); });
  std::vector<std::shared_ptr<const Collection>> held;
  for (int i = 0; i < 3; ++i) held.push_back(get(collections));
  EXPECT_TRUE(crowded.empty()) << "three are always allowed";
  const Instant before = os::boot_now();
  held.push_back(get(collections));
  ASSERT_EQ(crowded.size(), 1U);
  EXPECT_GE(crowded[0], held[1]->snapshot.taken.boot);
  EXPECT_LT(crowded[0], held[2]->snapshot.taken.boot);
  EXPECT_LT(crowded[0], before);
  held.erase(held.begin());  // whoever held the oldest is gone
  held.erase(held.begin());
  held.push_back(get(collections));
  EXPECT_EQ(crowded.size(), 1U);
}

TEST_F(SingleFlightTest, HasRoomForManySmallCollectionsThatAreRead) {
  Collections collections(options(), collect_warnings());
  collections.on_crowded([&](Instant) { ADD_FAILURE() << "three peers take no room to speak of"; });
  std::vector<std::shared_ptr<const Collection>> held;
  for (int i = 0; i < 40; ++i) held.push_back(get(collections));
}

TEST_F(SingleFlightTest, GivesANewCollectionToThoseWhoAskAfterwards) {
  Collections collections(options(), collect_warnings());
  const auto first = get(collections);
  daemon_.answer_with(daemon_answer({{1}}));
  EXPECT_EQ(get(collections)->views.at(0).peers.size(), 1U);
  EXPECT_EQ(first->views.at(0).peers.size(), 3U);
}

TEST_F(SingleFlightTest, LeavesACollectionAloneThatSomebodyStillReads) {
  Collections collections(options(), collect_warnings());
  const auto held = get(collections);
  const std::string before = render(*held, {}, Format::text);
  for (std::uint32_t round = 4; round < 8; ++round) {
    daemon_.answer_with(daemon_answer({{round, 0, round}}));
    EXPECT_NE(get(collections), held);
  }
  EXPECT_EQ(render(*held, {}, Format::text), before);
}

TEST_F(SingleFlightTest, UsesTheMemoryAgainOfACollectionNobodyReads) {
  Collections collections(options(), collect_warnings());
  const Collection* first = get(collections).get();
  EXPECT_EQ(get(collections).get(), first);
  const auto held = get(collections);
  EXPECT_EQ(held.get(), first);
  EXPECT_NE(get(collections).get(), first);
}

TEST_F(SingleFlightTest, OutlivesItsCollectionsAndTheOtherWayRound) {
  std::shared_ptr<const Collection> survivor;
  {
    Collections collections(options(), collect_warnings());
    survivor = get(collections);
  }
  EXPECT_EQ(survivor->views.at(0).peers.size(), 3U);
}

// For the thread sanitizer: readers of old collections, and those who make new ones
// in their memory.
TEST_F(SingleFlightTest, StandsManyReadersAtOnce) {
  CollectorOptions often = options();
  often.max_age = 1ms;
  Collections collections(often, collect_warnings());
  std::atomic<int> rendered = 0;
  {
    std::vector<std::jthread> readers;
    for (int i = 0; i < 8; ++i)
      readers.emplace_back([&] {
        for (int round = 0; round < 40; ++round) {
          const auto collection = collections.get(os::boot_now() + 20s);
          if (collection && render(**collection, {}, Format::openmetrics).ends_with("# EOF\n"))
            ++rendered;
        }
      });
  }
  EXPECT_EQ(rendered, 8 * 40);
}

TEST_F(SingleFlightTest, TakesNoneOnceItIsClosed) {
  Collections collections(options(), collect_warnings());
  get(collections);
  EXPECT_TRUE(collections.close(soon()));
  const int asked = daemon_.asked();
  const auto refused = collections.get(soon());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().context, "the exporter is stopping");
  collections.sample(0ns, 1s);
  EXPECT_EQ(daemon_.asked(), asked);
}

TEST_F(SingleFlightTest, TellsThatTheLastOneHasNotEnded) {
  Collections collections(options(), collect_warnings());
  EXPECT_EQ(collections.taking_since(), std::nullopt);
  daemon_.hold();
  const Instant before = os::boot_now();
  Asker asker(collections, 1h);
  ASSERT_TRUE(daemon_was_asked(1));
  EXPECT_GE(collections.taking_since(), before);
  EXPECT_FALSE(collections.close(os::boot_now()));
  daemon_.release();
  EXPECT_TRUE(collections.close(soon()));
  EXPECT_TRUE(asker.result()) << "who asked before gets it";
}

}  // namespace
}  // namespace wgscope::exporter
