#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/icmp.hpp"
#include "wgscope/diagnosis/report.hpp"

#include "handshake_facts.hpp"

namespace wgscope::diagnosis {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr const char* kItself = "192.0.2.1";
constexpr const char* kItselfV6 = "2001:db8::1";
constexpr const char* kRouter = "203.0.113.7";
constexpr const char* kRouterV6 = "2001:db8:ff::7";

HandshakeFacts met(IcmpReport report) {
  const bool v4 = report.from.family == Family::v4;
  AttemptFacts attempt = attempt_at(v4 ? kGateway : kGatewayV6);
  attempt.icmp = {report};
  return facts_of(attempt);
}

std::string finding_id(IcmpReport report) {
  const std::string seen = outcome(met(report), "path.icmp");
  return seen.starts_with("critical ") ? seen.substr(9) : seen;
}

TEST(Icmp, IsNamedByTypeAndCode) {
  EXPECT_EQ(describe(icmp(kItself, 3, 3, 4)).plain(),
            "port unreachable (ICMP type 3, code 3) from 192.0.2.1, 4 times");
  EXPECT_EQ(describe(icmp(kItselfV6, 1, 4)).plain(),
            "port unreachable (ICMPv6 type 1, code 4) from 2001:db8::1");
  EXPECT_EQ(icmp_name(icmp(kItself, 11, 0)).view(), "time exceeded");
  EXPECT_EQ(icmp_name(icmp(kItself, 3, 99)).view(), "destination unreachable");
  EXPECT_EQ(icmp_name(icmp(kItself, 250, 0)).view(), "ICMP error");
}

TEST(Icmp, OfTheEndpointItselfMeansNobodyListensOrAFirewall) {
  EXPECT_EQ(finding_id(icmp(kItself, 3, 3)), "WGS-HS-001");
  EXPECT_EQ(finding_id(icmp(kItselfV6, 1, 4)), "WGS-HS-001");
  for (const unsigned code : {2U, 9U, 10U, 13U, 14U, 15U})
    EXPECT_EQ(finding_id(icmp(kItself, 3, code)), "WGS-HS-002") << code;
  for (const unsigned code : {1U, 5U, 6U})
    EXPECT_EQ(finding_id(icmp(kItselfV6, 1, code)), "WGS-HS-002") << code;
}

TEST(Icmp, OfAHopThatProhibitsMeansARuleAndNoMissingForward) {
  const auto first = [](IcmpReport report) { return reasons(met(report), "path.icmp").front(); };
  EXPECT_THAT(first(icmp(kRouter, 3, 3)), HasSubstr("is a NAT that does not forward"));
  EXPECT_THAT(first(icmp(kRouterV6, 1, 4)), HasSubstr("is a NAT that does not forward"));
  for (const IcmpReport& report :
       {icmp(kRouter, 3, 2), icmp(kRouter, 3, 9), icmp(kRouter, 3, 10), icmp(kRouter, 3, 13),
        icmp(kRouterV6, 1, 1), icmp(kRouterV6, 1, 5)}) {
    EXPECT_THAT(first(report), HasSubstr("is a firewall with a rule against it"));
    for (const std::string& reason : reasons(met(report), "path.icmp"))
      EXPECT_THAT(reason, testing::Not(HasSubstr("NAT"))) << int{report.code};
  }
}

TEST(Icmp, OfAnotherHopThatRefusesNamesIt) {
  for (const unsigned code : {2U, 3U, 9U, 10U, 13U})
    EXPECT_EQ(finding_id(icmp(kRouter, 3, code)), "WGS-HS-003") << code;
  for (const unsigned code : {1U, 4U, 5U, 6U})
    EXPECT_EQ(finding_id(icmp(kRouterV6, 1, code)), "WGS-HS-003") << code;
  EXPECT_EQ(verdict_of(met(icmp(kRouter, 3, 13))),
            "203.0.113.7, on the path to 192.0.2.1, rejects UDP 51820: communication "
            "administratively prohibited");
}

TEST(Icmp, OfAnotherHopWithoutTheNextNamesIt) {
  for (const unsigned code : {0U, 1U, 5U, 6U, 7U, 8U, 11U, 12U})
    EXPECT_EQ(finding_id(icmp(kRouter, 3, code)), "WGS-HS-004") << code;
  for (const unsigned code : {0U, 2U, 3U, 7U})
    EXPECT_EQ(finding_id(icmp(kRouterV6, 1, code)), "WGS-HS-004") << code;
  EXPECT_EQ(verdict_of(met(icmp(kRouter, 3, 1))),
            "203.0.113.7 cannot reach 192.0.2.1: host unreachable");
}

TEST(Icmp, SaysThatPortUnreachableOfAHopMayBeANatWithoutAForward) {
  EXPECT_EQ(verdict_of(met(icmp(kRouter, 3, 3))),
            "203.0.113.7, on the path to 192.0.2.1, rejects UDP 51820: a NAT without a forward for "
            "the port, or a firewall");
}

TEST(Icmp, SaysThatTheEndpointsAddressMayBeANats) {
  EXPECT_THAT(words_of(met(icmp(kItself, 3, 3)), "path.icmp"),
              AllOf(HasSubstr("a NAT in front of the gateway has the address 192.0.2.1"),
                    HasSubstr("ss -ulpn | grep 51820"), HasSubstr("4 initiations got port")));
  EXPECT_EQ(verdict_of(met(icmp(kItself, 3, 1))),
            "192.0.2.1 cannot reach the host behind it: host unreachable");
}

TEST(Icmp, TellsARoutingLoop) {
  EXPECT_EQ(finding_id(icmp(kRouter, 11, 0)), "WGS-HS-004");
  EXPECT_EQ(finding_id(icmp(kRouterV6, 3, 0)), "WGS-HS-004");
  EXPECT_THAT(verdict_of(met(icmp(kRouter, 11, 0))), HasSubstr("run in a routing loop"));
}

TEST(Icmp, TellsALinkThatTakesNoInitiation) {
  EXPECT_EQ(finding_id(icmp(kRouter, 3, 4)), "WGS-HS-004");
  EXPECT_EQ(finding_id(icmp(kRouterV6, 2, 0)), "WGS-HS-004");
  EXPECT_THAT(verdict_of(met(icmp(kRouter, 3, 4))), HasSubstr("148 bytes is too large"));
}

IcmpReport from_here(unsigned code) {
  IcmpReport report = icmp("203.0.113.50", 3, code);
  report.from_this_host = true;
  return report;
}

TEST(Icmp, OfThisHostMeansThatNobodyOnTheLinkAnswers) {
  EXPECT_EQ(finding_id(from_here(1)), "WGS-HS-004");
  EXPECT_EQ(verdict_of(met(from_here(1))),
            "no host on the link answers for 192.0.2.1, or for the router that leads to it");
}

TEST(Icmp, OfThisHostThatRefusesIsItsOwnFirewalls) {
  for (const unsigned code : {3U, 13U})
    EXPECT_EQ(finding_id(from_here(code)), "WGS-LOC-001") << code;
}

TEST(Icmp, OfAnEndpointOnThisHostIsTheEndpoints) {
  IcmpReport report = icmp(kItself, 3, 3);
  report.from_this_host = true;
  EXPECT_EQ(finding_id(report), "WGS-HS-001");
}

TEST(Icmp, ThatExplainsNothingLeavesSilenceToBeExplained) {
  for (const IcmpReport& report :
       {icmp(kRouter, 4, 0), icmp(kRouter, 12, 0), icmp(kRouter, 11, 1), icmp(kRouterV6, 4, 1)}) {
    EXPECT_EQ(outcome(met(report), "path.icmp"), "unknown");
    EXPECT_EQ(outcome(met(report), "handshake.response"), "critical WGS-HS-006");
  }
}

TEST(Icmp, NeverIsCalledOkWhereNobodyAnswered) {
  EXPECT_EQ(outcome(facts_of(attempt_at()), "path.icmp"), "unknown");
}

/// Errors about other ports are errors, though not about the initiations.
TEST(Icmp, AboutAClosedPortIsNotDenied) {
  AttemptFacts attempt = attempt_at();
  attempt.silence.emplace().plain_neighbour = {.sent = 1, .answer = icmp(kItself, 3, 3)};
  const HandshakeFacts facts = facts_of(attempt);
  EXPECT_EQ(outcome(facts, "path.icmp"), "unknown");
  EXPECT_EQ(summary_of(facts, "path.icmp"),
            "no ICMP error about the initiations arrived, but one about a port where nothing "
            "should listen did: port unreachable (ICMP type 3, code 3) from 192.0.2.1");
}

TEST(Icmp, OfTheEndpointOutweighsThatOfRouters) {
  AttemptFacts attempt = attempt_at();
  attempt.icmp = {icmp(kRouter, 3, 1), icmp(kItself, 3, 3)};
  EXPECT_EQ(outcome(facts_of(attempt), "path.icmp"), "critical WGS-HS-001");
  std::ranges::reverse(attempt.icmp);
  const HandshakeFacts facts = facts_of(attempt);
  EXPECT_EQ(outcome(facts, "path.icmp"), "critical WGS-HS-001");
  EXPECT_THAT(words_of(facts, "path.icmp"), HasSubstr("another ICMP error: host unreachable"));
}

TEST(Icmp, IsOnlyANoteWhereTheEndpointAnswered) {
  AttemptFacts attempt = working_at();
  attempt.icmp = {icmp(kItself, 3, 3)};
  const HandshakeFacts facts = facts_of(attempt);
  const std::vector<Check> checks = diagnose(facts);
  EXPECT_EQ(outcome(checks, "path.icmp"), "ok");
  EXPECT_THAT(find(checks, "path.icmp")->summary.plain(), HasSubstr("port unreachable"));
  EXPECT_EQ(overall_of(facts), Status::ok);
}

TEST(Icmp, IsOnlyANoteWhereTheResponseDoesNotDecrypt) {
  AttemptFacts attempt = attempt_at();
  attempt.icmp = {icmp(kItself, 3, 3)};
  attempt.preshared_key = PresharedKeyTrials{};
  const HandshakeFacts facts = facts_of(attempt);
  EXPECT_EQ(outcome(facts, "path.icmp"), "ok");
  EXPECT_EQ(outcome(facts, "handshake.preshared_key"), "critical WGS-HS-013");
}

TEST(Icmp, ToPlainBytesOnThePortExplainsInitiationsThatMetSilence) {
  AttemptFacts attempt = attempt_at();
  attempt.silence = SilenceFacts{};
  attempt.silence->plain_same_port = {.sent = 2, .answer = icmp(kItself, 3, 3)};
  const HandshakeFacts facts = facts_of(attempt);
  EXPECT_EQ(outcome(facts, "path.icmp"), "critical WGS-HS-001");
  EXPECT_EQ(outcome(facts, "handshake.response"), "skipped WGS-HS-001");
  EXPECT_THAT(words_of(facts, "path.icmp"), HasSubstr("plain bytes to the same port got port"));
}

}  // namespace
}  // namespace wgscope::diagnosis
