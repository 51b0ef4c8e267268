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

namespace wgscope::diagnosis {
namespace {

using ::testing::HasSubstr;

const IpAddress kHop = *IpAddress::parse("192.0.2.9");

MtuDirection passes(std::size_t mtu) {
  MtuDirection direction;
  direction.verdict = MtuVerdict::ok;
  direction.mtu = mtu;
  direction.exact = true;
  direction.controls = 20;
  return direction;
}

MtuDirection ends_at(std::size_t mtu, MtuVerdict verdict = MtuVerdict::black_hole) {
  MtuDirection direction = passes(mtu);
  direction.verdict = verdict;
  direction.not_above = mtu;
  direction.tried = {{.size = mtu, .sent = 2, .answered = 2},
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
            "MTU 1420 fits in both directions: TCP MSS 1380 (IPv6: 1360); 20 bytes more would pass "
            "to the gateway, back from it is not known");
}

TEST(MtuDiagnosis, KnowsTheMarginBothWaysByAnswersOfTheGateway) {
  MtuFacts facts = healthy();
  facts.method = MtuBackward::answers;
  facts.backward = passes(1492);
  EXPECT_EQ(fitting_mtu(facts), 1432U);
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
  facts.backward->verdict = MtuVerdict::refused_here;
  facts.backward->own_limit = 1450;
  const auto checks = diagnose(facts);
  EXPECT_EQ(named(checks, "mtu.backward").finding->id, FindingId::mtu_own_interface);
  EXPECT_THAT(named(checks, "mtu.backward").summary.plain(),
              HasSubstr("the gateway's own interface takes 1450 bytes"));
}

TEST(MtuDiagnosis, AdvisesToTheByteByAnswersAndNamesWhatMayPassByReplies) {
  MtuFacts facts = healthy();
  facts.forward = ends_at(1400);
  facts.backward = ends_at(1388);
  facts.backward->not_above = 1403;
  EXPECT_EQ(fitting_mtu(facts), 1328U);
  EXPECT_EQ(likely_mtu(facts), 1340U);
  EXPECT_THAT(named(diagnose(facts), "mtu.forward").finding->fix[1].plain(),
              HasSubstr("up to 1340 may pass"));
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
  EXPECT_THAT(evidence(), HasSubstr("takes CAP_NET_RAW"));
  facts.cutting = {.dont_fragment = true, .read = true};
  EXPECT_THAT(evidence(), HasSubstr("must not be cut (DF is set, read in their headers)"));
  EXPECT_THAT(named(diagnose(facts), "mtu.cutting").summary.plain(),
              HasSubstr("the gateway's datagrams must not be cut (DF is set)"));
  facts.cutting = {.dont_fragment = false, .read = true};
  EXPECT_THAT(evidence(), HasSubstr("go in fragments"));
  facts.gateway = *Endpoint::parse("[2001:db8::1]:51820");
  EXPECT_THAT(evidence(), HasSubstr("over IPv6 no router cuts"));
}

const MtuTcp kTcp{
    .service = *Endpoint::parse("10.9.0.1:22"), .answered = true, .refused = false, .mss = 1380};

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
            "10.9.0.1:22 takes TCP segments of 1380 bytes, the path takes 1300");
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
  facts.tcp->answered = false;
  EXPECT_EQ(overall_of(facts), Status::unknown);
  facts.forward = ends_at(1400, MtuVerdict::ptb_reported);
  facts.forward->hop = kHop;
  facts.backward = passes(1400);
  EXPECT_EQ(overall_of(facts), Status::warning);
}

TEST(MtuDiagnosis, IsUnknownWhereTheServiceDoesNotAnswer) {
  MtuFacts facts = healthy();
  facts.tcp = kTcp;
  facts.tcp->answered = false;
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
  facts.forward->place = place;
  const auto checks = diagnose(facts);
  const auto& finding = named(checks, "mtu.forward").finding;
  ASSERT_TRUE(finding);
  EXPECT_THAT(finding->cause.plain(),
              HasSubstr("without a word, between 192.0.2.9 (hop 1) and the gateway (hop 3): "));
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
  EXPECT_THAT(forward.finding->cause.plain(), HasSubstr("to the gateway takes 1400 bytes"));
  EXPECT_THAT(forward.finding->fix.front().plain(), HasSubstr("MTU = 1328"));
  EXPECT_EQ(named(checks, "mtu.backward").status, Status::ok);
  EXPECT_EQ(overall_of(facts), Status::critical);
}

TEST(MtuDiagnosis, NamesTheRouterThatReports) {
  MtuFacts facts = healthy();
  facts.forward = ends_at(1400, MtuVerdict::ptb_reported);
  facts.forward->hop = kHop;
  const auto checks = diagnose(facts);
  const Check& forward = named(checks, "mtu.forward");
  EXPECT_EQ(forward.status, Status::warning);
  EXPECT_THAT(forward.finding->cause.plain(), HasSubstr("192.0.2.9 says so"));
}

TEST(MtuDiagnosis, WarnsWhereTheOwnInterfaceIsTooSmall) {
  MtuFacts facts = healthy();
  facts.forward = passes(1400);
  facts.forward->verdict = MtuVerdict::refused_here;
  facts.forward->own_limit = 1400;
  facts.backward = passes(1400);
  const std::vector<Check> checks = diagnose(facts);
  const Check& forward = named(checks, "mtu.forward");
  EXPECT_EQ(forward.status, Status::warning);
  EXPECT_EQ(forward.finding->id, FindingId::mtu_own_interface);
  EXPECT_EQ(forward.summary.plain(),
            "this host's own interface takes 1400 bytes, the tunnel's MTU of 1420 makes 1480");
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

TEST(MtuDiagnosis, IsUnknownWhereNothingAnswers) {
  MtuFacts facts = healthy();
  facts.forward = MtuDirection{};
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
  facts.forward->liar = kHop;
  facts.forward->lie = 1300;
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
  facts.forward->verdict = MtuVerdict::loss_not_size;
  facts.forward->controls_lost = 5;
  EXPECT_EQ(named(diagnose(facts), "mtu.forward").finding->id, FindingId::mtu_loss);
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
  facts.forward->verdict = MtuVerdict::inconclusive;
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
  facts.tcp = MtuTcp{.service = *Endpoint::parse("10.9.0.1:22"), .answered = true, .mss = 1400};
  const Check tcp = named(diagnose(facts), "mtu.tcp");
  EXPECT_EQ(tcp.status, Status::warning);
  EXPECT_EQ(tcp.summary.plain(),
            "10.9.0.1:22 takes TCP segments of 1400 bytes, the tunnel takes 1380");
  facts.tcp->mss = 1380;
  EXPECT_EQ(named(diagnose(facts), "mtu.tcp").status, Status::ok);
}

}  // namespace
}  // namespace wgscope::diagnosis
