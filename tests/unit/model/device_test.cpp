#include "wgscope/model/device.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace wgscope {
namespace {

Prefix host(std::uint32_t number) {
  Prefix prefix;
  prefix.address.bytes = {std::byte{10}, static_cast<std::byte>(number >> 16U),
                          static_cast<std::byte>(number >> 8U), static_cast<std::byte>(number)};
  prefix.bits = 32;
  return prefix;
}

std::vector<Prefix> list(const Device& device, std::size_t index) {
  const std::span<const Prefix> span = device.allowed_ips_of(device.peers[index]);
  return {span.begin(), span.end()};
}

TEST(Device, HasNoAllowedIpsForAPeerWithout) {
  Device device;
  device.peers.resize(1);
  EXPECT_TRUE(device.allowed_ips_of(device.peers[0]).empty());
}

TEST(Device, KeepsAllowedIpsOfPeersThatComeInOrder) {
  Device device;
  for (std::uint32_t p = 0; p < 3; ++p) {
    device.peers.emplace_back();
    for (std::uint32_t i = 0; i < p + 1; ++i) device.add_allowed_ip(p, host(p * 10 + i));
  }
  EXPECT_EQ(list(device, 0), (std::vector{host(0)}));
  EXPECT_EQ(list(device, 1), (std::vector{host(10), host(11)}));
  EXPECT_EQ(list(device, 2), (std::vector{host(20), host(21), host(22)}));
  EXPECT_EQ(device.allowed_ips.size(), 6U) << "nothing was moved";
}

TEST(Device, KeepsAListTogetherWhenItsPeerIsContinuedAfterOthers) {
  Device device;
  device.peers.resize(2);
  device.add_allowed_ip(0, host(1));
  device.add_allowed_ip(0, host(2));
  device.add_allowed_ip(1, host(3));
  device.add_allowed_ip(0, host(4));
  device.add_allowed_ip(1, host(5));
  EXPECT_EQ(list(device, 0), (std::vector{host(1), host(2), host(4)}));
  EXPECT_EQ(list(device, 1), (std::vector{host(3), host(5)}));
}

TEST(Device, KeepsEveryListInOrderHoweverTheyInterleave) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 50; ++round) {
    Device device;
    device.peers.resize(5);
    std::vector<std::vector<Prefix>> expected(5);
    for (std::uint32_t i = 0; i < 60; ++i) {
      const std::size_t peer = random() % 5;
      device.add_allowed_ip(peer, host(i));
      expected[peer].push_back(host(i));
    }
    for (std::size_t peer = 0; peer < 5; ++peer) ASSERT_EQ(list(device, peer), expected[peer]);
  }
}

TEST(Device, ForgetsEverythingOnClear) {
  Device device;
  device.netns = "blue";
  device.name = "wg0";
  device.implementation = Implementation::userspace;
  device.public_key = PublicKey{};
  device.listen_port = 1;
  device.fwmark = 2;
  device.link = Link{};
  device.socket_receive_drops = 3;
  device.peers.resize(4);
  device.add_allowed_ip(3, host(1));

  device.clear();
  EXPECT_EQ(device.netns, "");
  EXPECT_EQ(device.name, "");
  EXPECT_EQ(device.implementation, Implementation::kernel);
  EXPECT_FALSE(device.public_key || device.link || device.socket_receive_drops);
  EXPECT_EQ(device.listen_port, 0);
  EXPECT_EQ(device.fwmark, 0U);
  EXPECT_TRUE(device.peers.empty());
  EXPECT_TRUE(device.allowed_ips.empty());
}

TEST(Device, KeepsItsMemoryOnClear) {
  Device device;
  device.peers.resize(1000);
  for (std::uint32_t i = 0; i < 2000; ++i) device.add_allowed_ip(999, host(i));
  const std::size_t peers = device.peers.capacity();
  const std::size_t prefixes = device.allowed_ips.capacity();
  const Peer* where = device.peers.data();

  device.clear();
  EXPECT_EQ(device.peers.capacity(), peers);
  EXPECT_EQ(device.allowed_ips.capacity(), prefixes);
  device.peers.emplace_back();
  EXPECT_EQ(device.peers.data(), where);
  EXPECT_EQ(device.peers[0].allowed_ips_count, 0U) << "a used-again peer starts empty";
}

TEST(Device, SurvivesAPrefixOutOfItsOwnList) {
  Device device;
  device.peers.resize(2);
  for (std::uint32_t i = 0; i < 100; ++i) {
    device.add_allowed_ip(i % 2,
                          i == 0 ? host(7) : device.allowed_ips[0]);  // may grow while it is read
    ASSERT_EQ(device.allowed_ips_of(device.peers[i % 2]).back(), host(7));
  }
}

}  // namespace
}  // namespace wgscope
