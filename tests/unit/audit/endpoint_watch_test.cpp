#include "wgscope/audit/endpoint_watch.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/snapshot.hpp"

#include "../config/keys.hpp"
#include "drift_values.hpp"

namespace wgscope::audit {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// What is found of a peer that is seen at these endpoints, one after the other; "": at none.
std::vector<Alternating> watched(const std::vector<std::string_view>& endpoints,
                                 Nanoseconds apart = std::chrono::seconds(1)) {
  EndpointWatch watch(kSeed);
  Instant now{std::chrono::hours(1)};
  for (const std::string_view text : endpoints) {
    Snapshot snapshot = snapshot_of(interface());
    snapshot.taken.boot = now;
    now = now + apart;
    Peer& peer = add_peer(snapshot.devices[0], 1, {});
    if (!text.empty()) peer.endpoint = *Endpoint::parse(text);
    watch.look(snapshot);
  }
  return watch.found();
}

constexpr std::string_view kA = "192.0.2.1:1";
constexpr std::string_view kB = "192.0.2.2:1";
constexpr std::string_view kC = "192.0.2.3:1";

TEST(EndpointWatch, FindsAnEndpointThatGoesBackAndForth) {
  EXPECT_THAT(watched({kA, kA, kB, kB, kA, kB}),
              ElementsAre(Alternating{.netns = "",
                                      .interface = "wg0",
                                      .key = config::key(1),
                                      .one = *Endpoint::parse(kA),
                                      .other = *Endpoint::parse(kB),
                                      .returns = 2}));
}

/// A to B and back again and again, from the first return on.
std::vector<std::string_view> returning(std::size_t returns) {
  std::vector<std::string_view> endpoints{kA, kB};
  for (std::size_t i = 0; i < returns; ++i) endpoints.push_back(i % 2 == 0 ? kA : kB);
  return endpoints;
}

/// The same rule as the exporter's (tests/unit/exporter/flapping_test.cpp).
TEST(EndpointWatch, TellsTwoDevicesFromOneBetweenTwoNetworks) {
  using namespace std::chrono_literals;
  const auto often = [](std::size_t returns, Nanoseconds apart) {
    const std::vector<Alternating> found = watched(returning(returns), apart);
    return !found.empty() && found.front().often;
  };
  EXPECT_TRUE(often(8, 15s)) << "two devices that keep alive every 25 s, in two minutes";
  EXPECT_TRUE(often(6, 1s));
  EXPECT_FALSE(often(4, 30s)) << "a phone at the edge of a wifi";
  EXPECT_FALSE(often(4, 500ms)) << "packets that overtake each other while a device moves";
  EXPECT_FALSE(often(30, 5min)) << "a device that changes its network all day";
}

TEST(EndpointWatch, RemembersThatTheyWereTwoDevices) {
  std::vector<std::string_view> endpoints = returning(8);
  endpoints.insert(endpoints.end(), {kC, kC, kC});
  const std::vector<Alternating> found = watched(endpoints);
  ASSERT_EQ(found.size(), 1);
  EXPECT_TRUE(found.front().often);
}

TEST(EndpointWatch, ListsTwoDevicesFirst) {
  EndpointWatch watch(kSeed);
  for (std::size_t i = 0; i < 12; ++i) {
    Snapshot snapshot = snapshot_of(interface());
    add_peer(snapshot.devices[0], 1, {}).endpoint = *Endpoint::parse(i < 4 && i % 2 == 0 ? kA : kB);
    add_peer(snapshot.devices[0], 2, {}).endpoint = *Endpoint::parse(i % 2 == 0 ? kA : kB);
    watch.look(snapshot);
  }
  const std::vector<Alternating> found = watch.found();
  ASSERT_EQ(found.size(), 2);
  EXPECT_EQ(found[0].key, config::key(2));
  EXPECT_TRUE(found[0].often);
  EXPECT_FALSE(found[1].often);
}

TEST(EndpointWatch, LeavesRoamingAlone) {
  EXPECT_THAT(watched({kA, kA}), IsEmpty());
  EXPECT_THAT(watched({"", kA, kB}), IsEmpty());
  EXPECT_THAT(watched({kA, "", kA, "", kA, "", kA}), IsEmpty()) << "removed and added again";
  EXPECT_THAT(watched({kA, kB, kA}), IsEmpty()) << "tried another network, and came back";
  EXPECT_THAT(watched({kA, kB, kC, kA, kB, kC}), IsEmpty()) << "moves on and on";
}

TEST(EndpointWatch, TellsInterfacesApart) {
  EndpointWatch watch(kSeed);
  for (int i = 0; i < 9; ++i) {
    Snapshot snapshot = snapshot_of(interface("wg0"));
    snapshot.devices.push_back(interface("wg1"));
    snapshot.devices.push_back(interface("wg1"));
    snapshot.devices[2].netns = "blue";
    // Each stays where it is, except that of blue.
    add_peer(snapshot.devices[0], 1, {}).endpoint = *Endpoint::parse(kA);
    add_peer(snapshot.devices[1], 1, {}).endpoint = *Endpoint::parse(kB);
    add_peer(snapshot.devices[2], 1, {}).endpoint = *Endpoint::parse(i % 2 == 0 ? kA : kB);
    watch.look(snapshot);
  }
  const std::vector<Alternating> found = watch.found();
  ASSERT_EQ(found.size(), 1);
  EXPECT_EQ(found.front().interface, "wg1");
  EXPECT_EQ(found.front().netns, "blue");
}

}  // namespace
}  // namespace wgscope::audit
