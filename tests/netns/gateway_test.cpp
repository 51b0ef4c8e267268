// What the exporter says of two gateways with a tunnel between them, against what `wg`
// and `ip` say.

#include <chrono>
#include <map>
#include <sstream>
#include <string>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter.hpp"
#include "files.hpp"
#include "gateways.hpp"
#include "metrics.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "wait.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::Contains;
using testing::Ge;
using testing::IsEmpty;
using testing::Key;
using testing::Le;
using testing::Not;
using testing::Optional;
using testing::SizeIs;

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

struct Transfer {
  std::string received;
  std::string sent;
  friend bool operator==(const Transfer&, const Transfer&) = default;
};

/// `wg show IF transfer`, by public key.
std::map<std::string, Transfer> transfers_of(const WireguardGo& tunnel) {
  std::map<std::string, Transfer> transfers;
  std::istringstream lines(tunnel.wg({"show", tunnel.name(), "transfer"}));
  std::string key;
  Transfer transfer;
  while (lines >> key >> transfer.received >> transfer.sent) transfers[key] = transfer;
  return transfers;
}

class GatewayTest : public testing::Test {
 protected:
  void SetUp() override { WGSCOPE_NEED(why_no_netns()); }

  static Labels interface_of(const WireguardGo& tunnel, const NetworkNamespace& netns) {
    return {{"interface", tunnel.name()}, {"netns", netns.name()}};
  }
  static Labels peer_of(const WireguardGo& tunnel, const NetworkNamespace& netns,
                        const std::string& public_key) {
    return {{"interface", tunnel.name()}, {"netns", netns.name()}, {"public_key", public_key}};
  }
};

/// Waits until a peer's handshake age has grown by half a second, which must take half a second.
/// @returns the scrape that shows it.
Metrics expect_age_to_grow(const Exporter& exporter, const Labels& peer) {
  using Clock = std::chrono::steady_clock;
  using Seconds = std::chrono::duration<double>;
  const auto scrape_age = [&](Metrics& metrics) {
    metrics = exporter.scrape();
    return metrics.value("wireguard_peer_handshake_age_seconds", peer).value_or(0);
  };
  Metrics metrics;
  const auto before_first = Clock::now();
  const double first = scrape_age(metrics);
  const auto after_first = Clock::now();
  auto before_last = after_first;
  double last = first;
  EXPECT_TRUE(wait_until(
      [&] {
        before_last = Clock::now();
        last = scrape_age(metrics);
        return last >= first + 0.5;
      },
      10s))
      << first << " s, then " << last << " s";
  constexpr double kClocksDiffer = 0.05;  // the age is of the wall clock, which may be adjusted
  EXPECT_GE(last - first, Seconds(before_last - after_first).count() - kClocksDiffer);
  EXPECT_LE(last - first, Seconds(Clock::now() - before_first).count() + kClocksDiffer);
  return metrics;
}

TEST_F(GatewayTest, ShowsAPeerThatTalks) {
  const double before = wall_seconds();
  const Gateways gateways;
  const Exporter exporter({.flags = {only_own_interfaces()}});
  gateways.ping();
  const Labels peer = peer_of(gateways.near, gateways.left, gateways.right_keys.public_key);

  const Metrics first = exporter.scrape();
  EXPECT_EQ(first.value("wireguard_peer_session_live", peer), 1);
  EXPECT_THAT(first.value("wireguard_peer_last_handshake_timestamp_seconds", peer),
              Optional(AllOf(Ge(before - 1), Le(wall_seconds() + 1))));
  const auto age = first.value("wireguard_peer_handshake_age_seconds", peer);
  ASSERT_THAT(age, Optional(AllOf(Ge(0), Le(wall_seconds() - before + 1))));

  const Metrics second = expect_age_to_grow(exporter, peer);
  const auto info = second.sample("wireguard_peer_info", peer);
  ASSERT_TRUE(info);
  EXPECT_THAT(info->labels, Contains(std::pair("endpoint", "192.0.2.2:51820")));
  EXPECT_THAT(info->labels, Contains(std::pair("preshared_key", "true")));
  EXPECT_THAT(info->labels, Contains(std::pair("protocol_version", "1")));
  EXPECT_EQ(second.value("wireguard_peer_persistent_keepalive_seconds", peer), 25);
  EXPECT_EQ(second.value("wireguard_peer_allowed_ips", peer), 3);
}

TEST_F(GatewayTest, CountsTheSameBytesAsWg) {
  const Gateways gateways;
  const Exporter exporter({.flags = {only_own_interfaces()}});
  gateways.ping();
  for (const auto& [tunnel, netns] :
       {std::pair(&gateways.near, &gateways.left), std::pair(&gateways.far, &gateways.right)}) {
    SCOPED_TRACE(netns->name());
    // Keepalives may pass at any moment: a scrape counts when nothing moved around it.
    std::map<std::string, Transfer> transfers;
    Metrics metrics;
    ASSERT_TRUE(wait_until(
        [&] {
          transfers = transfers_of(*tunnel);
          metrics = exporter.scrape();
          return transfers == transfers_of(*tunnel);
        },
        10s));
    ASSERT_THAT(transfers, Not(IsEmpty()));
    for (const auto& [key, transfer] : transfers) {
      const Labels peer = peer_of(*tunnel, *netns, key);
      const auto received = metrics.sample("wireguard_peer_receive_bytes_total", peer);
      const auto sent = metrics.sample("wireguard_peer_transmit_bytes_total", peer);
      ASSERT_TRUE(received && sent) << key;
      EXPECT_EQ(received->text, transfer.received);
      EXPECT_EQ(sent->text, transfer.sent);
      if (key != gateways.absent_keys.public_key) {
        EXPECT_GT(received->value, 3 * 600);
        EXPECT_GT(sent->value, 3 * 600);
      }
    }
  }
}

TEST_F(GatewayTest, TellsAPeerThatNeverCameFromOneThatDid) {
  const Gateways gateways;
  const Exporter exporter({.flags = {only_own_interfaces()}});
  gateways.ping();
  const Metrics metrics = exporter.scrape();
  const Labels absent = peer_of(gateways.near, gateways.left, gateways.absent_keys.public_key);
  EXPECT_EQ(metrics.value("wireguard_peer_session_live", absent), 0);
  EXPECT_EQ(metrics.value("wireguard_peer_receive_bytes_total", absent), 0);
  EXPECT_EQ(metrics.value("wireguard_peer_transmit_bytes_total", absent), 0);
  EXPECT_THAT(metrics.find("wireguard_peer_last_handshake_timestamp_seconds", absent), IsEmpty());
  EXPECT_THAT(metrics.find("wireguard_peer_handshake_age_seconds", absent), IsEmpty());
  const auto info = metrics.sample("wireguard_peer_info", absent);
  ASSERT_TRUE(info);
  EXPECT_THAT(info->labels, Not(Contains(Key("endpoint"))));
  EXPECT_THAT(info->labels, Contains(std::pair("preshared_key", "false")));

  Labels states = interface_of(gateways.near, gateways.left);
  EXPECT_EQ(metrics.value("wireguard_interface_peers", states), 2);
  for (const auto& [state, count] :
       std::map<std::string, double>{{"never", 1}, {"live", 1}, {"idle", 0}}) {
    states["state"] = state;
    EXPECT_EQ(metrics.value("wireguard_interface_peers_by_state", states), count) << state;
  }
}

/// Where the kernel shows the same figure, below /sys/class/net.
const std::map<std::string, std::string> kFilesOfMetrics = {
    {"wireguard_interface_mtu_bytes", "mtu"},
    {"wireguard_interface_receive_bytes_total", "statistics/rx_bytes"},
    {"wireguard_interface_transmit_bytes_total", "statistics/tx_bytes"},
    {"wireguard_interface_receive_packets_total", "statistics/rx_packets"},
    {"wireguard_interface_transmit_packets_total", "statistics/tx_packets"},
    {"wireguard_interface_receive_errors_total", "statistics/rx_errors"},
    {"wireguard_interface_transmit_errors_total", "statistics/tx_errors"},
    {"wireguard_interface_receive_dropped_total", "statistics/rx_dropped"},
    {"wireguard_interface_transmit_dropped_total", "statistics/tx_dropped"}};

TEST_F(GatewayTest, ShowsTheLinkAsIpDoes) {
  const Gateways gateways;
  const Exporter exporter({.flags = {only_own_interfaces()}});
  gateways.ping();
  const Labels interface = interface_of(gateways.near, gateways.left);
  const std::string name = gateways.near.name();
  const auto statistic = [&](const std::string& file) {
    const std::string text =
        gateways.left.must({"cat", fmt::format("/sys/class/net/{}/{}", name, file)});
    return text.substr(0, text.find('\n'));
  };
  // The kernel itself may send something (router solicitations), so one round must agree.
  std::string difference;
  EXPECT_TRUE(wait_until(
      [&] {
        difference.clear();
        const Metrics metrics = exporter.scrape();
        for (const auto& [metric, file] : kFilesOfMetrics) {
          const auto sample = metrics.sample(metric, interface);
          const std::string is = sample ? sample->text : "absent";
          if (is != statistic(file)) difference += fmt::format("{} is {}\n", metric, is);
        }
        return difference.empty();
      },
      10s))
      << difference;

  const Metrics metrics = exporter.scrape();
  EXPECT_GT(metrics.value("wireguard_interface_receive_packets_total", interface), 2);
  EXPECT_EQ(metrics.value("wireguard_interface_up", interface), 1);
  // The driver of a tun device does not see the packets that these count.
  for (const char* of_the_kernel : {"wireguard_interface_receive_frame_errors_total",
                                    "wireguard_interface_receive_length_errors_total"})
    EXPECT_FALSE(metrics.sample(of_the_kernel, interface)) << of_the_kernel;
  const auto info = metrics.sample("wireguard_interface_info", interface);
  ASSERT_TRUE(info);
  const Labels expected{{"interface", name},
                        {"netns", gateways.left.name()},
                        {"public_key", gateways.left_keys.public_key},
                        {"listen_port", "51820"},
                        {"fwmark", "0x51"},
                        {"implementation", "userspace"},
                        {"ifindex", statistic("ifindex")}};
  EXPECT_EQ(info->labels, expected);

  gateways.left.must({"ip", "link", "set", name, "down"});
  EXPECT_EQ(exporter.scrape().value("wireguard_interface_up", interface), 0);
}

TEST_F(GatewayTest, NamesOnlyOtherNamespaces) {
  const Gateways gateways;
  const Exporter exporter({.flags = {only_own_interfaces()}, .netns = gateways.left.name()});
  const Metrics metrics = exporter.scrape();
  EXPECT_THAT(metrics.find("wireguard_exporter_interface_failures"), IsEmpty());
  for (const Sample& sample : metrics.samples()) {
    const auto interface = sample.labels.find("interface");
    if (interface == sample.labels.end()) continue;
    if (interface->second == gateways.near.name())
      EXPECT_THAT(sample.labels, Not(Contains(Key("netns")))) << sample.name;
    else
      EXPECT_THAT(sample.labels, Contains(std::pair("netns", gateways.right.name())))
          << sample.name;
  }
  EXPECT_THAT(metrics.find("wireguard_interface_up"), SizeIs(2));
}

}  // namespace
}  // namespace wgscope::test
