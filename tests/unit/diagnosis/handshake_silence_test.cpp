#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/report.hpp"

#include "handshake_facts.hpp"

namespace wgscope::diagnosis {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* kItself = "192.0.2.1";
constexpr const char* kResponse = "handshake.response";
constexpr const char* kStale =
    "this host's clock is behind this key's last handshake at the gateway";
constexpr const char* kNotKnown = "this probe's public key is not configured on the gateway";
constexpr const char* kDropped = "a firewall on the gateway or in front of it drops UDP 51820";
constexpr const char* kFiltered = "something on the path drops packets that look like WireGuard";
constexpr const char* kNoUdp = "this network does not let UDP out, or not to that port";

/// Everything was asked, and nobody said a word.
SilenceFacts all_silent() {
  SilenceFacts silence;
  silence.plain_neighbour.sent = 3;
  silence.wireguard_neighbour.sent = 3;
  silence.plain_same_port.sent = 3;
  return silence;
}

/// A closed port of the host says so, to both kinds of datagrams.
SilenceFacts host_up() {
  SilenceFacts silence = all_silent();
  silence.plain_neighbour = {.sent = 1, .answer = icmp(kItself, 3, 3)};
  silence.wireguard_neighbour = {.sent = 1, .answer = icmp(kItself, 3, 3)};
  return silence;
}

HandshakeFacts met(SilenceFacts silence) {
  AttemptFacts attempt = attempt_at();
  attempt.silence = silence;
  return facts_of(attempt);
}

std::size_t place(const std::vector<std::string>& list, const std::string& wanted) {
  return static_cast<std::size_t>(std::ranges::find(list, wanted) - list.begin());
}

TEST(Silence, OfAHostThatIsUpIsWireGuardsOwn) {
  const HandshakeFacts facts = met(host_up());
  EXPECT_EQ(outcome(facts, kResponse), "critical WGS-HS-005");
  EXPECT_EQ(verdict_of(facts),
            "192.0.2.1 is up, but UDP 51820 does not respond. Most likely: a wrong key on one "
            "side, or a firewall");
  EXPECT_EQ(outcome(facts, "handshake.preshared_key"), "skipped WGS-HS-005");
  EXPECT_EQ(outcome(facts, "tunnel.data"), "skipped WGS-HS-005");
  EXPECT_EQ(overall_of(facts), Status::critical);
}

TEST(Silence, OfAHostThatIsUpHasAllReasonsThatLookTheSame) {
  const HandshakeFacts facts = met(host_up());
  EXPECT_THAT(
      reasons(facts, kResponse),
      ::testing::ElementsAre(kNotKnown, "the gateway's public key is not " + key_of(7).base64(),
                             kStale, kDropped, StartsWith("the gateway responds, and the response"),
                             StartsWith("a flood of initiations overloads the gateway"),
                             "the path loses packets at random"));
  EXPECT_THAT(words_of(facts, kResponse),
              AllOf(HasSubstr("wg show all peers | grep " + key_of(9).base64()),
                    HasSubstr("4 initiations to 192.0.2.1:51820: no response"),
                    HasSubstr("tcpdump -ni any udp port 51820"), HasSubstr("dynamic_debug/control"),
                    HasSubstr("restart it with LOG_LEVEL=verbose")));
}

TEST(Silence, SuspectsTheClockFirstOnlyWhereItIsKnownToBeBehind) {
  HandshakeFacts unsynchronised = met(host_up());
  unsynchronised.clock_synchronised = false;
  EXPECT_EQ(reasons(unsynchronised, kResponse).front(), kNotKnown);
  EXPECT_THAT(words_of(unsynchronised, kResponse),
              HasSubstr("this host's clock is not synchronised"));
  HandshakeFacts ahead = met(host_up());
  ahead.stamp_ahead = 1h;
  EXPECT_EQ(reasons(ahead, kResponse).front(), kStale);
  EXPECT_THAT(words_of(ahead, kResponse), HasSubstr("60 min in the future of this host's clock"));
  EXPECT_THAT(verdict_of(ahead), EndsWith("Most likely: " + std::string(kStale)));
}

TEST(Silence, SuspectsTheClockFirstEvenOfASilentHostWhereTheStampIsAhead) {
  HandshakeFacts facts = met(all_silent());
  facts.stamp_ahead = 1h;
  EXPECT_EQ(reasons(facts, kResponse).front(), kStale);
}

TEST(Silence, IsToldFromAHostThatIsUpByAnySignOfIt) {
  for (int sign = 0; sign < 5; ++sign) {
    SilenceFacts silence = all_silent();
    if (sign == 0) silence.plain_neighbour = {.sent = 1, .datagram = true};
    if (sign == 1) silence.wireguard_neighbour.answer = icmp(kItself, 3, 3);
    if (sign == 2) silence.hops = {{.limit = 1, .from = address(kItself), .arrived = true}};
    if (sign == 3) {
      silence.plain_neighbour.answer = icmp(kItself, 3, 13);
      silence.wireguard_neighbour.answer = icmp(kItself, 3, 13);
    }
    if (sign == 4) silence.wireguard_neighbour.datagram = true;
    EXPECT_EQ(outcome(met(silence), kResponse), "critical WGS-HS-005") << sign;
  }
}

TEST(Silence, KnowsAServiceThatIsNoWireGuard) {
  SilenceFacts silence = host_up();
  silence.plain_same_port.datagram = true;
  const HandshakeFacts facts = met(silence);
  EXPECT_EQ(outcome(facts, kResponse), "critical WGS-HS-005");
  EXPECT_THAT(verdict_of(facts), StartsWith("the service on 192.0.2.1:51820 is not WireGuard"));
}

TEST(Silence, OfWireGuardOnlyIsAFilter) {
  SilenceFacts silence = all_silent();
  silence.plain_neighbour = {.sent = 1, .answer = icmp(kItself, 3, 3)};
  const HandshakeFacts facts = met(silence);
  EXPECT_EQ(outcome(facts, kResponse), "critical WGS-HS-007");
  EXPECT_EQ(verdict_of(facts),
            "something on the path to 192.0.2.1 drops packets that look like WireGuard");
  EXPECT_THAT(
      words_of(facts, kResponse),
      AllOf(HasSubstr("limits how often it reports unreachable"),
            HasSubstr("3 datagrams shaped like an initiation to a UDP port where nothing should "
                      "listen: no answer")));
}

TEST(Silence, IsNoFilterByOneDatagramAlone) {
  SilenceFacts silence = all_silent();
  silence.plain_neighbour = {.sent = 1, .answer = icmp(kItself, 3, 3)};
  silence.wireguard_neighbour.sent = 1;
  const HandshakeFacts facts = met(silence);
  EXPECT_EQ(outcome(facts, kResponse), "critical WGS-HS-005");
  EXPECT_THAT(reasons(facts, kResponse), Contains(kFiltered));
}

TEST(Silence, HasLossAmongItsReasonsWithTheChanceOfIt) {
  HandshakeFacts facts = met(host_up());
  EXPECT_THAT(words_of(facts, kResponse),
              HasSubstr("loses 4 initiations in a row, or the responses to "
                        "them, in only 7 % of runs"));
  facts.attempts.front().initiations = 1;
  EXPECT_THAT(words_of(facts, kResponse), HasSubstr("in only 51 % of runs"));
}

TEST(Silence, SaysWhereTheStampStandsInWhatIsKnown) {
  HandshakeFacts facts = met(host_up());
  EXPECT_THAT(words_of(facts, kResponse), HasSubstr("this host has no record of an earlier"));
  facts.stamp_recorded = true;
  EXPECT_THAT(words_of(facts, kResponse), Not(HasSubstr("no record of an earlier")));
}

TEST(Silence, MayComeOfReservedBytesThatTheGatewayDoesNotExpect) {
  HandshakeFacts facts = met(host_up());
  EXPECT_THAT(words_of(facts, kResponse), Not(HasSubstr("reserved bytes")));
  facts.sets_reserved_bytes = true;
  EXPECT_THAT(reasons(facts, kResponse)[0], HasSubstr("the gateway is plain WireGuard, which drops "
                                                      "messages whose reserved bytes are set"));
  EXPECT_EQ(outcome(facts, kResponse), "critical WGS-HS-005");
  EXPECT_EQ(verdict_of(facts),
            "192.0.2.1 is up, but UDP 51820 does not respond. Most likely: the gateway does not "
            "expect the reserved bytes that this configuration sets, a wrong key on one side, or a "
            "firewall");
  facts = met(all_silent());
  EXPECT_THAT(verdict_of(facts), Not(HasSubstr("reserved bytes")));
  facts.sets_reserved_bytes = true;
  EXPECT_EQ(outcome(facts, kResponse), "critical WGS-HS-006");
  EXPECT_THAT(verdict_of(facts), HasSubstr("or the reserved bytes that this configuration sets"));
}

TEST(Silence, NamesWhoAnswersWithReservedBytesWhereItIsNotTheEndpoint) {
  HandshakeFacts facts = met(host_up());
  Stray stray{.from = endpoint("198.51.100.7:51820"), .size = 92, .begins = "02 a8 1a 15"};
  stray.reserved = true;
  facts.attempts.front().refused.strays = {stray};
  EXPECT_THAT(verdict_of(facts),
              StartsWith("198.51.100.7:51820, not 192.0.2.1:51820, answers with WireGuard "));
}

TEST(Silence, IsNoneWhereDatagramsCameThatDoNotParse) {
  HandshakeFacts facts = met(host_up());
  Stray stray{.from = endpoint(kGateway), .size = 92, .begins = "02 a8 1a 15 01 02 03 04"};
  stray.count = 4;
  stray.reserved = true;
  facts.attempts.front().refused.strays = {stray};
  EXPECT_EQ(outcome(facts, kResponse), "critical WGS-HS-017");
  EXPECT_THAT(verdict_of(facts), HasSubstr("WireGuard messages whose reserved bytes are set"));
  EXPECT_THAT(
      words_of(facts, kResponse),
      AllOf(HasSubstr("4 datagrams of 92 bytes from 192.0.2.1:51820, beginning with 02 a8 1a "
                      "15 01 02 03 04: a WireGuard message, but for its reserved bytes"),
            HasSubstr("Cloudflare WARP")));
  facts.attempts.front().refused.strays.front().reserved = false;
  EXPECT_EQ(outcome(facts, kResponse), "critical WGS-HS-005");
  EXPECT_THAT(verdict_of(facts), StartsWith("the service on 192.0.2.1:51820 is not WireGuard"));
  facts.attempts.front().refused.strays.front().from = endpoint("198.51.100.7:53");
  EXPECT_THAT(verdict_of(facts), HasSubstr("does not respond")) << "that was somebody else";
  EXPECT_THAT(words_of(facts, kResponse), HasSubstr("198.51.100.7:53"));
}

TEST(Silence, IsNoneWhereResponsesComeTooLate) {
  HandshakeFacts facts = met(host_up());
  facts.attempts.front().late_responses = 3;
  facts.attempts.front().late_by = 5900ms;
  EXPECT_EQ(outcome(facts, kResponse), "critical WGS-HS-018");
  EXPECT_EQ(verdict_of(facts),
            "192.0.2.1:51820 responds, but too late: more than 5.90 s after its initiation, when "
            "WireGuard has begun a new handshake");
}

TEST(Silence, OfTheWholeHostSuspectsAFirewallFirst) {
  const HandshakeFacts facts = met(all_silent());
  EXPECT_EQ(outcome(facts, kResponse), "critical WGS-HS-006");
  EXPECT_EQ(verdict_of(facts),
            "neither WireGuard on 192.0.2.1:51820 nor its host answers: a firewall drops the "
            "packets, the gateway is down, or it does not accept this probe");
  // A firewall that drops all else makes a wrong key look like this.
  EXPECT_THAT(reasons(facts, kResponse),
              AllOf(Contains(kNotKnown), Contains(kStale), Contains(kNoUdp), Contains(kFiltered)));
  EXPECT_LT(place(reasons(facts, kResponse), kDropped),
            place(reasons(facts, kResponse), kNotKnown));
}

TEST(Silence, ThatBeginsAtTheFirstHopIsOfThisNetwork) {
  SilenceFacts silence = all_silent();
  silence.hops = {{.limit = 1, .from = address("203.0.113.1")}, {.limit = 2}};
  const HandshakeFacts facts = met(silence);
  EXPECT_EQ(reasons(facts, kResponse).front(), kNoUdp);
  EXPECT_THAT(words_of(facts, kResponse),
              HasSubstr("last router that reported is hop 1 (203.0.113.1)\n"));
  EXPECT_THAT(verdict_of(facts), HasSubstr("this network does not let UDP out"));
}

TEST(Silence, ThatBeginsFurtherOnIsOfTheGatewaysSide) {
  SilenceFacts silence = all_silent();
  silence.hops = {{.limit = 1, .from = address("203.0.113.1")},
                  {.limit = 2},
                  {.limit = 3, .from = address("203.0.113.3")},
                  {.limit = 4}};
  const HandshakeFacts facts = met(silence);
  EXPECT_EQ(reasons(facts, kResponse).front(), kDropped);
  EXPECT_THAT(words_of(facts, kResponse),
              HasSubstr("the last router that reported is hop 3 (203.0.113.3)\n"));
}

/// The host itself answered from behind the last router that reported anything.
TEST(Silence, OfProbesWithALowTtlClaimsNothingOfWhatAnswersBehindTheirLastRouter) {
  SilenceFacts silence = host_up();
  silence.neighbour_port = 33440;
  silence.hops = {{.limit = 1, .from = address("203.0.113.1")}, {.limit = 2}};
  const std::string words = words_of(met(silence), kResponse);
  EXPECT_THAT(words,
              AllOf(HasSubstr("probes to UDP 51820 with a low TTL: the last router that reported "
                              "is hop 1 (203.0.113.1). The gateway itself does not report probes "
                              "to this port\n"),
                    HasSubstr("shaped like an initiation to UDP 33440, where nothing should "
                              "listen: got port unreachable"),
                    Not(HasSubstr("beyond"))));
}

TEST(Silence, SaysWhereNoHopAtAllWasHeardOf) {
  SilenceFacts silence = all_silent();
  silence.hops = {{.limit = 1}};
  EXPECT_THAT(words_of(met(silence), kResponse),
              HasSubstr("probes to UDP 51820 with a low TTL: no router reported one"));
}

TEST(Silence, ThatNobodyAskedAboutClaimsNothingOfTheHost) {
  const HandshakeFacts facts = facts_of(attempt_at());
  EXPECT_EQ(outcome(facts, kResponse), "critical WGS-HS-006");
  EXPECT_THAT(verdict_of(facts), StartsWith("no answer from 192.0.2.1:51820: a firewall"));
}

TEST(Silence, ThatWasCutShortIsUnknown) {
  AttemptFacts attempt = attempt_at();
  attempt.given_up = true;
  attempt.silence = all_silent();
  HandshakeFacts facts = facts_of(attempt);
  facts.interrupted = true;
  EXPECT_EQ(outcome(facts, kResponse), "unknown");
  EXPECT_EQ(outcome(facts, "handshake.preshared_key"), "unknown");
  EXPECT_EQ(outcome(facts, "tunnel.data"), "unknown");
  EXPECT_EQ(overall_of(facts), Status::unknown);
}

TEST(Silence, ThatWasCutShortStillHasWhatIsCertain) {
  AttemptFacts attempt = attempt_at();
  attempt.given_up = true;
  attempt.icmp = {icmp(kItself, 3, 3)};
  EXPECT_EQ(outcome(facts_of(attempt), "path.icmp"), "critical WGS-HS-001");
}

TEST(Silence, OfAnIpv6HostIsToldTheSameWay) {
  AttemptFacts attempt = attempt_at(kGatewayV6);
  attempt.silence = all_silent();
  attempt.silence->plain_neighbour = {.sent = 1, .answer = icmp("2001:db8::1", 1, 4)};
  attempt.silence->wireguard_neighbour = {.sent = 1, .answer = icmp("2001:db8::1", 1, 4)};
  EXPECT_EQ(outcome(facts_of(attempt), kResponse), "critical WGS-HS-005");
}

}  // namespace
}  // namespace wgscope::diagnosis
