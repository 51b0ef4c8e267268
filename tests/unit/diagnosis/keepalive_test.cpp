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
using ::testing::HasSubstr;

/// An interval of 25 s, and a flow that survived one silence and not the other.
KeepaliveSeen seen(std::optional<int> alive, std::optional<int> gone) {
  KeepaliveSeen made;
  made.interval = seconds(25);
  made.slack = seconds(1);
  made.longest = seconds(180);
  if (alive) made.own.alive_after = seconds(*alive);
  if (gone) made.own.gone_after = seconds(*gone);
  made.shortest = made.own;
  return made;
}

Check judge(const KeepaliveSeen& seen) {
  return judge_keepalive(CheckKind::nat_flow_keepalive, seen);
}

TEST(Keepalive, IsOftenEnoughWithAMarginOfHalfItsInterval) {
  EXPECT_EQ(judge(seen(38, 39)).status, Status::ok);
  EXPECT_EQ(judge(seen(37, 38)).finding->id, FindingId::keepalive_tight);
}

TEST(Keepalive, IsTooLongWhereItsDelayIsNotSurvived) {
  EXPECT_EQ(judge(seen(25, 26)).finding->id, FindingId::keepalive_not_enough);
  EXPECT_EQ(judge(seen(25, 26)).status, Status::critical);
  KeepaliveSeen late = seen(28, 29);
  late.slack = seconds(4);
  EXPECT_EQ(judge(late).finding->id, FindingId::keepalive_not_enough);
  late.verdict = KeepaliveVerdict::enough;
  EXPECT_EQ(judge(late).finding->id, FindingId::keepalive_tight) << "trials of its own count more";
}

TEST(Keepalive, HasNoLittleMarginBeforeLongerSilencesWereMeasured) {
  KeepaliveSeen cut = seen(30, {});
  cut.finished = false;
  EXPECT_EQ(judge(cut).status, Status::unknown);
  EXPECT_FALSE(judge(cut).finding);
  EXPECT_THAT(judge(cut).summary.plain(), HasSubstr("the margin is unknown"));
}

TEST(Keepalive, CountsTheLowerEndOfANarrowBracketOnly) {
  EXPECT_EQ(judge(seen(30, 60)).status, Status::ok);
  EXPECT_THAT(
      judge(seen(30, 60)).summary.plain(),
      HasSubstr("unknown whether with a margin: the NAT remembers the flow for 1.2 to 2.4"));
  EXPECT_EQ(judge(seen(30, 37)).finding->id, FindingId::keepalive_tight);
  EXPECT_EQ(judge(seen(24, 60)).finding->id, FindingId::keepalive_tight) << "not survived";
}

TEST(Keepalive, CountsItsMarginFromTheStateThatIsForgottenSoonest) {
  KeepaliveSeen both = seen(120, 121);
  both.shortest = {.alive_after = seconds(29), .gone_after = seconds(30)};
  EXPECT_EQ(judge(both).finding->id, FindingId::keepalive_tight);
  EXPECT_EQ(judge(both).finding->fix.front().plain(), "PersistentKeepalive = 15");
}

TEST(Keepalive, ThatIsOffIsMissingWhereTheFlowIsForgotten) {
  KeepaliveSeen off = seen(50, 51);
  off.interval = seconds(0);
  EXPECT_EQ(judge(off).finding->id, FindingId::keepalive_missing);
  off.own.gone_after.reset();
  EXPECT_EQ(judge(off).status, Status::unknown);
  off.longest = seconds(50);
  EXPECT_EQ(judge(off).status, Status::ok);
  off.behind_nat = true;
  EXPECT_EQ(judge(off).finding->id, FindingId::keepalive_missing) << "every NAT forgets";
}

TEST(Keepalive, IsUnknownWhereNothingWasMeasured) {
  EXPECT_EQ(judge(seen({}, {})).status, Status::unknown);
  EXPECT_EQ(judge(seen(12, {})).status, Status::unknown);
}

}  // namespace
}  // namespace wgscope::diagnosis
