#include "exporter/peer_limit.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collections_fixture.hpp"
#include "exporter/collection.hpp"
#include "exporter/collectors/collectors.hpp"
#include "exporter/exposition/writer.hpp"
#include "fake_daemon.hpp"
#include "metrics.hpp"
#include "sample_collection.hpp"

namespace wgscope::exporter {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

TEST(PeerLimit, IsLeftOnlyATenthBelowWhereItBegan) {
  const PeerLimit limit{100};
  EXPECT_FALSE(limit.exceeded(100, true, false));
  EXPECT_TRUE(limit.exceeded(101, true, false));
  EXPECT_TRUE(limit.exceeded(100, true, true));
  EXPECT_TRUE(limit.exceeded(91, true, true));
  EXPECT_FALSE(limit.exceeded(90, true, true));
  EXPECT_FALSE(limit.exceeded(100, true, false)) << "and not met again on the way up";
}

TEST(PeerLimit, HasRoomToComeBackHoweverSmallItIs) {
  const PeerLimit limit{1};
  EXPECT_TRUE(limit.exceeded(2, true, false));
  EXPECT_TRUE(limit.exceeded(1, true, true));
  EXPECT_FALSE(limit.exceeded(0, true, true));
}

TEST(PeerLimit, BelievesAnIncompleteReadingOnlyThatThereAreMany) {
  const PeerLimit limit{100};
  EXPECT_TRUE(limit.exceeded(101, false, false));
  EXPECT_TRUE(limit.exceeded(3, false, true));
  EXPECT_FALSE(limit.exceeded(3, false, false));
}

TEST(PeerLimit, OfNothingIsNone) {
  EXPECT_FALSE(PeerLimit{}.exceeded(SIZE_MAX, true, false));
  EXPECT_FALSE(PeerLimit{}.exceeded(SIZE_MAX, true, true));
}

/// `lo` has as many peers as a test says, `other` has two.
class PeerMaxTest : public CollectionsTest {
 protected:
  static std::string peers(std::uint32_t count) {
    std::vector<DaemonPeer> list;
    for (std::uint32_t i = 1; i <= count; ++i) list.push_back({.number = i});
    return daemon_answer(list);
  }

  [[nodiscard]] CollectorOptions limited() const {
    CollectorOptions made = options();
    made.peer_max = 20;
    return made;
  }

  static test::Metrics scrape(Collections& collections) {
    return test::Metrics::parse(render(*get(collections), {.allowed_ip_info = true}, Format::text));
  }

  /// Interfaces that have series of single peers.
  static std::vector<std::string> with_peers(const test::Metrics& metrics) {
    std::vector<std::string> names;
    for (const test::Sample& sample : metrics.samples())
      if (sample.name.starts_with("wireguard_peer_") &&
          std::ranges::find(names, sample.labels.at("interface")) == names.end())
        names.push_back(sample.labels.at("interface"));
    return names;
  }

  FakeDaemon many_{folder_.path(), "lo", peers(21)};
  FakeDaemon few_{folder_.path(), "other", peers(2)};
};

TEST_F(PeerMaxTest, ShowsOnlyAggregatesOfTheInterfaceThatIsAboveIt) {
  Collections collections(limited(), collect_warnings());
  const auto metrics = scrape(collections);
  EXPECT_THAT(with_peers(metrics), ElementsAre("other"));
  EXPECT_EQ(metrics.value("wireguard_interface_peers_aggregated", {{"interface", "lo"}}), 1);
  EXPECT_EQ(metrics.value("wireguard_interface_peers_aggregated", {{"interface", "other"}}), 0);
  EXPECT_EQ(metrics.value("wireguard_interface_peers", {{"interface", "lo"}}), 21);
  EXPECT_EQ(metrics.value("wireguard_interface_peers_by_state",
                          {{"interface", "lo"}, {"state", "never"}}),
            21);
  EXPECT_EQ(metrics.value("wireguard_interface_peers_by_verdict",
                          {{"interface", "lo"}, {"verdict", "never"}}),
            21);
}

TEST_F(PeerMaxTest, SaysSoOnceAndWhenItIsOver) {
  Collections collections(limited(), collect_warnings());
  scrape(collections);
  EXPECT_THAT(warnings(),
              ::testing::Contains("lo has 21 peers, and --peer.max is 20: the exporter shows only "
                                  "aggregates of lo until it has 18 peers or fewer"));
  for (const std::uint32_t count : {22U, 20U, 19U, 21U}) {
    many_.answer_with(peers(count));
    EXPECT_THAT(with_peers(scrape(collections)), ElementsAre("other")) << count;
    EXPECT_THAT(warnings(), IsEmpty()) << count;
  }
  many_.answer_with(peers(18));
  EXPECT_THAT(with_peers(scrape(collections)), ElementsAre("lo", "other"));
  EXPECT_THAT(warnings(), ElementsAre("lo has 18 peers, and --peer.max is 20: the exporter shows "
                                      "each peer of lo again"));
  many_.answer_with(peers(20));
  const auto metrics = scrape(collections);
  EXPECT_THAT(with_peers(metrics), ElementsAre("lo", "other"));
  EXPECT_EQ(metrics.value("wireguard_interface_peers_aggregated", {{"interface", "lo"}}), 0);
  EXPECT_THAT(warnings(), IsEmpty());
}

TEST_F(PeerMaxTest, IsNotLeftBecauseTheInterfaceCouldNotBeReadOnce) {
  Collections collections(limited(), collect_warnings());
  scrape(collections);
  many_.answer_with("errno=5\n\n");
  EXPECT_THAT(with_peers(scrape(collections)), ElementsAre("other"));
  many_.answer_with(peers(20));
  EXPECT_THAT(with_peers(scrape(collections)), ElementsAre("other"));
}

TEST_F(PeerMaxTest, IsNoneUnlessGiven) {
  Collections collections(options(), collect_warnings());
  const auto metrics = scrape(collections);
  EXPECT_THAT(with_peers(metrics), SizeIs(2));
  EXPECT_THAT(metrics.find("wireguard_interface_peers_aggregated"), IsEmpty());
}

TEST(PeerMax, LeavesNoSeriesOfAPeerOfAnyKind) {
  Collection collection = declared_sample_collection();
  collection.peers_limited = true;
  for (DeviceView& view : collection.views) view.aggregated = true;
  const std::string text =
      render(collection, {.allowed_ip_info = true, .name_label = true}, Format::text);
  const auto metrics = test::Metrics::parse(text);
  EXPECT_THAT(metrics.samples(), Not(IsEmpty()));
  for (const test::Sample& sample : metrics.samples())
    EXPECT_FALSE(sample.name.starts_with("wireguard_peer_")) << sample.name;
  EXPECT_THAT(text, HasSubstr("wireguard_findings{")) << "counts stay";
}

}  // namespace
}  // namespace wgscope::exporter
