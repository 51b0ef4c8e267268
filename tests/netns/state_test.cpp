// First sights of peers and interfaces, which outlive the exporter in --state.dir.

#include <chrono>
#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter.hpp"
#include "files.hpp"
#include "metrics.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "process.hpp"
#include "temp_dir.hpp"
#include "uapi_server.hpp"
#include "wait.hpp"
#include "wireguard_go.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using testing::Gt;
using testing::HasSubstr;
using testing::Optional;

class StateTest : public testing::Test {
 protected:
  Exporter start(bool with_state = true) {
    std::vector<std::string> flags{"--uapi.dir=" + sockets_.path().string()};
    if (with_state) flags.push_back("--state.dir=" + state_.path().string());
    return Exporter({.flags = flags});
  }
  static std::optional<double> first_seen(const Exporter& exporter, std::uint64_t number) {
    return exporter.scrape().value("wireguard_peer_first_seen_timestamp_seconds",
                                   {{"public_key", UapiPeer{.number = number}.public_key()}});
  }
  /// Waits until a peer that is first seen now has another time than `seen`: the folder keeps
  /// whole milliseconds.
  static void wait_until_later_than(double seen) {
    const auto later = [seen] {
      using Seconds = std::chrono::duration<double>;
      return Seconds(std::chrono::system_clock::now().time_since_epoch()).count() > seen + 0.002;
    };
    EXPECT_TRUE(wait_until(later, 10s));
  }

  TempDir sockets_;
  TempDir state_;
  UapiServer server_{sockets_ / "wg0.sock", {uapi_answer({{.number = 1}})}};
};

TEST_F(StateTest, FirstSightsSurviveARestart) {
  std::optional<double> seen;
  {
    Exporter exporter = start();
    seen = first_seen(exporter, 1);
    ASSERT_TRUE(seen);
    EXPECT_EQ(exporter.stop(), 0);
  }
  wait_until_later_than(*seen);
  server_.reply_with({uapi_answer({{.number = 1}, {.number = 2}})});
  Exporter exporter = start();
  EXPECT_EQ(first_seen(exporter, 1), seen);
  EXPECT_THAT(first_seen(exporter, 2), Optional(Gt(*seen)));
}

TEST_F(StateTest, FirstSightsSurviveACrash) {
  std::optional<double> seen;
  {
    Exporter exporter = start();
    seen = first_seen(exporter, 1);
    ASSERT_TRUE(seen);
    ASSERT_TRUE(wait_until([&] { return std::filesystem::exists(state_ / "first-seen"); }, 10s));
    exporter.signal(SIGKILL);
    EXPECT_EQ(exporter.wait(5s), 128 + SIGKILL);
  }
  wait_until_later_than(*seen);
  EXPECT_EQ(first_seen(start(), 1), seen);
}

TEST_F(StateTest, WithoutAFolderTheyStartAnew) {
  const auto seen = first_seen(start(false), 1);
  ASSERT_TRUE(seen);
  wait_until_later_than(*seen);
  EXPECT_THAT(first_seen(start(false), 1), Optional(Gt(*seen)));
}

TEST_F(StateTest, ADamagedFileIsSaidAndSetAside) {
  write_file(state_ / "first-seen", "no such thing\n");
  std::optional<double> seen;
  {
    Exporter exporter = start();
    EXPECT_THAT(exporter.log(), HasSubstr("first-seen: line 1: "));
    seen = first_seen(exporter, 1);
    EXPECT_EQ(exporter.stop(), 0);
  }
  EXPECT_EQ(read_file(state_ / "first-seen.corrupt"), "no such thing\n");
  Exporter exporter = start();
  EXPECT_EQ(first_seen(exporter, 1), seen);
  EXPECT_EQ(count_of(exporter.log(), "first-seen"), 0U) << exporter.log();
}

TEST_F(StateTest, AnInterfacesFirstSightSurvivesTheExporterButNotTheInterface) {
  WGSCOPE_NEED(why_no_netns());
  const NetworkNamespace netns;
  const WireguardGo tunnel(netns, WireguardGo::Mode::daemon);
  const auto created = [&] {
    Exporter exporter({.flags = {only_own_interfaces(), "--state.dir=" + state_.path().string()}});
    const auto value = exporter.scrape().value("wireguard_interface_created_timestamp_seconds",
                                               {{"interface", tunnel.name()}});
    EXPECT_EQ(exporter.stop(), 0);
    return value;
  };
  const auto first = created();
  ASSERT_TRUE(first);
  EXPECT_EQ(created(), first);
  tunnel.signal(SIGTERM);
  ASSERT_TRUE(wait_until([&] { return !std::filesystem::exists(tunnel.socket_path()); }, 5s));
  netns.must({"wireguard-go", tunnel.name()});
  ASSERT_TRUE(wait_until([&] { return run({"wg", "show", tunnel.name()}).exit_code == 0; }, 5s));
  EXPECT_THAT(created(), Optional(Gt(*first)));
  netns.must({"ip", "link", "del", tunnel.name()});
}

}  // namespace
}  // namespace wgscope::test
