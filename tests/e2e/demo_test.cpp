// script/demo, as somebody runs it who wants to see what this is.

#include <arpa/inet.h>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <netinet/in.h>
#include <regex>
#include <set>
#include <string>
#include <sys/socket.h>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/os/unique_fd.hpp"

#include "http.hpp"
#include "metrics.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "temp_dir.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr auto kBuildLimit = 240s;  // it builds an exporter of its own first

std::uint16_t free_port() {
  const os::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size);
  getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

class DemoTest : public testing::Test {
 protected:
  static Process start(const std::string& flags, std::uint16_t port) {
    return Process({"bash", "-c",
                    fmt::format("cd '{}' && exec script/demo --port {} {}", source_dir().string(),
                                port, flags)});
  }

  /// Whether the exporter of the demo on this port still runs.
  static bool exporter_runs(std::uint16_t port) {
    const std::string listens = fmt::format("--demo --web.listen-address=127.0.0.1:{}", port);
    return must_run({"ps", "-eo", "args="}).find(listens) != std::string::npos;
  }

  static std::set<std::string> work_folders() {
    std::set<std::string> folders;
    for (const auto& entry :
         std::filesystem::directory_iterator(std::filesystem::temp_directory_path()))
      if (entry.path().filename().string().starts_with("wgscope-demo."))
        folders.insert(entry.path());
    return folders;
  }
};

TEST_F(DemoTest, ShowsTwoGatewaysAndTheirPeers) {
  const std::set<std::string> folders = work_folders();
  const std::uint16_t port = free_port();
  Process demo = start("--for 15", port);
  ASSERT_TRUE(demo.wait_for_output("gateway    peer", kBuildLimit)) << demo.out() << demo.err();

  // What it invites to look at while it runs.
  const std::string url = fmt::format("http://127.0.0.1:{}/metrics", port);
  EXPECT_THAT(demo.out(), HasSubstr(url));
  const Metrics metrics = Metrics::parse(http({.port = port}).body);
  EXPECT_EQ(metrics.find("wireguard_peer_info", {{"name", "laptop"}}).size(), 1U);
  EXPECT_EQ(
      metrics.find("wireguard_peer_info", {{"name", "vault"}, {"preshared_key", "true"}}).size(),
      1U);
  EXPECT_EQ(metrics.find("wireguard_exporter_interface_failures").size(), 0U);
  EXPECT_TRUE(exporter_runs(port)) << "the search below would find nothing";
  EXPECT_NE(work_folders(), folders) << "nor would the look at folders";

  ASSERT_EQ(demo.wait(40s), 0) << demo.out() << demo.err();
  EXPECT_THAT(demo.out(), AllOf(ContainsRegex("gw-lisbon +laptop +live +[0-9]+ s ago"),
                                ContainsRegex("tablet +live +[0-9]+ s ago.*dead in 1[0-9][0-9] s"),
                                ContainsRegex("printer +never +- "),
                                ContainsRegex("gw-oslo +vault +live .*preshared key"),
                                ContainsRegex("phone +live "), ContainsRegex("mast +live ")));
  EXPECT_THAT(demo.err(), IsEmpty());
  EXPECT_FALSE(exporter_runs(port));
  EXPECT_EQ(work_folders(), folders);
}

TEST_F(DemoTest, LetsWhoeverLooksBeThePrinter) {
  const std::uint16_t port = free_port();
  Process demo = start("", port);
  const std::regex invitation("be    the printer:  (\\S+ handshake --config \\S+/printer.conf)\n");
  ASSERT_TRUE(demo.wait_for_output(invitation, kBuildLimit)) << demo.out() << demo.err();
  std::smatch command;
  ASSERT_TRUE(std::regex_search(demo.out(), command, invitation));
  const Metrics before = Metrics::parse(http({.port = port}).body);
  ASSERT_EQ(before.find("wireguard_peer_info", {{"name", "printer"}}).size(), 1U);

  const TempDir state;
  const Finished finished =
      run({"bash", "-c",
           fmt::format("cd '{}' && {} --state.dir '{}'", source_dir().string(), command.str(1),
                       state.path().string())});
  EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  EXPECT_THAT(finished.out, StartsWith("OK: handshake with 127.0.0.1:"));
  EXPECT_TRUE(demo.wait_for_output(std::regex("printer +live"), 30s)) << demo.out();
  demo.signal(SIGINT);
  EXPECT_EQ(demo.wait(15s), 130) << demo.err();
}

TEST_F(DemoTest, CleansUpOnCtrlC) {
  const std::set<std::string> folders = work_folders();
  const std::uint16_t port = free_port();
  Process demo = start("", port);
  ASSERT_TRUE(demo.wait_for_output("printer", kBuildLimit)) << demo.out() << demo.err();
  kill(-demo.pid(), SIGINT);  // to the whole group, as a terminal does
  EXPECT_EQ(demo.wait(15s), 130) << demo.err();
  EXPECT_FALSE(exporter_runs(port));
  EXPECT_EQ(work_folders(), folders);
}

TEST_F(DemoTest, SaysSoWhenItsPortIsTaken) {
  const os::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(bind(socket.get(), any, size) + listen(socket.get(), 1) +
                getsockname(socket.get(), any, &size),
            0);
  Process demo = start("--for 1", ntohs(address.sin_port));
  EXPECT_EQ(demo.wait(kBuildLimit), 1);
  EXPECT_THAT(demo.err(),
              AllOf(HasSubstr(std::to_string(ntohs(address.sin_port))), HasSubstr("--port")));
  EXPECT_FALSE(exporter_runs(ntohs(address.sin_port)));
}

}  // namespace
}  // namespace wgscope::test
