#include "tunnel/schedule.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <random>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/tunnel/event.hpp"

namespace wgscope::tunnel {
namespace {

Instant at(std::uint64_t second) {
  return {std::chrono::seconds(static_cast<std::int64_t>(second))};
}

Schedule schedule_of(std::uint32_t peers) {
  Schedule schedule;
  for (std::uint32_t i = 0; i < peers; ++i) schedule.add({i});
  return schedule;
}

TEST(Schedule, GivesPeersInOrderOfTimeAndNoneBeforeItsTime) {
  Schedule schedule = schedule_of(3);
  EXPECT_EQ(schedule.next(), std::nullopt);
  schedule.by({0}, at(30));
  schedule.by({1}, at(10));
  schedule.by({2}, at(20));
  EXPECT_EQ(schedule.next(), at(10));
  EXPECT_EQ(schedule.pop(at(9)), std::nullopt);
  EXPECT_EQ(schedule.pop(at(100)), PeerId{1});
  EXPECT_EQ(schedule.pop(at(100)), PeerId{2});
  EXPECT_EQ(schedule.pop(at(100)), PeerId{0});
  EXPECT_EQ(schedule.pop(at(100)), std::nullopt);
  EXPECT_EQ(schedule.next(), std::nullopt);
}

TEST(Schedule, MovesAPeerToEarlierOnly) {
  Schedule schedule = schedule_of(1);
  schedule.by({0}, at(10));
  schedule.by({0}, at(20));
  EXPECT_EQ(schedule.next(), at(10));
  schedule.by({0}, at(5));
  EXPECT_EQ(schedule.next(), at(5));
  EXPECT_EQ(schedule.pop(at(5)), PeerId{0});
  EXPECT_EQ(schedule.pop(at(100)), std::nullopt) << "one place a peer";
}

TEST(Schedule, ARemovedPeerNeverComes) {
  Schedule schedule = schedule_of(2);
  schedule.by({0}, at(1));
  schedule.by({1}, at(2));
  schedule.remove({0});
  EXPECT_EQ(schedule.next(), at(2));
  EXPECT_EQ(schedule.pop(at(9)), PeerId{1});
  schedule.remove({1});
  EXPECT_EQ(schedule.pop(at(9)), std::nullopt);
}

/// The earliest of a plain map.
std::optional<Instant> earliest(const std::map<std::uint32_t, Instant>& due) {
  std::optional<Instant> found;
  for (const auto& [peer, time] : due)
    if (!found || time < *found) found = time;
  return found;
}

TEST(Schedule, BehavesAsAMapOfTimes) {
  constexpr std::uint32_t kPeers = 40;
  for (std::uint32_t seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    Schedule schedule = schedule_of(kPeers);
    std::map<std::uint32_t, Instant> model;
    for (int step = 0; step < 3000; ++step) {
      const auto peer = static_cast<std::uint32_t>(random() % kPeers);
      const Instant time = at(random() % 200);
      switch (random() % 4) {
        case 0:
          schedule.remove({peer});
          model.erase(peer);
          break;
        case 1:
          if (const auto popped = schedule.pop(time)) {
            ASSERT_EQ(model.at(popped->value), earliest(model));
            ASSERT_LE(model.at(popped->value), time);
            model.erase(popped->value);
          } else {
            ASSERT_TRUE(model.empty() || *earliest(model) > time);
          }
          break;
        default: {
          schedule.by({peer}, time);
          const auto known = model.try_emplace(peer, time).first;
          known->second = std::min(known->second, time);
        }
      }
      ASSERT_EQ(schedule.next(), earliest(model));
    }
  }
}

TEST(Schedule, AHundredThousandPeersAreAnOrdinaryNumber) {
  constexpr std::uint32_t kPeers = 100'000;
  Schedule schedule = schedule_of(kPeers);
  for (std::uint32_t i = 0; i < kPeers; ++i) schedule.by({i}, at(kPeers - i));
  for (std::uint32_t i = kPeers; i-- > 0;) ASSERT_EQ(schedule.pop(at(kPeers)), PeerId{i});
}

}  // namespace
}  // namespace wgscope::tunnel
