#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/model/public_key.hpp"

#include "exporter/history.hpp"
#include "keys.hpp"

namespace wgscope::exporter {
namespace {

using ::testing::SizeIs;

constexpr std::uint64_t kSeed = 0x1234567890abcdef;

WallTime at(int second) { return {std::chrono::seconds(second)}; }

std::vector<PublicKey> keys(std::uint32_t count) {
  std::vector<PublicKey> made;
  for (std::uint32_t i = 0; i < count; ++i) made.push_back(key(i));
  return made;
}

/// One whole reading of peers, each of which must be listed for the first time in it.
/// @returns when each was seen first.
std::vector<WallTime> read(PeerTable& table, const std::vector<PublicKey>& listed, WallTime now) {
  std::vector<WallTime> first_seen;
  table.begin_reading();
  for (const PublicKey& one : listed) {
    const PeerHistory* entry = table.find(one, now);
    EXPECT_NE(entry, nullptr);
    if (entry == nullptr) continue;
    EXPECT_EQ(entry->key, one);
    first_seen.push_back(entry->first_seen);
  }
  return first_seen;
}

TEST(PeerTable, RemembersWhenAPeerWasSeenFirst) {
  PeerTable table(kSeed);
  EXPECT_EQ(read(table, {key(1)}, at(10)), (std::vector{at(10)}));
  EXPECT_EQ(read(table, {key(1), key(2)}, at(20)), (std::vector{at(10), at(20)}));
  EXPECT_EQ(read(table, {key(1), key(2)}, at(30)), (std::vector{at(10), at(20)}));
  EXPECT_THAT(table.entries(), SizeIs(2));
}

TEST(PeerTable, KeepsWhatIsStoredWithAPeer) {
  PeerTable table(kSeed);
  table.begin_reading();
  table.find(key(1), at(1))->handshake = at(77);
  table.begin_reading();
  EXPECT_EQ(table.find(key(1), at(2))->handshake, at(77));
}

TEST(PeerTable, FindsPeersInAnyOrder) {
  PeerTable table(kSeed);
  std::vector<PublicKey> listed = keys(1000);
  read(table, listed, at(1));
  std::mt19937_64 random(1);
  for (int round = 0; round < 20; ++round) {
    if (round % 3 == 0) std::reverse(listed.begin(), listed.end());
    if (round % 3 == 1) std::rotate(listed.begin(), listed.begin() + 333, listed.end());
    if (round % 3 == 2) std::shuffle(listed.begin(), listed.end(), random);
    EXPECT_EQ(read(table, listed, at(2)), std::vector(1000, at(1)));
    EXPECT_FALSE(table.forget_unlisted());
  }
  EXPECT_THAT(table.entries(), SizeIs(1000));
}

TEST(PeerTable, GivesAKeyOnlyOnceInAReading) {
  PeerTable table(kSeed);
  for (int reading = 1; reading < 4; ++reading) {
    table.begin_reading();
    EXPECT_NE(table.find(key(1), at(reading)), nullptr);
    EXPECT_EQ(table.find(key(1), at(reading)), nullptr) << "at once";
    EXPECT_NE(table.find(key(2), at(reading)), nullptr) << "the order goes on behind it";
    EXPECT_EQ(table.find(key(1), at(reading)), nullptr) << "later";
    EXPECT_EQ(table.find(key(2), at(reading)), nullptr);
    EXPECT_NE(table.find(key(3), at(reading)), nullptr);
    EXPECT_FALSE(table.forget_unlisted());
  }
  EXPECT_THAT(table.entries(), SizeIs(3));
}

TEST(PeerTable, ForgetsPeersThatAReadingDoesNotList) {
  PeerTable table(kSeed);
  read(table, keys(100), at(1));
  std::vector<PublicKey> even;
  for (std::uint32_t i = 0; i < 100; i += 2) even.push_back(key(i));
  EXPECT_EQ(read(table, even, at(2)), std::vector(50, at(1)));
  EXPECT_TRUE(table.forget_unlisted());
  EXPECT_FALSE(table.forget_unlisted());
  EXPECT_THAT(table.entries(), SizeIs(50));
  EXPECT_EQ(read(table, {key(0), key(1), key(2)}, at(3)), (std::vector{at(1), at(3), at(1)}))
      << "one is back, and new";
}

TEST(PeerTable, ForgetsAllPeersOfAnEmptyReading) {
  PeerTable table(kSeed);
  read(table, keys(10), at(1));
  table.begin_reading();
  EXPECT_TRUE(table.forget_unlisted());
  EXPECT_THAT(table.entries(), SizeIs(0));
  EXPECT_EQ(read(table, {key(3)}, at(2)), (std::vector{at(2)}));
}

TEST(PeerTable, KeepsUnlistedPeersUntilToldToForgetThem) {
  PeerTable table(kSeed);
  read(table, keys(10), at(1));
  read(table, {key(5)}, at(2));  // an interrupted reading
  EXPECT_EQ(read(table, keys(10), at(3)), std::vector(10, at(1)));
}

TEST(PeerTable, TakesRestoredPeersForSeenBefore) {
  PeerTable table(kSeed);
  for (std::uint32_t i = 0; i < 50; ++i) table.restore(key(i), at(7));
  table.restore(key(0), at(9));
  EXPECT_EQ(read(table, {key(49), key(0), key(99)}, at(20)), (std::vector{at(7), at(7), at(20)}));
  EXPECT_TRUE(table.forget_unlisted());
  EXPECT_THAT(table.entries(), SizeIs(3));
}

TEST(PeerTable, BehavesAsAMapWhateverComesAndGoes) {
  PeerTable table(kSeed);
  std::map<PublicKey, WallTime> model;
  std::mt19937_64 random(2);
  for (int round = 1; round < 300; ++round) {
    std::vector<PublicKey> listed;
    const std::uint32_t most = round % 50 == 0 ? 0 : 120;
    for (std::uint32_t i = 0; i < most; ++i)
      if (random() % 4 != 0) listed.push_back(key(i));
    if (round % 5 == 0) std::shuffle(listed.begin(), listed.end(), random);
    std::vector<WallTime> expected;
    for (const PublicKey& one : listed)
      expected.push_back(model.try_emplace(one, at(round)).first->second);
    ASSERT_EQ(read(table, listed, at(round)), expected) << "round " << round;
    if (random() % 2 == 0) {
      const std::size_t gone = std::erase_if(model, [&](const auto& entry) {
        return std::find(listed.begin(), listed.end(), entry.first) == listed.end();
      });
      ASSERT_EQ(table.forget_unlisted(), gone != 0);
    }
    ASSERT_EQ(table.entries().size(), model.size());
  }
}

TEST(PeerTable, HoldsAHundredThousandPeers) {
  constexpr std::uint32_t kPeers = 100'000;
  PeerTable table(kSeed);
  std::vector<PublicKey> listed = keys(kPeers);
  read(table, listed, at(1));
  std::shuffle(listed.begin(), listed.end(), std::mt19937_64(3));
  EXPECT_EQ(read(table, listed, at(2)), std::vector(kPeers, at(1)));
}

// Whoever may register peers chooses their keys. Were the table's places told by a part of a key,
// or by all of it in a way that is known, this would take minutes, and the test its time limit.
TEST(PeerTable, IsNotSlowedDownByChosenKeys) {
  constexpr std::uint32_t kPeers = 50'000;
  for (std::size_t part = 0; part < 4; ++part) {  // which 8 bytes differ
    std::vector<PublicKey> chosen(kPeers);
    for (std::uint32_t i = 0; i < kPeers; ++i)
      for (std::size_t byte = 0; byte < 4; ++byte)
        chosen[i].bytes[part * 8 + 7 - byte] = static_cast<std::byte>(i >> (8 * byte));
    PeerTable table(kSeed);
    read(table, chosen, at(1));
    std::reverse(chosen.begin(), chosen.end());
    EXPECT_EQ(read(table, chosen, at(2)), std::vector(kPeers, at(1)));
  }
}

}  // namespace
}  // namespace wgscope::exporter
