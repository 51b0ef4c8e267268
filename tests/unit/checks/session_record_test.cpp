#include "wgscope/checks/session_record.hpp"

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/session.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/udp_socket.hpp"

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;

const Instant kBegin{1h};

os::SocketError icmp(const char* from, std::uint8_t type, std::uint8_t code,
                     int number = ECONNREFUSED) {
  os::SocketError error;
  error.origin = os::SocketError::Origin::icmp;
  error.sys_errno = number;
  error.offender = IpAddress::parse(from).value();
  error.type = type;
  error.code = code;
  return error;
}

class SessionRecordTest : public testing::Test {
 protected:
  [[nodiscard]] diagnosis::SessionFacts facts(Nanoseconds after = 60s) const {
    return record_.facts(kBegin + after, Endpoint::parse("192.0.2.1:51820").value(),
                         IpAddress::parse("198.51.100.1").value());
  }
  void begin(Nanoseconds after = 0s) { record_.begin(kBegin + after); }
  void hear(Nanoseconds after) { record_.hear(kBegin + after, true); }
  void foreign(Nanoseconds after, int count = 1) {
    for (int i = 0; i < count; ++i) record_.take_foreign(kBegin + after + i * 1ms);
  }

  SessionRecord record_;
};

TEST_F(SessionRecordTest, CountsErrorsByKindWithTheirTimes) {
  begin();
  for (const auto after : {2s, 3s, 5s}) record_.take_error(kBegin + after, icmp("192.0.2.1", 3, 3));
  record_.take_error(kBegin + 4s, icmp("198.51.100.1", 3, 1));
  const auto seen = facts();
  ASSERT_EQ(seen.icmp.size(), 2U);
  EXPECT_EQ(seen.icmp[0].report.count, 3U);
  EXPECT_EQ(seen.icmp[0].first, 2s);
  EXPECT_EQ(seen.icmp[0].last, 5s);
  EXPECT_FALSE(seen.icmp[0].report.from_this_host);
  EXPECT_TRUE(seen.icmp[1].report.from_this_host);
  EXPECT_EQ(seen.watched, 60s);
}

TEST_F(SessionRecordTest, WhatComesBeforeTheHandshakeIsNotItsOwn) {
  record_.take_error(kBegin - 1s, icmp("192.0.2.1", 3, 3));
  record_.take_failure({.sys_errno = EPERM, .datagrams = 1});
  begin();
  EXPECT_TRUE(facts().icmp.empty());
  EXPECT_EQ(facts().unsent, 0U);
}

TEST_F(SessionRecordTest, KeepsErrorsThatASearchProvokesApart) {
  begin();
  record_.take_error(kBegin + 1s, icmp("192.0.2.9", 3, 4, EMSGSIZE));
  record_.take_error(kBegin + 1s, icmp("192.0.2.9", 11, 0, EHOSTUNREACH));
  EXPECT_EQ(facts().icmp_provoked, 1U);
  EXPECT_EQ(facts().icmp.size(), 1U) << "a routing loop says so";
  record_.expect_time_exceeded();
  record_.take_error(kBegin + 1s, icmp("192.0.2.9", 11, 0, EHOSTUNREACH));
  EXPECT_EQ(facts().icmp_provoked, 2U);
}

TEST_F(SessionRecordTest, AFloodOfForgedErrorsCostsBoundedMemory) {
  begin();
  for (int i = 0; i < 10'000; ++i)
    record_.take_error(kBegin + 1s, icmp("192.0.2.1", 3, static_cast<std::uint8_t>(i % 200)));
  EXPECT_EQ(facts().icmp.size(), SessionRecord::kMostKinds);
  std::size_t sum = 0;
  for (const auto& one : facts().icmp) sum += one.report.count;
  EXPECT_EQ(sum, 10'000U);
}

TEST_F(SessionRecordTest, ForeignPacketsAfterWhichTheSessionStaysSilentAreATakeover) {
  begin();
  hear(1s);
  foreign(3s, 5);
  EXPECT_EQ(facts().taken.sessions, 1U);
  EXPECT_EQ(facts().taken.foreign, 5U);
  EXPECT_EQ(facts().taken.first, 3s);
  begin(15s);
  hear(16s);
  foreign(30s, 4);
  EXPECT_EQ(facts().taken.sessions, 2U);
  EXPECT_EQ(facts().taken.foreign, 9U);
  EXPECT_EQ(facts().taken.first, 3s);
  EXPECT_EQ(facts().sessions, 2U);
}

TEST_F(SessionRecordTest, ForeignPacketsBeforeTheGatewayUsesTheSessionAreOfAnEarlierOne) {
  begin();
  foreign(10ms, 5);
  EXPECT_EQ(facts().taken.sessions, 0U);
  record_.hear(kBegin + 1s, false);  // a handshake message tells nothing of the session
  foreign(2s, 5);
  EXPECT_EQ(facts().taken.sessions, 0U);
}

TEST_F(SessionRecordTest, ForgedPacketsDoNotSilenceTheSession) {
  begin();
  hear(1s);
  foreign(3s, 1000);
  hear(5s);
  EXPECT_EQ(facts().taken.sessions, 0U);
  EXPECT_EQ(facts().last_heard, 5s);
}

TEST_F(SessionRecordTest, OneForeignPacketIsTooFew) {
  begin();
  hear(1s);
  foreign(3s, 1);
  EXPECT_EQ(facts().taken.sessions, 0U);
}

TEST_F(SessionRecordTest, CountsWhatCouldNotLeave) {
  begin();
  record_.take_failure({.sys_errno = EPERM, .datagrams = 2});
  record_.take_failure({.sys_errno = EMSGSIZE, .datagrams = 7});
  EXPECT_EQ(facts().unsent, 2U);
  EXPECT_EQ(facts().send_errno, EPERM);
}

}  // namespace
}  // namespace wgscope::checks
