// What is expected of new peers, of peers that come back, and of both keys of a rotation.

#include <cstdint>
#include <filesystem>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "declared_fixture.hpp"
#include "fake_daemon.hpp"
#include "keys.hpp"

namespace wgscope::exporter {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

TEST_F(DeclaredState, GivesANewPeerItsGraceAndThenCallsItsHandshakeOverdue) {
  begin("peers:\n" + declare(1, "old", "grace: 2d") +
            declare(2, "new", "grace: 2d, expected_online: always") + declare(3, "no-grace"),
        {{1}});
  EXPECT_THAT(named(scrape(), "wireguard_peer_handshake_overdue"), IsEmpty());
  wall_ += 60;
  daemon_->answer_with(daemon_answer({{1}, {2}, {3}}));
  auto metrics = scrape();
  EXPECT_THAT(named(metrics, "wireguard_peer_handshake_overdue"), IsEmpty());
  EXPECT_THAT(named(metrics, "wireguard_peer_unexpectedly_offline"), IsEmpty());
  wall_ += 2 * 86'400 - 1;
  EXPECT_THAT(named(scrape(), "wireguard_peer_handshake_overdue"), IsEmpty());
  wall_ += 1;
  metrics = scrape();
  EXPECT_THAT(named(metrics, "wireguard_peer_handshake_overdue"), ElementsAre("new"))
      << "the one that was there first may have had a handshake before the interface was made";
  EXPECT_THAT(named(metrics, "wireguard_peer_unexpectedly_offline"), ElementsAre("new"));
  daemon_->answer_with(daemon_answer({{1}, {2, wall_}, {3}}));
  EXPECT_THAT(named(scrape(), "wireguard_peer_handshake_overdue"), IsEmpty());
}

TEST_F(DeclaredState, CallsNoHandshakeOverdueOfAPeerThatHadOneAndWasAddedAgain) {
  begin("peers:\n" + declare(2, "anna", "grace: 2d"), {{1}});
  scrape();
  wall_ += 60;
  daemon_->answer_with(daemon_answer({{1}, {2, wall_, 500}}));
  scrape();
  wall_ += 3 * 86'400;
  daemon_->answer_with(daemon_answer({{1}, {2, 0, 0}}));
  const auto metrics = scrape();
  EXPECT_EQ(metrics.value("wireguard_interface_peers_by_state",
                          {{"interface", "lo"}, {"state", "never"}}),
            2);
  EXPECT_THAT(named(metrics, "wireguard_peer_handshake_overdue"), IsEmpty());
}

TEST_F(DeclaredState, KnowsWithAStateDirectoryThatAPeerHadAHandshakeBeforeItsRemoval) {
  state_dir_ = (folder_ / "state").string();
  std::filesystem::create_directory(state_dir_);
  EXPECT_THAT(overdue_after_removal(), ElementsAre("bert"));
}

TEST_F(DeclaredState, TakesARemovedPeerForNewWithoutAStateDirectory) {
  EXPECT_THAT(overdue_after_removal(), UnorderedElementsAre("anna", "bert"));
}

TEST_F(DeclaredState, RemembersWhoHadAHandshakeWhenTheExporterStartsAgain) {
  state_dir_ = (folder_ / "state").string();
  std::filesystem::create_directory(state_dir_);
  const std::string inventory =
      "peers:\n" + declare(2, "anna", "grace: 2d") + declare(3, "bert", "grace: 2d");
  begin(inventory, {{1}});
  scrape();
  wall_ += 60;
  daemon_->answer_with(daemon_answer({{1}, {2, wall_, 500}, {3}}));
  scrape();
  collections_->stop();
  wall_ += 3 * 86'400;
  begin(inventory, {{1}, {2}, {3}});  // anna was added again meanwhile
  EXPECT_THAT(named(scrape(), "wireguard_peer_handshake_overdue"), ElementsAre("bert"));
}

TEST_F(DeclaredState, LeavesTheNextKeyOfARotationTimeUntilTheOldOnesLastDay) {
  begin("peers:\n" +
            declare(1, "anna",
                    fmt::format("grace: 1h, successor: {{public_key: {}, until: 2026-06-01}}",
                                key(2).base64())),
        {{1, kMonday - 1000}});
  scrape();
  wall_ += 60;
  daemon_->answer_with(daemon_answer({{1, kMonday - 1000}, {2}}));
  scrape();
  wall_ = kMonday + 7200;
  EXPECT_THAT(named(scrape(), "wireguard_peer_handshake_overdue"), IsEmpty())
      << "neither key has a session: the device is off";
  wall_ = kMonday + 86400;
  EXPECT_THAT(named(scrape(), "wireguard_peer_handshake_overdue"), ElementsAre("anna"));
}

TEST_F(DeclaredState, ExcusesTheKeyThatIsNotInUseDuringARotation) {
  const std::string inventory =
      "peers:\n" +
      declare(
          1, "anna",
          fmt::format("expected_online: always, grace: 1h, key_created: 2026-01-01, rotation: 90d, "
                      "successor: {{public_key: {}, until: 2026-07-01}}",
                      key(2).base64()));
  begin(inventory, {{1, kMonday - 10}, {2}});
  auto metrics = scrape();
  EXPECT_THAT(named(metrics, "wireguard_peer_unexpectedly_offline"), IsEmpty());
  EXPECT_THAT(named(metrics, "wireguard_peer_declared"), ElementsAre("anna", "anna"));
  EXPECT_THAT(metrics.find("wireguard_peer_key_created_timestamp_seconds", {}), SizeIs(1));
  EXPECT_EQ(metrics.value("wireguard_peer_key_rotation_due_timestamp_seconds",
                          {{"interface", "lo"}, {"public_key", key(1).base64()}}),
            1'775'001'600)
      << "2026-04-01";
  EXPECT_THAT(named(metrics, "wireguard_peer_key_rotation_overdue"), ElementsAre("anna"));
  wall_ = 1'775'001'599;
  EXPECT_THAT(named(scrape(), "wireguard_peer_key_rotation_overdue"), IsEmpty());
  wall_ = kMonday;

  daemon_->answer_with(daemon_answer({{1, kMonday - 1000}, {2}}));
  EXPECT_THAT(named(scrape(), "wireguard_peer_unexpectedly_offline"), ElementsAre("anna"))
      << "the new key is in its grace period";
  daemon_->answer_with(daemon_answer({{1, kMonday - 1000}, {2, kMonday - 5}}));
  metrics = scrape();
  EXPECT_THAT(named(metrics, "wireguard_peer_unexpectedly_offline"), IsEmpty());
  EXPECT_EQ(
      metrics.value("wireguard_interface_peers_by_state", {{"interface", "lo"}, {"state", "idle"}}),
      1);

  wall_ += 60 * 86'400;  // the old key's last day is over
  metrics = scrape();
  const auto undeclared = metrics.find("wireguard_peer_undeclared", {});
  ASSERT_THAT(undeclared, SizeIs(1));
  EXPECT_EQ(undeclared[0].labels.at("public_key"), key(1).base64());
  const auto declared = metrics.find("wireguard_peer_declared", {});
  ASSERT_THAT(declared, SizeIs(1)) << "nothing is expected of the retired key";
  EXPECT_EQ(declared[0].labels.at("public_key"), key(2).base64());
}

TEST_F(DeclaredState, DoesNotCallTheNewKeyOverdueWhileTheOldOneIsInUse) {
  begin("peers:\n" + declare(1, "anna",
                             fmt::format("grace: 1h, successor: {{public_key: {}, "
                                         "until: 2027-07-01}}",
                                         key(2).base64())),
        {{1}});
  scrape();
  const auto two_hours_later = [&](std::int64_t handshake_of_old_key) {
    wall_ += 7200;
    daemon_->answer_with(daemon_answer({{1, handshake_of_old_key}, {2}}));
    return named(scrape(), "wireguard_peer_handshake_overdue");
  };
  EXPECT_THAT(two_hours_later(wall_ + 7200), IsEmpty());
  EXPECT_THAT(two_hours_later(wall_ + 7200), IsEmpty());
  EXPECT_THAT(two_hours_later(wall_ + 1000), IsEmpty()) << "neither is: the device is off";
  wall_ += 400 * 86'400;
  EXPECT_THAT(two_hours_later(wall_ + 1000), ElementsAre("anna")) << "it is the only one now";
}

}  // namespace
}  // namespace wgscope::exporter
