#include "wgscope/diagnosis/session.hpp"

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::diagnosis {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;
using testing::ResultOf;

std::string plain(const Text& text) { return text.plain(); }
auto has_text(const std::string& part) { return ResultOf(plain, HasSubstr(part)); }

/// A report as the handshake leaves it where all is well.
Report after_handshake() {
  Report report;
  report.verb = "ping";
  report.success = "all is well";
  report.checks = {make_check(CheckKind::key_use, Status::ok, "no interface uses it"),
                   make_check(CheckKind::path_send, Status::ok, "1 initiation sent"),
                   make_check(CheckKind::path_icmp, Status::ok, "no ICMP error arrived")};
  return report;
}

SessionFacts session() {
  SessionFacts facts;
  facts.gateway = Endpoint::parse("192.0.2.1:51820").value();
  facts.watched = 20s;
  facts.last_heard = 19s;
  facts.sessions = 1;
  return facts;
}

LaterIcmp error(std::uint8_t code, std::size_t count, Nanoseconds first, Nanoseconds last) {
  return {.report = {.from = IpAddress::parse("192.0.2.1").value(),
                     .type = 3,
                     .code = code,
                     .count = count},
          .first = first,
          .last = last};
}

const Check& check_of(const Report& report, CheckKind kind) {
  for (const Check& check : report.checks)
    if (check.name == row_of(kind).name) return check;
  throw std::out_of_range("check");
}

TEST(SessionAmendment, LeavesAReportAloneWhereNothingElseWasSeen) {
  Report report = after_handshake();
  amend(session(), report);
  EXPECT_EQ(overall(report), Status::ok);
  EXPECT_EQ(check_of(report, CheckKind::path_icmp).summary.plain(), "no ICMP error arrived");
}

TEST(SessionAmendment, AGatewayThatDiesIsTheHeadlineWithCountAndTime) {
  Report report = after_handshake();
  SessionFacts facts = session();
  facts.last_heard = 7900ms;
  facts.icmp = {error(3, 12, 8s, 19s)};
  amend(facts, report);
  EXPECT_EQ(overall(report), Status::critical);
  EXPECT_EQ(verdict(report).plain(),
            "nothing listens on 192.0.2.1:51820; the gateway's last packet came 7.90 s after the "
            "handshake");
  const Check& check = check_of(report, CheckKind::path_icmp);
  ASSERT_TRUE(check.finding);
  EXPECT_EQ(check.finding->id, FindingId::nothing_listens);
  EXPECT_THAT(check.finding->evidence,
              Contains(has_text("from 192.0.2.1, 12 times, from 8.00 s to 19.0 s")));
}

TEST(SessionAmendment, AGatewayThatComesBackWasUnreachableForAWhile) {
  Report report = after_handshake();
  SessionFacts facts = session();
  facts.icmp = {error(1, 3, 8s, 10s)};
  amend(facts, report);
  EXPECT_EQ(overall(report), Status::warning);
  EXPECT_THAT(verdict(report), has_text("the gateway was unreachable for a while"));
  ASSERT_TRUE(check_of(report, CheckKind::path_icmp).finding);
  EXPECT_THAT(check_of(report, CheckKind::path_icmp).finding->evidence,
              Contains(has_text("its last packet came 19.0 s after the handshake")));
}

TEST(SessionAmendment, TheLastTimeCounts) {
  Report report = after_handshake();
  SessionFacts facts = session();
  facts.last_heard = 7s;
  facts.icmp = {error(3, 2, 8s, 9s)};
  amend(facts, report);
  ASSERT_EQ(overall(report), Status::critical);
  facts.last_heard = 15s;
  amend(facts, report);
  EXPECT_EQ(overall(report), Status::warning);
  EXPECT_EQ(report.checks.size(), 3U);
}

TEST(SessionAmendment, AnErrorThatExplainsNothingIsNoFault) {
  Report report = after_handshake();
  SessionFacts facts = session();
  facts.icmp = {error(3, 1, 8s, 8s)};
  facts.icmp.front().report.type = 12;
  amend(facts, report);
  EXPECT_EQ(overall(report), Status::ok);
  EXPECT_THAT(check_of(report, CheckKind::path_icmp).summary,
              has_text("an ICMP error came 8.00 s"));
}

TEST(SessionAmendment, ErrorsThatASearchProvokesAreNotCalledNone) {
  Report report = after_handshake();
  SessionFacts facts = session();
  facts.icmp_provoked = 4;
  amend(facts, report);
  EXPECT_EQ(overall(report), Status::ok);
  EXPECT_THAT(check_of(report, CheckKind::path_icmp).summary,
              has_text("except replies to packets that the probe made"));
}

TEST(SessionAmendment, WhatCouldNotLeaveThisHostIsAWarning) {
  Report report = after_handshake();
  SessionFacts facts = session();
  facts.unsent = 5;
  facts.send_errno = EPERM;
  amend(facts, report);
  EXPECT_EQ(overall(report), Status::warning);
  const Check& check = check_of(report, CheckKind::path_send);
  ASSERT_TRUE(check.finding);
  EXPECT_EQ(check.finding->id, FindingId::local_firewall);
  EXPECT_EQ(check.summary.plain(), "5 datagrams could not be sent after the handshake");
}

TEST(SessionAmendment, AnotherDeviceWithTheKeyIsTheHeadline) {
  Report report = after_handshake();
  SessionFacts facts = session();
  facts.sessions = 2;
  facts.taken = {.sessions = 1, .foreign = 9, .first = 4s};
  facts.icmp = {error(1, 3, 8s, 10s)};
  for (int i = 0; i < 2; ++i) {
    amend(facts, report);
    EXPECT_EQ(overall(report), Status::critical);
    EXPECT_THAT(verdict(report), has_text("another device uses this key"));
    const Check& check = check_of(report, CheckKind::key_use);
    ASSERT_TRUE(check.finding);
    EXPECT_EQ(check.finding->id, FindingId::key_used_elsewhere);
    EXPECT_THAT(check.finding->hypotheses.front().cause, has_text("another device uses this key"));
    EXPECT_THAT(check.finding->evidence,
                Contains(has_text("9 packets from the gateway's address")));
    EXPECT_THAT(check.finding->evidence, Contains(has_text("on this host: no interface uses it")));
  }
}

TEST(SessionAmendment, ASessionThatIsLostOnceLeavesItOpenWhoUsesTheKey) {
  Report report = after_handshake();
  SessionFacts facts = session();
  facts.lost = {{.lived = 20s, .silent = 15s, .unanswered = 15}};
  for (int i = 0; i < 2; ++i) {
    amend(facts, report);
    const Check& check = check_of(report, CheckKind::key_use);
    EXPECT_EQ(check.status, Status::unknown);
    EXPECT_THAT(check.summary, has_text("the gateway lost this probe's session once: it carried "
                                        "data for 20.0 s, then 15 packets went unanswered for 15.0 "
                                        "s"));
    EXPECT_THAT(check.summary, has_text("on this host: no interface uses it"));
    EXPECT_FALSE(check.finding);
    report.checks.front() = after_handshake().checks.front();
  }
}

TEST(SessionAmendment, SessionsThatAreLostAgainAndAgainPointToAnotherDevice) {
  Report report = after_handshake();
  SessionFacts facts = session();
  facts.lost = {{.lived = 20s, .silent = 15s, .unanswered = 15},
                {.lived = 18s, .silent = 16s, .unanswered = 16}};
  amend(facts, report);
  const Check& check = check_of(report, CheckKind::key_use);
  EXPECT_EQ(check.status, Status::warning) << "nobody was seen";
  ASSERT_TRUE(check.finding);
  EXPECT_EQ(check.finding->id, FindingId::key_used_elsewhere);
  EXPECT_THAT(check.finding->cause, has_text("most likely another device uses this key"));
  EXPECT_EQ(check.finding->hypotheses.size(), 4U);
  facts.taken = {.sessions = 1, .foreign = 9, .first = 4s};
  amend(facts, report);
  EXPECT_EQ(check_of(report, CheckKind::key_use).status, Status::critical) << "now it was";
}

TEST(SessionAmendment, TellsWhatElseCameInOneCheckBehindThoseOfTheTunnel) {
  Report report = after_handshake();
  report.checks.push_back(make_check(CheckKind::ping_reply, Status::ok, "answered"));
  SessionFacts facts = session();
  facts.refused.late = 2;
  amend(facts, report);
  facts.refused.late = 3;
  facts.refused.inside = 1;
  amend(facts, report);
  ASSERT_EQ(report.checks.size(), 5U);
  EXPECT_EQ(report.checks[3].name, "tunnel.strays");
  EXPECT_EQ(report.checks[3].status, Status::ok);
  EXPECT_EQ(report.checks[3].summary.plain(),
            "after the handshake also came 3 messages for sessions or handshakes that were over; 1 "
            "packet inside the tunnel whose source is not in AllowedIPs, or not IP");
}

TEST(SessionAmendment, SaysWhatWasSentAndHowAGatewaysLogShowsIt) {
  Report report = after_handshake();
  SessionFacts facts = session();
  facts.packets_sent = 3;
  amend(facts, report);
  facts.packets_sent = 12;
  amend(facts, report);
  ASSERT_EQ(report.sent.size(), 1U);
  EXPECT_EQ(report.sent[0].line.plain(),
            "12 packets inside the tunnel to 192.0.2.1:51820: pings, answers and empty packets. Of "
            "these a gateway logs the empty ones (\"Receiving keepalive packet\")");
}

TEST(SessionAmendment, CountsTheHandshakesOfTheWholeSession) {
  Report report = after_handshake();
  SessionFacts facts = session();
  facts.initiations_sent = 2;
  facts.responses_sent = 1;
  amend(facts, report);
  ASSERT_EQ(report.sent.size(), 2U);
  EXPECT_EQ(report.sent[0].count, 2U);
  EXPECT_EQ(report.sent[1].what, "responses");
}

TEST(SessionAmendment, IsOfTheGatewaysOwnAddressWhereThereAreSeveral) {
  Report report = after_handshake();
  report.checks[2].target = text("{}", Endpoint::parse("192.0.2.7:51820").value());
  report.checks.push_back(report.checks[2]);
  report.checks[3].target = text("{}", Endpoint::parse("192.0.2.1:51820").value());
  SessionFacts facts = session();
  facts.icmp = {error(1, 3, 8s, 10s)};
  amend(facts, report);
  EXPECT_EQ(report.checks[2].status, Status::ok);
  EXPECT_EQ(report.checks[3].status, Status::warning);
  EXPECT_EQ(report.checks[3].target.plain(), "192.0.2.1:51820");
}

}  // namespace
}  // namespace wgscope::diagnosis
