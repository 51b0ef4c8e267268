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
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kData = "tunnel.data";
constexpr const char* kHold = "tunnel.hold";

HandshakeFacts with(DataFacts data) {
  AttemptFacts attempt = answered_at();
  attempt.data = std::move(data);
  return facts_of(attempt);
}

/// Echo requests to an address that somebody named, without a reply.
DataFacts unanswered() { return {.target = address("10.9.0.1"), .echoes_sent = 3}; }

TEST(Data, ThatIsAnsweredIsOkWithItsMedian) {
  const std::vector<Check> checks = diagnose(facts_of(working_at()));
  EXPECT_EQ(outcome(checks, kData), "ok");
  EXPECT_EQ(find(checks, kData)->summary.plain(),
            "3 of 3 echo requests answered by 10.9.0.1, median 2.00 ms");
}

TEST(Data, MeetingAnErrorFromInsideShowsThatTheTunnelCarries) {
  DataFacts data = unanswered();
  data.icmp = icmp("10.9.0.254", 3, 1);
  const HandshakeFacts facts = with(data);
  EXPECT_EQ(outcome(facts, kData), "warning WGS-DAT-005");
  EXPECT_THAT(verdict_of(facts),
              StartsWith("the tunnel works in both directions, but 10.9.0.254 inside it reports"));
}

TEST(Data, WitnessedByAKeepaliveIsDroppedBehindThePeer) {
  DataFacts data = unanswered();
  data.keepalive_after = 10s;
  const HandshakeFacts facts = with(data);
  EXPECT_EQ(outcome(facts, kData), "critical WGS-DAT-001");
  EXPECT_THAT(verdict_of(facts),
              HasSubstr("decrypts this probe's data, and the data is dropped after that"));
  EXPECT_THAT(words_of(facts, kData),
              AllOf(HasSubstr("wireguard_interface_receive_frame_errors_total"),
                    HasSubstr("wg show all allowed-ips | grep " + key_of(9).base64()),
                    HasSubstr("rp_filter"), HasSubstr("ip_forward"), HasSubstr("LIST,10.9.0.2/32"),
                    HasSubstr("ip route get 10.9.0.2;"),
                    HasSubstr("10.0 s later the gateway sent a keepalive"),
                    HasSubstr("kernel WireGuard only"), HasSubstr("replaces the whole list")));
}

TEST(Data, WitnessedByAKeepaliveIsUnknownWhereTheTargetWasGuessed) {
  DataFacts data = unanswered();
  data.keepalive_after = 10s;
  data.target_guessed = true;
  const HandshakeFacts facts = with(data);
  EXPECT_EQ(outcome(facts, kData), "unknown WGS-DAT-006");
  EXPECT_EQ(overall_of(facts), Status::unknown);
  EXPECT_EQ(verdict_of(facts),
            "192.0.2.1:51820 decrypts this probe's data, but 10.9.0.1 does not answer. wgscope "
            "chose this address: it may not exist. Unknown whether the tunnel works in both "
            "directions");
  EXPECT_THAT(reasons(facts, kData).front(), StartsWith("10.9.0.1 does not answer"));
  EXPECT_EQ(reasons(facts, kData).size(), 5U);
}

TEST(Data, WitnessedByAnInitiationIsLostOnTheWayBack) {
  DataFacts data = unanswered();
  data.initiation_after = 15200ms;
  const HandshakeFacts facts = with(data);
  EXPECT_EQ(outcome(facts, kData), "critical WGS-DAT-002");
  EXPECT_THAT(words_of(facts, kData), HasSubstr("15.2 s after the last request the gateway began"));
}

TEST(Data, OfTheGatewayThatIsNoReplyDisprovesThatItsDataIsLost) {
  DataFacts data = unanswered();
  data.initiation_after = 15200ms;
  data.other = OtherData{.count = 2, .from = address("10.9.0.254"), .icmp_type = 5};
  HandshakeFacts facts = with(data);
  EXPECT_EQ(outcome(facts, kData), "warning WGS-DAT-005");
  EXPECT_EQ(verdict_of(facts),
            "10.9.0.1 does not answer. Data from the gateway does arrive here: 2 packets that are "
            "not replies (the first: ICMP redirect from 10.9.0.254)");
  EXPECT_THAT(reasons(facts, kData).front(), StartsWith("no host has 10.9.0.1"));

  data.target_guessed = true;
  EXPECT_THAT(verdict_of(with(data)),
              StartsWith("10.9.0.1 does not answer. wgscope chose this address: it may not exist. "
                         "Data from the gateway does arrive here"));
}

TEST(Data, FromAnAddressThatIsNotAllowedMayBeTheReplies) {
  DataFacts data = unanswered();
  data.initiation_after = 15200ms;
  data.other =
      OtherData{.count = 1, .from = address("172.16.0.9"), .icmp_type = {}, .not_allowed = true};
  const HandshakeFacts facts = with(data);
  EXPECT_EQ(outcome(facts, kData), "warning WGS-DAT-005");
  EXPECT_THAT(verdict_of(facts), EndsWith(": 1 packet that is not a reply (from 172.16.0.9)"));
  EXPECT_THAT(reasons(facts, kData).front(), StartsWith("the replies come from 172.16.0.9"));
}

/// Of its own accord a gateway may send anything, which says nothing about the echo requests.
TEST(Data, OfTheGatewayLeavesItsKeepaliveAsAWitness) {
  DataFacts data = unanswered();
  data.keepalive_after = 10s;
  data.other = OtherData{.count = 1, .from = address("10.9.0.254"), .icmp_type = {}};
  EXPECT_EQ(outcome(with(data), kData), "critical WGS-DAT-001");
  EXPECT_THAT(words_of(with(data), kData), HasSubstr("(from 10.9.0.254) arrived here"));
  data.other->icmp_type = 5;  // a redirect says that they were forwarded
  EXPECT_EQ(outcome(with(data), kData), "warning WGS-DAT-005");
}

TEST(Data, WithoutAnyWitnessIsLostOnTheWayThereMostLikely) {
  DataFacts data = unanswered();
  data.witnesses_watched = 16s;
  const HandshakeFacts facts = with(data);
  EXPECT_EQ(outcome(facts, kData), "critical WGS-DAT-003");
  EXPECT_THAT(verdict_of(facts),
              HasSubstr("most likely this probe's data is lost on the forward path"));
  EXPECT_THAT(words_of(facts, kData), HasSubstr("data is dropped in both directions"));
}

TEST(Data, ThatIsLostIsLostBehindTheLastRouterThatReportsIt) {
  DataFacts data = unanswered();
  data.witnesses_watched = 16s;
  data.trace.plain_hops = {{.limit = 1, .from = address("203.0.113.1")},
                           {.limit = 2},
                           {.limit = 3, .from = address("203.0.113.3")},
                           {.limit = 4, .from = address("203.0.113.4")},
                           {.limit = 5}};
  data.trace.data_seen_at = {address("203.0.113.1")};
  data.trace.lost_before_plain = 2;
  EXPECT_THAT(verdict_of(with(data)), EndsWith("lost on the forward path")) << "too few to tell";
  data.trace.lost_before_plain = 3;
  EXPECT_THAT(verdict_of(with(data)),
              EndsWith("WireGuard's data is dropped between 203.0.113.1 (hop 1) and 203.0.113.3 "
                       "(hop 3), where other UDP passes"));
  EXPECT_THAT(words_of(with(data), kData),
              HasSubstr("203.0.113.4 (hop 4); that report this session's data: 203.0.113.1 (hop "
                        "1)\n"));
  data.trace.data_seen_at.push_back(address("203.0.113.4"));  // hop 3 left its report out
  EXPECT_THAT(verdict_of(with(data)), EndsWith("data reaches 203.0.113.4 (hop 4), the last router "
                                               "that reports anything"));
  data.trace.data_seen_at.clear();
  EXPECT_THAT(verdict_of(with(data)),
              EndsWith("WireGuard's data does not reach 203.0.113.1 (hop 1), but other UDP does"));
  data.trace.plain_hops = {{.limit = 1}};
  EXPECT_THAT(verdict_of(with(data)), EndsWith("lost on the forward path"));
}

TEST(Data, IsWatchedForLongerOnALongPath) {
  AttemptFacts attempt = answered_at(kGateway, 4s);
  attempt.data = unanswered();
  attempt.data->witnesses_watched = 16s;
  EXPECT_EQ(outcome(facts_of(attempt), kData), "unknown WGS-DAT-006");
  attempt.data->witnesses_watched = 20s;
  EXPECT_EQ(outcome(facts_of(attempt), kData), "critical WGS-DAT-003");
}

TEST(Data, ThatIsLostHasLossAmongItsReasonsWithTheChanceOfIt) {
  DataFacts data = unanswered();
  data.echoes_sent = 6;
  data.witnesses_watched = 16s;
  EXPECT_THAT(words_of(with(data), kData), HasSubstr("this happens in about 5 of 1000 runs"));
}

TEST(Data, IsLostWhereTheResponseCameFromAnotherAddressForThatReason) {
  AttemptFacts attempt = answered_at();
  attempt.responder = endpoint("192.0.2.99:51820");
  attempt.data = unanswered();
  attempt.data->witnesses_watched = 16s;
  const HandshakeFacts facts = facts_of(attempt);
  EXPECT_EQ(outcome(facts, "handshake.responder"), "critical WGS-HS-019");
  EXPECT_EQ(outcome(facts, kData), "skipped WGS-HS-019");
  EXPECT_EQ(verdict_of(facts),
            "192.0.2.99:51820 answered instead of 192.0.2.1:51820, and data does not cross the "
            "tunnel to there");
  EXPECT_THAT(words_of(facts, "handshake.responder"), Not(HasSubstr("as Endpoint")));
  attempt.data->keepalive_after = 10s;
  EXPECT_EQ(outcome(facts_of(attempt), kData), "critical WGS-DAT-001") << "it did arrive there";
}

TEST(Data, ThatWasWatchedTooShortlyIsUnknown) {
  DataFacts data = unanswered();
  data.witnesses_watched = 12s;
  const HandshakeFacts facts = with(data);
  EXPECT_EQ(outcome(facts, kData), "unknown WGS-DAT-006");
  EXPECT_THAT(words_of(facts, kData),
              AllOf(HasSubstr("watched for 12.0 s"), HasSubstr("longer --timeout")));
}

TEST(Data, OfAQuickRunIsUnknownAndSaysWhatToDo) {
  HandshakeFacts facts = with(unanswered());
  facts.quick = true;
  EXPECT_EQ(outcome(facts, kData), "unknown WGS-DAT-006");
  EXPECT_THAT(words_of(facts, kData), HasSubstr("run without --quick"));
  EXPECT_EQ(overall_of(facts), Status::unknown);
}

TEST(Data, ThatWasWatchedAtAnotherAddressPointsThere) {
  AttemptFacts first = answered_at();
  first.data = unanswered();
  first.data->keepalive_after = 10s;
  first.data->witnesses_watched = 10s;
  AttemptFacts second = answered_at("198.51.100.1:51820");
  second.data = unanswered();
  const std::vector<Check> checks = diagnose(facts_of({first, second}));
  EXPECT_EQ(outcome(checks, kData, kGateway), "critical WGS-DAT-001");
  EXPECT_EQ(outcome(checks, kData, "198.51.100.1:51820"), "unknown WGS-DAT-006");
  EXPECT_THAT(words_of(*find(checks, kData, "198.51.100.1:51820")->finding),
              HasSubstr("see the result of the other address"));
}

TEST(Data, ThatWasInterruptedSaysToLetItRun) {
  HandshakeFacts facts = with(unanswered());
  facts.interrupted = true;
  EXPECT_EQ(outcome(facts, kData), "unknown WGS-DAT-006");
  EXPECT_THAT(words_of(facts, kData), HasSubstr("let it run to its end"));
}

TEST(Data, WithNobodyToAskIsUnknownAndSoIsTheWhole) {
  AttemptFacts attempt = answered_at();
  attempt.data.emplace();
  const HandshakeFacts facts = facts_of(attempt);
  EXPECT_EQ(outcome(facts, kData), "unknown WGS-DAT-006");
  EXPECT_EQ(overall_of(facts), Status::unknown);
  EXPECT_EQ(verdict_of(facts),
            "the handshake with 192.0.2.1:51820 works; unknown whether data crosses the tunnel: no "
            "address inside it is known");
  EXPECT_THAT(words_of(facts, kData), AllOf(HasSubstr("--ping ADDRESS"), HasSubstr("--no-data")));
}

TEST(Data, ThatThereWasNoTimeForIsUnknownAndSoIsTheWhole) {
  const HandshakeFacts facts = facts_of(answered_at());
  EXPECT_EQ(outcome(facts, kData), "unknown WGS-DAT-006");
  EXPECT_EQ(overall_of(facts), Status::unknown);
  EXPECT_THAT(verdict_of(facts),
              HasSubstr("unknown whether data crosses the tunnel: the time was"));
  EXPECT_THAT(words_of(facts, kData), HasSubstr("longer --timeout"));
}

TEST(Data, ThatIsNotWantedIsNotThere) {
  HandshakeFacts facts = facts_of(answered_at());
  facts.data_wanted = false;
  EXPECT_EQ(outcome(facts, kData), "absent");
  EXPECT_EQ(overall_of(facts), Status::ok);
}

TEST(Data, IsUnknownWhereARunEndedBefore) {
  HandshakeFacts facts = facts_of(answered_at());
  facts.interrupted = true;
  EXPECT_EQ(outcome(facts, kData), "unknown");
  EXPECT_EQ(overall_of(facts), Status::unknown);
}

TEST(Data, LeavesItsSamplesInTheirOrder) {
  const HandshakeFacts facts = facts_of(working_at());
  diagnose(facts);
  EXPECT_THAT(facts.attempts[0].data->round_trips, ::testing::ElementsAre(3ms, 1ms, 2ms));
}

// tunnel.hold

DataFacts held(Nanoseconds died_after) {
  DataFacts data = *working_at().data;
  data.held = 30s;
  data.died_after = died_after;
  return data;
}

TEST(Hold, ThatOutlivesItsTimeIsOk) {
  DataFacts data = *working_at().data;
  data.held = 30s;
  const HandshakeFacts facts = with(data);
  EXPECT_EQ(outcome(facts, kHold), "ok");
  EXPECT_EQ(overall_of(facts), Status::ok);
}

HandshakeFacts held_with(const std::string& pings) {
  DataFacts data = *working_at().data;
  data.held = 9s;
  for (const char ping : pings) data.held_answers.push_back(ping == '|');
  return with(data);
}

TEST(Hold, ThatLosesPingsWarnsWhateverItsEnd) {
  const HandshakeFacts facts = held_with("||.||||.|||||||||");
  EXPECT_EQ(outcome(facts, kHold), "warning WGS-DAT-007");
  EXPECT_THAT(verdict_of(facts),
              AllOf(HasSubstr("the tunnel works, but 2 of 17 pings through the tunnel to "),
                    HasSubstr(" were not answered in 9.00 s, in no regular pattern")));
  EXPECT_THAT(words_of(facts, kHold), HasSubstr("||.||||.|||||||||"));
  EXPECT_THAT(reasons(facts, kHold).front(), HasSubstr("path loses packets"));
  EXPECT_EQ(outcome(held_with("|||||||||||||||||"), kHold), "ok");
}

TEST(Hold, NamesTheCauseByThePatternOfTheLoss) {
  EXPECT_THAT(reasons(held_with("||||||.....||||||"), kHold).front(), HasSubstr("paused"));
  EXPECT_THAT(reasons(held_with("|.|.|.|.|.|.|.|.|"), kHold).front(), HasSubstr("two gateways"));
  EXPECT_THAT(reasons(held_with("||..|.|||..|..||."), kHold).front(), HasSubstr("loses packets"));
}

TEST(Hold, ThatWasNotAskedForIsNotThere) {
  EXPECT_EQ(outcome(facts_of(working_at()), kHold), "absent");
}

TEST(Hold, ThatRevivesOnAnotherPortIsPolicedByFlow) {
  DataFacts data = held(8s);
  data.new_handshake = true;
  data.other_port_carries = true;
  const HandshakeFacts facts = with(data);
  EXPECT_EQ(outcome(facts, kHold), "critical WGS-DAT-004");
  EXPECT_EQ(verdict_of(facts),
            "the tunnel to 192.0.2.1:51820 stops carrying data after 8.00 s: most likely something "
            "on the path blocks the flow once it recognises WireGuard");
  EXPECT_THAT(words_of(facts, kHold), HasSubstr("data crosses again from another source port"));
}

TEST(Hold, ThatANewHandshakeRevivesSuspectsASecondUserOfTheKey) {
  DataFacts data = held(8s);
  data.new_handshake = true;
  EXPECT_THAT(reasons(with(data), kHold).front(), HasSubstr("duplicate key"));
}

/// One such loss has two explanations that nothing tells apart; a second within a minute has one.
TEST(Hold, ThatANewHandshakeRevivesAtOnceHasLostItsSession) {
  DataFacts data = held(20s);
  data.new_handshake = true;
  data.lost_sessions = {{.lived = 20s, .silent = 3400ms, .unanswered = 9}};
  EXPECT_EQ(outcome(with(data), kHold), "critical WGS-DAT-004");
  EXPECT_THAT(verdict_of(with(data)), HasSubstr("the gateway no longer had this probe's session. "
                                                "Unknown why: another device with this key"));
  for (const std::string& reason : reasons(with(data), kHold))
    EXPECT_THAT(reason, ::testing::Not(::testing::AnyOf(HasSubstr("forgot the flow"),
                                                        HasSubstr("went down"))));
  data.held = 60s;
  data.lost_sessions.push_back({.lived = 18s, .silent = 3400ms, .unanswered = 9});
  EXPECT_EQ(verdict_of(with(data)),
            "the gateway 192.0.2.1:51820 lost this probe's session 2 times in 60.0 s, and a new "
            "handshake restored the tunnel at once each time: most likely another device uses this "
            "key");
  EXPECT_THAT(words_of(with(data), kHold), HasSubstr("a session carried data for 18.0 s; then 9 "));
  data.new_handshake = false;  // the last time nothing helped
  EXPECT_THAT(verdict_of(with(data)), HasSubstr("stops carrying data after"));
}

TEST(Hold, ThatAHandshakeFollowsBlamesNothingThatTheHandshakeRefutes) {
  DataFacts data = held(180s);  // when a renewal is due
  data.new_handshake = true;
  for (const auto& carries : {std::optional<bool>(), std::optional(true), std::optional(false)}) {
    data.other_port_carries = carries;
    for (const std::string& reason : reasons(with(data), kHold))
      EXPECT_THAT(reason, ::testing::Not(::testing::AnyOf(HasSubstr("forgot the flow"),
                                                          HasSubstr("went down"),
                                                          HasSubstr("was not renewed"))));
  }
}

TEST(Hold, ThatNothingRevivesSuspectsTheGateway) {
  DataFacts data = held(8s);
  data.new_handshake = false;
  data.other_port_carries = false;
  EXPECT_THAT(reasons(with(data), kHold).front(), HasSubstr("went down"));
}

TEST(Hold, ThatANewHandshakeDoesNotReviveIsPoliced) {
  DataFacts data = held(8s);
  data.new_handshake = true;
  data.other_port_carries = false;
  EXPECT_THAT(reasons(with(data), kHold).front(), HasSubstr("blocks the flow"));
}

TEST(Hold, ThatWasNotFollowedUpSaysNothingOfIt) {
  const std::string words = words_of(with(held(8s)), kHold);
  EXPECT_THAT(words, ::testing::Not(HasSubstr("another handshake")));
  EXPECT_THAT(words, ::testing::Not(HasSubstr("another source port data")));
}

TEST(Hold, ThatEndsWithItsSessionSuspectsItsRenewal) {
  EXPECT_THAT(reasons(with(held(180s)), kHold).front(), HasSubstr("session was not renewed"));
}

TEST(Hold, ThatDiesKeepsTheAddressFromCounting) {
  AttemptFacts dying = answered_at();
  dying.data = held(8s);
  const HandshakeFacts facts = facts_of({dying, working_at("198.51.100.1:51820")});
  EXPECT_EQ(outcome(facts, kHold), "warning WGS-DAT-004");
  EXPECT_EQ(outcome(facts, "name.addresses"), "warning WGS-HS-016");
}

}  // namespace
}  // namespace wgscope::diagnosis
