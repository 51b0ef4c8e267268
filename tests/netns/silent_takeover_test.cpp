// Another device with the same key makes two handshakes in a moment: a gateway then has no session of
// ours any more, and nothing of the other's ever comes here.

#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace wgscope::test
