#include "wgscope/base/secret.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

#include <fmt/core.h>
#include <gtest/gtest.h>

namespace wgscope {
namespace {

using Key = Secret<32>;

static_assert(!std::is_copy_constructible_v<Key> && !std::is_copy_assignable_v<Key>);
static_assert(std::is_nothrow_move_constructible_v<Key> && std::is_nothrow_move_assignable_v<Key>);
static_assert(!fmt::is_formattable<Key>::value);
static_assert(!std::is_convertible_v<Key, std::span<const std::byte>>);
static_assert(!std::is_copy_constructible_v<WipeGuard> && !std::is_move_constructible_v<WipeGuard>);

/// Room for one Secret whose bytes can be looked at when it is gone.
struct Room {
  alignas(Key) std::array<std::byte, sizeof(Key)> memory;

  Room() { memory.fill(std::byte{0xee}); }
  Key* place() { return new (memory.data()) Key; }
  [[nodiscard]] bool is_zero() const {
    return std::all_of(memory.begin(), memory.end(), [](std::byte b) { return b == std::byte{0}; });
  }
};

void fill(Key& key, unsigned char value) {
  std::memset(key.bytes().data(), value, key.bytes().size());
}

bool holds(const Key& key, unsigned char value) {
  return std::all_of(key.bytes().begin(), key.bytes().end(),
                     [&](std::byte b) { return b == std::byte{value}; });
}

TEST(Secret, StartsAsZeros) {
  Room room;
  Key* key = room.place();
  EXPECT_TRUE(holds(*key, 0));
  key->~Key();
}

TEST(Secret, IsZeroInMemoryOnceDestroyed) {
  Room room;
  Key* key = room.place();
  fill(*key, 0x5a);
  key->~Key();
  EXPECT_TRUE(room.is_zero());
}

TEST(Secret, IsZeroInMemoryOnceMovedFrom) {
  Room room;
  Key* key = room.place();
  fill(*key, 0x5a);
  const Key taken(std::move(*key));
  EXPECT_TRUE(room.is_zero());
  EXPECT_TRUE(holds(taken, 0x5a));
  key->~Key();
}

TEST(Secret, IsZeroInMemoryOnceAssignedFrom) {
  Room room;
  Key* key = room.place();
  fill(*key, 0x5a);
  Key other;
  fill(other, 0x11);
  other = std::move(*key);
  EXPECT_TRUE(room.is_zero());
  EXPECT_TRUE(holds(other, 0x5a));
  key->~Key();
}

TEST(Secret, ClonesWhereACopyIsMeantAndBothAreWipedByThemselves) {
  Room room;
  Key* key = room.place();
  fill(*key, 0x5a);
  Key copy = key->clone();
  EXPECT_TRUE(holds(copy, 0x5a));
  EXPECT_TRUE(holds(*key, 0x5a)) << "the first keeps its bytes";
  fill(copy, 0x11);
  EXPECT_TRUE(holds(*key, 0x5a));
  key->~Key();
  EXPECT_TRUE(room.is_zero());
  EXPECT_TRUE(holds(copy, 0x11));
}

TEST(Secret, SurvivesBeingAssignedToItself) {
  Key key;
  fill(key, 0x5a);
  Key& same = key;
  key = std::move(same);
  EXPECT_TRUE(holds(key, 0x5a));
}

TEST(WipeGuard, WipesItsMemoryWhenTheScopeEnds) {
  std::array<char, 16> text{};
  std::array<std::byte, 16> bytes{};
  text.fill('x');
  bytes.fill(std::byte{1});
  {
    const WipeGuard text_guard{std::span<char>(text)};
    const WipeGuard bytes_guard{std::span<std::byte>(bytes).first(8)};
    EXPECT_EQ(text[0], 'x');
  }
  EXPECT_EQ(text, (std::array<char, 16>{}));
  EXPECT_EQ(std::count(bytes.begin(), bytes.end(), std::byte{0}), 8) << "only what it was given";
}

TEST(WipeGuard, WipesWhenAnExceptionLeavesTheScope) {
  std::array<std::byte, 8> bytes{};
  bytes.fill(std::byte{1});
  try {
    const WipeGuard guard{std::span<std::byte>(bytes)};
    throw 1;
  } catch (int) {
  }
  EXPECT_EQ(bytes, (std::array<std::byte, 8>{}));
}

TEST(Wipe, TakesNoMemoryAtAll) {
  wipe(std::span<std::byte>());
  wipe(std::span<char>());
}

}  // namespace
}  // namespace wgscope
