// wgscope listen, with Debian's wireguard-go as its peer and `wg` looking at its socket.

#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// A file of `wg setconf`: without what only wg-quick knows.
std::string for_setconf(const std::string& file) {
  std::string kept;
  std::size_t at = 0;
  while (at < file.size()) {
    const std::size_t end = file.find('\n', at) + 1;
    const std::string line = file.substr(at, end - at);
    if (!line.starts_with("Address")) kept += line;
    at = end;
  }
  return kept;
}

class ListenTest : public testing::Test {
 protected:
  void SetUp() override { WGSCOPE_NEED(why_no_netns()); }

  std::vector<std::string> command(std::vector<std::string> more) const {
    std::vector<std::string> argv{
        binary_dir() / "probe/wgscope", "listen",      "--generate", "--peer-file",
        temp_ / "other.conf",           "--interface", name_};
    argv.insert(argv.end(), more.begin(), more.end());
    return argv;
  }

  /// Begins wgscope listen in a namespace of the test's own.
  void begin() {
    netns_.emplace();
    listen_.emplace(command({}), ProcessOptions{.env = {}, .netns = netns_->name(), .input = {}});
    ASSERT_TRUE(listen_->wait_for_output("stop with Ctrl-C", 30s)) << listen_->err();
  }
  /// The other side, with the file that wgscope listen has written or with what a test made of it.
  WireguardGo& connect(const std::string& file) {
    tunnel_.emplace(*netns_);
    tunnel_->configure(for_setconf(file));
    tunnel_->up("10.95.86.2/24");
    return *tunnel_;
  }
  [[nodiscard]] std::string other_side() const { return read_file(temp_ / "other.conf"); }

  TempDir temp_;
  std::optional<NetworkNamespace> netns_;
  std::optional<Process> listen_;
  std::optional<WireguardGo> tunnel_;
  std::string name_ = unique_interface_name();
};

TEST_F(ListenTest, IsAPeerToWireguardGo) {
  ASSERT_NO_FATAL_FAILURE(begin());
  connect(other_side());
  netns_->must({"ping", "-c", "3", "-i", "0.2", "-W", "5", "10.95.86.1"});
  EXPECT_TRUE(listen_->wait_for_output("the other side  key confirmed  127.0.0.1:", 30s))
      << listen_->out();
}

TEST_F(ListenTest, AnswersPingsThatTheTunnelsMtuCuts) {
  ASSERT_NO_FATAL_FAILURE(begin());
  const WireguardGo& tunnel = connect(other_side());
  netns_->must({"ip", "address", "add", "fd95:86::2/64", "dev", tunnel.name(), "nodad"});
  for (const char* size : {"1400", "9000", "60000"})
    for (const char* to : {"10.95.86.1", "fd95:86::1"})
      EXPECT_THAT(netns_->must({"ping", "-c", "3", "-i", "0.2", "-W", "5", "-s", size, to}),
                  HasSubstr(" 0% packet loss"))
          << size;
}

TEST_F(ListenTest, SaysThatAPeerWithAWrongPresharedKeyConfirmsNoResponse) {
  ASSERT_NO_FATAL_FAILURE(begin());
  std::string config = other_side();
  const std::size_t key = config.find("PresharedKey = ") + 15;
  config[key] = config[key] == 'A' ? 'B' : 'A';
  connect(config);
  static_cast<void>(netns_->exec({"ping", "-c", "1", "-W", "1", "10.95.86.1"}));
  EXPECT_TRUE(listen_->wait_for_output("the other side  response not confirmed  127.0.0.1:", 30s))
      << listen_->out();
  EXPECT_THAT(listen_->out(), HasSubstr("compare PresharedKey on both sides"));
}

TEST_F(ListenTest, IsShownByWgAsAnyOtherInterface) {
  ASSERT_NO_FATAL_FAILURE(begin());
  EXPECT_THAT(must_run({"wg", "show", name_}),
              AllOf(StartsWith("interface: " + name_ + "\n"), HasSubstr("preshared key: (hidden)"),
                    HasSubstr("allowed ips: 10.95.86.2/32, fd95:86::2/128")));
  const std::string key = listen_->err().substr(listen_->err().find(": ") + 2, 44);
  EXPECT_THAT(must_run({"wg", "show", name_, "public-key"}), StartsWith(key));
  const Finished set = run({"wg", "set", name_, "listen-port", "5"});
  EXPECT_NE(set.exit_code, 0);
  EXPECT_THAT(set.err, HasSubstr("Operation not supported"));
  listen_->signal(SIGTERM);
  EXPECT_EQ(listen_->wait(30s), 0);
  EXPECT_NE(run({"wg", "show", name_}).exit_code, 0);
}

}  // namespace
}  // namespace wgscope::test
