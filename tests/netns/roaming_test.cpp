// What the sampler counts on a real tunnel while nobody scrapes: handshakes, and a peer that roams.

#include <chrono>
#include <string>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter.hpp"
#include "gateways.hpp"
#include "metrics.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "uapi_server.hpp"
#include "wait.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;

/// Two gateways, of which the right one moves, and an exporter that watches the left one.
class RoamingTest : public testing::Test {
 protected:
  void SetUp() override { WGSCOPE_NEED(why_no_netns()); }

  /// Whatever happened until now, the sampler has seen when this returns. The exporter reads all
  /// sockets in each collection, so one of the test's own tells when it does: the second request
  /// from now on is of a collection that began after a whole one.
  void wait_until_sampled() const {
    const int before = told_.requests();
    ASSERT_TRUE(wait_until([&] { return told_.requests() >= before + 2; }, 20s));
  }

  void move_to_port(const Gateways& gateways, int port) const {
    gateways.far.wg({"set", gateways.far.name(), "listen-port", fmt::format("{}", port)});
    ping_from_right(gateways);
    wait_until_sampled();
  }

  static void ping_from_right(const Gateways& gateways) {
    gateways.right.must({"ping", "-q", "-c", "1", "-W", "10", "10.9.0.1"});
  }

  /// The right one forgets its session, so that it has to shake hands again.
  void shake_hands_again(const Gateways& gateways) const {
    const auto set_peer = [&](std::vector<std::string> settings, std::string input = {}) {
      settings.insert(settings.begin(),
                      {"set", gateways.far.name(), "peer", gateways.left_keys.public_key});
      gateways.far.wg(settings, std::move(input));
    };
    set_peer({"remove"});
    set_peer({"preshared-key", "/dev/stdin", "allowed-ips", "10.9.0.1/32", "endpoint",
              "192.0.2.1:51820"},
             gateways.preshared_key);
    ping_from_right(gateways);
    wait_until_sampled();
  }

  UapiServer told_{"/var/run/wireguard/" + unique_interface_name() + ".sock", {uapi_answer(0)}};
};

struct Counts {
  double handshakes = -1;
  double changes = -1;
  double alternations = -1;

  friend bool operator==(const Counts&, const Counts&) = default;
  friend void PrintTo(const Counts& c, std::ostream* out) {
    *out << c.handshakes << " handshakes, " << c.changes << " changes, " << c.alternations
         << " alternations";
  }
};

Counts counts_of(const Metrics& metrics, const std::string& public_key) {
  const Labels peer{{"public_key", public_key}};
  return {metrics.value("wireguard_peer_handshakes_total", peer).value_or(-1),
          metrics.value("wireguard_peer_endpoint_changes_total", peer).value_or(-1),
          metrics.value("wireguard_peer_endpoint_alternations_total", peer).value_or(-1)};
}

TEST_F(RoamingTest, IsCountedBetweenScrapes) {
  const Gateways gateways;
  gateways.ping();
  const Exporter exporter({.flags = {only_own_interfaces(), "--sample.interval=100ms"}});
  const std::string& peer = gateways.right_keys.public_key;
  EXPECT_EQ(counts_of(exporter.scrape(), peer), (Counts{0, 0, 0})) << "that was before";

  shake_hands_again(gateways);
  EXPECT_EQ(counts_of(exporter.scrape(), peer), (Counts{1, 0, 0}));

  move_to_port(gateways, 51821);
  move_to_port(gateways, 51820);
  EXPECT_EQ(counts_of(exporter.scrape(), peer), (Counts{1, 2, 1})) << "there and back: A-B-A";
  move_to_port(gateways, 51822);
  move_to_port(gateways, 51823);
  shake_hands_again(gateways);
  EXPECT_EQ(counts_of(exporter.scrape(), peer), (Counts{2, 4, 1})) << "on to new places";
  EXPECT_EQ(counts_of(exporter.scrape(), gateways.absent_keys.public_key), (Counts{0, 0, 0}));
}

TEST_F(RoamingTest, IsNotCountedWithoutASampler) {
  const Gateways gateways;
  const Exporter exporter({.flags = {only_own_interfaces(), "--sample.interval=0"}});
  gateways.ping();
  const Metrics metrics = exporter.scrape();
  EXPECT_EQ(metrics.find("wireguard_peer_info").size(), 3U);
  for (const char* name :
       {"wireguard_peer_handshakes_total", "wireguard_peer_endpoint_changes_total",
        "wireguard_peer_endpoint_alternations_total"})
    EXPECT_THAT(metrics.find(name), IsEmpty());
}

}  // namespace
}  // namespace wgscope::test
