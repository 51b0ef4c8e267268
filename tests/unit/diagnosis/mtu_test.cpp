#include "wgscope/diagnosis/mtu.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
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

using ::testing::HasSubstr;

const IpAddress kHop = *IpAddress::parse("192.0.2.9");

path::MtuResult passes(std::size_t mtu) {
  path::MtuResult direction;
  direction.verdict = path::MtuVerdict::ok;
  direction.mtu = mtu;
  direction.exact = true;
  direction.controls = 20;
  return direction;
}

path::MtuResult ends_at(std::size_t mtu, path::MtuVerdict verdict = path::MtuVerdict::black_hole) {
  path::MtuResult direction = passes(mtu);
  direction.verdict = verdict;
  direction.not_above = mtu;
  direction.trials = {{.size = mtu, .sent = 2, .answered = 2},
                      {.size = mtu + 1, .sent = 5, .answered = 0}};
  return direction;
}

MtuFacts healthy() {
  MtuFacts facts;
  facts.gateway = *Endpoint::parse("192.0.2.1:51820");
  facts.target = *IpAddress::parse("10.9.0.1");
  facts.tunnel_mtu = 1420;
  facts.overhead = 60;
  facts.forward = passes(1500);
  facts.backward = passes(1480);
  return facts;
}

const Check& named(const std::vector<Check>& checks, std::string_view name) {
  return *std::ranges::find(checks, name, &Check::name);
}

Status overall_of(const MtuFacts& facts) {
  Report report{.verb = "mtu", .target = {}, .started = {}, .success = {}, .checks = {}};
  report.checks = diagnose(facts);
  return overall(report);
}

TEST(MtuDiagnosis, SaysWhatFitsAHealthyPathWithItsMargin) {
  const MtuFacts facts = healthy();
  EXPECT_EQ(overall_of(facts), Status::ok);
  EXPECT_EQ(fitting_mtu(facts), 1420U);
  EXPECT_EQ(success(facts).plain(),
            "MTU 1420 fits in both directions: TCP MSS 1380 (IPv6: 1360); the "
            "forward path takes MTU 1440, the reverse path is unknown above MTU 1420");
}

TEST(MtuDiagnosis, KnowsTheMarginBothWaysByAnswersOfTheGateway) {
  MtuFacts facts = healthy();
  facts.method = MtuBackward::answers;
  facts.backward = passes(1492);
  EXPECT_EQ(fitting_mtu(facts), 1432U);
  EXPECT_EQ(success(facts).plain(),
            "MTU 1420 fits in both directions: TCP MSS 1380 (IPv6: 1360); margin at least 12 bytes "
            "(MTU 1432 is the largest that was tried)");
  facts.backward->not_above = 1492;
  EXPECT_EQ(success(facts).plain(),
            "MTU 1420 fits in both directions: TCP MSS 1380 (IPv6: 1360); margin 12 bytes, up to "
            "MTU 1432");
  EXPECT_THAT(named(diagnose(facts), "mtu.backward").summary.plain(),
              HasSubstr("measuring service"));
}

TEST(MtuDiagnosis, TellsWhereTheGatewaySeesUs) {
  MtuFacts facts = healthy();
  facts.seen_as = *Endpoint::parse("203.0.113.9:4242");
  EXPECT_THAT(named(diagnose(facts), "mtu.seen_as").summary.plain(), HasSubstr("203.0.113.9:4242"));
}

TEST(MtuDiagnosis, SpeaksOfNoMarginWhereOnlyTheSettingWasTried) {
  MtuFacts facts = healthy();
  facts.forward = passes(1480);
  facts.forward->exact = false;
  EXPECT_EQ(success(facts).plain(), "MTU 1420 fits in both directions: TCP MSS 1380 (IPv6: 1360)");
}

TEST(MtuDiagnosis, NamesTheGatewaysInterfaceWhereThatIsTooSmall) {
  MtuFacts facts = healthy();
  facts.method = MtuBackward::answers;
  facts.backward = passes(1450);
  facts.backward->verdict = path::MtuVerdict::refused_here;
  facts.backward->own_limit = 1450;
  const auto checks = diagnose(facts);
  EXPECT_EQ(named(checks, "mtu.backward").finding->id, FindingId::mtu_own_interface);
  EXPECT_THAT(named(checks, "mtu.backward").summary.plain(),
              HasSubstr("the gateway's own interface sends at most 1450 bytes"));
}

TEST(MtuDiagnosis, AdvisesToTheByteByAnswersAndNamesWhatMayPassByReplies) {
  MtuFacts facts = healthy();
  facts.forward = ends_at(1400);
  facts.backward = ends_at(1388);
  facts.backward->not_above = 1403;
  EXPECT_EQ(fitting_mtu(facts), 1328U);
  EXPECT_EQ(likely_mtu(facts), 1340U);
  EXPECT_THAT(named(diagnose(facts), "mtu.forward").finding->fix[1].plain(),
              HasSubstr("up to 1340 may fit"));
  facts.method = MtuBackward::answers;
  facts.backward = ends_at(1400);
  EXPECT_EQ(fitting_mtu(facts), 1340U);
  EXPECT_EQ(likely_mtu(facts), std::nullopt);
}

TEST(MtuDiagnosis, GivesNoHopeOfMoreThanIsKnownToPassForward) {
  MtuFacts facts = healthy();
  facts.forward = ends_at(1390);
  facts.backward = ends_at(1388);
  facts.backward->not_above = 1403;
  EXPECT_EQ(likely_mtu(facts), 1330U);
  facts.forward = ends_at(1388);
  EXPECT_EQ(likely_mtu(facts), std::nullopt);
  facts.forward = ends_at(1400);
  facts.backward = passes(1388);  // larger requests do not arrive there
  EXPECT_EQ(likely_mtu(facts), 1340U);
}

TEST(MtuDiagnosis, LowersTheMssOfBothFamiliesInItsFix) {
  MtuFacts facts = healthy();
  facts.method = MtuBackward::answers;
  facts.forward = ends_at(1400);
  std::string fix;
  const auto checks = diagnose(facts);
  for (const Text& line : named(checks, "mtu.forward").finding->fix) fix += line.plain() + "\n";
  EXPECT_THAT(fix, HasSubstr("meta nfproto ipv4 tcp flags syn tcp option maxseg size set 1300\n"));
  EXPECT_THAT(fix, HasSubstr("meta nfproto ipv6 tcp flags syn tcp option maxseg size set 1280\n"));
}

TEST(MtuDiagnosis, SaysWhatBecomesOfLargeDatagramsByWhetherTheyMayBeCut) {
  MtuFacts facts = healthy();
  facts.backward = ends_at(1388);
  const auto evidence = [&] {
    const auto checks = diagnose(facts);
    std::string all;
    for (const Text& line : named(checks, "mtu.backward").finding->evidence)
      all += line.plain() + "\n";
    return all;
  };
  EXPECT_THAT(evidence(), HasSubstr("needs CAP_NET_RAW"));
  facts.cutting = {.dont_fragment = true, .read = true};
  EXPECT_THAT(
      evidence(),
      HasSubstr("must not fragment the gateway's datagrams (DF is set, as their headers show)"));
  EXPECT_THAT(named(diagnose(facts), "mtu.cutting").summary.plain(),
              HasSubstr("routers must not fragment the gateway's datagrams (DF is set"));
  facts.cutting = {.dont_fragment = false, .read = true};
  EXPECT_THAT(evidence(), HasSubstr("become fragments"));
  facts.gateway = *Endpoint::parse("[2001:db8::1]:51820");
  EXPECT_THAT(evidence(), HasSubstr("IPv6 routers do not fragment"));
}

const MtuTcp kTcp{.service = *Endpoint::parse("10.9.0.1:22"), .refused = false, .mss = 1380};

TEST(MtuDiagnosis, ComparesAnInnerServicesMssWithWhatFits) {
  MtuFacts facts = healthy();
  facts.tcp = kTcp;
  EXPECT_EQ(named(diagnose(facts), "mtu.tcp").status, Status::ok);
  EXPECT_THAT(named(diagnose(facts), "mtu.tcp").summary.plain(),
              HasSubstr("1380 bytes, which fit"));
  MtuFacts narrow = facts;
  narrow.forward = ends_at(1400);
  narrow.backward = passes(1400);
  const auto checks = diagnose(narrow);
  EXPECT_EQ(named(checks, "mtu.tcp").finding->id, FindingId::mtu_mss_too_large);
  EXPECT_EQ(named(checks, "mtu.tcp").summary.plain(),
            "10.9.0.1:22 accepts TCP segments of 1380 bytes, but only 1300 fit the path");
  facts.tcp->mss = 1240;
  EXPECT_EQ(named(diagnose(facts), "mtu.tcp").status, Status::ok);
  EXPECT_THAT(named(diagnose(facts), "mtu.tcp").summary.plain(), HasSubstr("less than the 1380"));
  facts.tcp->service = *Endpoint::parse("[fd09::1]:22");
  facts.tcp->mss = 1381;  // 1380 fit, with the longer header
  EXPECT_EQ(named(diagnose(facts), "mtu.tcp").status, Status::warning);
}

TEST(MtuDiagnosis, HidesNoFindingBehindAServiceThatDoesNotAnswer) {
  MtuFacts facts = healthy();
  facts.tcp = kTcp;
  facts.tcp->mss.reset();
  EXPECT_EQ(overall_of(facts), Status::unknown);
  facts.forward = ends_at(1400, path::MtuVerdict::ptb_reported);
  facts.forward->report = path::TooBig{.from = kHop, .mtu = 0, .about = 0};
  facts.backward = passes(1400);
  EXPECT_EQ(overall_of(facts), Status::warning);
}

TEST(MtuDiagnosis, IsUnknownWhereTheServiceDoesNotAnswer) {
  MtuFacts facts = healthy();
  facts.tcp = kTcp;
  facts.tcp->mss.reset();
  facts.tcp->refused = true;
  EXPECT_EQ(named(diagnose(facts), "mtu.tcp").status, Status::unknown);
  EXPECT_THAT(named(diagnose(facts), "mtu.tcp").summary.plain(), HasSubstr("refuses"));
  facts.tcp->refused = false;
  EXPECT_THAT(named(diagnose(facts), "mtu.tcp").summary.plain(), HasSubstr("does not answer"));
}

TEST(MtuDiagnosis, NamesTheHopsBetweenWhichFullDatagramsAreDropped) {
  MtuFacts facts = healthy();
  facts.forward = ends_at(1400);
  path::HopSearchResult place;
  place.last = {.number = 1, .address = kHop, .large_seen = true};
  place.first = {.number = 3, .is_end = true, .small_seen = true};
  facts.drop = place;
  const auto checks = diagnose(facts);
  const auto& finding = named(checks, "mtu.forward").finding;
  ASSERT_TRUE(finding);
  EXPECT_THAT(finding->cause.plain(),
              HasSubstr("silently dropped between 192.0.2.9 (hop 1) and the gateway (hop 3); "));
}

TEST(MtuDiagnosis, NamesTheBlackHolesDirectionAndTheMtuToSet) {
  MtuFacts facts = healthy();
  facts.forward = ends_at(1400);
  facts.backward = passes(1388);
  facts.fragments_pass = false;
  const auto checks = diagnose(facts);
  const Check& forward = named(checks, "mtu.forward");
  EXPECT_EQ(forward.status, Status::critical);
  ASSERT_TRUE(forward.finding);
  EXPECT_EQ(forward.finding->id, FindingId::mtu_black_hole_forward);
  EXPECT_THAT(forward.finding->cause.plain(),
              HasSubstr("the path MTU to the gateway is 1400 bytes"));
  EXPECT_THAT(forward.finding->fix.front().plain(), HasSubstr("MTU = 1328"));
  EXPECT_EQ(named(checks, "mtu.backward").status, Status::ok);
  EXPECT_EQ(overall_of(facts), Status::critical);
}

TEST(MtuDiagnosis, NamesTheRouterThatReports) {
  MtuFacts facts = healthy();
  facts.forward = ends_at(1400, path::MtuVerdict::ptb_reported);
  facts.forward->report = path::TooBig{.from = kHop, .mtu = 0, .about = 0};
  const auto checks = diagnose(facts);
  const Check& forward = named(checks, "mtu.forward");
  EXPECT_EQ(forward.status, Status::warning);
  EXPECT_THAT(forward.finding->cause.plain(), HasSubstr("as 192.0.2.9 reports"));
}

TEST(MtuDiagnosis, WarnsWhereTheOwnInterfaceIsTooSmall) {
  MtuFacts facts = healthy();
  facts.forward = passes(1400);
  facts.forward->verdict = path::MtuVerdict::refused_here;
  facts.forward->own_limit = 1400;
  facts.backward = passes(1400);
  const std::vector<Check> checks = diagnose(facts);
  const Check& forward = named(checks, "mtu.forward");
  EXPECT_EQ(forward.status, Status::warning);
  EXPECT_EQ(forward.finding->id, FindingId::mtu_own_interface);
  EXPECT_EQ(forward.summary.plain(),
            "this host's own interface sends at most 1400 bytes; a full packet of the tunnel (MTU "
            "1420) has 1480 bytes");
  EXPECT_THAT(forward.finding->fix.front().plain(), HasSubstr("MTU = 1340"));
}

TEST(MtuDiagnosis, TellsFragmentsFromABlackHoleOnTheWayBack) {
  MtuFacts facts = healthy();
  facts.backward = ends_at(1396);
  facts.backward->not_above = 1403;
  EXPECT_EQ(named(diagnose(facts), "mtu.backward").finding->id, FindingId::mtu_black_hole_backward);
  facts.largest_fragment = 1396;
  const auto checks = diagnose(facts);
  EXPECT_EQ(named(checks, "mtu.backward").finding->id, FindingId::mtu_fragments);
  EXPECT_EQ(named(checks, "mtu.backward").status, Status::warning);
  EXPECT_THAT(named(checks, "mtu.backward").summary.plain(), HasSubstr("1396 to 1403 bytes"));
}

TEST(MtuDiagnosis, DoesNotTakeTheGatewaysOwnMtuForThePaths) {
  MtuFacts facts = healthy();
  facts.backward = ends_at(1444);
  facts.inner_fragments = true;
  const auto checks = diagnose(facts);
  EXPECT_EQ(named(checks, "mtu.backward").finding->id, FindingId::mtu_peer_smaller);
}

TEST(MtuDiagnosis, SaysNothingOfAnswersThatNobodyWaitedFor) {
  MtuFacts facts = healthy();
  facts.forward = path::MtuResult{};
  facts.backward.reset();
  facts.interrupted = true;
  for (const Check& check : diagnose(facts)) {
    EXPECT_EQ(check.summary.plain(), "interrupted") << check.name;
    EXPECT_EQ(check.status, Status::unknown) << check.name;
    EXPECT_FALSE(check.finding) << check.name;
  }
}

TEST(MtuDiagnosis, TakesAllThatIsDroppedForABlackHoleWhetherItMayBeFragmentedOrNot) {
  MtuFacts facts = healthy();
  facts.forward = ends_at(1400, path::MtuVerdict::frag_dropped);
  EXPECT_EQ(named(diagnose(facts), "mtu.forward").finding->id, FindingId::mtu_black_hole_forward);
  EXPECT_EQ(overall_of(facts), Status::critical);
}

TEST(MtuDiagnosis, SaysWhetherTheMssIsADefault) {
  MtuFacts facts = healthy();
  facts.tunnel_mtu = 576;
  facts.tcp = kTcp;
  facts.tcp->mss = 540;
  facts.tcp->announced = false;
  EXPECT_THAT(named(diagnose(facts), "mtu.tcp").finding->evidence.front().plain(),
              HasSubstr("names no MSS, so the default of 540 holds"));
  facts.tcp->announced = true;
  EXPECT_THAT(named(diagnose(facts), "mtu.tcp").finding->evidence.front().plain(),
              HasSubstr("with an MSS of 540"));
}

TEST(MtuDiagnosis, IsUnknownWhereNothingAnswers) {
  MtuFacts facts = healthy();
  facts.forward = path::MtuResult{};
  facts.backward.reset();
  const auto checks = diagnose(facts);
  EXPECT_EQ(named(checks, "mtu.forward").status, Status::unknown);
  EXPECT_EQ(named(checks, "mtu.forward").finding->id, FindingId::mtu_unanswered);
  EXPECT_EQ(named(checks, "mtu.backward").status, Status::skipped);
  EXPECT_EQ(fitting_mtu(facts), std::nullopt);
  EXPECT_NE(overall_of(facts), Status::ok);
}

TEST(MtuDiagnosis, WarnsOfARouterThatReportsAWrongMtu) {
  MtuFacts facts = healthy();
  facts.forward->wrong_reports = {{.from = kHop, .mtu = 1300, .about = 1480}};
  EXPECT_EQ(named(diagnose(facts), "mtu.reports").finding->id, FindingId::mtu_untrue_report);
  EXPECT_EQ(overall_of(facts), Status::warning);
}

TEST(MtuDiagnosis, WarnsWhereWhatFitsIsTooSmallForIpv6Inside) {
  MtuFacts facts = healthy();
  facts.forward = ends_at(1300);
  facts.backward = passes(1292);
  EXPECT_EQ(named(diagnose(facts), "mtu.setting").finding, std::nullopt);
  facts.ipv6_inside = true;
  EXPECT_EQ(named(diagnose(facts), "mtu.setting").finding->id, FindingId::mtu_below_ipv6);
}

TEST(MtuDiagnosis, CallsLossLoss) {
  MtuFacts facts = healthy();
  facts.forward->verdict = path::MtuVerdict::loss_not_size;
  facts.forward->controls_lost = 5;
  EXPECT_EQ(named(diagnose(facts), "mtu.forward").finding->id, FindingId::mtu_loss);
}

TEST(MtuDiagnosis, SaysWhichSizesAreLostAtTimesAndAvoidsThem) {
  MtuFacts facts = healthy();
  facts.forward->verdict = path::MtuVerdict::loss_by_size;
  facts.forward->size_loss = path::SizeLoss{.from = 1001,
                                            .to = 1480,
                                            .sent = 60,
                                            .lost = 48,
                                            .below = 1000,
                                            .below_sent = 70,
                                            .below_lost = 0};
  const Check check = named(diagnose(facts), "mtu.forward");
  EXPECT_EQ(check.status, Status::warning);
  EXPECT_EQ(check.finding->id, FindingId::mtu_loss);
  EXPECT_EQ(check.finding->cause.plain(),
            "datagrams of 1001 to 1480 bytes to the gateway are lost at times: 48 of 60; of "
            "smaller ones, 0 of 70");
  EXPECT_THAT(check.finding->fix.back().plain(), HasSubstr("MTU = 940"));
  facts.forward->size_loss->below_lost = 30;
  EXPECT_EQ(named(diagnose(facts), "mtu.forward").finding->fix.size(), 1U);
}

MtuFacts answered_up_to(std::size_t inner) {
  MtuFacts facts = healthy();
  facts.tunnel_mtu = 1440;
  facts.replies_end = inner;
  facts.backward = passes(inner + facts.overhead);
  facts.backward->exact = false;
  facts.backward->verdict = path::MtuVerdict::inconclusive;
  return facts;
}

TEST(MtuDiagnosis, KnowsNoPathAboveWhatTheGatewayAnswers) {
  MtuFacts facts = answered_up_to(1408);
  const Check check = named(diagnose(facts), "mtu.backward");
  EXPECT_EQ(check.status, Status::unknown);
  EXPECT_THAT(check.summary.plain(), HasSubstr("does not answer pings of more than 1408 bytes"));
  EXPECT_EQ(fitting_mtu(facts), std::nullopt);
  facts.inner_fragments = true;
  EXPECT_EQ(named(diagnose(facts), "mtu.backward").finding->id, FindingId::mtu_peer_smaller);
}

TEST(MtuDiagnosis, GivesNoNumberOfThePathWhereTheGatewayCutsToWhatItHasLearnt) {
  MtuFacts facts = healthy();
  facts.backward = passes(540);
  facts.backward->exact = false;
  facts.backward->verdict = path::MtuVerdict::inconclusive;
  facts.largest_fragment = 548;
  const Check check = named(diagnose(facts), "mtu.backward");
  EXPECT_EQ(check.finding->id, FindingId::mtu_fragments);
  EXPECT_THAT(check.finding->cause.plain(), HasSubstr("unknown above that"));
  EXPECT_THAT(check.finding->fix.front().plain(), HasSubstr("ip route flush cache"));
  EXPECT_EQ(fitting_mtu(facts), std::nullopt);
}

TEST(MtuDiagnosis, BlamesTheSettingThatIsTooSmallForIpv6) {
  MtuFacts facts = healthy();
  facts.tunnel_mtu = 1200;
  facts.backward = passes(1260);
  facts.ipv6_inside = true;
  const Check check = named(diagnose(facts), "mtu.setting");
  EXPECT_EQ(check.status, Status::warning);
  EXPECT_EQ(check.finding->id, FindingId::mtu_below_ipv6);
  EXPECT_THAT(check.finding->cause.plain(), HasSubstr("the configured MTU of 1200"));
  facts.method = MtuBackward::answers;
  facts.backward = passes(1500);
  EXPECT_EQ(named(diagnose(facts), "mtu.setting").finding->id, FindingId::mtu_below_ipv6);
  facts.ipv6_inside = false;
  EXPECT_EQ(named(diagnose(facts), "mtu.setting").finding, std::nullopt);
}

TEST(MtuDiagnosis, SaysWhatIsKnownOfASearchThatWasCutShort) {
  MtuFacts facts = healthy();
  facts.forward = ends_at(1280, path::MtuVerdict::inconclusive);
  facts.forward->exact = false;
  facts.forward->not_above.reset();
  EXPECT_EQ(
      named(diagnose(facts), "mtu.forward").summary.plain(),
      "1280 bytes arrive; of datagrams of 1281 bytes, 0 of 5 arrived: the search did not come "
      "to its end");
  facts.interrupted = true;
  Report report{.verb = "mtu", .target = {}, .started = {}, .success = {}, .checks = {}};
  report.interrupted = true;
  report.checks = diagnose(facts);
  EXPECT_THAT(verdict(report).plain(), HasSubstr("so far: 1280 bytes arrive"));
}

TEST(MtuDiagnosis, SaysInTheFirstLineWhatItFoundBesideWhatItDoesNotKnow) {
  MtuFacts facts = answered_up_to(1408);
  facts.forward = ends_at(1400, path::MtuVerdict::ptb_reported);
  Report report{.verb = "mtu", .target = {}, .started = {}, .success = {}, .checks = {}};
  report.checks = diagnose(facts);
  ASSERT_EQ(overall(report), Status::unknown);
  EXPECT_THAT(verdict(report).plain(), HasSubstr("; besides: the path MTU to the gateway is"));
}

TEST(MtuDiagnosis, MeasuresBothDirections) {
  Report report{.verb = "mtu", .target = {}, .started = {}, .success = {}, .checks = {}};
  measure(healthy(), report);
  ASSERT_EQ(report.measurements.size(), 2U);
  EXPECT_EQ(report.measurements[0].name, "wireguard_probe_path_mtu_bytes");
  EXPECT_EQ(report.measurements[0].value, 1500);
  EXPECT_EQ(report.measurements[1].value, 1480);
}

TEST(MtuDiagnosis, AdvisesAndMeasuresNothingWhereASearchWasCutShort) {
  MtuFacts facts = healthy();
  facts.forward = passes(1280);
  facts.forward->verdict = path::MtuVerdict::inconclusive;
  facts.forward->exact = false;
  EXPECT_EQ(fitting_mtu(facts), std::nullopt);
  Report report{.verb = "mtu", .target = {}, .started = {}, .success = {}, .checks = {}};
  measure(facts, report);
  ASSERT_EQ(report.measurements.size(), 1U);
  EXPECT_EQ(report.measurements.front().labels.front().value.plain(), "backward");
  EXPECT_EQ(overall_of(facts), Status::unknown);
}

TEST(MtuDiagnosis, ComparesTheMssWithTheTunnelWhereThatTakesLessThanThePath) {
  MtuFacts facts = healthy();
  facts.tcp = MtuTcp{.service = *Endpoint::parse("10.9.0.1:22"), .mss = 1400};
  const Check tcp = named(diagnose(facts), "mtu.tcp");
  EXPECT_EQ(tcp.status, Status::warning);
  EXPECT_EQ(tcp.summary.plain(),
            "10.9.0.1:22 accepts TCP segments of 1400 bytes, but only 1380 fit the tunnel");
  facts.tcp->mss = 1380;
  EXPECT_EQ(named(diagnose(facts), "mtu.tcp").status, Status::ok);
}

}  // namespace
}  // namespace wgscope::diagnosis
