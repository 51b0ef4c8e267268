// wgscope mtu --watch over a router whose MTU towards the gateway is changed while it watches.
//
//   probe 198.18.1.1 ---- 198.18.1.2 router 198.18.2.2 ---- 198.18.2.1 gateway (wgscope listen)

#include <chrono>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "endpoint_fixture.hpp"
#include "files.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "temp_dir.hpp"
#include "wireguard_go.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string wgscope() { return binary_dir() / "probe/wgscope"; }

class MtuWatch : public testing::Test {
 protected:
  void SetUp() override {
    WGSCOPE_NEED(why_no_netns());
    net_.emplace();
    net_->router.must({"sysctl", "-qw", "net.ipv4.ip_forward=1"});
    net_->probe.must({"ip", "route", "add", "default", "via", "198.18.1.2"});
    net_->gateway.must({"ip", "route", "add", "default", "via", "198.18.2.2"});
    const KeyPair theirs = generate_key_pair();
    const KeyPair ours = generate_key_pair();
    const std::string file = folder_ / "gateway.conf";
    std::ofstream(file) << fmt::format(
        "[Interface]\nPrivateKey={}\nListenPort=51820\nAddress=10.9.0.1/24\n[Peer]\nPublicKey={}\n"
        "AllowedIPs=10.9.0.2/32\n",
        theirs.private_key, ours.public_key);
    std::ofstream(folder_ / "probe.conf") << fmt::format(
        "[Interface]\nPrivateKey={}\nAddress=10.9.0.2/24\nMTU=1420\n[Peer]\nPublicKey={}\n"
        "AllowedIPs=10.9.0.0/24\nEndpoint=198.18.2.1:51820\n",
        ours.private_key, theirs.public_key);
    for (const char* name : {"gateway.conf", "probe.conf"})
      std::filesystem::permissions(folder_ / name, std::filesystem::perms::owner_read);
    gateway_.emplace(std::vector<std::string>{wgscope(), "listen", "--config", file, "--interface",
                                              unique_interface_name(), "--state.dir",
                                              folder_.path(), "--uapi.dir", folder_.path()},
                     ProcessOptions{.env = {}, .netns = net_->gateway.name(), .input = {}});
    ASSERT_TRUE(gateway_->wait_for_output("stop with Ctrl-C", 30s)) << gateway_->err();
  }

  void watch(std::vector<std::string> more = {}) {
    std::vector<std::string> argv{
        wgscope(),     "mtu",         "--config",   folder_ / "probe.conf",
        "--state.dir", folder_ / "s", "--uapi.dir", folder_ / "none",
        "--watch",     "--every",     "1s"};
    argv.insert(argv.end(), more.begin(), more.end());
    watch_.emplace(argv, ProcessOptions{.env = {}, .netns = net_->probe.name(), .input = {}});
  }

  void limit(std::size_t mtu) {
    net_->router.must({"ip", "route", "replace", "198.18.2.0/24", "dev", net_->far.left, "mtu",
                       "lock", std::to_string(mtu)});
  }

  [[nodiscard]] std::size_t count(const std::string& text) const {
    std::size_t found = 0;
    for (std::size_t at = watch_->out().find(text); at != std::string::npos;
         at = watch_->out().find(text, at + 1))
      ++found;
    return found;
  }

  struct Network {
    NetworkNamespace probe;
    NetworkNamespace router;
    NetworkNamespace gateway;
    Veth near = connect(probe, "198.18.1.1/24", router, "198.18.1.2/24");
    Veth far = connect(router, "198.18.2.2/24", gateway, "198.18.2.1/24");
  };
  TempDir folder_;
  std::optional<Network> net_;
  std::optional<Process> gateway_;
  std::optional<Process> watch_;
};

TEST_F(MtuWatch, TellsThatThePathBecameWorseAndBetterAgain) {
  watch();
  ASSERT_TRUE(watch_->wait_for_output("OK: MTU 1420 fits in both directions", 20s));
  ASSERT_TRUE(watch_->wait_for_output("Z  OK: MTU 1420 fits", 20s)) << watch_->out();
  EXPECT_EQ(count("wgscope mtu 198.18.2.1:51820, "), 1U) << "unchanged is one line";
  limit(1400);
  ASSERT_TRUE(
      watch_->wait_for_output("\n\nWARNING: the path MTU to the gateway is 1400 bytes", 30s))
      << watch_->out();
  ASSERT_TRUE(watch_->wait_for_output("Z  WARNING: the path MTU to the gateway", 30s));
  EXPECT_EQ(count("wgscope mtu 198.18.2.1:51820, "), 2U) << "a change is a whole report";
  limit(1500);
  ASSERT_TRUE(watch_->wait_for_output("\nOK: MTU 1420 fits", 30s)) << watch_->out();
  watch_->signal(SIGINT);
  EXPECT_EQ(watch_->wait(20s), 0) << "as the last run ended";
}

TEST_F(MtuWatch, KeepsToOneFlow) {
  watch();
  ASSERT_TRUE(watch_->wait_for_output("Z  OK: MTU 1420 fits", 20s)) << watch_->out();
  const std::regex twice("initiation accepted  (\\S+)\\s(.|\n)*initiation accepted  \\1\\s");
  EXPECT_TRUE(gateway_->wait_for_output(twice, 5s)) << gateway_->out();
}

TEST_F(MtuWatch, GivesProgramsAReportEachTime) {
  watch({"--json", "--prometheus", folder_ / "mtu.prom"});
  ASSERT_TRUE(watch_->wait_for_output(std::regex("\"verb\": \"mtu\"(.|\n)*\"verb\": \"mtu\""), 20s))
      << watch_->out();
  EXPECT_THAT(read_file(folder_ / "mtu.prom"), HasSubstr("wireguard_probe_path_mtu_bytes"));
  watch_->signal(SIGTERM);
  EXPECT_EQ(watch_->wait(20s), 0);
}

TEST_F(MtuWatch, RefusesATimeThatWouldHammer) {
  watch({"--every", "10ms"});
  EXPECT_EQ(watch_->wait(20s), 3);
}

}  // namespace
}  // namespace wgscope::test
