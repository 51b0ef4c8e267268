#include "wgscope/diagnosis/outer.hpp"

#include <algorithm>
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
  facts.both = passes(1500);
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

TEST(OuterDiagnosis, NamesThePlaceOfABlackHole) {
  OuterFacts facts = healthy();
  facts.both = ends_at(1391);
  facts.both_drop = between(hop(3, "203.0.113.1"), hop(4, "203.0.113.9"));
  const Report report = report_of(facts);
  EXPECT_EQ(overall(report), Status::critical);
  EXPECT_EQ(worst_finding_id(report), FindingId::mtu_black_hole_forward);
  EXPECT_THAT(verdict(report).plain(),
              HasSubstr("between 203.0.113.1 (hop 3) and 203.0.113.9 (hop 4)"));
  EXPECT_EQ(named(report.checks, "outer.both").status, Status::skipped);
}

TEST(OuterDiagnosis, CountsHopsBetweenThatSayNothing) {
  OuterFacts facts = healthy();
  facts.both.reset();
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

TEST(OuterDiagnosis, BlamesNoDirectionWhereOnlyBothTogetherAreKnown) {
  OuterFacts facts = healthy();
  facts.udp_answers = false;
  facts.both = ends_at(1391);
  const Report report = report_of(facts);
  EXPECT_EQ(overall(report), Status::critical);
  EXPECT_THAT(verdict(report).plain(), HasSubstr("the path MTU to 192.0.2.1 or from it is 1391"));
  EXPECT_EQ(named(report.checks, "outer.forward").status, Status::unknown);
}

TEST(OuterDiagnosis, TellsTheWayBackWhereMoreArrivesThere) {
  OuterFacts facts = healthy();
  facts.both = ends_at(1391);
  facts.forward = passes(1500);
  const Report dropped = report_of(facts);
  EXPECT_EQ(worst_finding_id(dropped), FindingId::mtu_black_hole_backward);
  facts.largest_fragment = 1388;
  const Report cut = report_of(facts);
  EXPECT_EQ(worst_finding_id(cut), FindingId::mtu_fragments);
  EXPECT_EQ(overall(cut), Status::warning);
  EXPECT_EQ(fitting_mtu(facts), 1331U);
}

TEST(OuterDiagnosis, NamesTheRouterThatReports) {
  OuterFacts facts = healthy();
  facts.both = ends_at(1391);
  facts.both->report = path::TooBig{.from = *IpAddress::parse("203.0.113.1"), .mtu = 0, .about = 0};
  const Report report = report_of(facts);
  EXPECT_EQ(overall(report), Status::warning);
  EXPECT_EQ(worst_finding_id(report), FindingId::mtu_reported);
  EXPECT_THAT(verdict(report).plain(), HasSubstr("as 203.0.113.1 reports"));
}

TEST(OuterDiagnosis, SaysThatTheOwnInterfaceTakesLess) {
  OuterFacts facts = healthy();
  facts.both = passes(1400);
  facts.both->own_limit = 1400;
  const Report report = report_of(facts);
  EXPECT_EQ(worst_finding_id(report), FindingId::mtu_own_interface);
  EXPECT_EQ(overall(report), Status::warning);
}

TEST(OuterDiagnosis, SaysThatNothingAnswers) {
  OuterFacts facts = healthy();
  facts.udp_answers = facts.echo_answers = false;
  facts.both.reset();
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
  facts.both.reset();
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
  facts.both = ends_at(1400);
  facts.largest_fragment = 1396;
  const Report report = report_of(facts);
  EXPECT_EQ(worst_finding_id(report), FindingId::mtu_fragments);
  EXPECT_EQ(named(report.checks, "outer.both").status, Status::warning);
}

TEST(OuterDiagnosis, AdvisesNothingWhereTheSearchWasCutShort) {
  OuterFacts facts = healthy();
  facts.both = passes(1280);
  facts.both->verdict = path::MtuVerdict::inconclusive;
  facts.both->exact = false;
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
  facts.both = ends_at(1400);
  const Report report = report_of(facts);
  EXPECT_EQ(named(report.checks, "outer.forward").finding->id, FindingId::mtu_own_interface);
  EXPECT_EQ(named(report.checks, "outer.both").finding->id, FindingId::mtu_black_hole_backward);
}

TEST(OuterDiagnosis, SaysThatTheMarkCouldNotBeSet) {
  OuterFacts facts = healthy();
  facts.mark_refused = "not permitted";
  const Report report = report_of(facts);
  EXPECT_EQ(overall(report), Status::ok);
  EXPECT_EQ(named(report.checks, "outer.mark").status, Status::unknown);
}

}  // namespace
}  // namespace wgscope::diagnosis
