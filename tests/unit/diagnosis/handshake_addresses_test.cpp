#include <cerrno>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"

#include "handshake_facts.hpp"

namespace wgscope::diagnosis {
namespace {

using ::testing::HasSubstr;

AttemptFacts closed_at(const char* where, const char* from) {
  AttemptFacts attempt = attempt_at(where);
  attempt.icmp = {icmp(from, 3, 3, 4)};
  return attempt;
}

TEST(HandshakeDiagnosis, SaysHowFastAHealthyTunnelIs) {
  const HandshakeFacts facts = facts_of(working_at());
  EXPECT_EQ(overall_of(facts), Status::ok);
  EXPECT_EQ(
      verdict_of(facts),
      "handshake with gw.example.net:51820 works, answered after 12.0 ms; data round trip 2.00 ms");
  EXPECT_TRUE(has_handshake(facts));
}

TEST(HandshakeDiagnosis, NamesAnEndpointThatIsAnAddressAsOne) {
  HandshakeFacts facts = facts_of(working_at(kGatewayV6));
  facts.wanted = {.host = "2001:db8::1", .port = 51820};
  EXPECT_THAT(verdict_of(facts), HasSubstr("handshake with [2001:db8::1]:51820 works"));
  EXPECT_EQ(outcome(facts, "name.resolve"), "absent");
}

TEST(HandshakeDiagnosis, MarksWhoseNetworkItIsAsSensitive) {
  const Text text = success(facts_of(working_at()));
  for (const Text::Piece& piece : text.pieces()) {
    if (piece.kind == Sensitivity::none) {
      EXPECT_EQ(piece.text.find("example"), std::string::npos);
    }
  }
}

TEST(HandshakeDiagnosis, GivesNoTargetsWhereThereIsOneAddress) {
  for (const Check& check : diagnose(facts_of(working_at()))) EXPECT_TRUE(check.target.empty());
}

TEST(HandshakeDiagnosis, IsUnknownWhereNothingWasDone) {
  HandshakeFacts facts = facts_of(std::vector<AttemptFacts>{});
  facts.interrupted = true;
  EXPECT_EQ(outcome(facts, "name.resolve"), "unknown");
  EXPECT_EQ(outcome(facts, "handshake.response"), "unknown");
  EXPECT_EQ(overall_of(facts), Status::unknown);
  EXPECT_FALSE(has_handshake(facts));
}

TEST(HandshakeAddresses, WarnsWhereOneOfTwoFails) {
  const HandshakeFacts facts =
      facts_of({closed_at(kGateway, "192.0.2.1"), working_at("198.51.100.1:51820")});
  const std::vector<Check> checks = diagnose(facts);
  EXPECT_EQ(outcome(checks, "name.addresses"), "warning WGS-HS-016");
  EXPECT_EQ(outcome(checks, "path.icmp", kGateway), "warning WGS-HS-001");
  EXPECT_EQ(outcome(checks, "handshake.response", kGateway), "skipped WGS-HS-001");
  EXPECT_EQ(outcome(checks, "tunnel.data", "198.51.100.1:51820"), "ok");
  EXPECT_EQ(overall_of(facts), Status::warning);
  EXPECT_EQ(verdict_of(facts),
            "the tunnel works, but not at every address of gw.example.net:51820: 192.0.2.1:51820 "
            "fails");
  EXPECT_THAT(words_of(facts, "name.addresses"), HasSubstr("nothing listens on 192.0.2.1:51820"));
  EXPECT_EQ(overall(report_of(facts), FailOn::critical), Status::ok);
}

TEST(HandshakeAddresses, AreOneLineWhereAllWork) {
  const HandshakeFacts facts = facts_of({working_at(), working_at("198.51.100.1:51820")});
  EXPECT_EQ(outcome(facts, "name.addresses"), "ok");
  EXPECT_EQ(overall_of(facts), Status::ok);
}

TEST(HandshakeAddresses, FailAsAWholeByTheirOwnFindings) {
  const HandshakeFacts facts =
      facts_of({closed_at(kGateway, "192.0.2.1"), attempt_at("198.51.100.1:51820")});
  EXPECT_EQ(outcome(facts, "name.addresses"), "absent");
  EXPECT_EQ(outcome(facts, "path.icmp", kGateway), "critical WGS-HS-001");
  EXPECT_EQ(outcome(facts, "handshake.response", "198.51.100.1:51820"), "critical WGS-HS-006");
  EXPECT_EQ(overall_of(facts), Status::critical);
}

TEST(HandshakeAddresses, AreUnknownWhereThisHostLacksTheirIpVersion) {
  AttemptFacts v6 = attempt_at(kGatewayV6);
  v6.send_errno = ENETUNREACH;
  const HandshakeFacts facts = facts_of({v6, working_at()});
  EXPECT_EQ(outcome(facts, "path.send", kGatewayV6), "unknown WGS-LOC-002");
  EXPECT_EQ(outcome(facts, "name.addresses"), "ok");
  EXPECT_EQ(overall_of(facts), Status::ok);
  EXPECT_EQ(overall(report_of(facts), FailOn::unknown), Status::unknown);
}

TEST(HandshakeAddresses, LetTheOneThatAnsweredAtAllGiveTheVerdict) {
  AttemptFacts mismatched = attempt_at("198.51.100.1:51820");
  mismatched.preshared_key = PresharedKeyTrials{};
  const HandshakeFacts facts = facts_of({attempt_at(), mismatched});
  EXPECT_EQ(outcome(facts, "handshake.response", kGateway), "warning WGS-HS-006");
  EXPECT_EQ(overall_of(facts), Status::critical);
  EXPECT_THAT(verdict_of(facts), HasSubstr("198.51.100.1:51820 has a preshared key"));
}

TEST(HandshakeAddresses, ThatLackARouteDoNotHideWhyTheOtherFails) {
  AttemptFacts v6 = attempt_at(kGatewayV6);
  v6.send_errno = ENETUNREACH;
  const HandshakeFacts facts = facts_of({v6, closed_at(kGateway, "192.0.2.1")});
  EXPECT_EQ(verdict_of(facts), "nothing listens on 192.0.2.1:51820");
}

TEST(HandshakeAddresses, SpeakForEachOtherWhereDataWasTriedOnOne) {
  const HandshakeFacts facts = facts_of({answered_at(), working_at("198.51.100.1:51820")});
  EXPECT_EQ(outcome(facts, "tunnel.data", kGateway), "absent");
  EXPECT_EQ(outcome(facts, "name.addresses"), "ok");
  EXPECT_EQ(overall_of(facts), Status::ok);
}

TEST(HandshakeAddresses, FailByDataWhereOthersCarry) {
  AttemptFacts lost = answered_at();
  lost.data = DataFacts{.target = address("10.9.0.1"), .echoes_sent = 3, .witnesses_watched = 17s};
  const HandshakeFacts facts = facts_of({lost, working_at("198.51.100.1:51820")});
  EXPECT_EQ(outcome(facts, "tunnel.data", kGateway), "warning WGS-DAT-003");
  EXPECT_EQ(outcome(facts, "name.addresses"), "warning WGS-HS-016");
  EXPECT_EQ(overall_of(facts), Status::warning);
}

TEST(HandshakeAddresses, CountHowManyFail) {
  const HandshakeFacts facts =
      facts_of({closed_at(kGateway, "192.0.2.1"), closed_at("192.0.2.2:51820", "192.0.2.2"),
                working_at("198.51.100.1:51820")});
  EXPECT_THAT(verdict_of(facts), HasSubstr(": 192.0.2.1:51820 and 1 more fail"));
}

TEST(HandshakeAddresses, AreNotBlamedForASlowStart) {
  AttemptFacts late = working_at();
  late.initiations = 3;
  late.answered_initiation = 3;
  const HandshakeFacts facts = facts_of({late, working_at("198.51.100.1:51820")});
  EXPECT_EQ(outcome(facts, "name.addresses"), "ok");
  EXPECT_EQ(outcome(facts, "handshake.response", kGateway), "warning WGS-HS-015");
}

}  // namespace
}  // namespace wgscope::diagnosis
