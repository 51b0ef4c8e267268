// Errors that come back for datagrams sent earlier, as the loopback makes them: nobody listens.

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/model/address.hpp"
#include "wgscope/os/udp_socket.hpp"

#include "udp_sockets.hpp"

namespace wgscope::os {
namespace {

using test::loopback;
using test::must_open;
using test::pattern;
using test::receive_count;
using test::wait_for;
using test::wait_for_error;

class UdpErrors : public ::testing::TestWithParam<Family> {
 protected:
  /// A port on which nobody listens: one that was just given back.
  [[nodiscard]] static Endpoint closed_port() { return must_open(loopback(GetParam())).local(); }

  void send_to(const Endpoint& to) {
    const SendBatch batch{to, bytes_, 100, {}};
    const SendReport report = socket_.send({&batch, 1});
    ASSERT_EQ(report.batches, 1U);
    ASSERT_TRUE(report.failures.empty()) << report.failures[0].sys_errno;
  }

  std::vector<std::byte> bytes_ = pattern(100);
  UdpSocket socket_ = must_open(loopback(GetParam()));
};

INSTANTIATE_TEST_SUITE_P(, UdpErrors, ::testing::Values(Family::v4, Family::v6),
                         [](const auto& test) {
                           return std::string(test.param == Family::v4 ? "V4" : "V6");
                         });

TEST_P(UdpErrors, SayWhoRefusedWhichDestination) {
  const Endpoint closed = closed_port();
  send_to(closed);
  const auto error = wait_for_error(socket_);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->destination, closed);
  EXPECT_EQ(error->sys_errno, ECONNREFUSED);
  EXPECT_EQ(error->offender, closed.address);
  if (GetParam() == Family::v4) {
    EXPECT_EQ(error->origin, SocketError::Origin::icmp);
    EXPECT_EQ(error->type, ICMP_DEST_UNREACH);
    EXPECT_EQ(error->code, ICMP_PORT_UNREACH);
  } else {
    EXPECT_EQ(error->origin, SocketError::Origin::icmpv6);
    EXPECT_EQ(error->type, ICMP6_DST_UNREACH);
    EXPECT_EQ(error->code, ICMP6_DST_UNREACH_NOPORT);
  }
  EXPECT_EQ(socket_.next_error(), std::nullopt);
}

TEST_P(UdpErrors, AreNotBlamedOnTheNextDestination) {
  // The kernel reports a pending error to the next call, whatever that is for.
  UdpSocket good = must_open(loopback(GetParam()));
  const Endpoint closed = closed_port();
  for (std::size_t i = 0; i < 20; ++i) {
    send_to(closed);
    ASSERT_NE(wait_for(socket_, 0) & POLLERR, 0);
    send_to(good.local());
    ASSERT_EQ(receive_count(good, 1).size(), 1U);
    ASSERT_EQ(socket_.next_error().value().destination, closed);
  }
}

TEST_P(UdpErrors, DoNotKeepFromReceiving) {
  UdpSocket good = must_open(loopback(GetParam()));
  send_to(closed_port());
  ASSERT_NE(wait_for(socket_, 0) & POLLERR, 0);
  const SendBatch batch{socket_.local(), bytes_, 100, {}};
  ASSERT_EQ(good.send({&batch, 1}).datagrams, 1U);
  ASSERT_NE(wait_for(socket_, POLLIN) & POLLIN, 0);
  std::size_t count = 0;
  const auto report = socket_.receive([&](const Received&) { ++count; });
  ASSERT_TRUE(report) << report.error().context;
  EXPECT_EQ(count, 1U);
}

TEST_P(UdpErrors, AreReadInTheOrderTheyCame) {
  std::vector<Endpoint> closed;
  for (int i = 0; i < 5; ++i) {
    closed.push_back(closed_port());
    send_to(closed.back());
  }
  std::vector<Endpoint> seen;
  while (seen.size() < closed.size() && wait_for(socket_, 0) != 0)
    socket_.read_errors([&](const SocketError& error) { seen.push_back(error.destination); });
  EXPECT_EQ(seen, closed);
}

TEST_P(UdpErrors, LeaveThePollQuietOnceRead) {
  const Endpoint closed = closed_port();
  for (int i = 0; i < 20; ++i) send_to(closed);
  while (socket_.read_errors([](const SocketError&) {}) > 0) continue;
  pollfd wait{socket_.fd(), POLLIN, 0};
  EXPECT_EQ(poll(&wait, 1, 0), 0) << wait.revents;
}

TEST_P(UdpErrors, LeaveThePollQuietThoughTheirDetailsWereLost) {
  // The queue shares the receive buffer: when that is full of datagrams, the kernel keeps that
  // there was an error, and nothing else of it.
  UdpOptions small;
  small.socket_buffer = 4096;
  socket_ = must_open(loopback(GetParam()), small);
  UdpSocket good = must_open(loopback(GetParam()));
  for (int i = 0; i < 200; ++i) {
    const SendBatch batch{socket_.local(), bytes_, 100, {}};
    ASSERT_EQ(good.send({&batch, 1}).datagrams, 1U);
  }
  send_to(closed_port());
  ASSERT_NE(wait_for(socket_, 0) & POLLERR, 0);
  ASSERT_EQ(socket_.next_error(), std::nullopt) << "the buffer was not full";
  pollfd wait{socket_.fd(), 0, 0};
  EXPECT_EQ(poll(&wait, 1, 0), 0) << wait.revents;
}

TEST_P(UdpErrors, AreReadInPortions) {
  const Endpoint closed = closed_port();
  for (std::size_t i = 0; i < UdpSocket::kErrorsAtOnce + 10; ++i) send_to(closed);
  ASSERT_NE(wait_for(socket_, 0), 0);
  EXPECT_EQ(socket_.read_errors([](const SocketError&) {}), UdpSocket::kErrorsAtOnce);
  EXPECT_EQ(socket_.read_errors([](const SocketError&) {}), 10U);
  EXPECT_EQ(socket_.read_errors([](const SocketError&) {}), 0U);
}

TEST_P(UdpErrors, TellOfDatagramsTooLongForThisHostItself) {
  // The loopback's MTU is 65536: what is longer cannot leave uncut. Only IPv6 holds such a packet,
  // and only with a jumbogram, so the limit is met by what one packet holds.
  ASSERT_TRUE(socket_.set_fragmentation(Fragmentation::forbid));
  const auto bytes = pattern(65'528);
  const SendBatch batch{loopback(GetParam(), 9), bytes, bytes.size(), {}};
  const SendReport report = socket_.send({&batch, 1});
  ASSERT_EQ(report.failures.size(), 1U);
  EXPECT_EQ(report.failures[0].sys_errno, EMSGSIZE);
}

}  // namespace
}  // namespace wgscope::os
