#include "wgscope/audit/endpoint_watch.hpp"

#include <optional>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/model/address.hpp"
#include "wgscope/model/snapshot.hpp"

#include "../config/keys.hpp"
#include "drift_values.hpp"

namespace wgscope::audit {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// What is found of a peer that is seen at these endpoints, one after the other; "": at none.
std::vector<Alternating> watched(const std::vector<std::string_view>& endpoints) {
  EndpointWatch watch(kSeed);
  for (const std::string_view text : endpoints) {
    Snapshot snapshot = snapshot_of(interface());
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

TEST(EndpointWatch, LeavesRoamingAlone) {
  EXPECT_THAT(watched({kA, kA}), IsEmpty());
  EXPECT_THAT(watched({"", kA, kB}), IsEmpty());
  EXPECT_THAT(watched({kA, kB, kA}), IsEmpty()) << "tried another network, and came back";
  EXPECT_THAT(watched({kA, kB, kC, kA, kB, kC}), IsEmpty()) << "moves on and on";
}

TEST(EndpointWatch, TellsInterfacesApart) {
  EndpointWatch watch(kSeed);
  for (const std::string_view text : {kA, kB, kA}) {
    Snapshot snapshot = snapshot_of(interface("wg0"));
    snapshot.devices.push_back(interface("wg1"));
    for (Device& device : snapshot.devices)
      add_peer(device, 1, {}).endpoint = *Endpoint::parse(text);
    watch.look(snapshot);
  }
  EXPECT_THAT(watch.found(), IsEmpty());
}

}  // namespace
}  // namespace wgscope::audit
