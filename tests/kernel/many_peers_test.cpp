// The largest interface of all. Removing it takes a minute (a pause of the kernel for each peer),
// so it stays until the machine is switched off: this file's test is the program's last.

#include <cstdint>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wireguard.hpp"

namespace wgscope::test {
namespace {

using testing::IsEmpty;

/// Peers numbered from `first`, two allowed IPs each.
std::vector<PeerConfig> made_up_peers(std::uint32_t first, std::uint32_t count) {
  std::vector<PeerConfig> peers;
  for (std::uint32_t i = first; i < first + count; ++i)
    peers.push_back({.public_key = made_up_key(i).base64(),
                     .allowed_ips = {fmt::format("10.0.{}.{}/32", i >> 8U, i & 255U),
                                     fmt::format("fd00::{:x}/128", i + 1)}});
  return peers;
}

TEST(KernelManyPeers, AreAllThereOnce) {
  constexpr std::uint32_t kHalf = 2500;
  const auto* const stays =
      new Tunnel({.before = made_up_peers(0, kHalf), .after = made_up_peers(kHalf, kHalf)});
  ASSERT_TRUE(stays->ping(2));
  stays->freeze();
  const Snapshot snapshot = collect({.netns = {"left"}});
  EXPECT_THAT(failures(snapshot), IsEmpty());
  const Device& read = device(snapshot, "left", "wg0");
  EXPECT_EQ(different_keys(read), 2 * kHalf + 1);
  expect_same_lines(as_wg_dump(read), wg_dump("left", "wg0"));
  EXPECT_EQ(read.peers.at(kHalf).public_key.base64(), stays->right_keys.public_key);
  EXPECT_GT(read.peers.at(kHalf).receive_bytes, 0);
}

}  // namespace
}  // namespace wgscope::test
