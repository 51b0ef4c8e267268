// Packets that a userspace implementation did not come to read: the kernel drops and counts them at
// its UDP socket.

#include <arpa/inet.h>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <netinet/in.h>
#include <sstream>
#include <string>
#include <sys/socket.h>
#include <thread>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/os/netns.hpp"
#include "wgscope/os/unique_fd.hpp"

#include "exporter.hpp"
#include "metrics.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "wireguard_go.hpp"

namespace wgscope::test {
namespace {

constexpr std::uint16_t kPort = 51899;

class SocketDropsTest : public testing::Test {
 protected:
  void SetUp() override { WGSCOPE_NEED(why_no_netns()); }
};

/// The last column of the lines of one of /proc/net's files that are about kPort.
std::uint64_t drops_in(const NetworkNamespace& netns, const std::string& file) {
  std::istringstream lines(netns.must({"cat", "/proc/net/" + file}));
  std::uint64_t sum = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.find(fmt::format(":{:04X} ", kPort)) == std::string::npos) continue;
    line.erase(line.find_last_not_of(' ') + 1);
    sum += std::stoull(line.substr(line.rfind(' ') + 1));
  }
  return sum;
}

/// Sends `count` packets to 127.0.0.1:kPort in the namespace.
void flood(const NetworkNamespace& netns, int count) {
  std::thread([&] {
    const auto inside = os::Netns::open(netns.path());
    ASSERT_TRUE(inside && inside->enter());
    const os::UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(kPort);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const std::string packet(1200, 'x');
    for (int i = 0; i < count; ++i)
      sendto(socket.get(), packet.data(), packet.size(), 0, reinterpret_cast<const sockaddr*>(&to),
             sizeof to);
  }).join();
}

TEST_F(SocketDropsTest, AreCountedAsTheKernelDoes) {
  const NetworkNamespace netns;
  const WireguardGo tunnel(netns);
  tunnel.wg({"set", tunnel.name(), "listen-port", std::to_string(kPort)});
  tunnel.up("10.9.0.1/24");  // from now on it has its UDP sockets
  const Exporter exporter({.flags = {only_own_interfaces()}});
  const Labels interface{{"interface", tunnel.name()}};
  const char* const metric = "wireguard_interface_socket_receive_drops_total";
  ASSERT_EQ(exporter.scrape().value(metric, interface), 0);

  tunnel.signal(SIGSTOP);
  for (int round = 0; round < 20 && drops_in(netns, "udp") == 0; ++round) flood(netns, 1000);
  tunnel.signal(SIGCONT);
  const std::uint64_t drops = drops_in(netns, "udp") + drops_in(netns, "udp6");
  ASSERT_GT(drops, 0U);
  EXPECT_EQ(exporter.scrape().value(metric, interface), static_cast<double>(drops));
}

}  // namespace
}  // namespace wgscope::test
