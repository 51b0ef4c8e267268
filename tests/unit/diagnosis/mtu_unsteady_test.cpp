// What mtu says of a path whose packets are lost at times, or that changes meanwhile.

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/mtu.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/hop_search.hpp"
#include "wgscope/path/mtu_search.hpp"
#include "wgscope/path/size_loss.hpp"

namespace wgscope::diagnosis {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

MtuFacts healthy() {
  MtuFacts facts;
  facts.gateway = *Endpoint::parse("192.0.2.1:51820");
  facts.target = *IpAddress::parse("10.9.0.1");
  facts.tunnel_mtu = 1420;
  facts.overhead = 60;
  facts.forward = path::MtuResult{};
  facts.forward->verdict = path::MtuVerdict::ok;
  facts.forward->mtu = 1480;
  facts.forward->exact = true;
  facts.backward = facts.forward;
  return facts;
}

const Check& named(const std::vector<Check>& checks, std::string_view name) {
  return *std::ranges::find(checks, name, &Check::name);
}

TEST(UnsteadyPath, SaysOnHowManyPacketsATickRests) {
  MtuFacts facts = healthy();
  facts.backward->repeated = 10;
  const auto checks = diagnose(facts);
  EXPECT_THAT(named(checks, "mtu.forward").summary.plain(),
              EndsWith("; 1 of 1 packet of 1480 bytes arrived"));
  EXPECT_THAT(named(checks, "mtu.backward").summary.plain(),
              EndsWith("; 11 of 11 packets of 1480 bytes arrived"));
}

TEST(UnsteadyPath, BlamesNoDirectionWhereRequestsMayBeLostAsWellAsReplies) {
  MtuFacts facts = healthy();
  facts.backward->verdict = path::MtuVerdict::loss_by_size;
  facts.backward->size_loss = path::SizeLoss{
      .from = 1480, .to = 1480, .sent = 60, .lost = 20, .below = 0, .below_sent = 70};
  EXPECT_THAT(named(diagnose(facts), "mtu.backward").finding->cause.plain(),
              HasSubstr("from the gateway are lost"));
  facts.requests_may_be_lost = true;
  EXPECT_THAT(named(diagnose(facts), "mtu.backward").finding->cause.plain(),
              HasSubstr("in one direction or both are lost"));
}

TEST(UnsteadyPath, TellsOfLostFullPacketsThoughTheFirstOnePassed) {
  MtuFacts facts = healthy();
  facts.forward->repeated = 120;
  facts.forward->repeated_lost = 2;
  const Check few = named(diagnose(facts), "mtu.forward");
  EXPECT_EQ(few.status, Status::ok);
  EXPECT_THAT(few.summary.plain(), EndsWith("; packets are lost at times: 2 of 120 of 1480 bytes"));

  facts.forward->verdict = path::MtuVerdict::loss_not_size;
  facts.forward->repeated_lost = 9;
  facts.forward->controls = 100;
  facts.forward->controls_lost = 1;
  const Check many = named(diagnose(facts), "mtu.forward");
  EXPECT_EQ(many.status, Status::warning);
  EXPECT_EQ(many.finding->cause.plain(),
            "packets are lost at times: 9 of 120 of 1480 bytes; of small ones, 1 of 100, so it is "
            "unknown whether the size matters");

  facts.forward->lossy = true;
  facts.forward->controls_lost = 8;
  EXPECT_EQ(named(diagnose(facts), "mtu.forward").finding->cause.plain(),
            "packets of every size are lost: 8 of 100 small ones, 9 of 120 of 1480 bytes");
}

TEST(UnsteadyPath, AdvisesNothingForALimitThatEnded) {
  MtuFacts facts = healthy();
  facts.forward->verdict = path::MtuVerdict::black_hole;
  facts.forward->mtu = facts.forward->not_above = 1400;
  facts.drop.emplace();
  EXPECT_EQ(named(diagnose(facts), "mtu.forward").status, Status::critical);
  facts.drop->path_changed = facts.drop->large_arrived = true;
  const Check check = named(diagnose(facts), "mtu.forward");
  EXPECT_EQ(check.status, Status::warning);
  EXPECT_THAT(check.finding->cause.plain(),
              HasSubstr("changed while it was measured: at first its MTU was 1400 bytes"));
  EXPECT_EQ(fitting_mtu(facts), std::nullopt);
  Report report{.verb = "mtu", .target = {}, .started = {}, .success = {}, .checks = {}};
  add(facts, report);
  for (const Measurement& one : report.measurements)
    EXPECT_NE(one.value, 1400) << "the path takes more by now";
}

TEST(UnsteadyPath, DoesNotCallALimitABlackHoleThatARouterReportedBeforeItEnded) {
  MtuFacts facts = healthy();
  facts.forward->verdict = path::MtuVerdict::ptb_reported;
  facts.forward->mtu = facts.forward->not_above = 1400;
  facts.forward->report =
      path::TooBig{.from = *IpAddress::parse("192.0.2.9"), .mtu = 1400, .about = 1480};
  facts.drop.emplace();
  facts.drop->path_changed = facts.drop->large_arrived = true;
  const Check check = named(diagnose(facts), "mtu.forward");
  EXPECT_EQ(check.finding->id, FindingId::mtu_reported);
  EXPECT_THAT(check.finding->cause.plain(), HasSubstr("1400 bytes, as 192.0.2.9 reported; later"));
}

/// One direction takes 1400 bytes, and the other one loses some datagrams from 1341 bytes on.
TEST(UnsteadyPath, IsGivenOneMtuThatHelpsInBothDirections) {
  MtuFacts facts = healthy();
  facts.backward->verdict = path::MtuVerdict::black_hole;
  facts.backward->mtu = facts.backward->not_above = 1400;
  facts.forward->verdict = path::MtuVerdict::loss_by_size;
  facts.forward->size_loss = path::SizeLoss{.from = 1341,
                                            .to = 1480,
                                            .sent = 60,
                                            .lost = 40,
                                            .below = 1340,
                                            .below_sent = 60,
                                            .below_lost = 0};
  const auto fix_of = [&](std::string_view name, std::size_t line) {
    return named(diagnose(facts), name).finding->fix.at(line).plain();
  };
  EXPECT_THAT(fix_of("mtu.forward", 1), HasSubstr("MTU = 1280 in"));
  EXPECT_THAT(fix_of("mtu.backward", 0), HasSubstr("MTU = 1280 in"));
  EXPECT_THAT(named(diagnose(facts), "mtu.setting").summary.plain(), HasSubstr("set MTU 1280"));

  facts.backward->mtu = facts.backward->not_above = 1300;
  EXPECT_THAT(fix_of("mtu.forward", 1), HasSubstr("MTU = 1240 in"));
  EXPECT_THAT(fix_of("mtu.backward", 0), HasSubstr("MTU = 1240 in"));
}

TEST(UnsteadyPath, IsGivenNoMtuAboveWhatAnInterfaceSends) {
  MtuFacts facts = healthy();
  facts.forward->verdict = path::MtuVerdict::refused_here;
  facts.forward->mtu = facts.forward->own_limit = 1300;
  facts.forward->exact = false;
  facts.backward->verdict = path::MtuVerdict::loss_by_size;
  facts.backward->size_loss = path::SizeLoss{.from = 1341,
                                             .to = 1480,
                                             .sent = 60,
                                             .lost = 40,
                                             .below = 1340,
                                             .below_sent = 60,
                                             .below_lost = 0};
  EXPECT_THAT(named(diagnose(facts), "mtu.backward").finding->fix.at(1).plain(),
              HasSubstr("MTU = 1240 in"));
}

}  // namespace
}  // namespace wgscope::diagnosis
