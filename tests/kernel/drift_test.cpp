// What the kernel has against what is declared: `wgscope drift` and the exporter's metrics, on faults
// that are made with Debian's wg, wg-quick and ip. What drift prints heals them.

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "drift_report.hpp"
#include "files.hpp"
#include "guest.hpp"
#include "metrics.hpp"
#include "process.hpp"
#include "wait.hpp"
#include "wireguard.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

constexpr const char* kInventory = "/tmp/inventory.yaml";
constexpr const char* kPresharedKey = "/tmp/preshared-key";
constexpr const char* kConfig = "/tmp/wg0.conf";

void replace(std::string& text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
}

/// The left end of a tunnel with all that can be declared of it, and a peer that never comes.
class KernelDrift : public testing::Test {
 protected:
  void SetUp() override {
    write_file(kPresharedKey, make_preshared_key());
    // The right end first: as soon as the left one keeps alive it starts a handshake, and one that
    // fails lets nobody start another for 5 s.
    must("ip netns exec right wg set wg0 peer {} preshared-key {}", left_key(), kPresharedKey);
    set_up_left();
    declare(inventory());
  }

  void set_up_left() const {
    must(
        "ip netns exec left wg set wg0 fwmark 0x51 peer {} preshared-key {} persistent-keepalive "
        "25 "
        "endpoint 10.99.0.2:51002 peer {} allowed-ips 192.168.77.9/32",
        right_key(), kPresharedKey, absent_);
  }

  [[nodiscard]] std::string inventory() const {
    return fmt::format(R"(interfaces:
  - {{name: wg0, public_key: "{}", addresses: [192.168.77.1/24], listen_port: 51001, fwmark: 0x51}}
peers:
  - name: right
    public_key: "{}"
    allowed_ips: [192.168.77.2/32]
    endpoint: "10.99.0.2:51002"
    persistent_keepalive: 25
    preshared_key: required
  - {{name: absent, public_key: "{}", allowed_ips: [192.168.77.9/32], preshared_key: absent}}
)",
                       left_key(), right_key(), absent_);
  }
  static void declare(const std::string& inventory) { write_file(kInventory, inventory); }

  [[nodiscard]] static DriftReport drift(const std::string& declared = fmt::format("--inventory {}",
                                                                                   kInventory)) {
    return DriftReport(run_words("/bin/wgscope drift --json " + declared, {.netns = "left"}));
  }
  [[nodiscard]] static Metrics metrics() {
    return Metrics::parse(must_words(
        fmt::format("/bin/wgscope-exporter --once --inventory {}", kInventory), {.netns = "left"}));
  }
  /// The fields that differ, as "NAME FIELD".
  [[nodiscard]] static std::vector<std::string> differing(const Metrics& metrics) {
    std::vector<std::string> found;
    for (const Sample& sample : metrics.find("wireguard_peer_drift"))
      found.push_back(sample.labels.at("name") + " " + sample.labels.at("field"));
    return found;
  }
  static std::optional<double> finding(const Metrics& metrics, const char* id) {
    return metrics.value("wireguard_findings", {{"id", id}, {"interface", "wg0"}});
  }

  /// Runs the commands that the report prints, in the network namespace that it is about.
  static void heal(const DriftReport& seen) {
    for (std::string command : seen.commands()) {
      SCOPED_TRACE(command);
      command.erase(0, std::min(command.find("wg set"), command.find("ip ")));
      if (command.ends_with("FILE")) replace(command, "FILE", kPresharedKey);
      must_words(command, {.netns = "left"});
    }
  }
  static void expect_nothing() {
    const DriftReport seen = drift();
    EXPECT_THAT(seen.ids(), IsEmpty()) << seen.text;
    EXPECT_EQ(seen.exit_code, 0) << seen.text;
    const Metrics now = metrics();
    EXPECT_THAT(differing(now), IsEmpty());
    EXPECT_EQ(now.value("wireguard_interface_declared", {{"interface", "wg0"}}), 1);
    for (const char* absent : {"wireguard_peer_undeclared", "wireguard_peer_missing",
                               "wireguard_interface_undeclared", "wireguard_findings"})
      EXPECT_THAT(now.find(absent), IsEmpty()) << absent;
  }

  /// One of two devices sends, until the left end has heard it, and then for longer than two looks
  /// are apart.
  static void speak(const char* netns, const char* address) {
    ASSERT_TRUE(wait_until(
        [&] {
          run_words("ping -q -c 1 -W 1 192.168.77.1", {.netns = netns});
          return must("ip netns exec left wg show wg0 endpoints").find(address) !=
                 std::string::npos;
        },
        60s));
    run_words("ping -q -c 12 -i 0.2 -W 1 192.168.77.1", {.netns = netns});
  }

  /// Makes wg0 of the left end again, as it was.
  void make_again(const std::string& private_key, int port) const {
    must("ip -n left link add wg0 type wireguard");
    must("ip -n left address add 192.168.77.1/24 dev wg0");
    must("ip -n left link set wg0 up");
    configure("left", "wg0",
              {.private_key = private_key,
               .listen_port = port,
               .peers = {{.public_key = right_key(), .allowed_ips = {"192.168.77.2/32"}}}});
    set_up_left();
  }

  [[nodiscard]] const std::string& left_key() const { return tunnel_.left_keys.public_key; }
  [[nodiscard]] const std::string& right_key() const { return tunnel_.right_keys.public_key; }

  const Tunnel tunnel_;
  const std::string absent_ = made_up_key(9).base64();
};

TEST_F(KernelDrift, IsNothingAsDeclared) { expect_nothing(); }

TEST_F(KernelDrift, IsNotWhereAPeerRoamsButIsWhereItDidNotComeBack) {
  must("ip netns exec right wg set wg0 listen-port 40000");
  ASSERT_TRUE(tunnel_.ping(1));
  ASSERT_THAT(must("ip netns exec left wg show wg0 endpoints"), HasSubstr("10.99.0.2:40000"));
  EXPECT_THAT(drift().text, HasSubstr("1 peer roams with a live session"));
  expect_nothing();

  tunnel_.freeze();  // so that no keepalive makes a handshake at the later time
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  now.tv_sec += 200;
  ASSERT_EQ(clock_settime(CLOCK_REALTIME, &now), 0);
  const DriftReport seen = drift();
  const Metrics then = metrics();
  now.tv_sec -= 200;
  ASSERT_EQ(clock_settime(CLOCK_REALTIME, &now), 0);
  EXPECT_THAT(seen.ids(), UnorderedElementsAre("WGS-DRF-004", "WGS-DRF-022")) << seen.text;
  EXPECT_THAT(differing(then), ElementsAre("right endpoint"));
  EXPECT_EQ(finding(then, "WGS-DRF-022"), 1);
}

TEST_F(KernelDrift, FindsAKeyThatTwoDevicesHave) {
  // The twin has the key, address and preshared key of the right end.
  const Namespace twin("twin");
  must("ip -n left link add to-twin type veth peer name outer netns twin");
  must("ip -n left address add 10.98.0.1/24 dev to-twin");
  must("ip -n left link set to-twin up");
  for (const char* command :
       {"address add 10.98.0.2/24 dev outer", "link set outer up", "link add wg0 type wireguard",
        "address add 192.168.77.2/24 dev wg0", "link set wg0 up"})
    must("ip -n twin {}", command);
  configure("twin", "wg0",
            {.private_key = tunnel_.right_keys.private_key,
             .listen_port = 51002,
             .peers = {{.public_key = left_key(),
                        .preshared_key = read_file(kPresharedKey),
                        .endpoint = "10.98.0.1:51001",
                        .allowed_ips = {"192.168.77.1/32"}}}});
  const Process exporter({"/bin/wgscope-exporter", "--web.listen-address=127.0.0.1:9586",
                          "--sample.interval=1s", "--collect.max-age=0s"},
                         {.netns = "left"});
  const auto alternations = [] {
    const Finished page =
        run_words("wget -q -O - http://127.0.0.1:9586/metrics", {.netns = "left"});
    if (page.exit_code != 0) return -1.0;
    const auto found = Metrics::parse(page.out).find("wireguard_peer_endpoint_alternations_total");
    double sum = found.empty() ? -1.0 : 0.0;
    for (const Sample& sample : found) sum += sample.value;
    return sum;
  };
  ASSERT_TRUE(wait_until([&] { return alternations() >= 0; }, 60s));
  EXPECT_EQ(alternations(), 0);
  Process watching({"/bin/wgscope", "drift", "--inventory", kInventory, "--watch", "5m"},
                   {.netns = "left"});
  for (int turn = 0; turn < 5; ++turn)
    for (const auto& [netns, address] : {std::pair("right", "10.99.0.2:"), {"twin", "10.98.0.2:"}})
      ASSERT_NO_FATAL_FAILURE(speak(netns, address));
  EXPECT_TRUE(wait_until([&] { return alternations() >= 2; }, 10s)) << alternations();
  watching.signal(SIGINT);
  EXPECT_EQ(watching.wait(60s), 2) << watching.out();
  EXPECT_THAT(watching.out(), HasSubstr("the endpoint of right goes back and forth"));
  EXPECT_THAT(watching.out(), HasSubstr("WGS-DRF-024"));
}

TEST_F(KernelDrift, IsHealedWhereAnotherPeerStoleAllowedIps) {
  must("ip netns exec left wg set wg0 peer {} allowed-ips 192.168.77.9/32,192.168.77.2/32",
       absent_);
  ASSERT_THAT(must("ip netns exec left wg show wg0 allowed-ips"), HasSubstr("(none)"))
      << "the kernel took the prefix from the other peer";
  const DriftReport seen = drift();
  EXPECT_THAT(seen.ids(), UnorderedElementsAre("WGS-DRF-018", "WGS-DRF-017")) << seen.text;
  EXPECT_THAT(seen.text, HasSubstr("192.168.77.2/32 belongs to absent"));
  const Metrics now = metrics();
  EXPECT_THAT(differing(now), UnorderedElementsAre("right allowed_ips", "absent allowed_ips"));
  EXPECT_EQ(now.value("wireguard_peer_allowed_ips_conflict", {{"name", "right"}}), 1);
  EXPECT_THAT(now.find("wireguard_peer_allowed_ips_conflict"), SizeIs(1));
  heal(seen);
  expect_nothing();
}

TEST_F(KernelDrift, SeesAnInterfaceThatIsDeletedAndMadeAgain) {
  must("ip -n left link del wg0");
  const DriftReport gone = drift();
  EXPECT_THAT(gone.ids(), ElementsAre("WGS-DRF-002")) << gone.text;
  EXPECT_EQ(gone.exit_code, 2);
  const Metrics then = metrics();
  EXPECT_EQ(then.value("wireguard_interface_declared", {{"interface", "wg0"}}), 0);
  EXPECT_EQ(finding(then, "WGS-DRF-002"), 1);
  EXPECT_THAT(then.find("wireguard_peer_declared"), IsEmpty());

  make_again(tunnel_.left_keys.private_key, 51001);
  expect_nothing();
}

TEST_F(KernelDrift, SeesAnInterfaceThatWasMadeAgainWithAnotherKeyAndPort) {
  must("ip -n left link del wg0");
  make_again(make_key_pair().private_key, 51009);
  const DriftReport seen = drift();
  EXPECT_THAT(seen.ids(), UnorderedElementsAre("WGS-DRF-005", "WGS-DRF-006")) << seen.text;
  const Metrics now = metrics();
  EXPECT_EQ(finding(now, "WGS-DRF-005"), 1);
  EXPECT_EQ(finding(now, "WGS-DRF-006"), 1);
  EXPECT_EQ(now.value("wireguard_interface_declared", {{"interface", "wg0"}}), 1);
}

TEST_F(KernelDrift, IsHealedWhereSyncconfLeftAddressesAndRoutes) {
  // As wg-quick set it up, with an address and a peer that the file no longer has.
  must("ip -n left address add 192.168.70.1/24 dev wg0");
  must("ip netns exec left wg set wg0 peer {} allowed-ips 192.168.77.9/32,192.168.79.0/24",
       absent_);
  must("ip -n left route add 192.168.79.0/24 dev wg0");
  write_file(kConfig,
             fmt::format("[Interface]\nPrivateKey = {}\nListenPort = 51001\nFwMark = 0x51\n"
                         "Address = 192.168.77.1/24, 192.168.78.1/24\n[Peer]\n"
                         "PublicKey = {}\nPresharedKey = {}\n"
                         "AllowedIPs = 192.168.77.2/32, 10.55.0.0/16\n"
                         "Endpoint = 10.99.0.2:51002\n",
                         tunnel_.left_keys.private_key, right_key(), read_file(kPresharedKey)));
  must("chmod 600 {}", kConfig);
  const std::string stripped = must("/bin/bash /bin/wg-quick strip {}", kConfig);
  must_words("wg syncconf wg0 /dev/stdin", {.netns = "left", .input = stripped});

  const std::string declared = fmt::format("--config {}", kConfig);
  const DriftReport seen = drift(declared);
  // It does not switch off a keepalive that the file no longer has, either.
  EXPECT_THAT(seen.ids(), UnorderedElementsAre("WGS-DRF-009", "WGS-DRF-010", "WGS-DRF-012",
                                               "WGS-DRF-013", "WGS-DRF-020"))
      << seen.text;
  heal(seen);
  const DriftReport healed = drift(declared);
  EXPECT_THAT(healed.ids(), IsEmpty()) << healed.text;
  EXPECT_EQ(healed.exit_code, 0) << healed.text;
}

TEST_F(KernelDrift, IsHealedWherePortMarkKeepaliveAndPresharedKeysDiffer) {
  must(
      "ip netns exec left wg set wg0 listen-port 51009 fwmark off peer {} persistent-keepalive off "
      "preshared-key /dev/null peer {} preshared-key {}",
      right_key(), absent_, kPresharedKey);
  const DriftReport seen = drift();
  EXPECT_THAT(seen.ids(), UnorderedElementsAre("WGS-DRF-006", "WGS-DRF-008", "WGS-DRF-020",
                                               "WGS-DRF-021", "WGS-DRF-021"))
      << seen.text;
  EXPECT_THAT(seen.text, testing::Not(HasSubstr(read_file(kPresharedKey).substr(0, 43))));
  const Metrics now = metrics();
  EXPECT_THAT(differing(now), UnorderedElementsAre("right persistent_keepalive",
                                                   "right preshared_key", "absent preshared_key"));
  EXPECT_EQ(finding(now, "WGS-DRF-006"), 1);
  EXPECT_EQ(finding(now, "WGS-DRF-008"), 1);
  heal(seen);
  expect_nothing();
}

TEST_F(KernelDrift, FindsTheKeysOfAnInterfaceThatNobodyDeclared) {
  const std::string stranger = made_up_key(66).base64();
  must("ip -n left link add wg9 type wireguard");
  must("ip netns exec left wg set wg9 peer {} allowed-ips 10.66.0.1/32 peer {}", stranger, absent_);
  const DriftReport seen = drift();
  // Those of the inventory that are of every interface may be there.
  EXPECT_THAT(seen.ids(), ElementsAre("WGS-DRF-003", "WGS-DRF-015", "WGS-DRF-017")) << seen.text;
  EXPECT_EQ(seen.exit_code, 2);
  const Metrics now = metrics();
  EXPECT_EQ(now.value("wireguard_interface_undeclared", {{"interface", "wg9"}}), 1);
  EXPECT_EQ(now.value("wireguard_peer_undeclared", {{"public_key", stranger}}), 1);
  EXPECT_THAT(now.find("wireguard_peer_undeclared"), SizeIs(1));

  declare(inventory() + "unmanaged_interfaces: [\"wg9\"]\n");
  expect_nothing();
}

}  // namespace
}  // namespace wgscope::test
