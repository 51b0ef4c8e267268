#include "wgscope/base/secret_string.hpp"

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <type_traits>
#include <utility>

#include <fmt/core.h>
#include <gtest/gtest.h>

namespace {

/// What operator delete[] is given while a test watches: whether any block still held the needle.
constexpr char kNeedle[] = "NEEDLE-IN-FREED-MEMORY";
bool watching = false;
std::size_t freed = 0;
bool found = false;

/// The size stands in front of each block, since not every delete is told it.
constexpr std::size_t kHeader = alignof(std::max_align_t);

}  // namespace

void* operator new[](std::size_t size) {
  auto* block = static_cast<char*>(std::malloc(size + kHeader));
  if (block == nullptr) throw std::bad_alloc();
  std::memcpy(block, &size, sizeof size);
  return block + kHeader;
}
void operator delete[](void* memory) noexcept {
  if (memory == nullptr) return;
  char* block = static_cast<char*>(memory) - kHeader;
  std::size_t size = 0;
  std::memcpy(&size, block, sizeof size);
  if (watching) {
    ++freed;
    found = found || memmem(memory, size, kNeedle, sizeof kNeedle - 1) != nullptr;
  }
  std::free(block);
}
void operator delete[](void* memory, std::size_t /*size*/) noexcept { operator delete[](memory); }

namespace wgscope {
namespace {

static_assert(!std::is_copy_constructible_v<SecretString>);
static_assert(!std::is_copy_assignable_v<SecretString>);
static_assert(std::is_nothrow_move_constructible_v<SecretString>);
static_assert(!fmt::is_formattable<SecretString>::value);

class SecretStringTest : public testing::Test {
 protected:
  SecretStringTest() {
    freed = 0;
    found = false;
    watching = true;
  }
  ~SecretStringTest() override { watching = false; }

  /// Whether blocks were freed since the test began, and none had the secret in it.
  static bool freed_clean() { return freed > 0 && !found; }
};

TEST_F(SecretStringTest, JoinsWhatIsAppended) {
  SecretString text("a");
  for (int i = 0; i < 1000; ++i) text.append("bc");
  EXPECT_EQ(text.size(), 2001U);
  EXPECT_TRUE(text.view().starts_with("abcbc") && text.view().ends_with("bc"));
  text.append("");
  EXPECT_EQ(text.size(), 2001U);
}

TEST_F(SecretStringTest, AppendsAPartOfItself) {
  SecretString text("0123456789");
  for (int i = 0; i < 5; ++i) text.append(text.view());
  EXPECT_EQ(text.size(), 320U);
  for (std::size_t i = 0; i < text.size(); ++i) EXPECT_EQ(text.view()[i], "0123456789"[i % 10]);
}

TEST_F(SecretStringTest, IsWipedAtItsEnd) {
  {
    const SecretString text(kNeedle);
  }
  EXPECT_TRUE(freed_clean());
}

TEST_F(SecretStringTest, IsWipedWhereItGrowsOutOf) {
  SecretString text(kNeedle);
  text.append(std::string(1000, 'x'));
  EXPECT_TRUE(freed_clean());
  EXPECT_TRUE(text.view().starts_with(kNeedle));
}

TEST_F(SecretStringTest, IsWipedWhenReservingMore) {
  SecretString text(kNeedle);
  text.reserve(4096);
  EXPECT_TRUE(freed_clean());
  EXPECT_EQ(text.view(), kNeedle);
}

TEST_F(SecretStringTest, IsWipedWhenClearedAndWhenReplaced) {
  SecretString text(kNeedle);
  text.clear();
  EXPECT_TRUE(freed_clean());
  EXPECT_TRUE(text.empty());
  freed = 0;
  text.append(kNeedle);
  text = SecretString("other");
  EXPECT_TRUE(freed_clean());
  EXPECT_EQ(text.view(), "other");
}

TEST_F(SecretStringTest, IsEmptyOnceMovedFrom) {
  SecretString text(kNeedle);
  SecretString moved = std::move(text);
  EXPECT_EQ(moved.view(), kNeedle);
  EXPECT_TRUE(text.empty());  // NOLINT(bugprone-use-after-move): what the test is about
  text.append("again");
  EXPECT_EQ(text.view(), "again");
}

}  // namespace
}  // namespace wgscope
