#include "wgscope/config/inventory.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::config {
namespace {

using std::chrono::hours;

TEST(Inventory, LabelsAreFoundByName) {
  const DeclaredLabels labels{{"site", "berlin"}, {"team", "ops"}};
  ASSERT_NE(find_label(labels, "team"), nullptr);
  EXPECT_EQ(*find_label(labels, "team"), "ops");
  EXPECT_EQ(find_label(labels, "tenant"), nullptr);
  EXPECT_TRUE(has_labels(labels, {}));
  EXPECT_TRUE(has_labels(labels, {{"team", "ops"}}));
  EXPECT_FALSE(has_labels(labels, {{"team", "dev"}}));
  EXPECT_FALSE(has_labels(labels, {{"site", "berlin"}, {"tenant", "a"}}));
}

PrefixLimit limit(DeclaredLabels labels, std::optional<std::uint8_t> ipv4,
                  std::optional<std::uint8_t> ipv6 = std::nullopt) {
  return {.labels = std::move(labels), .ipv4 = ipv4, .ipv6 = ipv6, .position = {}};
}

TEST(Inventory, TheLimitForMostLabelsDecides) {
  Policies policies;
  policies.widest_prefix = {limit({{"kind", "site"}}, 24), limit({}, 32, 128),
                            limit({{"kind", "site"}, {"team", "ops"}}, 8)};
  EXPECT_EQ(least_prefix_length(policies, {}, Family::v4), 32);
  EXPECT_EQ(least_prefix_length(policies, {{"kind", "site"}}, Family::v4), 24);
  EXPECT_EQ(least_prefix_length(policies, {{"kind", "site"}, {"team", "ops"}}, Family::v4), 8);
  // The exceptions say nothing of IPv6.
  EXPECT_EQ(least_prefix_length(policies, {{"kind", "site"}}, Family::v6), 128);
  EXPECT_EQ(least_prefix_length(Policies(), {}, Family::v4), std::nullopt);
}

TEST(Inventory, OfEqualLimitsTheStrictestDecides) {
  Policies policies;
  policies.widest_prefix = {limit({{"kind", "site"}}, 16), limit({{"team", "ops"}}, 24),
                            limit({{"site", "berlin"}}, 8)};
  const DeclaredLabels all{{"kind", "site"}, {"site", "berlin"}, {"team", "ops"}};
  EXPECT_EQ(least_prefix_length(policies, all, Family::v4), 24);
}

TEST(Inventory, BothKeysAreAllowedUpToTheEndOfADay) {
  using namespace std::chrono;
  DeclaredPeer peer;
  const auto day = sys_days(2026y / 3 / 31);
  const WallTime last{day.time_since_epoch() + hours(24) - Nanoseconds(1)};
  const WallTime next{day.time_since_epoch() + hours(24)};
  EXPECT_TRUE(keys_at(peer, next).old_allowed);
  EXPECT_FALSE(keys_at(peer, next).successor_allowed);
  peer.successor = Successor{.public_key = {}, .until = day};
  EXPECT_TRUE(keys_at(peer, last).old_allowed);
  EXPECT_TRUE(keys_at(peer, last).successor_allowed);
  EXPECT_FALSE(keys_at(peer, next).old_allowed);
  EXPECT_TRUE(keys_at(peer, next).successor_allowed);
}

TEST(Inventory, InterfacesAreReferredToByNameAndHost) {
  EXPECT_EQ((InterfaceRef{"wg0", ""}).to_string(), "wg0");
  EXPECT_EQ((InterfaceRef{"wg0", "gw-1"}).to_string(), "wg0@gw-1");
}

}  // namespace
}  // namespace wgscope::config
