// ICMP echo requests on both kinds of sockets, and where neither is permitted.

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/syscall.h>
#include <thread>
#include <tuple>
#include <unistd.h>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>

#include "wgscope/base/result.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/echo_socket.hpp"
#include "wgscope/os/netns.hpp"

#include "need.hpp"
#include "netns.hpp"
#include "random.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using os::EchoReply;
using os::EchoSocket;

constexpr const char* kEverybody = "net.ipv4.ping_group_range=0 2147483647";

/// Capabilities belong to threads (capabilities(7)): this one has none any more.
void drop_all_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct none[2]{};
  if (syscall(SYS_capset, &header, none) != 0) throw std::runtime_error("capset");
}

/// Opens a socket on a thread in the namespace, as root or as nobody in particular.
Result<EchoSocket> open_in(const NetworkNamespace& netns, Family family, bool privileged = true) {
  std::optional<Result<EchoSocket>> opened;
  std::thread([&] {
    const auto target = os::Netns::open(netns.path());
    if (!target || !target->enter()) return;
    if (!privileged) drop_all_capabilities();
    SeededRandom random(static_cast<std::uint64_t>(getpid()));
    opened.emplace(EchoSocket::open(family, random));
  }).join();
  return std::move(opened.value());
}

/// @returns nothing when none comes within 10 s.
std::optional<EchoReply> wait_for_reply(EchoSocket& socket) {
  const Instant deadline = os::boot_now() + 10s;
  while (os::boot_now() < deadline) {
    pollfd wait{socket.fd(), POLLIN, 0};
    static_cast<void>(poll(&wait, 1, os::poll_timeout_ms(deadline)));
    if (auto reply = socket.receive()) return reply;
  }
  return std::nullopt;
}

enum class Kind : std::uint8_t { ping_socket, raw };

//   near 192.0.2.1 / fd02::1 ---- 192.0.2.2 / fd02::2 far
struct Network {
  NetworkNamespace near;
  NetworkNamespace far;
  Veth v4 = connect(near, "192.0.2.1/24", far, "192.0.2.2/24");
};

class EchoOutside : public testing::TestWithParam<std::tuple<Family, Kind>> {
 protected:
  void SetUp() override {
    WGSCOPE_NEED(why_no_netns());
    net_.emplace();
    net_->near.must({"ip", "address", "add", "fd02::1/64", "dev", net_->v4.left, "nodad"});
    net_->far.must({"ip", "address", "add", "fd02::2/64", "dev", net_->v4.right, "nodad"});
    if (kind() == Kind::ping_socket) net_->near.must({"sysctl", "-qw", kEverybody});
  }

  [[nodiscard]] static Family family() { return std::get<0>(GetParam()); }
  [[nodiscard]] static Kind kind() { return std::get<1>(GetParam()); }
  [[nodiscard]] static Endpoint far() {
    return {IpAddress::parse(family() == Family::v4 ? "192.0.2.2" : "fd02::2").value(), 0, 51820};
  }
  EchoSocket must_open() { return open_in(net_->near, family()).value(); }

  std::optional<Network> net_;
};

INSTANTIATE_TEST_SUITE_P(, EchoOutside,
                         testing::Combine(testing::Values(Family::v4, Family::v6),
                                          testing::Values(Kind::ping_socket, Kind::raw)),
                         [](const auto& test) {
                           return std::string(std::get<0>(test.param) == Family::v4 ? "V4" : "V6") +
                                  (std::get<1>(test.param) == Kind::raw ? "Raw" : "PingSocket");
                         });

TEST_P(EchoOutside, IsAnsweredIntact) {
  EchoSocket socket = must_open();
  EXPECT_EQ(socket.is_raw(), kind() == Kind::raw);
  std::uint16_t sequence = 65'533;
  for (const std::size_t size : {0U, 1U, 56U, 1400U, 4000U}) {
    ASSERT_TRUE(socket.send(far(), ++sequence, size)) << size;
    const auto reply = wait_for_reply(socket);
    ASSERT_TRUE(reply) << size;
    EXPECT_EQ(reply->from, far().address);
    EXPECT_EQ(reply->sequence, sequence);
    EXPECT_EQ(reply->payload_size, size);
    EXPECT_TRUE(reply->intact);
  }
  EXPECT_FALSE(socket.receive()) << "each once";
}

TEST_P(EchoOutside, LeavesTheRepliesToOthersToThem) {
  EchoSocket socket = must_open();
  net_->near.must({"ping", "-c", "2", "-i", "0.2", "-W", "5",
                   family() == Family::v4 ? "192.0.2.2" : "fd02::2"});
  EXPECT_FALSE(socket.receive());
  ASSERT_TRUE(socket.send(far(), 7, 56));
  const auto reply = wait_for_reply(socket);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->sequence, 7);
}

TEST_P(EchoOutside, SaysWhyItCannotSend) {
  EchoSocket socket = must_open();
  Endpoint elsewhere = far();
  elsewhere.address =
      IpAddress::parse(family() == Family::v4 ? "198.51.100.1" : "2001:db8::1").value();
  const auto unreachable = socket.send(elsewhere, 1, 56);
  ASSERT_FALSE(unreachable);
  EXPECT_EQ(unreachable.error().sys_errno, ENETUNREACH);
  // A ping socket of IPv6 hears nothing of that (Linux, ping_v6_sendmsg()).
  if (family() == Family::v6 && kind() == Kind::ping_socket) return;
  net_->near.must({"nft", "-f", "-"},
                  "table inet wgs { chain c { type filter hook output priority 0; meta l4proto { "
                  "icmp, icmpv6 } drop; }; }\n");
  const auto refused = socket.send(far(), 1, 56);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::not_permitted);
}

TEST_P(EchoOutside, TellsThatARequestIsLargerThanTheInterfaceTakes) {
  EchoSocket socket = must_open();
  ASSERT_TRUE(socket.watch_path());
  const auto refused = socket.send(far(), 1, 4000);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().sys_errno, EMSGSIZE);
  const auto error = socket.next_error();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->sequence, std::nullopt);
  EXPECT_EQ(error->error.info, 1500U);
  EXPECT_FALSE(socket.next_error());
}

TEST_P(EchoOutside, TellsThatAReplyCameInFragments) {
  EchoSocket socket = must_open();
  ASSERT_TRUE(socket.watch_path());
  net_->far.ip("route replace 192.0.2.0/24 dev " + net_->v4.right + " mtu lock 1300\n" +
               "route add fd02::/64 dev " + net_->v4.right + " metric 1 mtu lock 1300");
  ASSERT_TRUE(socket.send(far(), 1, 1400));
  const auto cut = wait_for_reply(socket);
  ASSERT_TRUE(cut);
  EXPECT_TRUE(cut->intact);
  ASSERT_TRUE(cut->largest_fragment);
  EXPECT_LE(*cut->largest_fragment, 1300U);
  EXPECT_GT(*cut->largest_fragment, 1300U - 8U);
  ASSERT_TRUE(socket.send(far(), 2, 1000));
  EXPECT_EQ(wait_for_reply(socket).value().largest_fragment, std::nullopt);
}

TEST_P(EchoOutside, TellsWhichRequestDiedOnItsWay) {
  const NetworkNamespace beyond;
  const Veth link = connect(net_->far, "192.0.3.1/24", beyond, "192.0.3.2/24");
  net_->far.ip("address add fd03::1/64 dev " + link.left + " nodad");
  net_->near.ip("route add 192.0.3.0/24 via 192.0.2.2\nroute add fd03::/64 via fd02::2");
  net_->far.must({"sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"});
  EchoSocket socket = must_open();
  ASSERT_TRUE(socket.watch_path());
  ASSERT_TRUE(socket.set_hop_limit(1));
  Endpoint there = far();
  there.address = IpAddress::parse(family() == Family::v4 ? "192.0.3.2" : "fd03::2").value();
  ASSERT_TRUE(socket.send(there, 4711, 1000));
  std::optional<os::EchoError> error;
  const Instant deadline = os::boot_now() + 10s;
  while (!error && os::boot_now() < deadline) {
    pollfd wait{socket.fd(), POLLERR, 0};
    static_cast<void>(poll(&wait, 1, os::poll_timeout_ms(deadline)));
    error = socket.next_error();
  }
  ASSERT_TRUE(error);
  EXPECT_EQ(error->sequence, 4711);
  EXPECT_EQ(error->error.offender, far().address);
  EXPECT_EQ(error->error.type, family() == Family::v4 ? 11 : 3);
}

class EchoUnprivileged : public testing::TestWithParam<Family> {
 protected:
  void SetUp() override { WGSCOPE_NEED(why_no_netns()); }
};

INSTANTIATE_TEST_SUITE_P(, EchoUnprivileged, testing::Values(Family::v4, Family::v6),
                         [](const auto& test) {
                           return std::string(test.param == Family::v4 ? "V4" : "V6");
                         });

TEST_P(EchoUnprivileged, IsRefusedInWordsThatHelp) {
  const NetworkNamespace netns;
  netns.must({"sysctl", "-qw", "net.ipv4.ping_group_range=1 0"});
  const auto refused = open_in(netns, GetParam(), false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::not_permitted);
  EXPECT_THAT(refused.error().context, testing::HasSubstr("net.ipv4.ping_group_range"));
}

TEST_P(EchoUnprivileged, IsEnoughWhereTheKernelGivesEverybodyPingSockets) {
  const NetworkNamespace netns;
  netns.must({"sysctl", "-qw", kEverybody});
  auto socket = open_in(netns, GetParam(), false);
  ASSERT_TRUE(socket) << socket.error().context;
  EXPECT_FALSE(socket->is_raw());
  const Endpoint itself{IpAddress::parse(GetParam() == Family::v4 ? "127.0.0.1" : "::1").value(), 0,
                        0};
  ASSERT_TRUE(socket->send(itself, 3, 56));
  const auto reply = wait_for_reply(*socket);
  ASSERT_TRUE(reply);
  EXPECT_TRUE(reply->intact);
}

}  // namespace
}  // namespace wgscope::test
