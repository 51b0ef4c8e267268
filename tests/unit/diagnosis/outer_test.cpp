#include "wgscope/diagnosis/outer.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/hop_search.hpp"
#include "wgscope/path/mtu_search.hpp"

namespace wgscope::diagnosis {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;

path::MtuResult passes(std::size_t mtu) {
  path::MtuResult direction;
  direction.verdict = path::MtuVerdict::ok;
  direction.mtu = mtu;
  direction.exact = true;
  direction.controls = 20;
  return direction;
}

path::MtuResult ends_at(std::size_t mtu) {
  path::MtuResult direction = passes(mtu);
  direction.verdict = path::MtuVerdict::black_hole;
  direction.not_above = mtu;
  return direction;
}

path::PathHop hop(std::uint8_t number, const char* address) {
  return {.number = number, .address = *IpAddress::parse(address), .small_seen = true};
}

path::HopSearchResult between(path::PathHop last, path::PathHop first) {
  path::HopSearchResult place;
  place.last = last;
  place.first = first;
  return place;
}

OuterFacts healthy() {
  OuterFacts facts;
  facts.host = "192.0.2.1";
  facts.host_address = *Endpoint::parse("192.0.2.1:33434");
  facts.tunnel_mtu = 1420;
  facts.overhead = 60;
  facts.udp_answers = facts.echo_answers = true;
  facts.both_ways = passes(1500);
  return facts;
}

const Check& named(const std::vector<Check>& checks, std::string_view name) {
  return *std::ranges::find(checks, name, &Check::name);
}

Report report_of(const OuterFacts& facts) {
  Report report{.verb = "mtu", .target = {}, .started = {}, .success = {}, .checks = {}};
  report.checks = diagnose(facts);
  report.success = success(facts);
  return report;
}

TEST(OuterDiagnosis, SaysWhatTunnelFitsAHealthyPath) {
  const Report report = report_of(healthy());
  EXPECT_EQ(overall(report), Status::ok);
  EXPECT_THAT(verdict(report).plain(),
              AllOf(HasSubstr("packets of 1500 bytes arrive at 192.0.2.1 and back"),
                    HasSubstr("MTU 1440 fits"), HasSubstr("margin 20 bytes")));
}

TEST(OuterDiagnosis, SaysOnHowManyPacketsATickRests) {
  OuterFacts facts = healthy();
  facts.both_ways->trials = {{.size = 1400, .sent = 3, .answered = 3},
                             {.size = 1480, .sent = 2, .answered = 1},
                             {.size = 1500, .sent = 1, .answered = 1},
                             {.size = 9000, .sent = 1}};
  const auto checks = diagnose(facts);
  EXPECT_THAT(named(checks, "outer.forward").summary.plain(),
              HasSubstr("; 2 of 3 packets of 1480 bytes or more arrived"));
  EXPECT_THAT(named(checks, "outer.both").summary.plain(),
              HasSubstr("; 2 of 3 packets of 1480 bytes or more came back"));
}

TEST(OuterDiagnosis, NamesThePlaceOfABlackHole) {
  OuterFacts facts = healthy();
  facts.both_ways = ends_at(1391);
  facts.forward = ends_at(1391);
  facts.echo_drop = facts.forward_drop = between(hop(3, "203.0.113.1"), hop(4, "203.0.113.9"));
  const Report report = report_of(facts);
  EXPECT_EQ(overall(report), Status::critical);
  EXPECT_EQ(worst_finding_id(report), FindingId::mtu_black_hole_forward);
  EXPECT_THAT(verdict(report).plain(),
              HasSubstr("between 203.0.113.1 (hop 3) and 203.0.113.9 (hop 4)"));
  EXPECT_EQ(named(report.checks, "outer.both").status, Status::skipped);
}

TEST(OuterDiagnosis, CountsHopsBetweenThatSayNothing) {
  OuterFacts facts = healthy();
  facts.both_ways.reset();
  facts.forward = ends_at(1391);
  facts.forward_drop = between({}, hop(3, "203.0.113.9"));
  const Report report = report_of(facts);
  EXPECT_THAT(verdict(report).plain(), HasSubstr("between this host and 203.0.113.9 (hop 3)"));
  const Finding* finding = worst_finding(report);
  ASSERT_NE(finding, nullptr);
  EXPECT_TRUE(std::ranges::any_of(finding->evidence, [](const Text& line) {
    return line.plain() == "hops between them that answer no packet of either size: 2";
  }));
}

TEST(OuterDiagnosis, BlamesNothingByPingsAlone) {
  OuterFacts facts = healthy();
  facts.udp_answers = false;
  facts.both_ways = ends_at(1000);
  Report report = report_of(facts);
  EXPECT_EQ(overall(report), Status::unknown);
  EXPECT_EQ(worst_finding_id(report), FindingId::outer_large_pings);
  EXPECT_EQ(verdict(report).plain(),
            "pings of more than 1000 bytes to 192.0.2.1 get no reply: either the host or a "
            "firewall drops large pings, or the path MTU is 1000 bytes (cannot tell which: "
            "192.0.2.1 does not answer UDP to closed ports)");
  EXPECT_EQ(fitting_mtu(facts), std::nullopt);
  measure(facts, report);
  EXPECT_TRUE(report.measurements.empty());
}

TEST(OuterDiagnosis, BlamesThePathWhereUdpIsLostBeforeARouterToo) {
  OuterFacts facts = healthy();
  facts.udp_answers = false;
  facts.both_ways = ends_at(1391);
  facts.echo_drop = between(hop(3, "203.0.113.1"), hop(4, "203.0.113.9"));
  facts.udp_gets_past = false;
  const Report lost = report_of(facts);
  EXPECT_EQ(worst_finding_id(lost), FindingId::mtu_black_hole_forward);
  EXPECT_EQ(fitting_mtu(facts), 1331U);
  facts.udp_gets_past = true;
  const Report passes = report_of(facts);
  EXPECT_EQ(worst_finding_id(passes), FindingId::outer_large_pings);
  EXPECT_THAT(verdict(passes).plain(),
              AllOf(HasSubstr("UDP of 1392 bytes passes where they are lost"),
                    HasSubstr("between 203.0.113.1 (hop 3) and 203.0.113.9 (hop 4)")));
  EXPECT_EQ(fitting_mtu(facts), std::nullopt);
}

TEST(OuterDiagnosis, TellsAPingFilterFromTheWayBackOnlyByWhereItIs) {
  OuterFacts facts = healthy();
  facts.both_ways = ends_at(1000);
  facts.forward = passes(1500);
  const Report either = report_of(facts);
  EXPECT_EQ(overall(either), Status::unknown);
  EXPECT_THAT(verdict(either).plain(),
              AllOf(HasSubstr("UDP of 1500 bytes arrives"), HasSubstr("cannot tell which")));
  facts.echo_drop = between(hop(3, "203.0.113.1"), hop(4, "203.0.113.9"));
  const Report filter = report_of(facts);
  EXPECT_EQ(overall(filter), Status::unknown);
  EXPECT_THAT(verdict(filter).plain(), HasSubstr("large pings are filtered between 203.0.113.1"));
}

TEST(OuterDiagnosis, KnowsNothingOfTheWayBackOfWhichNoReplyIsWhatWasSent) {
  OuterFacts facts = healthy();
  facts.forward_echo = ends_at(1000);
  facts.both_ways = path::MtuResult{};
  facts.changed_reply = ChangedReply{.request = 1000, .reply = 64};
  facts.forward = passes(1500);
  EXPECT_THAT(verdict(report_of(facts)).plain(), AllOf(HasSubstr("large pings are filtered"),
                                                       EndsWith("the reverse path is unknown")));
}

TEST(OuterDiagnosis, TellsThatTheWayBackCutsReplies) {
  OuterFacts facts = healthy();
  facts.both_ways = ends_at(1391);
  facts.forward = passes(1500);
  facts.largest_fragment = 1388;
  const Report cut = report_of(facts);
  EXPECT_EQ(worst_finding_id(cut), FindingId::mtu_fragments);
  EXPECT_EQ(overall(cut), Status::warning);
  EXPECT_EQ(fitting_mtu(facts), 1331U);
}

/// A ping shows the narrower way of the two. The other one may take more.
TEST(OuterDiagnosis, HasAFigureOnlyOfTheWayThatWasShownToTakeNoMore) {
  const auto figures = [](const OuterFacts& facts) {
    Report report = report_of(facts);
    measure(facts, report);
    return report.measurements;
  };
  OuterFacts facts = healthy();
  EXPECT_EQ(figures(facts).size(), 2U);
  facts.both_ways = ends_at(1400);
  facts.both_ways->report = path::TooBig{.from = {}, .mtu = 1400, .about = 1480};
  ASSERT_EQ(figures(facts).size(), 1U);
  EXPECT_EQ(figures(facts).front().labels.front().value.plain(), "forward");
  facts.both_ways->report.reset();
  facts.largest_fragment = 1400;
  ASSERT_EQ(figures(facts).size(), 1U);
  EXPECT_EQ(figures(facts).front().labels.front().value.plain(), "backward");
}

TEST(OuterDiagnosis, TakesATruncatedReplyForNoProofOfTheWayBack) {
  OuterFacts facts = healthy();
  facts.forward_echo = passes(1500);
  facts.both_ways = path::MtuResult{};
  facts.both_ways->mtu = 64;
  facts.changed_reply = ChangedReply{.request = 1480, .reply = 64};
  Report report = report_of(facts);
  EXPECT_EQ(overall(report), Status::unknown);
  EXPECT_EQ(named(report.checks, "outer.forward").status, Status::ok);
  EXPECT_EQ(verdict(report).plain(),
            "cannot measure the reverse path above 64 bytes: 192.0.2.1 answers an echo request of "
            "1480 bytes with 64 bytes");
  measure(facts, report);
  ASSERT_EQ(report.measurements.size(), 1U);
  EXPECT_EQ(report.measurements.front().value, 1500);
}

TEST(OuterDiagnosis, SaysWhatIsKnownWhenItIsCutShort) {
  OuterFacts facts = healthy();
  facts.udp_answers = false;
  facts.both_ways = passes(1280);
  facts.both_ways->verdict = path::MtuVerdict::inconclusive;
  facts.both_ways->exact = false;
  facts.both_ways->trials = {{.size = 1480, .sent = 1},
                             {.size = 1280, .sent = 1, .answered = 1},
                             {.size = 1400, .sent = 1}};
  facts.time_over = true;
  EXPECT_EQ(verdict(report_of(facts)).plain(),
            "the time was over: the MTU of the forward path: at least 1280 bytes and at most 1479 "
            "(the upper limit is not confirmed)");
  facts.time_over = false;
  facts.interrupted = true;
  Report report = report_of(facts);
  report.interrupted = true;
  EXPECT_THAT(verdict(report).plain(),
              AllOf(HasSubstr("interrupted"),
                    HasSubstr("so far: the MTU of the forward path: at least 1280 bytes")));
}

TEST(OuterDiagnosis, SaysWhyNothingAnswers) {
  OuterFacts facts = healthy();
  facts.udp_answers = facts.echo_answers = false;
  facts.both_ways.reset();
  facts.unreachable = IcmpReport{.from = *IpAddress::parse("203.0.113.1"), .type = 3, .code = 1};
  EXPECT_THAT(verdict(report_of(facts)).plain(),
              HasSubstr("192.0.2.1 cannot be reached: host unreachable"));
  facts.unreachable->from_this_host = true;
  EXPECT_THAT(verdict(report_of(facts)).plain(), HasSubstr("nobody on the link answers"));
  facts.send_errno = ENETUNREACH;
  EXPECT_EQ(verdict(report_of(facts)).plain(),
            "cannot send to 192.0.2.1: this host has no route there");
}

TEST(OuterDiagnosis, HidesNoWarningBehindWhatIsUnknown) {
  OuterFacts facts = healthy();
  facts.echo_answers = false;
  facts.both_ways.reset();
  facts.forward = ends_at(1391);
  facts.forward->report =
      path::TooBig{.from = *IpAddress::parse("203.0.113.1"), .mtu = 1391, .about = 1480};
  EXPECT_EQ(overall(report_of(facts)), Status::warning);
}

TEST(OuterDiagnosis, NamesTheRouterThatReports) {
  OuterFacts facts = healthy();
  facts.both_ways = ends_at(1391);
  facts.both_ways->report =
      path::TooBig{.from = *IpAddress::parse("203.0.113.1"), .mtu = 0, .about = 0};
  const Report report = report_of(facts);
  EXPECT_EQ(overall(report), Status::warning);
  EXPECT_EQ(worst_finding_id(report), FindingId::mtu_reported);
  EXPECT_THAT(verdict(report).plain(), HasSubstr("as 203.0.113.1 reports"));
}

TEST(OuterDiagnosis, SaysThatTheOwnInterfaceTakesLess) {
  OuterFacts facts = healthy();
  facts.both_ways = passes(1400);
  facts.both_ways->own_limit = 1400;
  const Report report = report_of(facts);
  EXPECT_EQ(worst_finding_id(report), FindingId::mtu_own_interface);
  EXPECT_EQ(overall(report), Status::warning);
}

TEST(OuterDiagnosis, SaysThatNothingAnswers) {
  OuterFacts facts = healthy();
  facts.udp_answers = facts.echo_answers = false;
  facts.both_ways.reset();
  const Report report = report_of(facts);
  EXPECT_EQ(overall(report), Status::unknown);
  EXPECT_EQ(worst_finding_id(report), FindingId::outer_unanswered);
}

TEST(OuterDiagnosis, KnowsNothingOfAHostThatHasNoAddress) {
  OuterFacts facts;
  facts.error = Error{Errc::bad_value, "look up nowhere: there is no such name"};
  const Report report = report_of(facts);
  EXPECT_EQ(overall(report), Status::unknown);
  EXPECT_THAT(verdict(report).plain(), HasSubstr("no such name"));
}

TEST(OuterDiagnosis, IsNotSureOfTheWayBackWithoutEcho) {
  OuterFacts facts = healthy();
  facts.both_ways.reset();
  facts.echo_answers = false;
  facts.echo_refused = "not permitted";
  facts.forward = passes(1500);
  const Report report = report_of(facts);
  EXPECT_EQ(overall(report), Status::unknown);
  EXPECT_THAT(verdict(report).plain(), HasSubstr("cannot measure the reverse path: not permitted"));
}

TEST(OuterDiagnosis, DoesNotTakeRepliesInFragmentsForABlackHole) {
  OuterFacts facts = healthy();
  facts.udp_answers = false;
  facts.both_ways = ends_at(1400);
  facts.largest_fragment = 1396;
  const Report report = report_of(facts);
  EXPECT_EQ(worst_finding_id(report), FindingId::mtu_fragments);
  EXPECT_EQ(named(report.checks, "outer.both").status, Status::warning);
}

TEST(OuterDiagnosis, AdvisesNothingWhereTheSearchWasCutShort) {
  OuterFacts facts = healthy();
  facts.both_ways = passes(1280);
  facts.both_ways->verdict = path::MtuVerdict::inconclusive;
  facts.both_ways->exact = false;
  Report report = report_of(facts);
  EXPECT_EQ(overall(report), Status::unknown);
  EXPECT_EQ(fitting_mtu(facts), std::nullopt);
  measure(facts, report);
  EXPECT_TRUE(report.measurements.empty());
}

TEST(OuterDiagnosis, NamesTheOwnInterfaceThoughTheWayBackTakesLess) {
  OuterFacts facts = healthy();
  facts.tunnel_mtu = 1460;
  facts.forward = passes(1500);
  facts.forward->own_limit = 1500;
  facts.both_ways = ends_at(1400);
  const Report report = report_of(facts);
  EXPECT_EQ(named(report.checks, "outer.forward").finding->id, FindingId::mtu_own_interface);
  EXPECT_EQ(named(report.checks, "outer.both").finding->id, FindingId::outer_large_pings);
}

TEST(OuterDiagnosis, SaysThatTheMarkCouldNotBeSet) {
  OuterFacts facts = healthy();
  facts.mark_refused = "not permitted";
  const Report report = report_of(facts);
  EXPECT_EQ(overall(report), Status::ok);
  EXPECT_EQ(named(report.checks, "outer.mark").status, Status::unknown);
}

TEST(OuterSent, HasUdpAndPings) {
  OuterFacts facts = healthy();
  facts.udp_sent = 40;
  facts.echo_sent = 1;
  Report report;
  measure(facts, report);
  ASSERT_EQ(report.sent.size(), 2U);
  EXPECT_EQ(report.sent[0].count, 40U);
  EXPECT_THAT(report.sent[0].line.plain(),
              HasSubstr("40 UDP datagrams to ports of 192.0.2.1 from 33434 on"));
  EXPECT_THAT(report.sent[1].line.plain(), HasSubstr("1 ICMP echo request to 192.0.2.1"));
}

}  // namespace
}  // namespace wgscope::diagnosis
