// What is read of one interface, field by field, with `wg` and sysfs as judges.

#include <chrono>
#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/os/clock.hpp"

#include "files.hpp"
#include "guest.hpp"
#include "temp_dir.hpp"
#include "uapi_server.hpp"
#include "wait.hpp"
#include "wireguard.hpp"

namespace wgscope::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// Sets the machine's wall clock by this much, and back at the end of the scope.
class ClockStep {
 public:
  explicit ClockStep(std::chrono::seconds by) : by_(by) { step(by_); }
  ClockStep(const ClockStep&) = delete;
  ClockStep& operator=(const ClockStep&) = delete;
  ~ClockStep() { step(-by_); }

 private:
  static void step(std::chrono::seconds by) {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec += by.count();
    EXPECT_EQ(clock_settime(CLOCK_REALTIME, &now), 0);
  }
  std::chrono::seconds by_;
};

/// A counter of the tunnel's left interface as sysfs has it.
std::uint64_t counter(const std::string& name) {
  return std::stoull(must("ip netns exec left cat /sys/class/net/wg0/statistics/{}", name));
}

TEST(KernelDevice, SaysEverythingThatWgShowDumpSays) {
  const Interface wg("wg0");
  configure("", "wg0",
            {.private_key = make_key_pair().private_key,
             .listen_port = 51820,
             .fwmark = 0xca6c,
             .peers = {
                 {.public_key = made_up_key(1).base64(),
                  .preshared_key = make_preshared_key(),
                  .endpoint = "192.0.2.7:51821",
                  .keepalive = 25,
                  .allowed_ips = {"10.0.0.0/8", "0.0.0.0/0", "fd00:1::/32", "::/0"}},
                 {.public_key = made_up_key(2).base64(),
                  .endpoint = "[2001:db8::7]:65535",
                  .keepalive = 65535,
                  .allowed_ips = {"2001:db8:1::1/128", "192.0.2.1/32"}},
                 {.public_key = made_up_key(3).base64()},
             }});
  const Snapshot snapshot = collect();
  const Device& read = device(snapshot, "", "wg0");
  EXPECT_EQ(as_wg_dump(read), wg_dump("", "wg0"));
  EXPECT_EQ(read.implementation, Implementation::kernel);
  EXPECT_EQ(read.socket_receive_drops, std::nullopt);
  EXPECT_THAT(snapshot.failures, IsEmpty());
  ASSERT_EQ(read.peers.size(), 3);
  for (const Peer& peer : read.peers) {
    EXPECT_EQ(peer.protocol_version, 1);
    EXPECT_EQ(peer.last_handshake, std::nullopt);
  }
}

TEST(KernelDevice, GivesLinkLocalEndpointsTheirScope) {
  const Interface dummy("dummy0", "dummy");
  const Interface wg("wg0");
  configure(
      "", "wg0",
      {.peers = {{.public_key = made_up_key(1).base64(), .endpoint = "[fe80::1%dummy0]:51820"}}});
  const std::string index = read_file("/sys/class/net/dummy0/ifindex");
  const Snapshot snapshot = collect();
  const auto& endpoint = device(snapshot, "", "wg0").peers.at(0).endpoint;
  ASSERT_TRUE(endpoint);
  EXPECT_EQ(endpoint->address.to_string(), "fe80::1");
  EXPECT_EQ(endpoint->scope_id, std::stoul(index));
  EXPECT_EQ(endpoint->port, 51820);
}

TEST(KernelDevice, HasNoPublicKeyWithoutPrivateKey) {
  const Interface wg("wg0");
  configure("", "wg0", {.peers = {{.public_key = made_up_key(1).base64()}}});
  const Snapshot snapshot = collect();
  const Device& read = device(snapshot, "", "wg0");
  EXPECT_EQ(read.public_key, std::nullopt);
  EXPECT_EQ(read.peers.size(), 1);
  EXPECT_EQ(as_wg_dump(read), wg_dump("", "wg0"));
}

TEST(KernelDevice, MayHaveNoPeers) {
  const Interface wg("wg0");
  configure("", "wg0", {.private_key = make_key_pair().private_key, .listen_port = 51820});
  const Snapshot snapshot = collect();
  const Device& read = device(snapshot, "", "wg0");
  EXPECT_THAT(read.peers, IsEmpty());
  EXPECT_TRUE(read.public_key);
  EXPECT_EQ(as_wg_dump(read), wg_dump("", "wg0"));
  EXPECT_TRUE(snapshot.report(Collector::netlink).success);
}

TEST(KernelDevice, HasNoPortUntilTheKernelChoseOne) {
  const Interface wg("wg0");
  EXPECT_EQ(device(collect(), "", "wg0").listen_port, 0);
  must("ip link set wg0 up");
  const Snapshot snapshot = collect();
  EXPECT_NE(device(snapshot, "", "wg0").listen_port, 0);
  EXPECT_EQ(as_wg_dump(device(snapshot, "", "wg0")), wg_dump("", "wg0"));
}

TEST(KernelDevice, FollowsChangesFromOneCollectionToTheNext) {
  const Interface first("wg0");
  configure("", "wg0",
            {.private_key = make_key_pair().private_key,
             .fwmark = 7,
             .peers = {{.public_key = made_up_key(1).base64(), .allowed_ips = {"10.0.0.0/8"}},
                       {.public_key = made_up_key(2).base64(), .keepalive = 5}}});
  source::SnapshotSource source({});
  Snapshot snapshot;
  collect(source, snapshot);
  ASSERT_EQ(as_wg_dump(device(snapshot, "", "wg0")), wg_dump("", "wg0"));

  const Interface second("wg1");
  configure("", "wg0", {.peers = {{.public_key = made_up_key(2).base64()}}});
  collect(source, snapshot);  // into the same memory
  EXPECT_EQ(as_wg_dump(device(snapshot, "", "wg0")), wg_dump("", "wg0"));
  EXPECT_EQ(as_wg_dump(device(snapshot, "", "wg1")), wg_dump("", "wg1"));
}

// The exporter counts a handshake whenever this time changes.
TEST(KernelDevice, ChangesTheTimeOfAHandshakeWithAnotherHandshakeOnly) {
  const Tunnel tunnel;
  ASSERT_TRUE(tunnel.ping(1));
  const auto last_handshake = [&] {
    const Snapshot snapshot = collect({.netns = {"left"}});
    const Peer* peer = find_peer(device(snapshot, "left", "wg0"), tunnel.right_keys.public_key);
    return peer != nullptr ? peer->last_handshake : std::nullopt;
  };
  const auto first = last_handshake();
  ASSERT_TRUE(first);
  {
    const ClockStep back(-std::chrono::hours(1));
    EXPECT_EQ(last_handshake(), first);
  }
  const ClockStep forward(std::chrono::hours(1));
  EXPECT_EQ(last_handshake(), first);
  ASSERT_TRUE(tunnel.ping(1));
  EXPECT_EQ(last_handshake(), first) << "data is no handshake";

  must("ip netns exec right ip link set wg0 down");  // a session ends with that
  must("ip netns exec right ip link set wg0 up");
  ASSERT_TRUE(tunnel.ping(1));
  const auto second = last_handshake();
  ASSERT_TRUE(second);
  EXPECT_GT(*second - *first, std::chrono::minutes(59)) << "by the clock of then";
}

TEST(KernelDevice, SaysWhatTheLinkIs) {
  const Interface wg("wg0");
  must("ip link set wg0 mtu 1380");
  Snapshot snapshot = collect();
  ASSERT_TRUE(device(snapshot, "", "wg0").link);
  const Link down = *device(snapshot, "", "wg0").link;
  EXPECT_EQ(down.name, "wg0");
  EXPECT_EQ(down.kind, "wireguard");
  EXPECT_EQ(down.ifindex, std::stoul(read_file("/sys/class/net/wg0/ifindex")));
  EXPECT_EQ(down.mtu_bytes, 1380);
  EXPECT_FALSE(down.up);
  ASSERT_TRUE(down.stats);
  EXPECT_EQ(*down.stats, LinkStats{});
  must("ip link set wg0 up");
  snapshot = collect();
  EXPECT_TRUE(device(snapshot, "", "wg0").link->up);
}

TEST(KernelDevice, IgnoresLinksOfOtherKindsWhateverTheirName) {
  const Interface real("wg0");
  const Interface dummy("wg1", "dummy");
  const Interface veth("wg2", "veth");
  const Snapshot snapshot = collect();
  ASSERT_EQ(snapshot.devices.size(), 1);
  EXPECT_EQ(snapshot.devices[0].name, "wg0");
  EXPECT_THAT(snapshot.failures, IsEmpty());
}

TEST(KernelDevice, IsShownWhereAUserspaceImplementationHasItsNameAndBothAreNamed) {
  const Interface interface("wg0", "wireguard", 77);
  configure("", "wg0", {make_key_pair().private_key, 51000, 0, {{made_up_key(1).base64()}}});
  const TempDir folder;
  const UapiServer daemon(folder / "wg0.sock", {uapi_answer(2)});
  source::CollectOptions options;
  options.uapi_folder = folder.path();
  const Snapshot snapshot = collect(options);
  ASSERT_EQ(snapshot.devices.size(), 1U);
  EXPECT_EQ(snapshot.devices[0].implementation, Implementation::kernel);
  EXPECT_EQ(snapshot.devices[0].peers.size(), 1U);
  ASSERT_EQ(snapshot.failures.size(), 1U);
  EXPECT_EQ(snapshot.failures[0].interface, "wg0");
  EXPECT_EQ(snapshot.failures[0].detail,
            "wg0 is an interface of the kernel (interface index 77) and one of a userspace "
            "implementation (socket " +
                (folder / "wg0.sock").string() +
                "): the exporter shows only the first; stop one of them");
}

TEST(KernelDevice, IsReadOnlyWhereTheNameFilterAcceptsIt) {
  const Interface office("wg-office");
  const Interface home("wg-home");
  const Interface spare("spare");
  source::CollectOptions options;
  options.filter = source::NameFilter::make("wg-.*", ".*home").value();
  const Snapshot snapshot = collect(options);
  ASSERT_EQ(snapshot.devices.size(), 1);
  EXPECT_EQ(snapshot.devices[0].name, "wg-office");
}

TEST(KernelTraffic, ShowsHandshakeTransferAndEndpoint) {
  const Tunnel tunnel;
  const WallTime before = os::now().wall;
  ASSERT_TRUE(tunnel.ping(3));
  tunnel.freeze();
  const Snapshot snapshot = collect({.netns = {"left", "right"}});
  EXPECT_THAT(failures(snapshot), IsEmpty());
  for (const char* side : {"left", "right"})
    EXPECT_EQ(as_wg_dump(device(snapshot, side, "wg0")), wg_dump(side, "wg0"));

  const Peer* right = find_peer(device(snapshot, "left", "wg0"), tunnel.right_keys.public_key);
  const Peer* left = find_peer(device(snapshot, "right", "wg0"), tunnel.left_keys.public_key);
  ASSERT_TRUE(right != nullptr && left != nullptr);
  ASSERT_TRUE(right->last_handshake && left->last_handshake);
  EXPECT_GE(*right->last_handshake, before);
  EXPECT_LE(*right->last_handshake, os::now().wall);
  EXPECT_GT(right->receive_bytes, 0);
  EXPECT_EQ(right->receive_bytes, left->transmit_bytes);
  EXPECT_EQ(right->transmit_bytes, left->receive_bytes);
  ASSERT_TRUE(right->endpoint);
  EXPECT_EQ(right->endpoint->to_string(), "10.99.0.2:51002");  // learnt, not configured
}

TEST(KernelTraffic, CountsOnTheLink) {
  const Tunnel tunnel;
  ASSERT_TRUE(tunnel.ping(5));
  tunnel.freeze();
  const Snapshot snapshot = collect({.netns = {"left"}});
  const auto& link = device(snapshot, "left", "wg0").link;
  ASSERT_TRUE(link && link->stats);
  EXPECT_GE(link->stats->receive_packets, 5);
  EXPECT_EQ(*link->stats, (LinkStats{
                              .receive_packets = counter("rx_packets"),
                              .transmit_packets = counter("tx_packets"),
                              .receive_bytes = counter("rx_bytes"),
                              .transmit_bytes = counter("tx_bytes"),
                              .receive_errors = counter("rx_errors"),
                              .transmit_errors = counter("tx_errors"),
                              .receive_dropped = counter("rx_dropped"),
                              .transmit_dropped = counter("tx_dropped"),
                              .receive_length_errors = counter("rx_length_errors"),
                              .receive_frame_errors = counter("rx_frame_errors"),
                          }));
}

TEST(KernelTraffic, CountsFrameErrorsWhereTheInnerSourceIsNotAllowed) {
  const Tunnel tunnel;
  ASSERT_TRUE(tunnel.ping(1));
  must("ip -n right address add 192.168.77.99/24 dev wg0");
  run_words("ping -q -c 3 -i 0.1 -W 1 -I 192.168.77.99 192.168.77.1", {.netns = "right"});
  const auto stats = [] {
    const Snapshot snapshot = collect({.netns = {"left"}});
    return device(snapshot, "left", "wg0").link->stats.value();
  };
  EXPECT_TRUE(
      wait_until([&] { return stats().receive_frame_errors >= 3; }, std::chrono::seconds(20)));
  EXPECT_EQ(stats().receive_frame_errors, 3);
  EXPECT_EQ(stats().receive_errors, 3);
}

TEST(KernelTraffic, CountsTransmitErrorsWhereNoPeerTakesTheDestination) {
  const Tunnel tunnel;
  EXPECT_NE(run_words("ping -q -c 1 -W 1 192.168.77.50", {.netns = "left"}).exit_code, 0);
  const Snapshot snapshot = collect({.netns = {"left"}});
  EXPECT_EQ(device(snapshot, "left", "wg0").link->stats.value().transmit_errors, 1);
}

}  // namespace
}  // namespace wgscope::test
