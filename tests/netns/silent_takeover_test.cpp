// Another device with the same key makes two handshakes in a moment: a gateway then has no session of
// ours any more, and nothing of the other's ever comes here.

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <optional>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/os/clock.hpp"

#include "gateway_process.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "routed_path.hpp"
#include "temp_dir.hpp"
#include "wait.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class SilentTakeover : public testing::Test {
 protected:
  void SetUp() override {
    WGSCOPE_NEED(why_no_netns());
    net_.emplace();
    gateway_.emplace(net_->server, Kind::wireguard_go);
    phone_.emplace();
    link_.emplace(connect(net_->router, "10.3.0.2/24", *phone_, "10.3.0.1/24"));
    phone_->must({"ip", "route", "add", "default", "via", "10.3.0.2"});
    net_->server.ip("route add 10.3.0.0/24 via 10.2.0.2");
    file_ = folder_ / "probe.conf";
    std::ofstream(file_) << gateway_->target_file(RoutedPath::kServer);
    std::filesystem::permissions(file_, std::filesystem::perms::owner_read);
  }

  void take_over() {
    for (int i = 0; i < 2; ++i)
      phone_->must({binary_dir() / "probe/wgscope", "handshake", "--no-data", "--config", file_,
                    "--state-dir", folder_ / "phone"});
  }
  /// Waits until the gateway sends to our host and has got more data from it.
  bool wait_for_our_data() {
    if (!wait_until([&] { return gateway_->show("endpoints").find("\t10.1.0.1:") != kNowhere; },
                    20s))
      return false;
    const std::string before = gateway_->show("transfer");
    return wait_until([&] { return gateway_->show("transfer") != before; }, 20s);
  }
  /// What `wg show` says of our key: wireguard-go lists its peers in any order.
  std::string show_ours(const std::string& what) {
    const std::string all = gateway_->show(what);
    const std::size_t begin = all.find(gateway_->probe_keys().public_key);
    return begin == kNowhere ? "" : all.substr(begin, all.find('\n', begin) - begin);
  }
  /// Waits until the gateway sends to our host and has got nothing of our key for two seconds.
  bool wait_for_silence() {
    std::string transfer;
    Instant since = os::boot_now();
    return wait_until(
        [&] {
          if (show_ours("endpoints").find("\t10.1.0.1:") == kNowhere) return false;
          const std::string now = show_ours("transfer");
          if (std::exchange(transfer, now) != now) since = os::boot_now();
          return os::boot_now() - since > 2s;
        },
        40s);
  }
  static constexpr auto kNowhere = std::string::npos;

  Process start(std::vector<std::string> arguments) {
    std::vector<std::string> argv{binary_dir() / "probe/wgscope"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    for (const std::string& more :
         {std::string("--config"), file_, std::string("--state-dir"), std::string(folder_ / "own")})
      argv.push_back(more);
    return Process(argv, {.env = {}, .netns = net_->client.name(), .input = {}});
  }

  std::optional<RoutedPath> net_;
  std::optional<GatewayProcess> gateway_;
  std::optional<NetworkNamespace> phone_;
  std::optional<Veth> link_;
  TempDir folder_;
  std::string file_;
};

TEST_F(SilentTakeover, IsToldFromOneLossOfTheSessionByItsRepetition) {
  Process hold = start({"handshake", "--hold", "14s", "--ping", "10.9.0.1", "--timeout", "60s"});
  ASSERT_TRUE(hold.wait_for_output("how long the tunnel carries data", 20s)) << hold.err();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(wait_for_our_data());
    ASSERT_TRUE(wait_for_our_data());
    take_over();
  }
  EXPECT_EQ(hold.wait(60s), 2) << hold.out() << hold.err();
  const std::string first = hold.out().substr(0, hold.out().find('\n'));
  EXPECT_THAT(first, AllOf(HasSubstr("lost this probe's session 2 times in"),
                           HasSubstr("most likely another device uses this key (WGS-DAT-004)")))
      << hold.out();
}

TEST_F(SilentTakeover, OfOneSessionProvesOnlyThatTheGatewayHasLostIt) {
  Process ping = start({"ping", "-c", "26", "-i", "1s", "10.9.0.1", "--timeout", "60s", "-v"});
  ASSERT_TRUE(ping.wait_for_output("pinging 10.9.0.1", 20s)) << ping.err();
  take_over();
  static_cast<void>(ping.wait(60s));
  EXPECT_THAT(ping.out(),
              AllOf(HasSubstr("the gateway lost this probe's session once"),
                    HasSubstr("another device uses this key, for example the same file"),
                    HasSubstr("the gateway's interface or its peer is created again"),
                    Not(HasSubstr("WGS-KEY-005")), Not(HasSubstr("a NAT that forgets it"))))
      << ping.err();
}

/// The two routers between do not translate, so every flow is remembered.
TEST_F(SilentTakeover, IsNoLifetimeOfANat) {
  net_->server.must({"sysctl", "-qw", "net.ipv4.ip_forward=1"});
  const std::string twin = folder_ / "twin.conf";
  std::ofstream(twin) << gateway_->add_peer(RoutedPath::kServer, "10.9.0.3");
  std::filesystem::permissions(twin, std::filesystem::perms::owner_read);
  Process nat = start({"nat", "--second-peer", twin, "--keepalive", "6", "--longest", "40", "-v"});
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(wait_for_silence()) << nat.out() << nat.err();
    take_over();
  }
  EXPECT_EQ(nat.wait(120s), 3) << nat.out() << nat.err();
  const std::string page = std::regex_replace(nat.out(), std::regex("\n +"), " ");
  EXPECT_THAT(page.substr(0, page.find('\n')),
              AllOf(HasSubstr("the gateway lost this probe's session again and again"),
                    HasSubstr("besides: most likely another device uses this key")));
  EXPECT_THAT(page, AllOf(HasSubstr("right after a new handshake, which was answered at its first"),
                          HasSubstr("WGS-KEY-005"), Not(HasSubstr("forgets the flow")),
                          Not(HasSubstr("fell silent"))))
      << nat.err();
}

}  // namespace
}  // namespace wgscope::test
