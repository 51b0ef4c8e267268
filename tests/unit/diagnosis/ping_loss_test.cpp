#include <cstddef>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/ping.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/model/address.hpp"

#include "ping_facts.hpp"

namespace wgscope::diagnosis {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

TEST(PingLoss, UnansweredPingsAreLostOnTheWayThereUnlessThePacketNumbersHaveGaps) {
  PingFacts facts = pinged(100, 90);
  EXPECT_EQ(loss_of(facts), (PingLoss{.forward = 10, .backward = 0, .unknown_direction = 0}));
  facts.back.missing = 4;
  EXPECT_EQ(loss_of(facts), (PingLoss{.forward = 6, .backward = 4, .unknown_direction = 0}));
}

TEST(PingLoss, OutsideTheTunnelTooIsNoTickAndBelongsIntoTheVerdict) {
  PingFacts facts = pinged(50, 38);
  facts.outer.round_trips.resize(41);
  const auto checks = diagnose(facts);
  EXPECT_EQ(find(checks, "ping.outer").status, Status::warning);
  EXPECT_THAT(plain(find(checks, "ping.outer").summary),
              HasSubstr("41 of 50 pings answered outside the tunnel, 18 % lost, round trip"));
  EXPECT_EQ(find(checks, "ping.reply").status, Status::warning);
  EXPECT_THAT(plain(find(checks, "ping.reply").summary),
              HasSubstr("38 of 50 pings answered, 24 % lost, round trip"));
  EXPECT_EQ(plain(verdict(report_of(facts))),
            "12 of 50 pings (24 %) lost on the forward path, or not answered by 10.9.0.1. The path "
            "loses 18 % of pings outside the tunnel too");
  const Finding& finding = *find(checks, "ping.loss_forward").finding;
  EXPECT_THAT(plain(finding.evidence.front()), HasSubstr("answered 41 of 50 pings"));
  for (const Hypothesis& cause : finding.hypotheses)
    EXPECT_THAT(plain(cause.cause), Not(HasSubstr("limits how many pings")));
}

TEST(PingLoss, OutsideTheTunnelAloneIsNotCalledThePaths) {
  PingFacts facts = pinged(50, 50);
  facts.outer.round_trips.resize(41);
  const auto checks = diagnose(facts);
  EXPECT_EQ(find(checks, "ping.outer").status, Status::unknown);
  EXPECT_THAT(plain(find(checks, "ping.outer").summary), HasSubstr("18 % lost"));
  EXPECT_EQ(overall(report_of(facts)), Status::ok);
}

TEST(PingLoss, GapsBeyondTheUnansweredAreOfOtherPackets) {
  PingFacts facts = pinged(100, 97);
  facts.back.missing = 50;
  EXPECT_EQ(loss_of(facts), (PingLoss{.forward = 0, .backward = 3, .unknown_direction = 0}));
  EXPECT_EQ(loss_of(pinged(10, 10)), PingLoss{});
}

TEST(PingLoss, OfPingsAfterTheLastPacketThatCameTheDirectionIsNotTold) {
  PingFacts facts = pinged(100, 90);
  facts.back.missing = 4;
  facts.back.tail = 3;
  EXPECT_EQ(loss_of(facts), (PingLoss{.forward = 3, .backward = 4, .unknown_direction = 3}));
  facts.back.missing = 20;
  EXPECT_EQ(loss_of(facts), (PingLoss{.forward = 0, .backward = 7, .unknown_direction = 3}));
}

TEST(PingLoss, ExtraPingsThatWereLostMayBeAmongTheGaps) {
  PingFacts facts = pinged(100, 90);
  facts.back.missing = 4;
  facts.back.unanswered_extra = 1;
  EXPECT_EQ(loss_of(facts), (PingLoss{.forward = 6, .backward = 3, .unknown_direction = 1}));
  facts.back.missing = 0;
  EXPECT_EQ(loss_of(facts), (PingLoss{.forward = 10, .backward = 0, .unknown_direction = 0}));
}

TEST(PingLoss, NeverExceedsWhatWasUnansweredWhateverTheFacts) {
  for (std::size_t sent = 0; sent < 5; ++sent)
    for (std::size_t answered = 0; answered < 7; ++answered)
      for (std::size_t missing = 0; missing < 7; ++missing)
        for (std::size_t tail = 0; tail < 7; ++tail)
          for (std::size_t extra = 0; extra < 4; ++extra) {
            PingFacts facts = pinged(sent, answered);
            facts.back.missing = missing;
            facts.back.tail = tail;
            facts.back.unanswered_extra = extra;
            const PingLoss loss = loss_of(facts);
            ASSERT_EQ(loss.forward + loss.backward + loss.unknown_direction,
                      answered < sent ? sent - answered : 0U);
          }
}

}  // namespace
}  // namespace wgscope::diagnosis
