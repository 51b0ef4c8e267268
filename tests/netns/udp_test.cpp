// UDP sockets on ways that refuse: a small MTU, firewalls, no route, a neighbour that is silent.
//
//   client ---(MTU 1500)--- router ---(MTU 1280)--- server
//   .1.1 / 1::1      .1.2 / 1::2   .2.2 / 2::2      .2.1 / 2::1

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <optional>
#include <poll.h>
#include <span>
#include <string>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <linux/capability.h>

#include "wgscope/base/result.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/dont_fragment.hpp"
#include "wgscope/os/netns.hpp"
#include "wgscope/os/resolve.hpp"
#include "wgscope/os/udp_socket.hpp"

#include "need.hpp"
#include "netns.hpp"
#include "routed_path.hpp"
#include "udp_sockets.hpp"

namespace wgscope::test {
namespace {

constexpr std::uint16_t kPort = 51820;

/// Runs `function` on a thread in the namespace.
template <class Function>
void inside(const NetworkNamespace& netns, Function function) {
  std::thread([&] {
    const auto target = os::Netns::open(netns.path());
    ASSERT_TRUE(target && target->enter());
    function();
  }).join();
}

class UdpOnTheWay : public testing::TestWithParam<Family> {
 protected:
  void SetUp() override {
    WGSCOPE_NEED(why_no_netns());
    net_.emplace();
    const auto& [client, router, server, near, far] = *net_;
    client.must({"ip", "address", "add", "fd01::1/64", "dev", near.left, "nodad"});
    router.must({"ip", "address", "add", "fd01::2/64", "dev", near.right, "nodad"});
    router.must({"ip", "address", "add", "fd02::2/64", "dev", far.left, "nodad"});
    server.must({"ip", "address", "add", "fd02::1/64", "dev", far.right, "nodad"});
    router.must({"ip", "link", "set", far.left, "mtu", "1280"});
    server.must({"ip", "link", "set", far.right, "mtu", "1280"});
    router.must({"sysctl", "-qw", "net.ipv6.conf.all.forwarding=1"});
    client.must({"ip", "route", "add", "fd02::/64", "via", "fd01::2"});
    server.must({"ip", "route", "add", "fd01::/64", "via", "fd02::2"});
  }

  [[nodiscard]] static bool v4() { return GetParam() == Family::v4; }
  [[nodiscard]] static IpAddress address(const char* of_v4, const char* of_v6) {
    return IpAddress::parse(v4() ? of_v4 : of_v6).value();
  }
  [[nodiscard]] static IpAddress any() { return address("0.0.0.0", "::"); }
  [[nodiscard]] static IpAddress router() { return address("10.1.0.2", "fd01::2"); }
  [[nodiscard]] static Endpoint server(std::uint16_t port = kPort) {
    return {address("10.2.0.1", "fd02::1"), 0, port};
  }

  static os::UdpSocket open_in(const NetworkNamespace& netns, const os::UdpOptions& options = {},
                               std::uint16_t port = 0) {
    std::optional<os::UdpSocket> socket;
    inside(netns, [&] { socket.emplace(must_open({any(), 0, port}, options)); });
    return std::move(socket.value());
  }
  static os::UdpSocket open_in(const NetworkNamespace& netns, os::Fragmentation fragmentation) {
    os::UdpOptions options;
    options.fragmentation = fragmentation;
    return open_in(netns, options);
  }
  static void add_rules(const NetworkNamespace& netns, const std::string& hook,
                        const std::string& rule) {
    netns.must(
        {"nft", "-f", "-"},
        fmt::format("table inet wgs {{ chain c {{ type filter hook {} priority 0; {}; }}; }}\n",
                    hook, rule));
  }

  std::optional<RoutedPath> net_;
};

INSTANTIATE_TEST_SUITE_P(, UdpOnTheWay, testing::Values(Family::v4, Family::v6),
                         [](const auto& test) {
                           return std::string(test.param == Family::v4 ? "V4" : "V6");
                         });

TEST_P(UdpOnTheWay, LearnsTheMtuAndWhoToldIt) {
  os::UdpSocket client = open_in(net_->client, os::Fragmentation::probe);
  const auto bytes = pattern(1400);
  const os::SendBatch batch{server(), bytes, bytes.size(), {}};
  ASSERT_TRUE(client.send({&batch, 1}).failures.empty());
  const auto error = wait_for_error(client);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->destination, server());
  EXPECT_EQ(error->sys_errno, EMSGSIZE);
  EXPECT_EQ(error->info, 1280U);
  EXPECT_EQ(error->offender, router());
  EXPECT_EQ(error->origin, v4() ? os::SocketError::Origin::icmp : os::SocketError::Origin::icmpv6);
  EXPECT_EQ(error->type, v4() ? ICMP_DEST_UNREACH : ICMP6_PACKET_TOO_BIG);
  EXPECT_EQ(error->code, v4() ? ICMP_FRAG_NEEDED : 0);

  // Probing, what was learnt does not count.
  EXPECT_TRUE(client.send({&batch, 1}).failures.empty());
  ASSERT_TRUE(wait_for_error(client));

  // Otherwise it does: what is too long is refused here, and the queue tells what would fit.
  ASSERT_TRUE(client.set_fragmentation(os::Fragmentation::forbid));
  const auto report = client.send({&batch, 1});
  ASSERT_EQ(report.failures.size(), 1U);
  EXPECT_EQ(report.failures[0].sys_errno, EMSGSIZE);
  EXPECT_EQ(report.failures[0].to, server());
  const auto local = client.next_error();
  ASSERT_TRUE(local);
  EXPECT_EQ(local->origin, os::SocketError::Origin::local);
  EXPECT_EQ(local->info, 1280U);
  EXPECT_EQ(local->offender, std::nullopt);
}

TEST_P(UdpOnTheWay, IsToldByTheRouterThatItMayNotPass) {
  add_rules(net_->router, "forward", "udp dport 7 reject with icmpx type admin-prohibited");
  os::UdpSocket client = open_in(net_->client);
  const auto bytes = pattern(148);
  const os::SendBatch batch{server(7), bytes, bytes.size(), {}};
  ASSERT_TRUE(client.send({&batch, 1}).failures.empty());
  const auto error = wait_for_error(client);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->destination, server(7));
  EXPECT_EQ(error->offender, router());
  EXPECT_EQ(error->sys_errno, v4() ? EHOSTUNREACH : EACCES);
  EXPECT_EQ(error->type, v4() ? ICMP_DEST_UNREACH : ICMP6_DST_UNREACH);
  EXPECT_EQ(error->code, v4() ? ICMP_PKT_FILTERED : ICMP6_DST_UNREACH_ADMIN);
}

TEST_P(UdpOnTheWay, IsToldByTheServerThatNobodyListens) {
  os::UdpSocket client = open_in(net_->client);
  const auto bytes = pattern(148);
  const os::SendBatch batch{server(), bytes, bytes.size(), {}};
  ASSERT_TRUE(client.send({&batch, 1}).failures.empty());
  const auto error = wait_for_error(client);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->sys_errno, ECONNREFUSED);
  EXPECT_EQ(error->offender, server().address);
}

TEST_P(UdpOnTheWay, NamesWhatTheOwnHostRefusesAndSendsTheRest) {
  add_rules(net_->client, "output", "udp dport 9 drop");
  os::UdpSocket client = open_in(net_->client);
  os::UdpSocket receiver = open_in(net_->server, {}, kPort);
  const Endpoint unreachable{address("203.0.113.1", "2001:db8::1"), 0, kPort};
  const auto bytes = pattern(3000);
  const os::SendBatch batches[] = {{server(), bytes, 1000, {}},
                                   {server(9), bytes, 1000, {}},
                                   {server(), bytes, 1000, {}},
                                   {unreachable, bytes, 1000, {}},
                                   {server(), bytes, 1000, {}}};
  const auto report = client.send(batches);
  EXPECT_EQ(report.batches, 5U);
  EXPECT_EQ(report.datagrams, 9U);
  ASSERT_EQ(report.failures.size(), 2U);
  EXPECT_EQ(report.failures[0].to, server(9));
  EXPECT_EQ(report.failures[0].sys_errno, EPERM);
  EXPECT_EQ(report.failures[0].datagrams, 3U);
  EXPECT_EQ(report.failures[1].to, unreachable);
  EXPECT_EQ(report.failures[1].sys_errno, ENETUNREACH);
  EXPECT_EQ(report.failures[1].batch, 3U);
  EXPECT_EQ(receive_count(receiver, 9).size(), 9U);
}

TEST_P(UdpOnTheWay, CutsDatagramsUpThatAreLongerThanTheMtu) {
  // The kernel does not cut a batch whose datagrams need fragments: each is sent by itself then.
  os::UdpSocket client = open_in(net_->client);
  os::UdpSocket receiver = open_in(net_->router, {}, kPort);
  ASSERT_TRUE(client.cuts_in_kernel());
  const auto bytes = pattern(20'000);
  const os::SendBatch batches[] = {{{router(), 0, kPort}, bytes, 2000, {}},
                                   {{router(), 0, kPort}, bytes, 1000, {}}};
  const auto report = client.send(batches);
  EXPECT_TRUE(report.failures.empty());
  EXPECT_EQ(report.datagrams, 30U);
  std::vector<std::byte> arrived;
  for (const Arrived& one : receive_count(receiver, 30))
    arrived.insert(arrived.end(), one.bytes.begin(), one.bytes.end());
  EXPECT_EQ(arrived.size(), 2 * bytes.size());
  EXPECT_TRUE(client.cuts_in_kernel());
}

TEST_P(UdpOnTheWay, TellsTheLargestFragmentOfWhatWasCut) {
  os::UdpSocket client = open_in(net_->client);  // its datagrams may be cut
  os::UdpOptions reporting;
  reporting.report_fragments = true;
  os::UdpSocket receiver = open_in(net_->server, reporting, kPort);
  os::UdpSocket plain = open_in(net_->server, {}, kPort + 1);
  const auto bytes = pattern(1400);
  const auto send = [&](std::size_t size, std::uint16_t port = kPort) {
    const os::SendBatch batch{server(port), std::span(bytes).first(size), size, {}};
    ASSERT_TRUE(client.send({&batch, 1}).failures.empty());
  };
  if (!v4()) {  // no router cuts: this host does, once it has been told
    send(1400);
    ASSERT_TRUE(wait_for_error(client));
  }
  const auto receive = [](os::UdpSocket& socket) {
    std::vector<std::pair<std::size_t, std::optional<std::size_t>>> all;
    wait_for(socket, POLLIN);
    EXPECT_TRUE(socket.receive([&](const os::Received& one) {
      all.emplace_back(one.datagram.size(), one.largest_fragment);
    }));
    return all;
  };
  using Sizes = std::vector<std::pair<std::size_t, std::optional<std::size_t>>>;
  send(1400);
  // What is behind the IP header in a fragment is a multiple of 8: 1256 bytes; over IPv6 1232, 8
  // of which are the fragment's header.
  EXPECT_EQ(receive(receiver), (Sizes{{1400, v4() ? 1276 : 1280}}));
  send(1200);
  EXPECT_EQ(receive(receiver), (Sizes{{1200, std::nullopt}}));
  send(1400, kPort + 1);
  EXPECT_EQ(receive(plain), (Sizes{{1400, std::nullopt}})) << "it did not ask";
}

/// A tap in the server's namespace on what the client sends to `kPort`.
Result<os::DontFragmentTap> open_tap(const NetworkNamespace& netns, bool privileged = true) {
  std::optional<Result<os::DontFragmentTap>> tap;
  inside(netns, [&] {
    const __user_cap_data_struct none[2]{};
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};  // of this thread alone
    ASSERT_TRUE(privileged || syscall(SYS_capset, &header, none) == 0);
    tap.emplace(os::DontFragmentTap::open(IpAddress::parse("10.1.0.1").value(), kPort));
  });
  return std::move(tap.value());
}

class DontFragmentOnTheWay : public UdpOnTheWay {};
INSTANTIATE_TEST_SUITE_P(, DontFragmentOnTheWay, testing::Values(Family::v4));

TEST_P(DontFragmentOnTheWay, IsReadByATap) {
  auto tap = open_tap(net_->server);
  ASSERT_TRUE(tap) << tap.error().context;
  os::UdpSocket client = open_in(net_->client, os::Fragmentation::allow);
  os::UdpSocket receiver = open_in(net_->server, {}, kPort);
  const auto bytes = pattern(200);
  const auto send = [&](std::uint16_t port = kPort) {
    const os::SendBatch batch{server(port), bytes, bytes.size(), {}};
    ASSERT_TRUE(client.send({&batch, 1}).failures.empty());
  };
  send();
  send(kPort + 1);  // not its port
  ASSERT_EQ(receive_count(receiver, 1).size(), 1U);
  auto seen = tap->read();
  EXPECT_EQ(seen.set, 0U);
  EXPECT_EQ(seen.clear, 1U);
  ASSERT_TRUE(client.set_fragmentation(os::Fragmentation::probe));
  send();
  send();
  ASSERT_EQ(receive_count(receiver, 2).size(), 2U);
  seen = tap->read();
  EXPECT_EQ(seen.set, 2U);
  EXPECT_EQ(seen.clear, 0U);
}

TEST_P(DontFragmentOnTheWay, IsNotReadWithoutPrivileges) {
  const auto tap = open_tap(net_->server, false);
  ASSERT_FALSE(tap);
  EXPECT_EQ(tap.error().code, Errc::not_permitted);
  EXPECT_NE(tap.error().context.find("CAP_NET_RAW"), std::string::npos);
}

TEST_P(UdpOnTheWay, WaitsForRoomAndGoesOnWhereItStopped) {
  // Packets for a neighbour that does not answer are kept, and fill the socket's buffer.
  os::UdpOptions small;
  small.socket_buffer = 4096;
  os::UdpSocket client = open_in(net_->client, small);
  os::UdpSocket receiver = open_in(net_->router, {}, kPort);
  const IpAddress silent = address("10.1.0.77", "fd01::77");
  const auto bytes = pattern(200'000);
  os::SendBatch batch{{silent, 0, kPort}, bytes, 1000, {}};
  auto report = client.send({&batch, 1});
  ASSERT_TRUE(report.blocked);
  ASSERT_EQ(report.batches, 0U);
  ASSERT_LT(report.bytes_of_next, bytes.size());
  pollfd wait{client.fd(), POLLOUT, 0};
  ASSERT_EQ(poll(&wait, 1, 0), 0) << "the loop would call again at once";

  std::string mac = net_->router.must({"cat", "/sys/class/net/" + net_->near.right + "/address"});
  mac.erase(mac.find_last_not_of('\n') + 1);
  const std::string text = silent.to_string();
  net_->router.must(
      {"ip", "address", "add", text + (v4() ? "/32" : "/128"), "dev", net_->near.right, "nodad"});
  net_->client.must({"ip", "neighbour", "replace", text, "lladdr", mac, "dev", net_->near.left});

  std::size_t sent = report.datagrams;
  while (report.blocked) {
    ASSERT_NE(wait_for(client, POLLOUT) & POLLOUT, 0);
    batch.bytes = batch.bytes.subspan(report.bytes_of_next);
    report = client.send({&batch, 1});
    sent += report.datagrams;
  }
  EXPECT_EQ(sent, 200U);
  std::vector<std::byte> arrived;
  for (const Arrived& one : receive_count(receiver, 200))
    arrived.insert(arrived.end(), one.bytes.begin(), one.bytes.end());
  EXPECT_TRUE(arrived == bytes);
}

TEST(ResolveWithoutNetwork, SaysThatNoNameServerAnswered) {
  WGSCOPE_NEED(why_no_netns());
  const NetworkNamespace empty;
  inside(empty, [] {
    const auto found = os::resolve("vpn.example.net", kPort);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, Errc::timeout) << found.error().context;
    EXPECT_NE(found.error().context.find("vpn.example.net"), std::string::npos);
  });
}

}  // namespace
}  // namespace wgscope::test
