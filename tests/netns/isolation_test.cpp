// The exporter's processes, as an operator sees them.

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <sys/types.h>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter.hpp"
#include "files.hpp"
#include "metrics.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "temp_dir.hpp"
#include "wait.hpp"
#include "wireguard_go.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// The value of a line of /proc/PID/status, such as "CapPrm"; empty once the process is gone.
std::string status_of(pid_t process, const std::string& field) {
  std::ifstream file(fmt::format("/proc/{}/status", process));
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const std::size_t at = text.find("\n" + field + ":\t");
  if (at == std::string::npos) return "";
  const std::size_t value = at + field.size() + 3;
  return text.substr(value, text.find('\n', value) - value);
}

bool runs(pid_t process) {
  const std::string state = status_of(process, "State");
  return !state.empty() && state.front() != 'Z';
}

class IsolationTest : public testing::Test {
 protected:
  void SetUp() override { WGSCOPE_NEED(why_no_netns()); }

  NetworkNamespace netns_;
  WireguardGo tunnel_{netns_};
};

TEST_F(IsolationTest, LeavesNoPrivilegeToTheProcessThatServes) {
  Exporter exporter({.flags = {only_own_interfaces()}});
  const std::vector<pid_t> processes = exporter.processes();
  ASSERT_EQ(processes.size(), 3U);
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"})
    EXPECT_EQ(status_of(processes[0], set), "0000000000000000") << set;
  EXPECT_NE(status_of(processes[2], "CapEff"), "0000000000000000") << "the one that reads needs it";
  EXPECT_EQ(status_of(processes[0], "NoNewPrivs"), "1");
  EXPECT_EQ(status_of(processes[0], "Seccomp"), "2");
  // Threads inherit it, those of the HTTP server too.
  EXPECT_EQ(exporter.scrape().value("wireguard_interface_peers", {{"interface", tunnel_.name()}}),
            0);
}

TEST_F(IsolationTest, GoesOnWhenTheProcessThatReadsWasKilled) {
  Exporter exporter({.flags = {only_own_interfaces()}});
  const pid_t reader = exporter.processes().at(2);
  ASSERT_EQ(kill(reader, SIGKILL), 0);
  ASSERT_TRUE(wait_until([&] { return !runs(reader); }, 10s));
  // This scrape waits for the new process.
  const Metrics metrics = exporter.scrape();
  EXPECT_EQ(metrics.value("wireguard_interface_peers", {{"interface", tunnel_.name()}}), 0);
  EXPECT_EQ(metrics.value("wireguard_exporter_reader_restarts_total"), 1);
  EXPECT_TRUE(exporter.wait_for_log("signal 9 (Killed) ended it", 5000ms));
  EXPECT_NE(exporter.processes().at(2), reader);
}

TEST_F(IsolationTest, EndsWithAnErrorWhenNothingCanBeReadAnyLonger) {
  Exporter exporter({.flags = {only_own_interfaces(), "--sample.interval=1s"}});
  const std::vector<pid_t> processes = exporter.processes();
  ASSERT_EQ(kill(processes.at(1), SIGKILL), 0);
  EXPECT_EQ(exporter.wait(20s), 1);
  EXPECT_THAT(exporter.log(), HasSubstr("the process that reads is gone for good"));
  EXPECT_TRUE(wait_until([&] { return !runs(processes[2]); }, 10s)) << "the reader outlives it";
}

TEST_F(IsolationTest, LeavesNoProcessBehindHoweverItEnds) {
  for (const int signal : {SIGTERM, SIGKILL, SIGSEGV}) {
    Exporter exporter({.flags = {only_own_interfaces()}});
    const std::vector<pid_t> processes = exporter.processes();
    ASSERT_EQ(processes.size(), 3U);
    exporter.signal(signal);
    EXPECT_TRUE(exporter.wait(10s));
    for (const pid_t process : processes)
      EXPECT_TRUE(wait_until([&] { return !runs(process); }, 10s))
          << process << " after " << signal;
  }
}

TEST_F(IsolationTest, CanBeSwitchedOff) {
  Exporter exporter({.flags = {only_own_interfaces(), "--no-isolation"}});
  EXPECT_EQ(exporter.processes().size(), 1U);
  const Metrics metrics = exporter.scrape();
  EXPECT_EQ(metrics.value("wireguard_interface_peers", {{"interface", tunnel_.name()}}), 0);
  EXPECT_THAT(metrics.find("wireguard_exporter_reader_restarts_total"), IsEmpty());
}

/// The inventory is replaced by renaming, in a folder of its own and as a link into another one.
TEST_F(IsolationTest, SeesFilesThatAreReplaced) {
  const TempDir folder;
  const TempDir other;
  const auto inventory = [](int peers) {
    std::string text = "peers:\n";
    for (int i = 0; i < peers; ++i)
      text += fmt::format("  - {{name: p{}, public_key: {}}}\n", i, make_key_pair().public_key);
    return text;
  };
  write_file(other / "real.yaml", inventory(1));
  std::filesystem::create_symlink(other / "real.yaml", folder / "inventory.yaml");
  Exporter exporter(
      {.flags = {only_own_interfaces(), "--inventory=" + (folder / "inventory.yaml").string()}});
  EXPECT_EQ(exporter.scrape().value("wireguard_inventory_last_reload_success"), 1);
  write_file(other / "new.yaml", "peers: [broken\n");
  std::filesystem::rename(other / "new.yaml", other / "real.yaml");
  EXPECT_TRUE(wait_until(
      [&] { return exporter.scrape().value("wireguard_inventory_last_reload_success") == 0; },
      20s));
  EXPECT_THAT(exporter.log(), Not(HasSubstr("Permission denied")));
}

}  // namespace
}  // namespace wgscope::test
