#include "exporter.hpp"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wgscope::simulator {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class ExporterTest : public testing::Test {
 protected:
  ExporterTest()
      : gateway(clock, chance, "gw"),
        interface(gateway.add_interface("wg0", "", false)),
        peer(gateway.add_peer(interface, "key", "name")),
        device(peer.add_device(std::nullopt)),
        target("gw:9586"),
        exporter(clock, chance, gateway, target, true) {
    gateway.start();
    exporter.start();
  }

  std::string values(const std::string& name, const std::string& labels) {
    return target.series(name, labels).values();
  }
  void write(std::int64_t slot) {
    exporter.write(slot);
    target.end_scrape(slot);
  }

  const std::string peer_labels = "interface=\"wg0\",public_key=\"key\"";
  [[nodiscard]] std::string verdict_labels(const std::string& verdict) const {
    return peer_labels + ",name=\"name\",verdict=\"" + verdict + "\"";
  }
  Clock clock;
  Chance chance{1};
  Gateway gateway;
  Interface& interface;
  Peer& peer;
  Device& device;
  Target target;
  Exporter exporter;
};

TEST_F(ExporterTest, PeerThatNeverCameHasNoAge) {
  write(0);
  EXPECT_EQ(values("wireguard_peer_handshake_age_seconds", peer_labels), "");
  EXPECT_EQ(values("wireguard_peer_verdict", verdict_labels("never")), "1");
}

TEST_F(ExporterTest, AgeSurvivesAStepOfTheClockAndTheTimestampDoesNot) {
  clock.run_until(1h);
  device.send({100, 1, 0, 0});
  clock.run_until(1h + 10s);
  write(0);
  gateway.step_clock(-40s);
  write(1);
  EXPECT_EQ(values("wireguard_peer_handshake_age_seconds", peer_labels), "10 10");
  EXPECT_EQ(values("wireguard_peer_last_handshake_timestamp_seconds", peer_labels), "3600 3600");
  EXPECT_EQ(values("wireguard_exporter_clock_steps_total", ""), "0 1");
}

TEST_F(ExporterTest, DeletedInterfaceLeavesStaleSeries) {
  write(0);
  gateway.delete_interface(interface);
  write(1);
  EXPECT_EQ(values("wireguard_peer_verdict", verdict_labels("never")), "1 stale");
  gateway.create_interface(interface);
  clock.run_until(1min);
  write(3);
  EXPECT_EQ(values("wireguard_peer_verdict", verdict_labels("never")), "1 stale _x1 1");
  const std::string created =
      values("wireguard_interface_created_timestamp_seconds", "interface=\"wg0\"");
  EXPECT_THAT(created, testing::MatchesRegex("0 stale _x1 [56]\\.?[0-9]*")) << "by the sampler";
}

TEST_F(ExporterTest, JudgesWithTheExportersOwnCode) {
  peer.block_replies(true);
  device.side().set_keepalive(25s);
  write(0);
  clock.run_until(2min);
  write(1);
  EXPECT_EQ(values("wireguard_peer_verdict", verdict_labels("never")), "1 stale");
  EXPECT_EQ(values("wireguard_peer_verdict", verdict_labels("replies_lost")), "_x1 1");
  EXPECT_EQ(
      values("wireguard_interface_peers_by_verdict", "interface=\"wg0\",verdict=\"replies_lost\""),
      "0 1");
}

TEST_F(ExporterTest, SeesTwoMachinesWithOneKey) {
  Device& other = peer.add_device(std::nullopt);
  for (int i = 0; i < 60; ++i) {
    clock.run_until(clock.now() + 7s);
    (i % 2 == 0 ? device : other).send({100, 1, 0, 0});
  }
  write(0);
  EXPECT_EQ(values("wireguard_peer_verdict", verdict_labels("flapping")), "1");
}

TEST_F(ExporterTest, ReadsAtScrapesOnlyWhereTheseAreAsFrequentAsTheSampler) {
  Device& other = peer.add_device(std::nullopt);
  const auto both_send = [&](std::int64_t slot, bool scraped) {
    clock.run_until(slot * 5s + 2s);
    other.send({100, 1, 0, 0});
    clock.run_until(slot * 5s + 4s);
    device.send({100, 1, 0, 0});
    clock.run_until(slot * 5s + 5s);
    if (scraped) write(slot);
  };
  std::int64_t slot = 0;
  for (; slot < 120; ++slot) both_send(slot, true);
  EXPECT_EQ(values("wireguard_peer_verdict", verdict_labels("flapping")), "");
  for (; slot < 180; ++slot) both_send(slot, false);
  write(slot);
  EXPECT_EQ(values("wireguard_peer_verdict", verdict_labels("flapping")), "_x180 1");
}

TEST_F(ExporterTest, CountsPeersThatWereReplacedAndNotThoseOfANewInterface) {
  const auto resets = [&](std::int64_t slot) {
    clock.run_until(clock.now() + 20s);
    write(slot);
    return values("wireguard_interface_peer_resets_total", "interface=\"wg0\"");
  };
  device.send({100, 1, 0, 0});
  EXPECT_EQ(resets(0), "0");
  peer.replace();
  EXPECT_EQ(resets(1), "0 1");
  device.send({100, 1, 0, 0});
  EXPECT_EQ(resets(2), "0 1 1");
  gateway.delete_interface(interface);
  gateway.create_interface(interface);
  EXPECT_EQ(resets(3), "0 1 1 1");
}

TEST_F(ExporterTest, RemembersAcrossARestartWhenAnInterfaceWasMade) {
  clock.run_until(1min);
  exporter.stop();
  clock.run_until(2min);
  exporter.start();
  write(0);
  EXPECT_EQ(values("wireguard_interface_created_timestamp_seconds", "interface=\"wg0\""), "0");
}

}  // namespace
}  // namespace wgscope::simulator
