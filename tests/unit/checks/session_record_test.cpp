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
  void hear(Nanoseconds after, std::uint64_t sent = 0) { record_.hear(kBegin + after, true, sent); }
  void initiate(Nanoseconds after, std::uint64_t sent, std::uint64_t attempt = 1) {
    record_.initiate(kBegin + after, attempt, sent);
  }
  void respond(Nanoseconds after) { record_.respond(kBegin + after); }
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

TEST_F(SessionRecordTest, ASessionThatFallsSilentAndWhoseSuccessorIsAnsweredAtOnceWasLost) {
  respond(0s);
  hear(20s, 20);
  initiate(35s, 35);
  EXPECT_TRUE(facts().lost.empty()) << "nobody has answered yet";
  respond(36s);
  hear(37s, 1);
  initiate(60s, 24);
  respond(61s);
  const auto lost = facts(70s).lost;
  ASSERT_EQ(lost.size(), 2U);
  EXPECT_EQ(lost[0].lived, 20s);
  EXPECT_EQ(lost[0].silent, 15s);
  EXPECT_EQ(lost[0].unanswered, 15U);
  EXPECT_EQ(lost[1].lived, 1s);
}

TEST_F(SessionRecordTest, ASessionIsNotCalledLostWithoutEvidence) {
  respond(0s);
  hear(20s, 20);
  initiate(35s, 22);  // hardly anything was sent
  respond(36s);
  hear(37s, 1);
  initiate(40s, 40);  // a gateway with nothing to say is silent for 10 s
  respond(41s);
  hear(42s, 1);
  initiate(60s, 30, 1);
  initiate(65s, 30, 2);  // the first initiation met silence too, so it was the path
  respond(66s);
  hear(67s, 1);
  initiate(90s, SessionRecord::kNotAwaited);  // silence was what was wanted
  respond(91s);
  initiate(110s, 30);  // the gateway never used that session
  respond(111s);
  hear(112s, 1);
  foreign(113s, 2);
  initiate(130s, 30);
  respond(131s);
  EXPECT_TRUE(facts(140s).lost.empty());
  EXPECT_EQ(facts(140s).taken.sessions, 1U) << "more is known of that one";
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
