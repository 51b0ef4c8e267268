// wireguard-go in the background, as wg-quick starts it: the process that listened has ended, so
// SO_PEERCRED of its socket names a dead one, and the namespace must be found otherwise.

#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/os/unique_fd.hpp"

#include "exporter.hpp"
#include "metrics.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "wait.hpp"
#include "wireguard_go.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::Gt;
using testing::IsEmpty;
using testing::Not;
using testing::Optional;

class DaemonTest : public testing::Test {
 protected:
  void SetUp() override { WGSCOPE_NEED(why_no_netns()); }
};

pid_t listener_of(const std::string& path) {
  const os::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  EXPECT_EQ(connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ucred listener{};
  socklen_t size = sizeof listener;
  EXPECT_EQ(getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &listener, &size), 0);
  return listener.pid;
}

void configure(const WireguardGo& tunnel, const KeyPair& own, const KeyPair& peer) {
  tunnel.configure("[Interface]\nPrivateKey=" + own.private_key +
                   "\n[Peer]\nPublicKey=" + peer.public_key + "\n");
}

TEST_F(DaemonTest, IsFoundInItsNamespaceThoughItsListenerEnded) {
  const NetworkNamespace netns;
  const WireguardGo tunnel(netns, WireguardGo::Mode::daemon);
  tunnel.up("10.9.0.1/24");
  const pid_t listener = listener_of(tunnel.socket_path());
  ASSERT_NE(listener, tunnel.pid());
  ASSERT_NE(kill(listener, 0), 0) << "the listener was to be dead";

  const Exporter exporter({.flags = {only_own_interfaces()}});
  const Metrics metrics = exporter.scrape();
  const Labels interface{{"interface", tunnel.name()}, {"netns", netns.name()}};
  EXPECT_EQ(metrics.value("wireguard_interface_up", interface), 1);
  EXPECT_EQ(metrics.value("wireguard_interface_mtu_bytes", interface), 1420);
  EXPECT_THAT(metrics.find("wireguard_exporter_interface_failures"), IsEmpty());
}

TEST_F(DaemonTest, ContinuesItsSeriesAfterARestartAndTellsThatItIsAnotherInterface) {
  const NetworkNamespace netns;
  const WireguardGo tunnel(netns, WireguardGo::Mode::daemon);
  const KeyPair own = make_key_pair();
  const KeyPair peer = make_key_pair();
  configure(tunnel, own, peer);
  const Exporter exporter({.flags = {only_own_interfaces()}});
  const Labels interface{{"interface", tunnel.name()}, {"netns", netns.name()}};
  Labels of_peer = interface;
  of_peer["public_key"] = peer.public_key;

  const Metrics before = exporter.scrape();
  const auto created = before.value("wireguard_interface_created_timestamp_seconds", interface);
  const auto first_seen = before.value("wireguard_peer_first_seen_timestamp_seconds", of_peer);
  ASSERT_TRUE(created && first_seen);
  EXPECT_EQ(exporter.scrape().value("wireguard_interface_created_timestamp_seconds", interface),
            created);

  tunnel.signal(SIGTERM);
  ASSERT_TRUE(wait_until([&] { return !std::filesystem::exists(tunnel.socket_path()); }, 5s));
  netns.must({"wireguard-go", tunnel.name()});
  ASSERT_TRUE(wait_until([&] { return run({"wg", "show", tunnel.name()}).exit_code == 0; }, 5s));
  configure(tunnel, own, peer);

  const Metrics after = exporter.scrape();
  EXPECT_THAT(after.value("wireguard_interface_created_timestamp_seconds", interface),
              Optional(Gt(*created)));
  EXPECT_EQ(after.value("wireguard_peer_first_seen_timestamp_seconds", of_peer), first_seen);
  EXPECT_THAT(after.find("wireguard_exporter_interface_failures"), IsEmpty());
  netns.must({"ip", "link", "del", tunnel.name()});  // ends the second daemon
}

TEST_F(DaemonTest, LeavesNoSeriesBehindWhenItEnds) {
  const NetworkNamespace netns;
  const WireguardGo tunnel(netns, WireguardGo::Mode::daemon);
  const Exporter exporter({.flags = {only_own_interfaces()}});
  const Labels interface{{"interface", tunnel.name()}};
  EXPECT_EQ(exporter.scrape().find("wireguard_interface_info", interface).size(), 1U);
  tunnel.signal(SIGTERM);
  ASSERT_TRUE(wait_until([&] { return !std::filesystem::exists(tunnel.socket_path()); }, 5s));
  const Metrics metrics = exporter.scrape();
  for (const Sample& sample : metrics.samples())
    EXPECT_THAT(sample.labels, Not(Contains(std::pair("interface", tunnel.name())))) << sample.name;
}

}  // namespace
}  // namespace wgscope::test
