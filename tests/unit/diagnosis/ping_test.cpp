#include "wgscope/diagnosis/ping.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/model/address.hpp"

#include "ping_facts.hpp"

namespace wgscope::diagnosis {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// Loss outside is loss of the path, and decides what to do.
TEST(Ping, OfWhichNoneIsAnsweredTellsWhatARouterInsideReports) {
  PingFacts facts = pinged(3, 0);
  facts.icmp = {{.from = IpAddress::parse("10.9.0.254").value(), .type = 3, .code = 1}};
  EXPECT_EQ(plain(verdict(report_of(facts))),
            "10.9.0.254 reports that 10.9.0.1 cannot be reached: host unreachable");
  for (const Hypothesis& cause : causes_in(facts, "ping.reply"))
    EXPECT_THAT(plain(cause.cause), Not(HasSubstr("AllowedIPs")));
}

TEST(Ping, SaysThatAFewPacketsWithoutLossDoNotExcludeIt) {
  const PingFacts facts = pinged(3, 0);
  EXPECT_EQ(plain(causes_in(facts, "ping.reply").back().cause),
            "packet loss: outside the tunnel none of 4 packets was lost, but so few do not exclude "
            "it: all 3 pings fail in 1.8 % of runs");
}

TEST(Ping, ThatIsTheOnlyOneHasNoMedian) {
  const auto checks = diagnose(pinged(1, 1));
  EXPECT_EQ(plain(find(checks, "ping.reply").summary), "1 of 1 pings answered, round trip 12.0 ms");
  EXPECT_THAT(plain(find(checks, "ping.outer").summary), Not(HasSubstr("median")));
}

TEST(PingDiagnosis, AllAnsweredIsOkAndSaysHowFast) {
  const Report report = report_of(pinged(10, 10));
  EXPECT_EQ(overall(report), Status::ok);
  EXPECT_THAT(findings(report.checks), ElementsAre());
  EXPECT_EQ(verdict(report).plain(),
            "10.9.0.1 answers through the tunnel after 12.0 ms (median of 10)");
  EXPECT_EQ(
      find(report.checks, "ping.reply").summary.plain(),
      "10 of 10 pings answered, round trip 12.0 ms (median), 12.0 ms to 12.0 ms, jitter 0 ns");
  EXPECT_THAT(find(report.checks, "ping.outer").summary, has_text("the tunnel adds 2.00 ms"));
}

TEST(PingDiagnosis, LossOnTheWayThereIsNamed) {
  const auto checks = diagnose(pinged(100, 90));
  EXPECT_THAT(findings(checks), ElementsAre(FindingId::loss_forward));
  const Check& check = find(checks, "ping.loss_forward");
  EXPECT_EQ(check.status, Status::warning);
  EXPECT_EQ(check.finding->cause.plain(),
            "10 of 100 pings (10 %) lost on the forward path, or not answered by 10.9.0.1");
  EXPECT_THAT(check.finding->evidence,
              Contains(has_text("outside the tunnel, 192.0.2.1 answered 100 of 100 pings")));
  EXPECT_EQ(find(checks, "ping.loss_backward").status, Status::ok);
}

TEST(PingDiagnosis, LossOnTheWayBackIsNamedAndIsAShareOfTheAnswersThatWereSent) {
  PingFacts facts = pinged(100, 60);
  facts.back.missing = 20;
  const auto checks = diagnose(facts);
  EXPECT_THAT(findings(checks), ElementsAre(FindingId::loss_forward, FindingId::loss_backward));
  EXPECT_EQ(find(checks, "ping.loss_backward").finding->cause.plain(),
            "20 of 80 answers (25 %) lost on the reverse path");
}

TEST(PingDiagnosis, TheShareOfLossDecidesHowBadItIs) {
  struct Case {
    std::size_t answered;
    Status status;
  };
  for (const auto [answered, status] :
       {Case{1000, Status::ok}, Case{991, Status::ok}, Case{990, Status::warning},
        Case{801, Status::warning}, Case{800, Status::critical}}) {
    const auto checks = diagnose(pinged(1000, answered));
    EXPECT_EQ(find(checks, "ping.loss_forward").status, status) << answered;
    EXPECT_EQ(findings(checks).empty(), status == Status::ok) << answered;
  }
  EXPECT_THAT(find(diagnose(pinged(1000, 991)), "ping.loss_forward").summary,
              has_text("9 of 1000 (0.9 %) lost on the forward path"));
  EXPECT_THAT(success(pinged(1000, 991)), has_text(", 0.9 % lost"));
}

TEST(PingDiagnosis, ADirectionThatIsNotToldIsSaidSo) {
  PingFacts facts = pinged(10, 8);
  facts.back.tail = 2;
  const Report report = report_of(facts);
  EXPECT_THAT(findings(report.checks), ElementsAre(FindingId::loss));
  EXPECT_EQ(find(report.checks, "ping.loss").finding->cause.plain(),
            "2 of 10 pings (20 %) lost; cannot tell in which direction");
  ASSERT_EQ(report.measurements.size(), 1U) << "what is not known is absent";
  EXPECT_EQ(report.measurements[0].labels[0].value.plain(), "round_trip");
}

TEST(PingDiagnosis, NoReplyIsCriticalAndHasMoreThanOneCause) {
  PingFacts facts = pinged(10, 0);
  const Report report = report_of(facts);
  EXPECT_EQ(overall(report), Status::critical);
  EXPECT_EQ(verdict(report).plain(), "10.9.0.1 answered none of 10 pings through the tunnel");
  const Check& check = find(report.checks, "ping.reply");
  EXPECT_EQ(check.finding->id, FindingId::no_reply);
  EXPECT_GE(check.finding->hypotheses.size(), 2U);
  EXPECT_FALSE(check.finding->fix.empty());
  const Check& loss = find(report.checks, "ping.loss_forward");
  EXPECT_EQ(loss.status, Status::skipped);
  EXPECT_EQ(loss.skipped_because, FindingId::no_reply);
}

TEST(PingDiagnosis, NoReplyOfAHostThatWasGuessedTellsNothing) {
  PingFacts facts = pinged(10, 0);
  facts.target_guessed = true;
  const Report report = report_of(facts);
  EXPECT_EQ(overall(report), Status::unknown);
  EXPECT_THAT(find(report.checks, "ping.reply").finding->evidence, Contains(has_text("guessed")));
}

TEST(PingDiagnosis, NoReplyNamesWhoSaysWhy) {
  PingFacts facts = pinged(10, 0);
  facts.icmp = {{.from = IpAddress::parse("10.9.0.254").value(), .type = 3, .code = 1}};
  facts.send_failure = "Operation not permitted";
  facts.unsent = 4;
  const auto checks = diagnose(facts);
  const auto& evidence = find(checks, "ping.reply").finding->evidence;
  EXPECT_THAT(evidence, Contains(has_text("from 10.9.0.254")));
  EXPECT_THAT(evidence,
              Contains(has_text("4 datagrams could not leave this host: Operation not permitted")));
}

TEST(PingDiagnosis, WhatCannotBePingedIsUnknownAndSaysWhatToDo) {
  for (const auto obstacle :
       {PingObstacle::no_target, PingObstacle::outside_allowed_ips, PingObstacle::no_such_family,
        PingObstacle::own_address, PingObstacle::too_large}) {
    PingFacts facts = pinged(0, 0);
    facts.obstacle = obstacle;
    if (obstacle == PingObstacle::no_target) facts.target.reset();
    const Report report = report_of(facts);
    EXPECT_EQ(overall(report), Status::unknown);
    EXPECT_FALSE(find(report.checks, "ping.reply").summary.empty());
    EXPECT_EQ(find(report.checks, "ping.loss_forward").status, Status::skipped);
    EXPECT_TRUE(report.measurements.empty());
  }
}

TEST(PingDiagnosis, WhatCameTwiceIsToldByWhereItWasDoubled) {
  PingFacts facts = pinged(100, 100);
  facts.back.replayed = 30;
  EXPECT_THAT(findings(diagnose(facts)), ElementsAre(FindingId::duplicates));
  EXPECT_THAT(find(diagnose(facts), "ping.duplicates").finding->evidence,
              ElementsAre(has_text("duplicated on the reverse path")));
  facts.back.replayed = 0;
  facts.inner.duplicates = 2;
  EXPECT_THAT(find(diagnose(facts), "ping.duplicates").finding->evidence,
              ElementsAre(has_text("duplicated behind the gateway")));
  facts = pinged(1000, 1000);
  facts.back.replayed = 1;
  EXPECT_THAT(findings(diagnose(facts)), ElementsAre()) << "0.1 %";
  EXPECT_EQ(find(diagnose(facts), "ping.duplicates").summary.plain(),
            "1 packet arrived twice (0.1 %)");
}

TEST(PingDiagnosis, DoublesAndDisorderAreNotableFromOnePercentOn) {
  PingFacts facts = pinged(200, 200);
  facts.back.received = 198;
  facts.back.replayed = 2;
  EXPECT_THAT(findings(diagnose(facts)), ElementsAre(FindingId::duplicates));
  facts.back.received = 199;
  EXPECT_THAT(findings(diagnose(facts)), ElementsAre());
  facts = pinged(200, 200);
  facts.back.received = 200;
  facts.back.reordered = facts.inner.reordered = 2;
  EXPECT_THAT(findings(diagnose(facts)), ElementsAre(FindingId::reordered));
  facts.back.received = 201;
  EXPECT_THAT(findings(diagnose(facts)), ElementsAre());
}

TEST(PingDiagnosis, WhatCameOutOfOrderIsToldByDirection) {
  PingFacts facts = pinged(100, 100);
  facts.inner.reordered = 5;
  facts.back.reordered = 5;
  EXPECT_THAT(findings(diagnose(facts)), ElementsAre(FindingId::reordered));
  EXPECT_THAT(find(diagnose(facts), "ping.order").finding->evidence,
              ElementsAre(has_text("the reverse path")));
  facts.back.reordered = 0;
  EXPECT_THAT(find(diagnose(facts), "ping.order").finding->evidence,
              ElementsAre(has_text("the forward path")));
  facts.back.reordered = 2;
  EXPECT_EQ(find(diagnose(facts), "ping.order").finding->evidence.size(), 2U);
}

TEST(PingDiagnosis, WithoutAnOuterRoundTripTheInnerOneIsStillFine) {
  PingFacts facts = pinged(10, 10);
  facts.outer = {};
  facts.outer_failure = "not permitted, and so on";
  const Report report = report_of(facts);
  EXPECT_EQ(overall(report), Status::ok);
  EXPECT_EQ(find(report.checks, "ping.outer").status, Status::unknown);
  EXPECT_EQ(find(report.checks, "ping.outer").summary.plain(), "not permitted, and so on");
  ASSERT_EQ(report.distributions.size(), 1U);
  facts.outer_failure.reset();
  facts.outer.sent = 10;
  EXPECT_EQ(overall(report_of(facts)), Status::ok) << "many hosts answer no pings";
}

IcmpReport icmp_from(const char* address, std::uint8_t code, std::size_t count) {
  return {.from = IpAddress::parse(address).value(), .type = 3, .code = code, .count = count};
}

TEST(PingDiagnosis, IcmpErrorsAboutPingsOutsideAreShownAndAreNotLoss) {
  PingFacts facts = pinged(10, 5);
  facts.outer.round_trips.resize(6);
  facts.outer_refused = 4;
  facts.outer_icmp = {icmp_from("192.0.2.7", 13, 3), icmp_from("192.0.2.8", 1, 1)};
  const auto checks = diagnose(facts);
  const Check& outer = find(checks, "ping.outer");
  EXPECT_EQ(outer.status, Status::warning);
  EXPECT_THAT(outer.summary,
              has_text("6 of 10 pings answered outside the tunnel, round trip 10.0 ms (median); "
                       "ICMP errors about them: communication administratively prohibited (ICMP "
                       "type 3, code 13) from 192.0.2.7, 3 times; host unreachable (ICMP type 3, "
                       "code 1) from 192.0.2.8"));
  const Check& forward = find(checks, "ping.loss_forward");
  ASSERT_TRUE(forward.finding);
  EXPECT_THAT(forward.finding->cause, Not(has_text("outside the tunnel too")));
  EXPECT_THAT(forward.finding->evidence, Contains(has_text("pings outside the tunnel got host")));
}

TEST(PingDiagnosis, IcmpErrorsAboutPingsOutsideAreNoLossThatExplainsSilence) {
  PingFacts facts = pinged(3, 0);
  facts.outer.round_trips.resize(1);
  const std::string with_loss = plain(causes_in(facts, "ping.reply").back().cause);
  EXPECT_THAT(with_loss, HasSubstr("2 of 4 packets were lost"));
  facts.outer_refused = 2;
  facts.outer_icmp = {icmp_from("192.0.2.7", 13, 2)};
  EXPECT_THAT(plain(causes_in(facts, "ping.reply").back().cause),
              HasSubstr("none of 2 packets was lost"));
}

TEST(PingDiagnosis, ErrorsFromInsideCountThoughOtherPingsAreAnswered) {
  PingFacts facts = pinged(10, 8);
  facts.icmp = {icmp_from("10.9.0.254", 1, 1), icmp_from("10.9.0.253", 0, 1)};
  const auto checks = diagnose(facts);
  EXPECT_THAT(find(checks, "ping.reply").summary,
              has_text("; also from inside: host unreachable (ICMP type 3, code 1) from "
                       "10.9.0.254; also from inside: network unreachable"));
  const Check& forward = find(checks, "ping.loss_forward");
  EXPECT_EQ(plain(forward.finding->hypotheses.front().cause),
            "10.9.0.254 inside the tunnel could not reach 10.9.0.1 at times: host unreachable");
  EXPECT_THAT(forward.finding->evidence,
              Contains(has_text("pings through the tunnel got network unreachable")));
}

TEST(PingDiagnosis, WhatIsNotToldIsNotCalledFineInEitherDirection) {
  PingFacts facts = pinged(20, 8);
  facts.back.tail = 12;
  const auto checks = diagnose(facts);
  for (const char* name : {"ping.loss_forward", "ping.loss_backward"}) {
    EXPECT_EQ(find(checks, name).status, Status::unknown) << name;
    EXPECT_THAT(find(checks, name).summary, has_text("12 pings were lost, and may have been"));
  }
  facts = pinged(1000, 991);
  facts.back.tail = 1;
  EXPECT_THAT(find(diagnose(facts), "ping.loss_forward").summary, has_text("at least 8 of 1000"));
}

TEST(PingDiagnosis, PingsThatIcmpErrorsRefuseAreLostOnTheWayThere) {
  PingFacts facts = pinged(20, 8);
  facts.back.tail = 12;
  facts.refused = 11;
  facts.session.icmp = {
      {.report = {.from = facts.gateway.address, .type = 3, .code = 3, .count = 12},
       .first = 8s,
       .last = 19s}};
  EXPECT_EQ(loss_of(facts), (PingLoss{.forward = 11, .backward = 0, .unknown_direction = 1}));
  const auto checks = diagnose(facts);
  const Check& forward = find(checks, "ping.loss_forward");
  EXPECT_EQ(forward.status, Status::critical);
  EXPECT_THAT(forward.summary, has_text("ICMP errors say that 11 of them could not be delivered"));
  EXPECT_THAT(forward.finding->evidence, Contains(has_text("port unreachable")));
  for (const Hypothesis& cause : forward.finding->hypotheses)
    EXPECT_THAT(cause.cause, Not(has_text("rate limit")));
}

TEST(PingDiagnosis, WhereAnotherDeviceTakesTheSessionNoDirectionIsTold) {
  PingFacts facts = pinged(20, 4);
  facts.back.missing = 3;
  facts.session.taken = {.sessions = 1, .foreign = 11, .first = 4s};
  EXPECT_EQ(loss_of(facts), (PingLoss{.forward = 0, .backward = 0, .unknown_direction = 16}));
  const Report report = report_of(facts);
  EXPECT_EQ(find(report.checks, "ping.loss_forward").status, Status::unknown);
  EXPECT_EQ(find(report.checks, "ping.loss_backward").status, Status::unknown);
  const Finding& finding = *find(report.checks, "ping.loss").finding;
  EXPECT_THAT(finding.cause, has_text("because another device uses this key"));
  ASSERT_FALSE(finding.hypotheses.empty());
  EXPECT_THAT(finding.hypotheses.front().cause, has_text("another device uses this key"));
  EXPECT_THAT(finding.evidence,
              Contains(has_text("11 packets from the gateway's address were for")));
  ASSERT_EQ(report.measurements.size(), 1U);
  facts = pinged(20, 0);
  facts.session.taken = {.sessions = 1, .foreign = 11, .first = 4s};
  EXPECT_THAT(find(diagnose(facts), "ping.reply").finding->hypotheses.front().cause,
              has_text("another device uses this key"));
}

TEST(PingDiagnosis, SessionsThatAreCutAgainAndAgainSpeakForAnotherDevice) {
  PingFacts facts = pinged(60, 30);
  facts.back.tail = 30;
  facts.stretches = {{.sent = 25, .answered = 10, .tail = 15},
                     {.sent = 25, .answered = 10, .tail = 15}};
  const auto first_cause = [](const PingFacts& of) {
    return find(diagnose(of), "ping.loss").finding->hypotheses.front().cause.plain();
  };
  EXPECT_THAT(first_cause(facts), HasSubstr("another device uses this key"));
  facts.stretches.pop_back();
  facts.back.tail = 15;
  facts.inner.sent = 45;
  EXPECT_THAT(first_cause(facts), HasSubstr("something cuts the flow"));
  // A path that loses as much all the time cuts nothing.
  facts = pinged(60, 10);
  facts.back.tail = 12;
  facts.stretches = {{.sent = 25, .answered = 4, .tail = 6},
                     {.sent = 25, .answered = 4, .tail = 6}};
  for (const Hypothesis& cause : causes_in(facts, "ping.loss"))
    EXPECT_THAT(cause.cause, Not(has_text("another device")));
}

TEST(PingDiagnosis, TheChanceOfLossDecidesWhatATailMeans) {
  PingFacts facts = pinged(12, 6);
  facts.back.tail = 2;  // after 4 of 10 were lost
  const auto causes = [](const PingFacts& of) {
    std::vector<std::string> all;
    for (const Hypothesis& cause : causes_in(of, "ping.loss")) all.push_back(cause.cause.plain());
    return all;
  };
  EXPECT_THAT(
      causes(facts),
      ElementsAre(HasSubstr("packet loss: 4 of 10 pings before them were lost; at that rate "
                            "the last 2 are lost with a chance of 19 %"),
                  HasSubstr("the tunnel has stopped")));
  facts = pinged(12, 11);
  facts.back.tail = 1;
  EXPECT_THAT(causes(facts),
              testing::Contains(HasSubstr("none of the 11 pings before them was "
                                          "lost, so the last 1 would be the first")));
  facts = pinged(120, 100);
  facts.back.tail = 20;
  EXPECT_THAT(causes(facts), ElementsAre(HasSubstr("the tunnel has stopped")));
}

TEST(PingDiagnosis, OfOneAnswerNoOrderIsKnown) {
  EXPECT_EQ(find(diagnose(pinged(1, 1)), "ping.order").status, Status::unknown);
  EXPECT_EQ(find(diagnose(pinged(2, 2)), "ping.order").status, Status::ok);
  EXPECT_EQ(overall(report_of(pinged(1, 1))), Status::ok);
}

TEST(PingDiagnosis, CongestionIsNoCauseWhereThePingsOutsideLoseNothing) {
  const auto network = [](const PingFacts& facts) {
    for (const Hypothesis& cause : causes_in(facts, "ping.loss_forward"))
      if (cause.cause.plain().find("the forward path loses packets") != std::string::npos)
        return true;
    return false;
  };
  PingFacts facts = pinged(100, 80);
  EXPECT_FALSE(network(facts)) << "20 % outside would show among 100";
  facts.outer.round_trips.resize(85);
  EXPECT_TRUE(network(facts));
  EXPECT_TRUE(network(pinged(100, 98))) << "2 % may not show among 100";
}

/// Large pings, of which none was answered.
PingFacts large(std::optional<OtherSize> smaller) {
  PingFacts facts = pinged(10, 0);
  facts.payload_size = 1300;
  facts.smaller = smaller;
  return facts;
}

TEST(PingDiagnosis, ASizeThatAloneIsNotAnsweredIsTheFirstCause) {
  PingFacts facts = large(OtherSize{.payload_size = 56, .sent = 1, .answered = 1});
  facts.back.received = 1;
  Finding finding = *find(diagnose(facts), "ping.reply").finding;
  EXPECT_EQ(finding.cause.plain(),
            "10.9.0.1 answers pings of 56 bytes through the tunnel, but none of 10 of 1300 bytes");
  EXPECT_THAT(finding.hypotheses.front().cause, has_text("datagrams of this size do not pass"));
  EXPECT_THAT(finding.hypotheses.front().cause, has_text("are datagrams of 1360 bytes"));
  EXPECT_THAT(finding.hypotheses.front().check, has_text("wgscope mtu --config FILE 10.9.0.1"));
  for (const Hypothesis& cause : finding.hypotheses)
    EXPECT_THAT(cause.cause, Not(has_text("no such host"))) << "it answers";
  EXPECT_THAT(finding.evidence, Contains(has_text("the gateway sent no answer to pings of 1300")));
  facts.back.missing = 10;
  finding = *find(diagnose(facts), "ping.reply").finding;
  EXPECT_THAT(finding.evidence, Contains(has_text("dropped on the reverse path")));
  facts.target_guessed = true;
  EXPECT_EQ(find(diagnose(facts), "ping.reply").status, Status::critical) << "it exists";
}

TEST(PingDiagnosis, ASizeIsNoCauseWhereSmallerOnesFailAsWell) {
  const auto names_size = [](const PingFacts& facts) {
    for (const Hypothesis& cause : causes_in(facts, "ping.reply"))
      if (cause.cause.plain().find("datagrams of this size") != std::string::npos) return true;
    return false;
  };
  EXPECT_FALSE(names_size(large(OtherSize{.payload_size = 56, .sent = 3, .answered = 0})));
  EXPECT_TRUE(names_size(large(std::nullopt))) << "not tried";
  EXPECT_FALSE(names_size(pinged(10, 0)));
}

TEST(PingDiagnosis, SilenceOfAFewPingsMayBeLossAndTheChanceIsSaid) {
  const auto loss_cause = [](const PingFacts& facts) -> std::string {
    for (const Hypothesis& cause : causes_in(facts, "ping.reply"))
      if (cause.cause.plain().starts_with("packet loss")) return cause.cause.plain();
    return "";
  };
  PingFacts facts = pinged(3, 0);
  facts.outer.sent = 10;
  facts.outer.round_trips.assign(5, Nanoseconds{10ms});
  facts.initiations = 3;
  EXPECT_EQ(loss_cause(facts),
            "packet loss: outside the tunnel 7 of 13 packets were lost; if the tunnel loses as "
            "many, all 3 pings fail in 18 % of runs");
  facts = pinged(30, 0);
  EXPECT_EQ(loss_cause(facts), "") << "nothing else was lost";
}

TEST(PingMeasurements, AreRoundTripsByLayerAndLossByDirection) {
  PingFacts facts = pinged(100, 60);
  facts.back.missing = 20;
  const Report report = report_of(facts);
  ASSERT_EQ(report.distributions.size(), 2U);
  EXPECT_EQ(report.distributions[0].name, "wireguard_probe_rtt_seconds");
  EXPECT_EQ(report.distributions[0].labels[0].value.plain(), "inner");
  EXPECT_EQ(report.distributions[0].samples.size(), 60U);
  EXPECT_EQ(report.distributions[1].labels[0].value.plain(), "outer");
  ASSERT_EQ(report.measurements.size(), 3U);
  for (const auto& [place, direction, value] :
       {std::tuple{0, "round_trip", 0.4}, std::tuple{1, "forward", 0.2},
        std::tuple{2, "backward", 0.25}}) {
    const Measurement& one = report.measurements[static_cast<std::size_t>(place)];
    EXPECT_EQ(one.name, "wireguard_probe_loss_ratio");
    EXPECT_EQ(one.labels[0].value.plain(), direction);
    EXPECT_DOUBLE_EQ(one.value, value);
  }
}

TEST(PingChecks, OfAnInterruptedRunAreNotCalledUnanswered) {
  PingFacts facts = pinged(0, 0);
  facts.interrupted = true;
  for (const Check& check : report_of(facts).checks) {
    EXPECT_EQ(check.status, Status::unknown) << check.name;
    EXPECT_FALSE(check.finding) << check.name;
  }
}

TEST(Percentage, HasOneDigitWhereThatTellsMore) {
  EXPECT_EQ(percentage(0, 10).plain(), "0 %");
  EXPECT_EQ(percentage(1, 3).plain(), "33 %");
  EXPECT_EQ(percentage(1, 100).plain(), "1.0 %");
  EXPECT_EQ(percentage(1, 10'000).plain(), "under 0.1 %");
  EXPECT_EQ(percentage(995, 10'000).plain(), "10 %");
  EXPECT_EQ(percentage(10, 10).plain(), "100 %");
}

}  // namespace
}  // namespace wgscope::diagnosis
