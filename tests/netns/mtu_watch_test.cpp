// wgscope mtu --watch over a router whose MTU towards the gateway is changed while it watches.
//
//   client 10.1.0.1 ---- 10.1.0.2 router 10.2.0.2 ---- 10.2.0.1 server (wgscope listen)

#include <chrono>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "files.hpp"
#include "gateway_process.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "routed_path.hpp"
#include "temp_dir.hpp"

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
    gateway_.emplace(net_->server, Kind::wgscope_listen);
    write_file(folder_ / "probe.conf", gateway_->target_file(RoutedPath::kServer));
    std::filesystem::permissions(folder_ / "probe.conf", std::filesystem::perms::owner_read);
  }

  void watch(std::vector<std::string> more = {}) {
    std::vector<std::string> argv{
        wgscope(),     "mtu",         "--config",   folder_ / "probe.conf",
        "--state.dir", folder_ / "s", "--uapi.dir", folder_ / "none",
        "--watch",     "--every",     "1s"};
    argv.insert(argv.end(), more.begin(), more.end());
    watch_.emplace(argv, ProcessOptions{.env = {}, .netns = net_->client.name(), .input = {}});
  }

  void limit(std::size_t mtu) {
    net_->router.must({"ip", "route", "replace", "10.2.0.0/24", "dev", net_->far.left, "mtu",
                       "lock", std::to_string(mtu)});
  }

  [[nodiscard]] std::size_t count(const std::string& text) const {
    std::size_t found = 0;
    for (std::size_t at = watch_->out().find(text); at != std::string::npos;
         at = watch_->out().find(text, at + 1))
      ++found;
    return found;
  }

  TempDir folder_;
  std::optional<RoutedPath> net_;
  std::optional<GatewayProcess> gateway_;
  std::optional<Process> watch_;
};

TEST_F(MtuWatch, TellsThatThePathBecameWorseAndBetterAgain) {
  watch();
  ASSERT_TRUE(watch_->wait_for_output("OK: MTU 1420 fits in both directions", 20s));
  ASSERT_TRUE(watch_->wait_for_output("Z  OK: MTU 1420 fits", 20s)) << watch_->out();
  EXPECT_EQ(count("wgscope mtu 10.2.0.1:51820, "), 1U) << "unchanged is one line";
  limit(1400);
  ASSERT_TRUE(
      watch_->wait_for_output("\n\nWARNING: the path MTU to the gateway is 1400 bytes", 30s))
      << watch_->out();
  ASSERT_TRUE(watch_->wait_for_output("Z  WARNING: the path MTU to the gateway", 30s));
  EXPECT_EQ(count("wgscope mtu 10.2.0.1:51820, "), 2U) << "a change is a whole report";
  limit(1500);
  ASSERT_TRUE(watch_->wait_for_output("\nOK: MTU 1420 fits", 30s)) << watch_->out();
  watch_->signal(SIGINT);
  EXPECT_EQ(watch_->wait(20s), 0) << "as the last run ended";
}

TEST_F(MtuWatch, KeepsToOneFlow) {
  watch();
  ASSERT_TRUE(watch_->wait_for_output("Z  OK: MTU 1420 fits", 20s)) << watch_->out();
  const std::regex twice("initiation accepted  (\\S+)\\s(.|\n)*initiation accepted  \\1\\s");
  EXPECT_TRUE(gateway_->process().wait_for_output(twice, 5s)) << gateway_->process().out();
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
