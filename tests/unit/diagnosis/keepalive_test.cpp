#include "diagnosis/keepalive.hpp"

#include <chrono>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/path/keepalive.hpp"

namespace wgscope::diagnosis {
namespace {

using path::KeepaliveVerdict;
using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// An interval of 25 s, and a flow that survived one silence and not the other.
KeepaliveSeen seen(std::optional<int> alive, std::optional<int> gone) {
  KeepaliveSeen made;
  made.interval = seconds(25);
  made.longest_silence = seconds(180);
  if (alive) made.own.alive_after = seconds(*alive);
  if (gone) made.own.gone_after = seconds(*gone);
  return made;
}

Check judge(const KeepaliveSeen& seen) {
  return judge_keepalive(CheckKind::nat_flow_keepalive, seen);
}

TEST(Keepalive, IsTooLongWhereItsOwnSilenceIsNotSurvived) {
  const Check check = judge(seen(24, 25));
  EXPECT_EQ(check.finding->id, FindingId::keepalive_not_enough);
  EXPECT_EQ(check.status, Status::critical);
  EXPECT_EQ(check.finding->fix.front().plain(), "PersistentKeepalive = 20");
  KeepaliveSeen firewall = seen(24, 25);
  firewall.forgets = "a firewall";
  EXPECT_THAT(judge(firewall).finding->cause.plain(), Not(HasSubstr("NAT")));
}

TEST(Keepalive, IsNotCalledTooLongWhereItsOwnSilenceIsSurvived) {
  const Check check = judge(seen(26, 27));
  EXPECT_EQ(check.finding->id, FindingId::keepalive_tight);
  EXPECT_EQ(check.status, Status::warning);
  EXPECT_THAT(check.finding->cause.plain(), HasSubstr("only if the timer is exact"));
  EXPECT_THAT(check.finding->evidence.back().plain(), HasSubstr("up to 3 s late"));
  EXPECT_EQ(check.finding->fix.front().plain(), "PersistentKeepalive = 20");
  EXPECT_EQ(check.finding->fix.back().plain(),
            "with PersistentKeepalive = 10 one lost keepalive costs nothing");
}

TEST(Keepalive, HasNoLittleMarginWhereOnlyBoundsAreKnown) {
  KeepaliveSeen cut = seen(20, {});
  cut.longest_silence = seconds(20);
  cut.verdict = KeepaliveVerdict::enough;
  cut.survived = 3;
  EXPECT_EQ(judge(cut).status, Status::ok);
  EXPECT_THAT(judge(cut).summary.plain(), HasSubstr("silences of 28 s were not tried"));
  const Check longer = judge(seen(30, {}));
  EXPECT_EQ(longer.status, Status::ok);
  EXPECT_THAT(longer.summary.plain(), HasSubstr("silences of 56 s were not tried"));
}

TEST(Keepalive, IsFineBehindLinuxsOwnTimers) {
  KeepaliveSeen linux_nat = seen(120, 121);
  linux_nat.new_flow = {.alive_after = seconds(30), .gone_after = seconds(31)};
  const Check check = judge(linux_nat);
  EXPECT_EQ(check.status, Status::ok);
  EXPECT_THAT(check.summary.plain(),
              AllOf(HasSubstr("one lost keepalive costs nothing"),
                    HasSubstr("on a new mapping, it closes the flow for up to 26 s")));
  EXPECT_EQ(judge(seen(30, 31)).status, Status::ok);
  EXPECT_THAT(judge(seen(30, 31)).summary.plain(), HasSubstr("closes the flow for up to 26 s"));
}

TEST(Keepalive, IsWarnedOfWhereANewMappingIsForgottenBeforeIt) {
  KeepaliveSeen both = seen(120, 121);
  both.new_flow = {.alive_after = seconds(20), .gone_after = seconds(21)};
  EXPECT_EQ(judge(both).finding->id, FindingId::keepalive_tight);
  EXPECT_EQ(judge(both).finding->fix.front().plain(), "PersistentKeepalive = 15");
  both.new_flow = {.alive_after = seconds(20), .gone_after = {}};
  EXPECT_EQ(judge(both).status, Status::ok) << "only a bound";
}

TEST(Keepalive, ThatIsOffIsMissingWhereTheFlowIsForgotten) {
  KeepaliveSeen off = seen(50, 51);
  off.interval = seconds(0);
  EXPECT_EQ(judge(off).finding->id, FindingId::keepalive_missing);
  off.own.gone_after.reset();
  EXPECT_EQ(judge(off).status, Status::unknown);
  off.longest_silence = seconds(50);
  EXPECT_EQ(judge(off).status, Status::ok);
  off.behind_nat = true;
  EXPECT_EQ(judge(off).finding->id, FindingId::keepalive_missing) << "every NAT forgets";
}

TEST(Keepalive, IsNotCalledImpossibleWhereNothingShorterWasTried) {
  EXPECT_THAT(judge(seen({}, 25)).finding->fix.front().plain(),
              HasSubstr("unknown which interval is short enough"));
  EXPECT_THAT(judge(seen(1, 25)).finding->fix.front().plain(),
              HasSubstr("unknown which interval is short enough"));
  EXPECT_THAT(judge(seen(1, 2)).finding->fix.front().plain(), HasSubstr("look at the NAT"));
}

TEST(Keepalive, IsGivenNoIntervalThatATrialOrAnotherStateRefutes) {
  KeepaliveSeen failed = seen(60, 61);
  failed.verdict = KeepaliveVerdict::not_enough;
  EXPECT_EQ(judge(failed).finding->fix.front().plain(), "PersistentKeepalive = 20");
  KeepaliveSeen short_lived = seen({}, 20);
  short_lived.new_flow = {.alive_after = seconds(120), .gone_after = seconds(121)};
  EXPECT_THAT(judge(short_lived).finding->fix.front().plain(), HasSubstr("unknown which"));
}

TEST(Keepalive, IsUnknownWhereNothingWasMeasured) {
  EXPECT_EQ(judge(seen({}, {})).status, Status::unknown);
  EXPECT_EQ(judge(seen(12, {})).status, Status::unknown);
  EXPECT_EQ(judge(seen(13, 31)).finding->id, FindingId::keepalive_untried);
}

}  // namespace
}  // namespace wgscope::diagnosis
