// What a kernel, a device or a full queue may answer to sendmmsg(2), and the loopback never does. A
// program of its own: it stands between the library and the system call.

#include <cerrno>
#include <cstddef>
#include <functional>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <span>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/model/address.hpp"
#include "wgscope/os/udp_socket.hpp"

#include "udp_sockets.hpp"

namespace wgscope::os {
namespace {

using test::Arrived;
using test::loopback;
using test::must_open;
using test::pattern;
using test::receive_count;

/// Asked before each message: an errno to answer, or 0 to send it.
std::function<int(const msghdr&)> verdict;

bool is_cut_by_kernel(const msghdr& message) {
  msghdr copy = message;
  const cmsghdr* first = CMSG_FIRSTHDR(&copy);
  return first != nullptr && first->cmsg_level == IPPROTO_UDP && first->cmsg_type == UDP_SEGMENT;
}

/// As the kernel does it: the first refusal ends the call, and is told only if nothing was sent.
int send_until_refused(int fd, std::span<mmsghdr> messages, int flags) {
  int sent = 0;
  for (mmsghdr& message : messages) {
    if (const int error = verdict ? verdict(message.msg_hdr) : 0; error != 0) {
      errno = error;
      return sent > 0 ? sent : -1;
    }
    if (syscall(SYS_sendmmsg, fd, &message, 1, flags) != 1) return sent > 0 ? sent : -1;
    ++sent;
  }
  return sent;
}

class UdpRefusals : public ::testing::Test {
 protected:
  void TearDown() override { verdict = nullptr; }

  [[nodiscard]] SendBatch batch(std::size_t bytes, std::size_t segment_size) const {
    return {right_.local(), std::span(bytes_).first(bytes), segment_size, {}};
  }
  /// Receives that many datagrams, and checks that they are the first `bytes` bytes.
  void expect_arrival(std::size_t count, std::size_t bytes) {
    std::vector<std::byte> all;
    for (const Arrived& one : receive_count(right_, count))
      all.insert(all.end(), one.bytes.begin(), one.bytes.end());
    ASSERT_EQ(all.size(), bytes);
    EXPECT_TRUE(std::equal(all.begin(), all.end(), bytes_.begin()));
  }

  std::vector<std::byte> bytes_ = pattern(200'000);
  UdpSocket left_ = must_open(loopback(Family::v4));
  UdpSocket right_ = must_open(loopback(Family::v4));
};

TEST_F(UdpRefusals, OfADeviceThatCannotCutEndCuttingInTheKernel) {
  int refused = 0;
  verdict = [&](const msghdr& message) {
    if (!is_cut_by_kernel(message)) return 0;
    ++refused;
    return EIO;
  };
  ASSERT_TRUE(left_.cuts_in_kernel());
  const SendBatch batches[] = {batch(100'000, 1000), batch(3000, 1000)};
  const SendReport report = left_.send(batches);
  EXPECT_TRUE(report.failures.empty());
  EXPECT_EQ(report.batches, 2U);
  EXPECT_EQ(report.datagrams, 103U);
  EXPECT_FALSE(left_.cuts_in_kernel());
  left_.send(batches);
  EXPECT_EQ(refused, 1) << "it is not tried again";
  EXPECT_EQ(receive_count(right_, 206).size(), 206U);
}

TEST_F(UdpRefusals, OfOneBatchWhoseDatagramsDoNotFitTheMtuConcernOnlyIt) {
  for (const int error : {EINVAL, EMSGSIZE}) {  // before Linux 6.14, and since
    std::size_t cut = 0;
    std::size_t single = 0;
    verdict = [&](const msghdr& message) {
      const std::size_t size = message.msg_iov->iov_len;
      if (!is_cut_by_kernel(message)) ++single;
      if (is_cut_by_kernel(message) && size % 2000 == 0) return error;
      if (is_cut_by_kernel(message)) ++cut;
      return 0;
    };
    const SendBatch batches[] = {batch(3000, 1000), batch(40'000, 2000), batch(3000, 1000)};
    const SendReport report = left_.send(batches);
    EXPECT_TRUE(report.failures.empty());
    EXPECT_EQ(report.datagrams, 26U);
    EXPECT_EQ(cut, 2U);
    EXPECT_EQ(single, 20U);
    EXPECT_TRUE(left_.cuts_in_kernel());
    EXPECT_EQ(receive_count(right_, 26).size(), 26U);
  }
}

TEST_F(UdpRefusals, ByAFullBufferAreResumedWhereTheyStopped) {
  for (const bool offload : {true, false}) {
    UdpOptions options;
    options.offload = offload;
    UdpSocket sender = must_open(loopback(Family::v4), options);
    int room = 0;
    verdict = [&](const msghdr&) { return room-- > 0 ? 0 : EAGAIN; };
    std::vector<SendBatch> batches{batch(150'500, 1000)};
    std::size_t sent = 0;
    std::size_t calls = 0;
    while (!batches.empty()) {
      room = 1;
      const SendReport report = sender.send(batches);
      EXPECT_TRUE(report.failures.empty());
      sent += report.datagrams;
      ++calls;
      ASSERT_EQ(report.blocked, report.batches == 0);
      if (report.batches == 1) break;
      ASSERT_LT(report.bytes_of_next, batches[0].bytes.size());
      batches[0].bytes = batches[0].bytes.subspan(report.bytes_of_next);
    }
    EXPECT_EQ(sent, 151U);
    EXPECT_EQ(calls, offload ? 3U : 151U);
    expect_arrival(151, 150'500);
  }
}

TEST_F(UdpRefusals, ByAFullBufferAtTheStartSendNothing) {
  verdict = [](const msghdr&) { return EAGAIN; };
  const SendBatch one = batch(1000, 1000);
  const SendReport report = left_.send({&one, 1});
  EXPECT_TRUE(report.blocked);
  EXPECT_EQ(report.batches, 0U);
  EXPECT_EQ(report.bytes_of_next, 0U);
  EXPECT_EQ(report.datagrams, 0U);
}

TEST_F(UdpRefusals, ByAnInterfacesFullQueueLoseOneMessageAndNoMore) {
  UdpOptions options;
  options.offload = false;
  UdpSocket sender = must_open(loopback(Family::v4), options);
  verdict = [&](const msghdr& message) {
    const auto* bytes = static_cast<const std::byte*>(message.msg_iov->iov_base);
    return (bytes - bytes_.data()) % 5000 == 2000 ? ENOBUFS : 0;
  };
  const SendBatch batches[] = {batch(10'000, 1000), batch(1000, 1000)};
  const SendReport report = sender.send(batches);
  EXPECT_EQ(report.batches, 2U);
  ASSERT_EQ(report.failures.size(), 1U) << "one for each batch";
  EXPECT_EQ(report.failures[0].sys_errno, ENOBUFS);
  EXPECT_EQ(report.failures[0].datagrams, 2U);
  EXPECT_EQ(report.datagrams, 9U);
  EXPECT_EQ(receive_count(right_, 9).size(), 9U);
}

TEST_F(UdpRefusals, ByALocalFirewallAreNotTriedTwice) {
  int asked = 0;
  verdict = [&](const msghdr&) { return ++asked, EPERM; };
  const SendBatch one = batch(3000, 1000);
  const SendReport report = left_.send({&one, 1});
  EXPECT_EQ(asked, 1);
  ASSERT_EQ(report.failures.size(), 1U);
  EXPECT_EQ(report.failures[0].sys_errno, EPERM);
  EXPECT_EQ(report.failures[0].datagrams, 3U);
}

TEST_F(UdpRefusals, ThatMayBeAnothersAreTriedTwice) {
  int asked = 0;
  verdict = [&](const msghdr&) { return ++asked == 1 ? EHOSTUNREACH : 0; };
  const SendBatch one = batch(3000, 1000);
  EXPECT_TRUE(left_.send({&one, 1}).failures.empty());
  EXPECT_EQ(asked, 2);
  asked = 0;
  verdict = [&](const msghdr&) { return ++asked, EHOSTUNREACH; };
  const SendReport report = left_.send({&one, 1});
  EXPECT_EQ(asked, 2);
  ASSERT_EQ(report.failures.size(), 1U);
  EXPECT_EQ(report.failures[0].sys_errno, EHOSTUNREACH);
}

TEST_F(UdpRefusals, BySignalsAreNone) {
  int asked = 0;
  verdict = [&](const msghdr&) { return ++asked == 1 ? EINTR : 0; };
  const SendBatch one = batch(3000, 1000);
  EXPECT_EQ(left_.send({&one, 1}).datagrams, 3U);
}

}  // namespace
}  // namespace wgscope::os

extern "C" int sendmmsg(int fd, mmsghdr* messages, unsigned count, int flags) {
  return wgscope::os::send_until_refused(fd, {messages, count}, flags);
}
