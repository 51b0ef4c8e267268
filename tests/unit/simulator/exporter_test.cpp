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
        exporter(clock, gateway, target) {
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
  EXPECT_EQ(values("wireguard_peer_session_live", peer_labels), "0");
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
  EXPECT_EQ(values("wireguard_peer_session_live", peer_labels), "0 stale");
  gateway.create_interface(interface);
  clock.run_until(1min);
  write(3);
  EXPECT_EQ(values("wireguard_peer_session_live", peer_labels), "0 stale _x1 0");
  EXPECT_EQ(values("wireguard_interface_created_timestamp_seconds", "interface=\"wg0\""),
            "0 stale _x1 5");
}

TEST_F(ExporterTest, SamplerCountsWayThereAndBackAsOneAlternation) {
  const std::uint32_t home = device.network();
  device.send({100, 1, 0, 0});
  for (const std::uint32_t network : {1U, home, 2U, 3U}) {
    clock.run_until(clock.now() + 6s);
    device.join(network);
    device.send({100, 1, 0, 0});
  }
  clock.run_until(clock.now() + 6s);
  write(0);
  EXPECT_EQ(values("wireguard_peer_endpoint_changes_total", peer_labels), "4");
  EXPECT_EQ(values("wireguard_peer_endpoint_alternations_total", peer_labels), "1");
  EXPECT_EQ(values("wireguard_peer_handshakes_total", peer_labels), "1");
}

TEST_F(ExporterTest, NewEndpointIsANewInfoSeries) {
  device.send({100, 1, 0, 0});
  write(0);
  device.join(1);
  device.send({100, 1, 0, 0});
  write(1);
  int infos = 0;
  for (const auto& [id, series] : target.all())
    if (id.starts_with("wireguard_peer_info")) {
      ++infos;
      EXPECT_THAT(series.values(), testing::AnyOf("1 stale", "_x1 1")) << id;
    }
  EXPECT_EQ(infos, 2);
}

}  // namespace
}  // namespace wgscope::simulator
