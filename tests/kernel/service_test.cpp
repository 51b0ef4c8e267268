// The exporter's units under systemd, with the kernel's WireGuard: booted, scraped, upgraded, killed.

#include <chrono>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <sys/types.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "certificates.hpp"
#include "children.hpp"
#include "files.hpp"
#include "guest.hpp"
#include "held_threads.hpp"
#include "http.hpp"
#include "https.hpp"
#include "metrics.hpp"
#include "scraper.hpp"
#include "wait.hpp"
#include "wireguard.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

const HttpServer kServer{.port = 9586};
constexpr auto kHang = 60s;

std::string property(const std::string& name) {
  std::string value = must("systemctl show --value --property {} wgscope-exporter.service", name);
  return value.substr(0, value.find('\n'));
}

pid_t main_pid() { return std::stoi(property("MainPID")); }

/// A line of /proc/PID/status.
std::string status_of(pid_t pid, const std::string& name) {
  std::istringstream lines(read_file(fmt::format("/proc/{}/status", pid)));
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(name + ":\t")) return line.substr(name.size() + 2);
  return {};
}

/// As the value of a field in YAML that stands four blanks deep.
std::string indented(std::string text) {
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 5)
    text.replace(at, 1, "\n    ");
  return text;
}

/// The service with drop-ins of packaging/systemd, from its start to its end.
class ServiceUnit : public testing::Test {
 protected:
  void SetUp() override { configure("", "wg0", {make_key_pair().private_key, 51000, 0, {{key_}}}); }
  void TearDown() override {
    must("systemctl stop wgscope-exporter.service wgscope-exporter.socket");
    std::filesystem::remove_all(kDropIns);
    run_words("systemctl reset-failed");
  }

  void start(const std::string& drop_in = {}, const std::string& more = {}) {
    std::filesystem::create_directories(kDropIns);
    // What it says goes to the machine's console otherwise.
    write_file(kDropIns / "50-test.conf",
               "[Service]\nStandardError=append:/tmp/exporter.log\n" + more);
    if (!drop_in.empty())
      std::filesystem::copy_file("/etc/systemd/system/drop-ins/" + drop_in, kDropIns / drop_in);
    must("systemctl daemon-reload");
    must("systemctl start wgscope-exporter.socket wgscope-exporter.service");
  }

  static Metrics scrape() {
    const HttpResponse response = http(kServer, {}, kHang);
    EXPECT_EQ(response.status, 200) << response.body;
    return Metrics::parse(response.body);
  }

  static void expect_nothing_failed(const Metrics& metrics) {
    for (const Sample& failure : metrics.find("wireguard_exporter_interface_failures"))
      ADD_FAILURE() << failure.labels.at("reason") << "\n" << read_file("/tmp/exporter.log");
    for (const Sample& collector : metrics.find("wireguard_exporter_collector_success"))
      EXPECT_EQ(collector.value, 1) << collector.labels.at("collector");
  }

  inline static const std::filesystem::path kDropIns =
      "/etc/systemd/system/wgscope-exporter.service.d";
  std::string key_ = made_up_key(1).base64();
  Interface wg0_{"wg0"};
};

TEST_F(ServiceUnit, ServesWithOneCapabilityAndNoUserThatLasts) {
  start();
  EXPECT_EQ(property("ActiveState"), "active");
  EXPECT_THAT(property("StatusText"), HasSubstr(":9586/metrics"));
  const Metrics metrics = scrape();
  expect_nothing_failed(metrics);
  EXPECT_EQ(metrics.value("wireguard_interface_peers", {{"interface", "wg0"}}), 1);
  EXPECT_FALSE(metrics.find("wireguard_peer_info", {{"public_key", key_}}).empty());
  const pid_t pid = main_pid();
  EXPECT_EQ(status_of(pid, "CapEff"), "0000000000000000") << "it only serves";
  const pid_t reader = first_child_of(first_child_of(pid));
  EXPECT_EQ(status_of(reader, "CapEff"), "0000000000001000") << "CAP_NET_ADMIN, bit 12";
  EXPECT_EQ(status_of(pid, "CapBnd"), "0000000000001000");
  EXPECT_EQ(status_of(pid, "Seccomp"), "2");
  EXPECT_EQ(status_of(pid, "NoNewPrivs"), "1");
  EXPECT_FALSE(status_of(pid, "Uid").starts_with("0\t"));
}

TEST_F(ServiceUnit, KeepsItsStateAcrossRestarts) {
  start();
  const auto first_seen = [this] {
    return scrape().value("wireguard_peer_first_seen_timestamp_seconds", {{"public_key", key_}});
  };
  const auto before = first_seen();
  ASSERT_TRUE(before);
  must("systemctl restart wgscope-exporter.service");
  EXPECT_EQ(first_seen(), before);
  EXPECT_EQ(scrape().value("wireguard_exporter_state_success"), 1);
}

TEST_F(ServiceUnit, RefusesNoScrapeWhileItIsUpgraded) {
  start();
  Scraper scraper(kServer);
  for (int i = 0; i < 2; ++i) {
    const int before = scraper.answered();
    const pid_t old = main_pid();
    must("systemctl restart wgscope-exporter.service");
    EXPECT_NE(main_pid(), old);
    ASSERT_TRUE(wait_until([&] { return scraper.answered() > before + 1; }, kHang));
  }
  scraper.stop();
  EXPECT_THAT(scraper.faults(), IsEmpty());
}

TEST_F(ServiceUnit, IsStartedAgainWhenItIsKilled) {
  start();
  scrape();
  const pid_t old = main_pid();
  ASSERT_EQ(kill(old, SIGKILL), 0);
  // Who comes before it is back waits; so the answer is the new process'.
  ASSERT_TRUE(wait_until([&] { return main_pid() != old; }, kHang, 100ms));
  expect_nothing_failed(scrape());
  EXPECT_EQ(property("NRestarts"), "1");
}

TEST_F(ServiceUnit, IsStartedAgainWhenItDoesNotServe) {
  start({}, "WatchdogSec=6\nTimeoutAbortSec=5\n");
  scrape();
  const pid_t old = main_pid();
  const auto door = threads_of(old, "door");
  ASSERT_EQ(door.size(), 1U);
  {
    HeldThreads held(door);
    EXPECT_TRUE(wait_until(
        [&] {
          held.let_go_of_ended();
          return property("NRestarts") == "1";
        },
        kHang, 250ms))
        << read_file("/tmp/exporter.log");
  }
  EXPECT_THAT(read_file("/tmp/exporter.log"), HasSubstr("requests are not answered any longer"));
  expect_nothing_failed(scrape());
  EXPECT_NE(main_pid(), old);
}

TEST_F(ServiceUnit, StartsWhenSomebodyAsks) {
  start();
  must("systemctl stop wgscope-exporter.service");
  EXPECT_EQ(property("ActiveState"), "inactive");
  expect_nothing_failed(scrape());
  EXPECT_EQ(property("ActiveState"), "active");
}

TEST_F(ServiceUnit, ReadsUserspaceImplementationsWithItsDropIn) {
  const std::string key = make_key_pair().private_key;
  must("wireguard-go wg1");
  configure("", "wg1", {key, 51001, 0, {{made_up_key(2).base64()}}});
  start();
  EXPECT_FALSE(
      scrape().find("wireguard_exporter_interface_failures", {{"reason", "eacces"}}).empty())
      << "without it, what is missing is said";
  must("systemctl stop wgscope-exporter.service");
  std::filesystem::copy_file("/etc/systemd/system/drop-ins/exporter-userspace.conf",
                             kDropIns / "exporter-userspace.conf");
  must("systemctl daemon-reload");
  must("systemctl start wgscope-exporter.service");
  const Metrics metrics = scrape();
  expect_nothing_failed(metrics);
  EXPECT_EQ(metrics.value("wireguard_interface_peers", {{"interface", "wg1"}}), 1);
  EXPECT_EQ(metrics.value("wireguard_interface_up", {{"interface", "wg1"}}), 0)
      << "the namespace of its daemon was found, and its link there";
  must("ip link del wg1");
}

TEST_F(ServiceUnit, ReadsOtherNamespacesWithItsDropIn) {
  const Namespace blue("blue");
  must("ip -n blue link add wg2 type wireguard");
  configure("blue", "wg2", {make_key_pair().private_key, 51002, 0, {{made_up_key(3).base64()}}});
  start("exporter-namespaces.conf");
  const Metrics metrics = scrape();
  expect_nothing_failed(metrics);
  EXPECT_EQ(metrics.value("wireguard_interface_peers", {{"interface", "wg2"}, {"netns", "blue"}}),
            1);
}

/// The files stay readable by root alone: the service gets copies.
TEST_F(ServiceUnit, SpeaksTlsWithItsDropIn) {
  const std::filesystem::path folder = "/etc/wgscope";
  const Certificate made = make_certificate();
  const Certificate client = make_certificate({.name = "prometheus"});
  std::filesystem::create_directories(folder);
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all);
  write_file(folder / "web.yml", fmt::format("tls_server_config:\n"
                                             "  cert_file: tls.crt\n"
                                             "  key_file: tls.key\n"
                                             "  client_auth_type: RequireAndVerifyClientCert\n"
                                             "  client_ca: |\n    {}\n",
                                             indented(client.certificate)));
  write_file(folder / "tls.crt", made.certificate);
  write_file(folder / "tls.key", made.key);
  for (const char* name : {"web.yml", "tls.crt", "tls.key"})
    std::filesystem::permissions(folder / name, std::filesystem::perms::owner_read);
  start("exporter-web-config.conf");
  ASSERT_EQ(property("ActiveState"), "active") << read_file("/tmp/exporter.log");
  EXPECT_THAT(property("StatusText"), HasSubstr("https://"));
  const HttpsAnswer answer =
      https(kServer, {.path = "/metrics"}, {.own = client, .trusted = made.certificate});
  ASSERT_TRUE(answer.response) << answer.failure << read_file("/tmp/exporter.log");
  EXPECT_EQ(answer.response->status, 200);
  const Metrics metrics = Metrics::parse(answer.response->body);
  expect_nothing_failed(metrics);
  EXPECT_EQ(metrics.value("wireguard_interface_peers", {{"interface", "wg0"}}), 1);
  EXPECT_FALSE(https(kServer, {.path = "/metrics"}, {.trusted = made.certificate}).response)
      << "it asks for a client's certificate";
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace wgscope::test
