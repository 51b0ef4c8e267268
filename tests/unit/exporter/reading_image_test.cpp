// What the reading process hands over is what it read, and nothing else is taken for it.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/config/names.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/model/snapshot.hpp"

#include "exporter/collection.hpp"
#include "exporter/collectors/collectors.hpp"
#include "exporter/exposition/writer.hpp"
#include "exporter/isolation/image.hpp"
#include "exporter/reading.hpp"
#include "sample_collection.hpp"

namespace wgscope::exporter {
namespace {

std::vector<std::byte> image_of(const Snapshot& snapshot, const NamesReading& names,
                                bool with_names = true) {
  const Image image{snapshot, names, with_names};
  std::vector<std::byte> bytes(image.size());
  image.write(bytes);
  return bytes;
}

NamesReading names_of(const Collection& collection) {
  return {collection.names,
          {.ran = true, .success = false, .duration = std::chrono::seconds(3)},
          {"first", "", "third"}};
}

TEST(ReadingImageTest, HandsOverWhatWasRead) {
  const Collection sample = sample_collection();
  const NamesReading names = names_of(sample);
  Collection taken = sample_collection();
  taken.snapshot = {};
  NamesReading taken_names;
  ASSERT_TRUE(read_image(image_of(sample.snapshot, names), taken.snapshot, taken_names));
  EXPECT_EQ(taken.snapshot.taken.boot, sample.snapshot.taken.boot);
  EXPECT_EQ(taken.snapshot.taken.wall, sample.snapshot.taken.wall);
  // The exposition shows every field of it.
  EXPECT_EQ(render(taken, {}, Format::text), render(sample, {}, Format::text));
  ASSERT_EQ(taken.snapshot.failures.size(), sample.snapshot.failures.size());
  for (std::size_t i = 0; i < sample.snapshot.failures.size(); ++i)
    EXPECT_EQ(taken.snapshot.failures[i].detail, sample.snapshot.failures[i].detail);
  ASSERT_EQ(taken.snapshot.devices.size(), sample.snapshot.devices.size());
  for (std::size_t i = 0; i < sample.snapshot.devices.size(); ++i) {
    EXPECT_EQ(taken.snapshot.devices[i].allowed_ips, sample.snapshot.devices[i].allowed_ips);
    EXPECT_EQ(taken.snapshot.devices[i].link, sample.snapshot.devices[i].link);
  }
  ASSERT_NE(taken_names.names, nullptr);
  EXPECT_EQ(*taken_names.names, *names.names);
  EXPECT_EQ(taken_names.messages, names.messages);
  EXPECT_TRUE(taken_names.report.ran);
  EXPECT_FALSE(taken_names.report.success);
  EXPECT_EQ(taken_names.report.duration, std::chrono::seconds(3));
}

TEST(ReadingImageTest, LeavesNamesThatItDoesNotHave) {
  const Collection sample = sample_collection();
  NamesReading into;
  Snapshot snapshot;
  into.names = std::make_shared<config::PeerNames>(config::PeerNames{{PublicKey{}, "kept"}});
  ASSERT_TRUE(read_image(image_of(sample.snapshot, names_of(sample), false), snapshot, into));
  EXPECT_THAT(*into.names, testing::ElementsAre(testing::Pair(PublicKey{}, "kept")));
}

TEST(ReadingImageTest, ForgetsWhatTheMemoryHeldBefore) {
  const Collection sample = sample_collection();
  Snapshot snapshot = sample.snapshot;
  NamesReading names = names_of(sample);
  ASSERT_TRUE(read_image(image_of({}, {}), snapshot, names));
  EXPECT_TRUE(snapshot.devices.empty());
  EXPECT_TRUE(snapshot.failures.empty());
  EXPECT_FALSE(snapshot.collectors[0].ran);
  EXPECT_TRUE(names.messages.empty());
}

TEST(ReadingImageTest, RefusesEachImageThatEndsEarlierOrLater) {
  const Collection sample = sample_collection();
  std::vector<std::byte> bytes = image_of(sample.snapshot, names_of(sample));
  Snapshot snapshot;
  NamesReading names;
  for (std::size_t size = 0; size < bytes.size(); ++size)
    ASSERT_FALSE(read_image(std::span(bytes).first(size), snapshot, names)) << size;
  bytes.push_back(std::byte{0});
  EXPECT_FALSE(read_image(bytes, snapshot, names));
}

/// Each byte in turn has other values. What is still taken for a reading must be one.
TEST(ReadingImageTest, TakesNoAllowedIpsThatAreNotThere) {
  const Collection sample = sample_collection();
  const std::vector<std::byte> bytes = image_of(sample.snapshot, names_of(sample));
  Snapshot snapshot;
  NamesReading names;
  std::size_t refused = 0;
  std::uint64_t bits = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at)
    for (const unsigned value : {0x00U, 0x01U, 0x7FU, 0xFFU}) {
      std::vector<std::byte> changed = bytes;
      changed[at] = static_cast<std::byte>(value);
      if (!read_image(changed, snapshot, names)) {
        ++refused;
        continue;
      }
      for (const Device& device : snapshot.devices)
        for (const Peer& peer : device.peers)
          for (const Prefix& prefix : device.allowed_ips_of(peer)) {
            ASSERT_LE(prefix.bits, 8 * prefix.address.octets().size());
            bits += prefix.bits;
          }
    }
  EXPECT_GT(refused, bytes.size() / 10);
  EXPECT_GT(bits, 0U);
}

}  // namespace
}  // namespace wgscope::exporter
