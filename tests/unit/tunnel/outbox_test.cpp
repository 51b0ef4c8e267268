#include "tunnel/outbox.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/model/address.hpp"
#include "wgscope/tunnel/interface.hpp"

namespace wgscope::tunnel {
namespace {

const Endpoint kHere = *Endpoint::parse("192.0.2.1:1");
const Endpoint kOtherPort = *Endpoint::parse("192.0.2.1:2");

bool put(Outbox& box, const Endpoint& to, std::size_t size, std::byte fill = {},
         std::size_t reserve = 0) {
  const std::span<std::byte> room = box.open(size, reserve);
  if (room.empty()) return false;
  std::ranges::fill(room, fill);
  box.commit(to, size);
  return true;
}

/// The datagrams' sizes, batch by batch.
std::vector<std::vector<std::size_t>> drain(Outbox& box) {
  std::vector<std::vector<std::size_t>> batches;
  while (const auto sent = box.take()) {
    std::vector<std::size_t> sizes(sent->bytes.size() / sent->segment_size, sent->segment_size);
    if (const std::size_t last = sent->bytes.size() % sent->segment_size) sizes.push_back(last);
    batches.push_back(sizes);
  }
  return batches;
}

using Batches = std::vector<std::vector<std::size_t>>;

TEST(Outbox, NeighboursOfOneSizeAndAddressAreABatch) {
  Outbox box;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(put(box, kHere, 100));
  EXPECT_EQ(drain(box), (Batches{{100, 100, 100}}));
  EXPECT_TRUE(box.empty());
}

TEST(Outbox, AShorterOneEndsTheBatchItIsIn) {
  Outbox box;
  for (const std::size_t size : {100U, 100U, 60U, 100U, 60U, 60U})
    ASSERT_TRUE(put(box, kHere, size));
  EXPECT_EQ(drain(box), (Batches{{100, 100, 60}, {100, 60}, {60}}));
}

TEST(Outbox, ALargerOneBeginsABatch) {
  Outbox box;
  for (const std::size_t size : {60U, 100U}) ASSERT_TRUE(put(box, kHere, size));
  EXPECT_EQ(drain(box), (Batches{{60}, {100}}));
}

TEST(Outbox, AnotherAddressBeginsABatch) {
  Outbox box;
  for (const Endpoint& to : {kHere, kOtherPort, kOtherPort, kHere}) ASSERT_TRUE(put(box, to, 80));
  std::vector<Endpoint> to;
  while (const auto sent = box.take()) to.push_back(sent->to);
  EXPECT_EQ(to, (std::vector{kHere, kOtherPort, kHere}));
}

TEST(Outbox, ABatchHasNoMoreSegmentsThanTheKernelTakes) {
  Outbox box;
  for (int i = 0; i < 65; ++i) ASSERT_TRUE(put(box, kHere, 32));
  const Batches batches = drain(box);
  ASSERT_EQ(batches.size(), 2U);
  EXPECT_EQ(batches[0].size(), 64U);
  EXPECT_EQ(batches[1].size(), 1U);
}

TEST(Outbox, ABatchFitsOneDatagram) {
  Outbox box;
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(put(box, kHere, 1452));
  const Batches batches = drain(box);
  ASSERT_EQ(batches.size(), 2U);
  EXPECT_EQ(batches[0].size(), 65'000 / 1452);
  EXPECT_EQ(batches[0].size() + batches[1].size(), 50U);
}

TEST(Outbox, ADatagramAboveABatchsLimitGoesByItself) {
  Outbox box;
  ASSERT_TRUE(put(box, kHere, 65'100));
  ASSERT_TRUE(put(box, kHere, 100));
  EXPECT_EQ(drain(box), (Batches{{65'100}, {100}}));
}

TEST(Outbox, BytesComeOutAsTheyWentIn) {
  Outbox box;
  for (const std::byte fill : {std::byte{1}, std::byte{2}}) ASSERT_TRUE(put(box, kHere, 3, fill));
  const auto sent = box.take();
  ASSERT_TRUE(sent);
  const std::vector<std::byte> expected{std::byte{1}, std::byte{1}, std::byte{1},
                                        std::byte{2}, std::byte{2}, std::byte{2}};
  EXPECT_TRUE(std::ranges::equal(sent->bytes, expected));
}

TEST(Outbox, DataLeavesRoomForControl) {
  Outbox box;
  std::size_t data = 0;
  while (put(box, kHere, 1452, {}, Outbox::kReserve)) ++data;
  EXPECT_GE(data * 1452 + 1452 + Outbox::kReserve, Outbox::kCapacity);
  std::size_t control = 0;
  while (put(box, kHere, 148)) ++control;
  EXPECT_GE(control * 148, Outbox::kReserve - 2 * 1452);
  EXPECT_FALSE(put(box, kHere, 148));
}

TEST(Outbox, ManySmallDatagramsLeaveRoomForControlToo) {
  Outbox box;
  while (put(box, kHere, 33, {}, Outbox::kReserve)) {
  }
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(put(box, kHere, 148));
}

TEST(Outbox, HasAllItsRoomAgainOnceEverythingWasTaken) {
  Outbox box;
  for (int round = 0; round < 3; ++round) {
    std::size_t count = 0;
    while (put(box, kHere, 1000)) ++count;
    EXPECT_EQ(count, Outbox::kCapacity / 1000);
    ASSERT_TRUE(box.take());
    EXPECT_FALSE(put(box, kHere, 1000)) << "what is not taken yet stays where it is";
    drain(box);
  }
}

}  // namespace
}  // namespace wgscope::tunnel
