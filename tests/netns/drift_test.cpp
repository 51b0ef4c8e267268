// wgscope drift on wireguard-go, with Debian's wg and ip. What it finds is healed with the very
// commands that it prints; then it must find nothing.

#include <chrono>
#include <csignal>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "drift_report.hpp"
#include "files.hpp"
#include "gateways.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "temp_dir.hpp"
#include "wait.hpp"
#include "wireguard_go.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class DriftTest : public testing::Test {
 protected:
  void SetUp() override { WGSCOPE_NEED(why_no_netns()); }

  /// As the left gateway is set up, so that nothing differs.
  [[nodiscard]] std::string inventory(const std::string& right_endpoint = "192.0.2.2:51820") const {
    return fmt::format(R"(interfaces:
  - name: {0}
    public_key: "{1}"
    addresses: [10.9.0.1/24]
    listen_port: 51820
    fwmark: 0x51
peers:
  - name: right
    public_key: "{2}"
    allowed_ips: [10.9.0.2/32, "fd09::2/128", 10.9.2.0/24]
    endpoint: "{3}"
    persistent_keepalive: 25
    preshared_key: required
  - {{name: absent, public_key: "{4}", allowed_ips: [10.9.0.3/32], preshared_key: absent}}
)",
                       gateways_.near.name(), gateways_.left_keys.public_key,
                       gateways_.right_keys.public_key, right_endpoint,
                       gateways_.absent_keys.public_key);
  }

  [[nodiscard]] DriftReport drift(const std::string& declared,
                                  const std::string& wrapper = {}) const {
    write_file(folder_ / "inventory.yaml", declared);
    return drift_with("--inventory " + (folder_ / "inventory.yaml").string(), wrapper);
  }

  /// @param wrapper  a command of a shell that runs before, in a mount namespace of its own.
  [[nodiscard]] DriftReport drift_with(const std::string& options,
                                       const std::string& wrapper = {}) const {
    const std::string program = (binary_dir() / "probe/wgscope").string() + " drift " + options +
                                " --interface " + gateways_.near.name();
    const std::string before = wrapper.empty() ? "" : wrapper + " && ";
    const Finished json =
        gateways_.left.exec({"unshare", "--mount", "sh", "-c", before + program + " --json"});
    EXPECT_THAT(json.err, IsEmpty());
    return DriftReport(json);
  }

  /// Does what the report says, word by word.
  void heal(const DriftReport& seen) const {
    for (const std::string& command : seen.commands()) {
      SCOPED_TRACE(command);
      const Finished done = gateways_.left.exec({"sh", "-c", command});
      EXPECT_EQ(done.exit_code, 0) << done.err;
    }
  }

  /// The left gateway with routes to all that is declared, as wg-quick makes them.
  void add_routes() const {
    gateways_.left.ip(fmt::format("route add 10.9.2.0/24 dev {0}\nroute add fd09::2/128 dev {0}\n",
                                  gateways_.near.name()));
  }

  void expect_healed(const std::string& declared) const {
    const DriftReport seen = drift(declared);
    EXPECT_THAT(seen.ids(), IsEmpty()) << seen.text;
    EXPECT_EQ(seen.exit_code, 0) << seen.text;
  }

  const Gateways gateways_;
  const TempDir folder_;
};

TEST_F(DriftTest, IsNothingOnAGatewayAsDeclared) {
  add_routes();
  expect_healed(inventory());
}

TEST_F(DriftTest, IsNotWhereAPeerRoamsWithALiveSession) {
  add_routes();
  gateways_.far.wg({"set", gateways_.far.name(), "listen-port", "40000"});
  gateways_.right.must({"ping", "-q", "-c", "1", "-W", "10", "10.9.0.1"});
  ASSERT_THAT(gateways_.near.wg({"show", gateways_.near.name(), "endpoints"}),
              HasSubstr("192.0.2.2:40000"));
  const DriftReport seen = drift(inventory());
  EXPECT_THAT(seen.ids(), IsEmpty()) << seen.text;
  EXPECT_THAT(seen.text, HasSubstr("1 peer roams with a live session"));
  EXPECT_EQ(seen.exit_code, 0);
}

TEST_F(DriftTest, IsHealedWhereAllowedIpsWereStolen) {
  add_routes();
  gateways_.near.wg({"set", gateways_.near.name(), "peer", gateways_.absent_keys.public_key,
                     "allowed-ips", "10.9.0.3/32,10.9.0.2/32"});
  const DriftReport seen = drift(inventory());
  EXPECT_THAT(seen.ids(), ElementsAre("WGS-DRF-018", "WGS-DRF-017")) << seen.text;
  EXPECT_THAT(seen.text, HasSubstr("10.9.0.2/32 belongs to absent"));
  EXPECT_EQ(seen.exit_code, 2);
  heal(seen);
  expect_healed(inventory());
}

TEST_F(DriftTest, IsHealedWherePeersAndSettingsDiffer) {
  add_routes();
  const KeyPair stranger = make_key_pair();
  gateways_.near.wg({"set", gateways_.near.name(), "listen-port", "51821", "fwmark", "off", "peer",
                     gateways_.right_keys.public_key, "persistent-keepalive", "off", "peer",
                     gateways_.absent_keys.public_key, "remove", "peer", stranger.public_key,
                     "allowed-ips", "10.9.0.66/32"});
  const DriftReport seen = drift(inventory());
  EXPECT_THAT(seen.ids(), UnorderedElementsAre("WGS-DRF-006", "WGS-DRF-008", "WGS-DRF-014",
                                               "WGS-DRF-015", "WGS-DRF-020"))
      << seen.text;
  heal(seen);
  expect_healed(inventory());
}

TEST_F(DriftTest, SeesAnInterfaceThatWasMadeAgainWithAnotherKey) {
  gateways_.near.wg({"set", gateways_.near.name(), "private-key", "/dev/stdin"},
                    make_key_pair().private_key);
  gateways_.left.ip(
      fmt::format("link set {0} down\nlink set {0} mtu 1380\n", gateways_.near.name()));
  const DriftReport seen = drift(inventory());
  EXPECT_THAT(seen.ids(),
              testing::IsSupersetOf(std::vector<std::string>{"WGS-DRF-004", "WGS-DRF-005"}))
      << seen.text;
  EXPECT_EQ(seen.exit_code, 2);
}

TEST_F(DriftTest, IsHealedWhereAddressesAndRoutesDiffer) {
  add_routes();
  gateways_.left.ip(
      fmt::format("address add 10.8.0.1/24 dev {0}\nroute add 10.77.0.0/16 dev {0}\n"
                  "address del 10.9.0.1/24 dev {0}\n",
                  gateways_.near.name()));
  // As `wg syncconf` with a new prefix of a peer: no route comes with it.
  gateways_.near.wg({"set", gateways_.near.name(), "peer", gateways_.absent_keys.public_key,
                     "allowed-ips", "10.9.0.3/32,192.0.2.128/25"});
  std::string declared = inventory();
  const std::string before = "[10.9.0.3/32]";
  declared.replace(declared.find(before), before.size(), "[10.9.0.3/32, 192.0.2.128/25]");
  const DriftReport seen = drift(declared);
  // The routes to 10.9.0.2, 10.9.0.3 went with the address. 192.0.2.128/25 leaves by the veth.
  EXPECT_THAT(seen.ids(), UnorderedElementsAre("WGS-DRF-009", "WGS-DRF-010", "WGS-DRF-011",
                                               "WGS-DRF-012", "WGS-DRF-012", "WGS-DRF-013"))
      << seen.text;
  EXPECT_EQ(seen.exit_code, 2);
  heal(seen);
  expect_healed(declared);
}

/// The file of a running tunnel is edited and loaded with `wg syncconf`, as wg-quick(8) advises.
TEST_F(DriftTest, IsHealedAfterTheFileOfARunningTunnelWasSynced) {
  const std::string& name = gateways_.near.name();
  // As wg-quick made it of a file that had one more address, and a network behind the other peer.
  gateways_.left.ip(
      fmt::format("address add 10.8.0.1/24 dev {0}\nroute add 10.77.0.0/16 dev {0}\n"
                  "route add 10.9.2.0/24 dev {0}\n",
                  name));
  gateways_.near.wg({"set", name, "peer", gateways_.absent_keys.public_key, "allowed-ips",
                     "10.9.0.3/32,10.77.0.0/16"});
  const std::string file = folder_ / "wg0.conf";
  write_file(file, fmt::format("[Interface]\nPrivateKey = {}\nListenPort = 51825\nFwMark = 0x52\n"
                               "Address = 10.9.0.1/24, 10.9.7.1/24\nMTU = 1380\nPostUp = true\n"
                               "[Peer]\nPublicKey = {}\nPresharedKey = {}\n"
                               "AllowedIPs = 10.9.0.2/32, 10.9.2.0/24, 10.55.0.0/16\n"
                               "Endpoint = 192.0.2.2:51820\n",
                               gateways_.left_keys.private_key, gateways_.right_keys.public_key,
                               gateways_.preshared_key));
  std::filesystem::permissions(file, std::filesystem::perms::owner_read);
  gateways_.left.must(
      {"bash", "-c", fmt::format("wg syncconf {} <(wg-quick strip {})", name, file)});
  const DriftReport seen = drift_with("--config " + file);
  // Not among them: the port, the mark and the peers, which syncconf changes. It does not switch off
  // a keepalive that the file no longer has.
  EXPECT_THAT(seen.ids(), UnorderedElementsAre("WGS-DRF-007", "WGS-DRF-009", "WGS-DRF-010",
                                               "WGS-DRF-012", "WGS-DRF-013", "WGS-DRF-020"))
      << seen.text;
  heal(seen);
  const DriftReport healed = drift_with("--config " + file);
  EXPECT_THAT(healed.ids(), IsEmpty()) << healed.text;
  EXPECT_EQ(healed.exit_code, 0) << healed.text;
}

TEST_F(DriftTest, SeesAnInterfaceThatIsDeletedAndMadeAgain) {
  const NetworkNamespace host;
  const std::string name = unique_interface_name();
  const KeyPair keys = make_key_pair();
  const std::string declared = fmt::format(
      "interfaces: [{{name: {}, public_key: \"{}\", listen_port: 51820}}]\n"
      "peers: [{{name: right, public_key: \"{}\", allowed_ips: [10.9.0.2/32]}}]\n",
      name, keys.public_key, gateways_.right_keys.public_key);
  write_file(folder_ / "inventory.yaml", declared);
  const auto ids = [&] {
    return DriftReport(host.exec({binary_dir() / "probe/wgscope", "drift", "--json", "--inventory",
                                  folder_ / "inventory.yaml", "--interface", name}))
        .ids();
  };
  const auto made = [&](const std::string& private_key, int port) {
    auto interface = std::make_unique<WireguardGo>(host, WireguardGo::Mode::foreground, name);
    interface->configure(
        fmt::format("[Interface]\nPrivateKey = {}\nListenPort = {}\n[Peer]\n"
                    "PublicKey = {}\nAllowedIPs = 10.9.0.2/32\n",
                    private_key, port, gateways_.right_keys.public_key));
    interface->up("10.9.0.1/24");
    return interface;
  };
  auto interface = made(keys.private_key, 51820);
  EXPECT_THAT(ids(), IsEmpty());
  interface.reset();
  EXPECT_THAT(ids(), ElementsAre("WGS-DRF-002"));
  interface = made(keys.private_key, 51820);
  EXPECT_THAT(ids(), IsEmpty());
  interface.reset();
  interface = made(make_key_pair().private_key, 51821);
  EXPECT_THAT(ids(), UnorderedElementsAre("WGS-DRF-005", "WGS-DRF-006"));
}

TEST_F(DriftTest, AcceptsAFullTunnelByPolicyRules) {
  add_routes();
  gateways_.near.wg({"set", gateways_.near.name(), "peer", gateways_.absent_keys.public_key,
                     "allowed-ips", "10.9.0.3/32,0.0.0.0/0"});
  gateways_.left.ip(
      fmt::format("route add default via 192.0.2.2\n"
                  "route add default dev {} table 51820\n"
                  "rule add not fwmark 0x51 table 51820\n"
                  "rule add table main suppress_prefixlength 0\n",
                  gateways_.near.name()));
  std::string declared = inventory();
  const std::string before = "[10.9.0.3/32]";
  declared.replace(declared.find(before), before.size(), "[10.9.0.3/32, 0.0.0.0/0]");
  expect_healed(declared);
  gateways_.left.ip("route flush table 51820\n");
  EXPECT_THAT(drift(declared).ids(), ElementsAre("WGS-DRF-011"));
  // Only what this host sends from its address in the tunnel uses the table: that is meant so.
  gateways_.left.ip(
      fmt::format("rule add from 10.9.0.1 table 51821\nroute add default dev {} table 51821\n",
                  gateways_.near.name()));
  expect_healed(declared);
}

TEST_F(DriftTest, FindsPrefixesThatThisHostRejects) {
  gateways_.left.ip("route add unreachable 10.9.2.0/24\nroute add blackhole fd09::2/128\n");
  const DriftReport seen = drift(inventory());
  EXPECT_THAT(seen.ids(), ElementsAre("WGS-DRF-012", "WGS-DRF-012")) << seen.text;
  EXPECT_THAT(seen.text, HasSubstr("no route leads to 10.9.2.0/24"));
  EXPECT_THAT(seen.text, HasSubstr("no route leads to fd09::2/128"));
}

TEST_F(DriftTest, IsHealedWhereANameHasAnotherAddressNow) {
  add_routes();
  // A peer that never came, so that no session explains another address.
  std::string declared = inventory();
  const std::string before = "name: absent,";
  declared.replace(declared.find(before), before.size(),
                   "name: absent, endpoint: \"gw.example.net:51820\",");
  gateways_.near.wg({"set", gateways_.near.name(), "peer", gateways_.absent_keys.public_key,
                     "endpoint", "192.0.2.9:51820"});
  write_file(folder_ / "hosts", "127.0.0.1 localhost\n192.0.2.2 gw.example.net\n");
  write_file(folder_ / "old-hosts", "127.0.0.1 localhost\n192.0.2.9 gw.example.net\n");
  write_file(folder_ / "no-servers", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
  const auto mount = [&](const std::string& file, const std::string& to) {
    return "mount --bind " + (folder_ / file).string() + " " + to;
  };
  const std::string new_hosts = mount("hosts", "/etc/hosts");
  const DriftReport fresh = drift(declared, mount("old-hosts", "/etc/hosts"));
  EXPECT_THAT(fresh.ids(), IsEmpty()) << fresh.text;
  const DriftReport stale = drift(declared, new_hosts);
  EXPECT_THAT(stale.ids(), ElementsAre("WGS-DRF-023")) << stale.text;
  EXPECT_EQ(stale.exit_code, 1);
  // Without an answer nothing is known: no tick, and no finding.
  const DriftReport unknown = drift(declared, mount("no-servers", "/etc/resolv.conf"));
  EXPECT_THAT(unknown.ids(), IsEmpty()) << unknown.text;
  EXPECT_EQ(unknown.exit_code, 3) << unknown.text;

  const Finished healed = gateways_.left.exec(
      {"unshare", "--mount", "sh", "-c", new_hosts + " && " + stale.commands().at(0)});
  EXPECT_EQ(healed.exit_code, 0) << healed.err;
  EXPECT_THAT(drift(declared, new_hosts).ids(), IsEmpty());
}

TEST_F(DriftTest, IsHealedInAnotherNetworkNamespace) {
  add_routes();
  gateways_.near.wg({"set", gateways_.near.name(), "listen-port", "51821"});
  gateways_.left.ip(fmt::format("route del 10.9.2.0/24 dev {}\n", gateways_.near.name()));
  write_file(folder_ / "inventory.yaml", inventory());
  const auto look = [&] {
    const Finished done =
        run({binary_dir() / "probe/wgscope", "drift", "--inventory", folder_ / "inventory.yaml",
             "--interface", gateways_.near.name(), "--netns", gateways_.left.name(), "--json"});
    return DriftReport(done);
  };
  const DriftReport seen = look();
  EXPECT_THAT(seen.ids(), UnorderedElementsAre("WGS-DRF-006", "WGS-DRF-012")) << seen.text;
  for (const std::string& command : seen.commands()) {
    EXPECT_THAT(command, testing::StartsWith("ip netns exec " + gateways_.left.name()));
    EXPECT_EQ(run({"sh", "-c", command}).exit_code, 0) << command;
  }
  EXPECT_EQ(look().exit_code, 0);
}

TEST_F(DriftTest, FindsAKeyThatTwoDevicesHave) {
  add_routes();
  // The second device has the key, address and preshared key of the right gateway.
  const NetworkNamespace second;
  const WireguardGo twin(second);
  connect(gateways_.left, "198.51.100.1/24", second, "198.51.100.2/24");
  twin.configure(fmt::format(
      "[Interface]\nPrivateKey = {}\nListenPort = 51820\n[Peer]\n"
      "PublicKey = {}\nPresharedKey = {}\nEndpoint = 198.51.100.1:51820\n"
      "AllowedIPs = 10.9.0.1/32\n",
      gateways_.right_keys.private_key, gateways_.left_keys.public_key, gateways_.preshared_key));
  twin.up("10.9.0.2/24");
  write_file(folder_ / "inventory.yaml", inventory());
  Process watching(
      {binary_dir() / "probe/wgscope", "drift", "--inventory", folder_ / "inventory.yaml",
       "--interface", gateways_.near.name(), "--watch", "20s"},
      {.env = {}, .netns = gateways_.left.name(), .input = {}});
  const auto endpoints = [&] {
    return gateways_.near.wg({"show", gateways_.near.name(), "endpoints"});
  };
  // Each speaks in turn until the gateway has heard it, for longer than two looks are apart.
  for (int turn = 0; turn < 5; ++turn) {
    for (const auto& [netns, address] :
         {std::pair{&gateways_.right, "192.0.2.2:"}, {&second, "198.51.100.2:"}}) {
      ASSERT_TRUE(wait_until(
          [&] {
            netns->exec({"ping", "-q", "-c", "1", "-W", "1", "10.9.0.1"});
            return endpoints().find(address) != std::string::npos;
          },
          20s));
      netns->exec({"ping", "-q", "-c", "8", "-i", "0.2", "-W", "1", "10.9.0.1"});
    }
  }
  watching.signal(SIGINT);
  EXPECT_EQ(watching.wait(10s), 2) << watching.out();
  EXPECT_THAT(watching.out(), HasSubstr("the endpoint of right goes back and forth"));
  EXPECT_THAT(watching.out(), HasSubstr("WGS-DRF-024"));
}

TEST_F(DriftTest, ComparesWithAWgQuickFile) {
  add_routes();
  const std::string file = folder_ / "wg0.conf";
  const auto config = [&](const std::string& allowed_ips) {
    return fmt::format(
        "[Interface]\nPrivateKey = {}\nListenPort = 51820\nFwMark = 0x51\nAddress = 10.9.0.1/24\n"
        "[Peer]\n# friendly_name = right\nPublicKey = {}\nPresharedKey = {}\nAllowedIPs = {}\n"
        "Endpoint = 192.0.2.2:51820\nPersistentKeepalive = 25\n"
        "[Peer]\nPublicKey = {}\nAllowedIPs = 10.9.0.3/32\n",
        gateways_.left_keys.private_key, gateways_.right_keys.public_key, gateways_.preshared_key,
        allowed_ips, gateways_.absent_keys.public_key);
  };
  write_file(file, config("10.9.0.2/32, fd09::2/128, 10.9.2.0/24"));
  std::filesystem::permissions(file, std::filesystem::perms::owner_read);
  const DriftReport same = drift_with("--config " + file);
  EXPECT_THAT(same.ids(), IsEmpty()) << same.text;
  EXPECT_EQ(same.exit_code, 0);

  std::filesystem::remove(file);
  write_file(file, config("10.9.0.2/32, fd09::2/128"));
  const DriftReport seen = drift_with("--config " + file);
  EXPECT_THAT(seen.ids(), UnorderedElementsAre("WGS-DRF-017", "WGS-DRF-013")) << seen.text;
  EXPECT_THAT(seen.text, HasSubstr("wg0.conf:6"));
  for (const std::string& secret : {gateways_.left_keys.private_key, gateways_.preshared_key})
    EXPECT_THAT(seen.text, testing::Not(HasSubstr(secret)));
}

}  // namespace
}  // namespace wgscope::test
