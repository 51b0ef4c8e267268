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
#include <sys/types.h>
#include <system_error>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/os/netns.hpp"
#include "wgscope/os/unique_fd.hpp"

#include "http.hpp"
#include "metrics.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "paths.hpp"
#include "process.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::IsEmpty;

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
  void SetUp() override { WGSCOPE_NEED(why_no_netns()); }

  static Process start(const std::string& flags, std::uint16_t port) {
    return Process({"bash", "-c",
                    fmt::format("cd '{}' && exec script/demo --port {} {}", source_dir().string(),
                                port, flags)});
  }

  /// Names of what a demo leaves if it cleans up badly. Its own pid is in all of them.
  static std::set<std::string> remains_of(pid_t pid) {
    std::set<std::string> remains;
    const std::string number = std::to_string(pid);
    for (const std::string& name : os::list_named_netns())
      if (name.starts_with("wgscope-demo-" + number + "-")) remains.insert(name);
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/var/run/wireguard", ignored))
      if (entry.path().filename().string().ends_with(number + ".sock"))
        remains.insert(entry.path());
    const std::regex program(fmt::format(".*(wireguard-go.*[a-z]{0}|wgscope-demo-{0}-).*", number));
    for (const std::string& line : lines_of(must_run({"ps", "-eo", "pid=,args="})))
      if (std::regex_match(line, program)) remains.insert(line);
    return remains;
  }

  static std::set<std::string> work_folders() {
    std::set<std::string> folders;
    for (const auto& entry :
         std::filesystem::directory_iterator(std::filesystem::temp_directory_path()))
      if (entry.path().filename().string().starts_with("wgscope-demo."))
        folders.insert(entry.path());
    return folders;
  }

 private:
  static std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::size_t start = 0;
    for (std::size_t end = text.find('\n'); end != std::string::npos;
         end = text.find('\n', start)) {
      lines.push_back(text.substr(start, end - start));
      start = end + 1;
    }
    return lines;
  }
};

TEST_F(DemoTest, DemoShowsThreePeers) {
  const std::set<std::string> folders = work_folders();
  const std::uint16_t port = free_port();
  Process demo = start("--for 15", port);
  ASSERT_TRUE(demo.wait_for_output("peer      state", kBuildLimit)) << demo.out() << demo.err();

  // What it invites to look at while it runs.
  const std::string url = fmt::format("http://127.0.0.1:{}/metrics", port);
  EXPECT_THAT(demo.out(), HasSubstr(url));
  const Metrics metrics = Metrics::parse(http({.port = port}).body);
  EXPECT_EQ(metrics.find("wireguard_peer_info", {{"name", "laptop"}}).size(), 1U);
  EXPECT_FALSE(remains_of(demo.pid()).empty()) << "the search below would find nothing";

  ASSERT_EQ(demo.wait(40s), 0) << demo.out() << demo.err();
  EXPECT_THAT(demo.out(), AllOf(ContainsRegex("laptop +live +[0-9]+ s ago"),
                                ContainsRegex("tablet +live +[0-9]+ s ago.*dead in 1[0-9][0-9] s"),
                                ContainsRegex("printer +never +- ")));
  EXPECT_THAT(demo.err(), IsEmpty());
  EXPECT_THAT(remains_of(demo.pid()), IsEmpty());
  EXPECT_EQ(work_folders(), folders);
  EXPECT_FALSE(accepts_connections({.port = port}));
}

TEST_F(DemoTest, CleansUpOnCtrlC) {
  const std::set<std::string> folders = work_folders();
  const std::uint16_t port = free_port();
  Process demo = start("", port);
  ASSERT_TRUE(demo.wait_for_output("printer", kBuildLimit)) << demo.out() << demo.err();
  kill(-demo.pid(), SIGINT);  // to the whole group, as a terminal does
  EXPECT_EQ(demo.wait(15s), 130) << demo.err();
  EXPECT_THAT(remains_of(demo.pid()), IsEmpty());
  EXPECT_EQ(work_folders(), folders);
  EXPECT_FALSE(accepts_connections({.port = port}));
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
  EXPECT_THAT(remains_of(demo.pid()), IsEmpty());
}

}  // namespace
}  // namespace wgscope::test
