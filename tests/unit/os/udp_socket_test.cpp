#include "wgscope/os/udp_socket.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <span>
#include <string>
#include <sys/socket.h>
#include <tuple>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/model/address.hpp"

#include "../source/allocation_watch.hpp"
#include "udp_sockets.hpp"

namespace wgscope::os {
namespace {

using test::Arrived;
using test::loopback;
using test::must_open;
using test::pattern;
using test::receive_count;
using test::wait_for;
using testing::AllocationWatch;

int option(const UdpSocket& socket, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  EXPECT_EQ(getsockopt(socket.fd(), level, name, &value, &size), 0);
  return value;
}

/// Two sockets on the loopback: family, and whether the kernel cuts and merges.
class UdpPair : public ::testing::TestWithParam<std::tuple<Family, bool>> {
 protected:
  [[nodiscard]] static Family family() { return std::get<0>(GetParam()); }
  [[nodiscard]] static bool offload() { return std::get<1>(GetParam()); }
  [[nodiscard]] static UdpOptions options() {
    UdpOptions options;
    options.offload = offload();
    return options;
  }

  UdpSocket left_ = must_open(loopback(family()), options());
  UdpSocket right_ = must_open(loopback(family()), options());
};

INSTANTIATE_TEST_SUITE_P(, UdpPair,
                         ::testing::Combine(::testing::Values(Family::v4, Family::v6),
                                            ::testing::Bool()),
                         [](const auto& test) {
                           return std::string(std::get<0>(test.param) == Family::v4 ? "V4" : "V6") +
                                  (std::get<1>(test.param) ? "Offloaded" : "Plain");
                         });

TEST_P(UdpPair, DeliversABatchAsTheDatagramsItWasMadeOf) {
  struct Case {
    std::size_t segment_size;
    std::size_t total;
  };
  constexpr std::size_t kSize = 1392;
  for (const Case& c : {Case{kSize, kSize}, Case{kSize, 2 * kSize}, Case{kSize, 2 * kSize - 1},
                        Case{kSize, kSize + 1}, Case{100, 6300}, Case{100, 6400}, Case{100, 6401},
                        Case{100, 6500}, Case{1000, 65'000}, Case{1000, 65'507}, Case{1000, 66'000},
                        Case{kSize, 200 * kSize + 7}, Case{1, 130}, Case{5000, 50'001}}) {
    const auto bytes = pattern(c.total);
    const SendBatch batch{right_.local(), bytes, c.segment_size, {}};
    const SendReport report = left_.send({&batch, 1});
    ASSERT_EQ(report.batches, 1U) << c.segment_size << ' ' << c.total;
    ASSERT_TRUE(report.failures.empty()) << report.failures[0].sys_errno;
    ASSERT_FALSE(report.blocked);
    const std::size_t count = (c.total + c.segment_size - 1) / c.segment_size;
    ASSERT_EQ(report.datagrams, count);

    const auto arrived = receive_count(right_, count);
    ASSERT_EQ(arrived.size(), count) << c.segment_size << ' ' << c.total;
    std::span<const std::byte> rest(bytes);
    for (const Arrived& one : arrived) {
      const auto expected = rest.first(std::min(c.segment_size, rest.size()));
      rest = rest.subspan(expected.size());
      ASSERT_TRUE(std::ranges::equal(one.bytes, expected)) << c.segment_size << ' ' << c.total;
      ASSERT_EQ(one.from, left_.local());
      ASSERT_EQ(one.to, right_.local().address);
    }
  }
  EXPECT_EQ(left_.cuts_in_kernel(), offload()) << "the loopback never refuses";
  EXPECT_EQ(right_.merges_in_kernel(), offload());
}

TEST_P(UdpPair, DeliversEmptyDatagrams) {
  const auto bytes = pattern(3);
  const SendBatch batches[] = {
      {right_.local(), {}, 0, {}}, {right_.local(), bytes, 3, {}}, {right_.local(), {}, 1392, {}}};
  const SendReport report = left_.send(batches);
  EXPECT_EQ(report.batches, 3U);
  EXPECT_EQ(report.datagrams, 3U);
  const auto arrived = receive_count(right_, 3);
  ASSERT_EQ(arrived.size(), 3U);
  EXPECT_EQ(arrived[0].bytes.size(), 0U);
  EXPECT_EQ(arrived[1].bytes.size(), 3U);
  EXPECT_EQ(arrived[2].bytes.size(), 0U);
}

TEST_P(UdpPair, DeliversToManyDestinationsInOneCall) {
  std::vector<UdpSocket> sockets;
  std::vector<SendBatch> batches;
  const auto bytes = pattern(3000);
  for (int i = 0; i < 100; ++i) {
    UdpOptions small = options();
    small.receive_memory = 0;  // one buffer
    sockets.push_back(must_open(loopback(family()), small));
    batches.push_back({sockets.back().local(), bytes, 1000, {}});
  }
  const SendReport report = left_.send(batches);
  EXPECT_EQ(report.batches, 100U);
  EXPECT_EQ(report.datagrams, 300U);
  for (UdpSocket& socket : sockets) EXPECT_EQ(receive_count(socket, 3).size(), 3U);
}

TEST_P(UdpPair, NamesTheDestinationThatFailedAndServesTheOthers) {
  const auto bytes = pattern(300);
  Endpoint nowhere = loopback(family());  // port 0
  const SendBatch batches[] = {{right_.local(), bytes, 100, {}},
                               {nowhere, bytes, 100, {}},
                               {right_.local(), bytes, 100, {}}};
  const SendReport report = left_.send(batches);
  EXPECT_EQ(report.batches, 3U);
  EXPECT_EQ(report.datagrams, 6U);
  EXPECT_FALSE(report.blocked);
  ASSERT_EQ(report.failures.size(), 1U);
  EXPECT_EQ(report.failures[0].to, nowhere);
  EXPECT_EQ(report.failures[0].batch, 1U);
  EXPECT_EQ(report.failures[0].sys_errno, EINVAL);
  EXPECT_EQ(report.failures[0].datagrams, 3U);
  EXPECT_EQ(receive_count(right_, 6).size(), 6U);
  EXPECT_EQ(left_.cuts_in_kernel(), offload()) << "which is not the kernel's cutting to blame";
}

TEST_P(UdpPair, NamesTheDestinationOfAnotherFamily) {
  const auto bytes = pattern(100);
  const Endpoint other = loopback(family() == Family::v4 ? Family::v6 : Family::v4, 9);
  const SendBatch batch{other, bytes, 100, {}};
  const SendReport report = left_.send({&batch, 1});
  EXPECT_EQ(report.batches, 1U);
  ASSERT_EQ(report.failures.size(), 1U);
  EXPECT_EQ(report.failures[0].to, other);
}

TEST_P(UdpPair, RefusesADatagramThatNoPacketHolds) {
  const auto bytes = pattern(70'000);
  const SendBatch batches[] = {{right_.local(), bytes, 70'000, {}},
                               {right_.local(), std::span(bytes).first(10), 10, {}}};
  const SendReport report = left_.send(batches);
  ASSERT_EQ(report.failures.size(), 1U);
  EXPECT_EQ(report.failures[0].sys_errno, EMSGSIZE);
  EXPECT_EQ(receive_count(right_, 1)[0].bytes.size(), 10U);
}

TEST_P(UdpPair, AllocatesNothingOnceWarm) {
  const auto bytes = pattern(64UL * 1000);
  const SendBatch batches[] = {{right_.local(), bytes, 1000, {}},
                               {loopback(family()), bytes, 1000, {}},
                               {right_.local(), bytes, 999, {}}};
  const auto exchange = [&] {
    std::size_t count = 0;
    for (const SendBatch& batch : batches) count += left_.send({&batch, 1}).datagrams;
    std::size_t sum = 0;
    while (count > 0) {
      const auto report = right_.receive([&](const Received& one) { sum += one.datagram.size(); });
      if (!report) break;
      count -= report->datagrams;
    }
    left_.next_error();
    return sum;
  };
  ASSERT_EQ(exchange(), 2 * bytes.size());
  AllocationWatch::start();
  const std::size_t sum = exchange();
  AllocationWatch::stop();
  EXPECT_EQ(sum, 2 * bytes.size());
  EXPECT_EQ(AllocationWatch::count(), 0U);
}

TEST_P(UdpPair, LetsTheReceiverWriteToWhatItGot) {
  const auto bytes = pattern(200);
  const SendBatch batch{right_.local(), bytes, 100, {}};
  left_.send({&batch, 1});
  std::size_t seen = 0;
  while (seen < 2) {
    ASSERT_NE(wait_for(right_, POLLIN), 0);
    ASSERT_TRUE(right_.receive([&](const Received& one) {
      // The second is intact though the first was overwritten.
      EXPECT_TRUE(std::ranges::equal(one.datagram, std::span(bytes).subspan(seen * 100, 100)));
      std::ranges::fill(one.datagram, std::byte{0});
      ++seen;
    }));
  }
}

TEST_P(UdpPair, FindsNothingWhereNothingIs) {
  const auto report = right_.receive([](const Received&) { FAIL(); });
  ASSERT_TRUE(report) << report.error().context;
  EXPECT_EQ(report->datagrams, 0U);
  EXPECT_FALSE(report->more);
  EXPECT_EQ(right_.next_error(), std::nullopt);
}

TEST_P(UdpPair, CanBeMoved) {
  UdpSocket moved = std::move(left_);
  left_ = std::move(moved);
  const auto bytes = pattern(10);
  const SendBatch batch{right_.local(), bytes, 10, {}};
  UdpSocket right = std::move(right_);
  EXPECT_EQ(left_.send({&batch, 1}).datagrams, 1U);
  EXPECT_EQ(receive_count(right, 1).size(), 1U);
}

TEST_P(UdpPair, SaysWhetherMoreMayBeWaiting) {
  UdpOptions one_buffer = options();
  one_buffer.receive_memory = 0;
  UdpSocket socket = must_open(loopback(family()), one_buffer);
  const auto bytes = pattern(10);
  // Of different senders, which are never merged.
  const SendBatch batch{socket.local(), bytes, 10, {}};
  left_.send({&batch, 1});
  right_.send({&batch, 1});
  for (const bool more : {true, true, false}) {
    if (more) {
      ASSERT_NE(wait_for(socket, POLLIN), 0);
    }
    const auto report = socket.receive([](const Received&) {});
    ASSERT_TRUE(report);
    EXPECT_EQ(report->more, more);
    EXPECT_EQ(report->datagrams, more ? 1U : 0U);
  }
}

TEST(UdpSocket, CountsDatagramsLongerThanItsBuffersAndDropsThem) {
  UdpOptions plain;
  plain.offload = false;
  plain.max_datagram = 1000;
  UdpSocket receiver = must_open(loopback(Family::v4), plain);
  UdpSocket sender = must_open(loopback(Family::v4));
  const auto bytes = pattern(1001);
  const SendBatch batches[] = {{receiver.local(), bytes, 1001, {}},
                               {receiver.local(), std::span(bytes).first(1000), 1000, {}}};
  sender.send(batches);
  ReceiveReport sum;
  while (sum.datagrams == 0) {
    ASSERT_NE(wait_for(receiver, POLLIN), 0);
    const auto report =
        receiver.receive([](const Received& one) { EXPECT_EQ(one.datagram.size(), 1000U); });
    ASSERT_TRUE(report);
    sum.datagrams += report->datagrams;
    sum.truncated += report->truncated;
  }
  EXPECT_EQ(sum.datagrams, 1U);
  EXPECT_EQ(sum.truncated, 1U);
}

TEST(UdpSocket, AnswersFromTheAddressThatWasAsked) {
  // All of 127.0.0.0/8 is this host: one that is reached by more than one address.
  const Endpoint any{IpAddress::parse("0.0.0.0").value(), 0, 0};
  UdpSocket server = must_open(any);
  UdpSocket client = must_open(loopback(Family::v4));
  const IpAddress second = IpAddress::parse("127.8.7.6").value();
  const auto bytes = pattern(300);
  const SendBatch question{{second, 0, server.local_port()}, bytes, 300, {}};
  ASSERT_EQ(client.send({&question, 1}).datagrams, 1U);
  const auto asked = receive_count(server, 1);
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].to, second);
  const SendBatch answer{asked[0].from, bytes, 100, asked[0].to};
  ASSERT_EQ(server.send({&answer, 1}).datagrams, 3U);
  for (const Arrived& one : receive_count(client, 3)) EXPECT_EQ(one.from.address, second);
}

TEST(UdpSocket, RefusesToSendFromAnAddressThatIsNotTheHosts) {
  UdpSocket socket = must_open({IpAddress::parse("0.0.0.0").value(), 0, 0});
  const auto bytes = pattern(10);
  const SendBatch batch{loopback(Family::v4, 9), bytes, 10, IpAddress::parse("192.0.2.1").value()};
  const SendReport report = socket.send({&batch, 1});
  EXPECT_EQ(report.datagrams, 0U);
  ASSERT_EQ(report.failures.size(), 1U);
  EXPECT_EQ(report.failures[0].to, batch.to);
}

TEST(UdpSocket, IsNonBlockingAndClosedOnExec) {
  const UdpSocket socket = must_open(loopback(Family::v4));
  EXPECT_NE(fcntl(socket.fd(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(fcntl(socket.fd(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(UdpSocket, OfV6LeavesThePortFreeForV4) {
  const UdpSocket v6 = must_open({IpAddress::parse("::").value(), 0, 0});
  const UdpSocket v4 = must_open({IpAddress::parse("0.0.0.0").value(), 0, v6.local_port()});
  EXPECT_EQ(v4.local_port(), v6.local_port());
  EXPECT_NE(v4.local_port(), 0);
}

TEST(UdpSocket, SaysThatAPortIsTaken) {
  const UdpSocket first = must_open(loopback(Family::v4));
  const auto second = UdpSocket::open(first.local());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().sys_errno, EADDRINUSE);
  EXPECT_NE(second.error().context.find(first.local().to_string()), std::string::npos)
      << second.error().context;
}

TEST(UdpSocket, SaysThatAnAddressIsNotTheHosts) {
  const auto socket = UdpSocket::open(Endpoint::parse("192.0.2.1:0").value());
  ASSERT_FALSE(socket);
  EXPECT_EQ(socket.error().sys_errno, EADDRNOTAVAIL);
  EXPECT_NE(socket.error().context.find("192.0.2.1"), std::string::npos);
}

TEST(UdpSocket, SetsWhetherDatagramsMayBeCutUp) {
  UdpSocket v4 = must_open(loopback(Family::v4));
  UdpSocket v6 = must_open(loopback(Family::v6));
  EXPECT_EQ(option(v4, IPPROTO_IP, IP_MTU_DISCOVER), IP_PMTUDISC_DONT);
  EXPECT_EQ(option(v6, IPPROTO_IPV6, IPV6_MTU_DISCOVER), IPV6_PMTUDISC_DONT);
  ASSERT_TRUE(v4.set_fragmentation(Fragmentation::forbid));
  ASSERT_TRUE(v6.set_fragmentation(Fragmentation::probe));
  EXPECT_EQ(option(v4, IPPROTO_IP, IP_MTU_DISCOVER), IP_PMTUDISC_DO);
  EXPECT_EQ(option(v6, IPPROTO_IPV6, IPV6_MTU_DISCOVER), IPV6_PMTUDISC_PROBE);
}

TEST(UdpSocket, IsMarkedOrSaysWhatThatNeeds) {
  UdpOptions options;
  options.mark = 0x51820;
  const auto socket = UdpSocket::open(loopback(Family::v4), options);
  if (socket) {
    EXPECT_EQ(option(*socket, SOL_SOCKET, SO_MARK), 0x51820);
  } else {
    EXPECT_EQ(socket.error().code, Errc::not_permitted);
    EXPECT_NE(socket.error().context.find("CAP_NET_ADMIN"), std::string::npos);
  }
}

TEST(UdpSocket, HasABufferLargerThanUsual) {
  const UdpSocket socket = must_open(loopback(Family::v4));
  UdpOptions small;
  small.socket_buffer = 8192;
  const UdpSocket other = must_open(loopback(Family::v4), small);
  EXPECT_GT(option(socket, SOL_SOCKET, SO_RCVBUF), option(other, SOL_SOCKET, SO_RCVBUF));
  EXPECT_GT(option(socket, SOL_SOCKET, SO_SNDBUF), option(other, SOL_SOCKET, SO_SNDBUF));
}

}  // namespace
}  // namespace wgscope::os
