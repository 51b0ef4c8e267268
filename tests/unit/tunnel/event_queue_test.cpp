#include "tunnel/event_queue.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string_view>

#include <gtest/gtest.h>

#include "wgscope/tunnel/event.hpp"

namespace wgscope::tunnel {
namespace {

TEST(EventQueue, GivesTheOldestFirst) {
  EventQueue queue;
  EXPECT_FALSE(queue.pop());
  for (std::uint64_t i = 0; i < 3; ++i) queue.push({.number = i});
  for (std::uint64_t i = 0; i < 3; ++i) EXPECT_EQ(queue.pop()->number, i);
  EXPECT_FALSE(queue.pop());
  EXPECT_EQ(queue.lost(), 0U);
}

TEST(EventQueue, LosesTheOldestWhenFullAndCountsThem) {
  EventQueue queue;
  for (std::uint64_t i = 0; i < EventQueue::kCapacity + 10; ++i) queue.push({.number = i});
  EXPECT_EQ(queue.lost(), 10U);
  for (std::uint64_t i = 10; i < EventQueue::kCapacity + 10; ++i) ASSERT_EQ(queue.pop()->number, i);
  EXPECT_FALSE(queue.pop());
}

TEST(Event, KindsAndReasonsHaveNamesOfTheirOwn) {
  std::set<std::string_view> names;
  for (unsigned i = 0; i < kDropReasonCount; ++i)
    names.insert(to_string(static_cast<DropReason>(i)));
  EXPECT_EQ(names.size(), kDropReasonCount);
  EXPECT_FALSE(names.contains("unknown"));
  names.clear();
  constexpr auto kKinds = static_cast<unsigned>(EventKind::dropped) + 1;
  for (unsigned i = 0; i < kKinds; ++i) names.insert(to_string(static_cast<EventKind>(i)));
  EXPECT_EQ(names.size(), kKinds);
  EXPECT_FALSE(names.contains("unknown"));
}

}  // namespace
}  // namespace wgscope::tunnel
