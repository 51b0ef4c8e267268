// UAPI sockets that do what they should not, in one folder with one that does what it should. The
// test moves into a network namespace of its own, where every interface it plays has a link.

#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <sched.h>
#include <set>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter.hpp"
#include "http.hpp"
#include "metrics.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "process.hpp"
#include "temp_dir.hpp"
#include "uapi_server.hpp"
#include "wireguard_go.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using testing::HasSubstr;
using testing::IsEmpty;

class BadSocketsTest : public testing::Test {
 protected:
  void SetUp() override {
    WGSCOPE_NEED(why_no_netns());
    static const int moved = unshare(CLONE_NEWNET);
    ASSERT_EQ(moved, 0);
    must_run({"ip", "link", "set", "lo", "up"});
  }

  void TearDown() override {
    for (const std::string& link : links_) run({"ip", "link", "del", link});
  }

  void make_link(const std::string& interface) {
    must_run({"ip", "tuntap", "add", "dev", interface, "mode", "tun"});
    links_.push_back(interface);
  }

  UapiServer& play(const std::string& interface, UapiReply reply) {
    make_link(interface);
    return *servers_
                .emplace_back(
                    std::make_unique<UapiServer>(folder_ / (interface + ".sock"), std::move(reply)))
                .get();
  }

  Exporter start(std::vector<std::string> flags = {}) {
    flags.push_back("--uapi.dir=" + folder_.path().string());
    flags.emplace_back("--collect.timeout=1s");
    return Exporter({.flags = std::move(flags)});
  }

  TempDir folder_;
  std::vector<std::string> links_;
  std::vector<std::unique_ptr<UapiServer>> servers_;
};

/// interface -> reason, of all failures.
std::map<std::string, std::string> failures_of(const Metrics& metrics) {
  std::map<std::string, std::string> failures;
  for (const Sample& sample : metrics.find("wireguard_exporter_interface_failures"))
    failures[sample.labels.at("interface")] += sample.labels.at("reason");
  return failures;
}

/// The names of all series of an interface, and those of its peers twice.
std::multiset<std::string> series_of(const Metrics& metrics, const std::string& interface) {
  std::multiset<std::string> names;
  for (const Sample& sample : metrics.samples())
    if (const auto label = sample.labels.find("interface");
        label != sample.labels.end() && label->second == interface)
      names.insert(sample.name);
  return names;
}

const std::map<std::string, UapiReply> kBadReplies{
    {"silent", {"", false}},
    {"halfheld", {"private_k", false}},
    {"halfcut", {"private_key=00\npublic_k", true}},
    {"nothing", {"", true}},
    {"noend", {"listen_port=51820\n", true}},
    {"garbage",
     {"\x7f"
      "ELF\x02\x01\x01\n<html>\n",
      true}},
    {"flood", {std::string(10U << 20U, 'a'), true}},
    {"shortkey", {"public_key=0102\nerrno=0\n\n", true}},
    {"hugecount", {uapi_answer({{.receive_bytes = "18446744073709551616"}}), true}},
    {"twice", {uapi_answer({{.number = 1}, {.number = 2}, {.number = 1}}), true}},
    {"afterend", {uapi_answer(1) + "public_key=00\n", true}},
    {"errno", {"errno=5\n\n", true}},
};

const std::map<std::string, std::string> kReasons{
    {"silent", "timeout"},    {"halfheld", "timeout"},   {"halfcut", "malformed"},
    {"nothing", "malformed"}, {"noend", "malformed"},    {"garbage", "malformed"},
    {"flood", "malformed"},   {"shortkey", "malformed"}, {"hugecount", "malformed"},
    {"twice", "malformed"},   {"afterend", "malformed"}, {"errno", "refused"},
    {"stale", "refused"},     {"stopped", "timeout"},
};

TEST_F(BadSocketsTest, CostOnlyTheirOwnInterface) {
  play("healthy", {uapi_answer(3)});
  for (const auto& [interface, reply] : kBadReplies) play(interface, reply);
  make_link("stale");
  leave_stale_socket(folder_ / "stale.sock");
  // A real implementation that has hung: the kernel accepts for it.
  const NetworkNamespace netns;
  const WireguardGo hung(netns);
  std::filesystem::create_symlink(hung.socket_path(), folder_ / "stopped.sock");
  make_link("stopped");
  hung.signal(SIGSTOP);

  Exporter exporter = start();
  const auto before = Clock::now();
  const Metrics metrics = exporter.scrape();
  const auto took = Clock::now() - before;
  EXPECT_LT(took, 1500ms) << "all wait together, --collect.timeout at most";
  EXPECT_EQ(failures_of(metrics), kReasons);
  EXPECT_EQ(metrics.value("wireguard_exporter_collector_success", {{"collector", "uapi"}}), 0);

  const HttpResponse ready = exporter.get("/-/ready");
  EXPECT_EQ(ready.status, 200);
  for (const auto& [interface, reason] : kReasons)
    EXPECT_THAT(ready.body, HasSubstr(fmt::format("{}: {}: ", interface, reason)));

  // All of the healthy one, as if it was alone.
  const auto series = series_of(metrics, "healthy");
  EXPECT_EQ(series.count("wireguard_peer_receive_bytes_total"), 3U);
  for (const auto& [interface, reason] : kReasons)
    std::filesystem::remove(folder_ / (interface + ".sock"));
  EXPECT_EQ(series_of(exporter.scrape(), "healthy"), series);
  hung.signal(SIGCONT);
}

TEST_F(BadSocketsTest, AreReadAgainOnceTheyBehave) {
  std::vector<UapiServer*> servers;
  for (const auto& [interface, reply] : kBadReplies) servers.push_back(&play(interface, reply));
  make_link("stale");
  leave_stale_socket(folder_ / "stale.sock");
  Exporter exporter = start();
  EXPECT_EQ(failures_of(exporter.scrape()).size(), kBadReplies.size() + 1);

  for (UapiServer* server : servers) server->reply_with({uapi_answer(2)});
  const UapiServer restarted(folder_ / "stale.sock", {uapi_answer(2)});
  const Metrics metrics = exporter.scrape();
  EXPECT_THAT(failures_of(metrics), IsEmpty());
  EXPECT_EQ(metrics.value("wireguard_exporter_collector_success", {{"collector", "uapi"}}), 1);
  EXPECT_EQ(metrics.value("wireguard_exporter_collector_success", {{"collector", "links"}}), 1);
  for (const auto& [interface, reply] : kBadReplies)
    EXPECT_EQ(metrics.value("wireguard_interface_peers", {{"interface", interface}}), 2)
        << interface;
  EXPECT_EQ(exporter.get("/-/ready").body, "wgscope-exporter is ready.\n");
}

TEST_F(BadSocketsTest, AreLoggedOnce) {
  play("stuck", {"", false});
  play("odd", {"nonsense\n", true});
  Exporter exporter = start();
  for (int scrape = 0; scrape < 3; ++scrape) static_cast<void>(exporter.scrape());
  EXPECT_EQ(count_of(exporter.log(), "stuck.sock"), 1U) << exporter.log();
  EXPECT_EQ(count_of(exporter.log(), "odd.sock"), 1U) << exporter.log();
}

TEST_F(BadSocketsTest, NamesThatCannotBeInterfacesAreLeftOut) {
  play("healthy", {uapi_answer(1)});
  const UapiServer long_name(folder_ / "sixteen-letters-.sock", {uapi_answer(1)});
  const UapiServer no_suffix(folder_ / "other", {uapi_answer(1)});
  const UapiServer excluded(folder_ / "lab0.sock", {uapi_answer(1)});
  std::filesystem::create_directory(folder_ / "folder.sock");
  Exporter exporter = start({"--interface.exclude=lab.*"});
  const Metrics metrics = exporter.scrape();
  EXPECT_EQ(metrics.find("wireguard_interface_info").size(), 1U);
  EXPECT_THAT(failures_of(metrics), IsEmpty());
  EXPECT_EQ(long_name.requests() + no_suffix.requests() + excluded.requests(), 0);
}

TEST_F(BadSocketsTest, PeersAreCountedByState) {
  play("wg0", {uapi_answer({{.number = 1},
                            {.number = 2, .handshake_age = 5s},
                            {.number = 3, .handshake_age = 170s},
                            {.number = 4, .handshake_age = 181s},
                            {.number = 5, .handshake_age = 90000s}})});
  Exporter exporter = start();
  const Metrics metrics = exporter.scrape();
  for (const auto& [state, count] :
       std::map<std::string, double>{{"never", 1}, {"live", 2}, {"idle", 2}})
    EXPECT_EQ(metrics.value("wireguard_interface_peers_by_state", {{"state", state}}), count)
        << state;
  EXPECT_THAT(metrics.find("wireguard_interface_peers_by_state", {{"state", "stale"}}), IsEmpty())
      << "no peer can be stale while none is declared always online";
  EXPECT_EQ(metrics.value("wireguard_peer_session_live",
                          {{"public_key", UapiPeer{.number = 4}.public_key()}}),
            0);
  EXPECT_THAT(metrics.find("wireguard_interface_socket_receive_drops_total"), IsEmpty())
      << "nobody has a UDP socket at that listen port";
}

TEST_F(BadSocketsTest, CountersKeepEveryDigit) {
  play("wg0", {uapi_answer({{.receive_bytes = "18446744073709551615",
                             .transmit_bytes = "9007199254740993"}})});
  Exporter exporter = start();
  const Metrics metrics = exporter.scrape();
  EXPECT_EQ(metrics.sample("wireguard_peer_receive_bytes_total")->text, "18446744073709551615");
  EXPECT_EQ(metrics.sample("wireguard_peer_transmit_bytes_total")->text, "9007199254740993");
}

}  // namespace
}  // namespace wgscope::test
