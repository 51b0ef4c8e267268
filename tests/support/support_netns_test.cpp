// The support's namespaces and tunnels: what the netns tier stands on.

#include <chrono>
#include <filesystem>
#include <future>
#include <optional>
#include <signal.h>
#include <string>
#include <system_error>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http.hpp"
#include "netns.hpp"
#include "wait.hpp"
#include "wireguard_go.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class Tunnels : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto reason = why_no_netns()) GTEST_SKIP() << *reason;
  }
};

//   left 192.0.2.1 ---- 192.0.2.2 right
//     10.9.0.1 ==== tunnel ==== 10.9.0.2
TEST_F(Tunnels, CarryTrafficBetweenNamespaces) {
  const NetworkNamespace left;
  const NetworkNamespace right;
  connect(left, "192.0.2.1/24", right, "192.0.2.2/24");
  const KeyPair left_keys = make_key_pair();
  const KeyPair right_keys = make_key_pair();
  const WireguardGo near(left);
  const WireguardGo far(right, WireguardGo::Mode::daemon);
  near.configure("[Interface]\nPrivateKey=" + left_keys.private_key + "\n[Peer]\nPublicKey=" +
                 right_keys.public_key + "\nEndpoint=192.0.2.2:51820\nAllowedIPs=10.9.0.2/32\n");
  far.configure("[Interface]\nListenPort=51820\nPrivateKey=" + right_keys.private_key +
                "\n[Peer]\nPublicKey=" + left_keys.public_key + "\nAllowedIPs=10.9.0.1/32\n");
  near.up("10.9.0.1/24");
  far.up("10.9.0.2/24");
  EXPECT_THAT(left.must({"ping", "-c", "1", "-W", "5", "10.9.0.2"}), HasSubstr("1 received"));
  EXPECT_THAT(far.wg({"show", far.name(), "latest-handshakes"}), HasSubstr(left_keys.public_key));
}

// In a thread, whose mounts are gone with it.
TEST_F(Tunnels, CanBeKeptFromOtherTests) {
  const NetworkNamespace shared;
  std::promise<std::string> made;
  std::promise<void> looked;
  std::thread alone([&] {
    leave_shared_folders();
    EXPECT_FALSE(std::filesystem::exists(shared.path()));
    const NetworkNamespace own;
    const WireguardGo tunnel(own);
    EXPECT_TRUE(std::filesystem::exists(own.path()));
    EXPECT_TRUE(std::filesystem::exists(tunnel.socket_path()));
    made.set_value(tunnel.socket_path());
    looked.get_future().wait();
  });
  EXPECT_FALSE(std::filesystem::exists(made.get_future().get()));
  looked.set_value();
  alone.join();
  EXPECT_TRUE(std::filesystem::exists(shared.path()));
}

TEST_F(Tunnels, LeaveNothingBehind) {
  std::string socket;
  std::string path;
  for (const auto mode : {WireguardGo::Mode::foreground, WireguardGo::Mode::daemon}) {
    pid_t pid = 0;
    {
      const NetworkNamespace netns;
      const WireguardGo tunnel(netns, mode);
      pid = tunnel.pid();
      socket = tunnel.socket_path();
      path = netns.path();
      ASSERT_TRUE(std::filesystem::exists(socket));
    }
    EXPECT_FALSE(std::filesystem::exists(socket));
    EXPECT_FALSE(std::filesystem::exists(path));
    // A daemon ends a moment after it was told to, and its zombie may wait for init to reap it.
    EXPECT_TRUE(wait_until(
        [pid] {
          return kill(pid, 0) != 0 ||
                 run({"ps", "-o", "stat=", "-p", std::to_string(pid)}).out.starts_with("Z");
        },
        std::chrono::seconds(10)));
  }
}

TEST_F(Tunnels, ConnectionsReachIntoNamespaces) {
  const NetworkNamespace netns;
  const HttpServer nobody{.port = 9, .address = "127.0.0.1", .netns = netns.name()};
  EXPECT_FALSE(accepts_connections(nobody));
  EXPECT_THROW(connect_tcp(nobody), std::system_error);
}

}  // namespace
}  // namespace wgscope::test
