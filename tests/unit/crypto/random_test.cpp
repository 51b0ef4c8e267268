#include "wgscope/crypto/random.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <set>
#include <span>

#include <gtest/gtest.h>

namespace wgscope::crypto {
namespace {

TEST(SystemRandom, GivesOtherBytesEachTime) {
  SystemRandom random;
  std::set<std::array<std::byte, 32>> seen;
  for (int i = 0; i < 1000; ++i) {
    std::array<std::byte, 32> bytes{};
    random.fill(bytes);
    EXPECT_TRUE(seen.insert(bytes).second);
  }
}

TEST(SystemRandom, FillsAllItIsGivenAndNoMore) {
  SystemRandom random;
  std::array<bool, 100> changed{};
  for (int i = 0; i < 20; ++i) {  // a byte may be random and zero, but not twenty times
    std::array<std::byte, 102> bytes{};
    random.fill(std::span(bytes).subspan<1, 100>());
    EXPECT_EQ(bytes.front(), std::byte{0});
    EXPECT_EQ(bytes.back(), std::byte{0});
    for (std::size_t at = 0; at < changed.size(); ++at)
      changed[at] = changed[at] || bytes[at + 1] != std::byte{0};
  }
  EXPECT_TRUE(std::ranges::all_of(changed, [](bool c) { return c; }));
  random.fill({});
  std::array<std::byte, 4096> large{};  // more than the kernel gives in one call
  random.fill(large);
  EXPECT_LT(std::ranges::count(large, std::byte{0}), 64);
  EXPECT_GT(std::ranges::count_if(std::span(large).last<256>(),
                                  [](std::byte b) { return b != std::byte{0}; }),
            128);
}

}  // namespace
}  // namespace wgscope::crypto
