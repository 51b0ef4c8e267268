#include "wgscope/os/dont_fragment.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "hex.hpp"

namespace wgscope::os {
namespace {

constexpr std::uint16_t kPort = 0x1234;

/// An IPv4 header without options, and a UDP header.
std::vector<std::byte> packet() {
  return test::unhex(
      "4500001c00004000"
      "40110000c0000201"
      "c0000202"
      "ca6c123400080000");
}

TEST(DontFragment, IsReadFromDatagramsOfThePortOnly) {
  auto bytes = packet();
  EXPECT_EQ(dont_fragment_of(bytes, kPort), true);
  EXPECT_EQ(dont_fragment_of(bytes, kPort + 1), std::nullopt);
  bytes[6] = std::byte{0};
  EXPECT_EQ(dont_fragment_of(bytes, kPort), false);
  bytes[9] = std::byte{6};
  EXPECT_EQ(dont_fragment_of(bytes, kPort), std::nullopt) << "TCP";
}

TEST(DontFragment, IsReadBehindOptions) {
  auto bytes = packet();
  bytes[0] = std::byte{0x46};
  bytes.insert(bytes.begin() + 20, 4, std::byte{1});
  EXPECT_EQ(dont_fragment_of(bytes, kPort), true);
}

TEST(DontFragment, IsNotReadFromWhatIsCutShort) {
  const auto bytes = packet();
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_EQ(dont_fragment_of(std::span(bytes).first(size), kPort), std::nullopt) << size;
  auto later = bytes;
  later[7] = std::byte{1};
  EXPECT_EQ(dont_fragment_of(later, kPort), std::nullopt) << "a later fragment has no ports";
}

}  // namespace
}  // namespace wgscope::os
