#include "wgscope/diagnosis/nat_flow.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/path/flow_lifetime.hpp"

namespace wgscope::diagnosis {
namespace {

using path::FlowEnd;
using std::chrono::seconds;
using ::testing::HasSubstr;

/// What was measured with a twin: silences that were survived, and some that were not.
FlowFacts measured(std::optional<int> keepalive, const std::vector<int>& alive,
                   const std::vector<int>& gone) {
  FlowFacts facts;
  facts.method = FlowMethod::twin;
  facts.gateway = Endpoint::parse("192.0.2.1:51820").value();
  facts.ours = IpAddress::parse("10.9.0.2").value();
  facts.caller = {IpAddress::parse("10.9.0.3").value(), 0, 0};
  facts.longest_silence = seconds(180);
  facts.found.end = FlowEnd::done;
  for (const int one : alive)
    facts.found.tried.push_back({.least = seconds(one), .most = seconds(one), .alive = true});
  for (const int one : gone)
    facts.found.tried.push_back({.least = seconds(one), .most = seconds(one), .alive = false});
  std::optional<Nanoseconds> judged;
  if (keepalive) {
    facts.keepalive = seconds(*keepalive);
    if (*keepalive > 0) judged = seconds(*keepalive);
  }
  conclude(facts.found, judged, 3);
  return facts;
}

/// The check of that name; one that is named "absent" where there is none.
Check check_of(const FlowFacts& facts, std::string_view name) {
  const std::vector<Check> checks = diagnose(facts);
  const auto found = std::ranges::find(checks, name, &Check::name);
  return found == checks.end() ? Check{.name = "absent", .summary = {}} : *found;
}

FindingId finding_of(const FlowFacts& facts, std::string_view name) {
  const Check check = check_of(facts, name);
  EXPECT_TRUE(check.finding) << name << ": " << check.summary.plain();
  if (!check.finding) return {};
  EXPECT_FALSE(check.finding->cause.empty());
  EXPECT_FALSE(check.finding->evidence.empty());
  EXPECT_FALSE(check.finding->fix.empty());
  return check.finding->id;
}

TEST(DiagnoseFlow, HasNothingToSayOfAKeepaliveWithMargin) {
  const FlowFacts facts = measured(25, {26, 39, 51}, {102});
  for (const Check& check : diagnose(facts)) {
    EXPECT_EQ(check.status, Status::ok) << check.name;
    EXPECT_FALSE(check.finding) << check.name;
  }
  EXPECT_EQ(check_of(facts, "nat.flow_keepalive").summary.plain(),
            "25 s: often enough, survived 3 silences of that length or more; one lost keepalive "
            "may close the flow until the next keepalive: silences of 56 s were not tried");
  EXPECT_EQ(success(facts).plain(),
            "the tunnel's flow lives for 51 to 102 s of silence, PersistentKeepalive of 25 s is "
            "often enough");
}

TEST(DiagnoseFlow, SaysThatAKeepaliveIsTooLongAndWhatToSet) {
  const FlowFacts facts = measured(25, {19}, {25, 20});
  EXPECT_EQ(finding_of(facts, "nat.flow_keepalive"), FindingId::keepalive_not_enough);
  const Check check = check_of(facts, "nat.flow_keepalive");
  EXPECT_EQ(check.status, Status::critical);
  EXPECT_EQ(check.finding->fix.front().plain(), "PersistentKeepalive = 15");
  EXPECT_THAT(check.finding->evidence.at(1).plain(),
              HasSubstr("after 19 s of silence packets came in"));
}

TEST(DiagnoseFlow, SaysThatAKeepaliveIsInTimeOnlyIfItIsExact) {
  EXPECT_EQ(finding_of(measured(25, {25, 25, 26}, {27}), "nat.flow_keepalive"),
            FindingId::keepalive_tight);
}

TEST(DiagnoseFlow, SaysThatTheIntervalItselfWasNotTried) {
  // What a ladder leaves open, at a mapping of 24 s and of 18 s.
  for (const auto& [alive, gone] : {std::pair(24, 29), std::pair(13, 31)}) {
    const FlowFacts open = measured(25, {alive}, {gone});
    EXPECT_EQ(finding_of(open, "nat.flow_keepalive"), FindingId::keepalive_untried);
    EXPECT_EQ(check_of(open, "nat.flow_keepalive").status, Status::unknown);
    EXPECT_THAT(check_of(open, "nat.flow_keepalive").summary.plain(),
                HasSubstr("25 s: not tried by itself"));
    FlowFacts through_tcp = open;
    through_tcp.method = FlowMethod::tcp;
    EXPECT_THAT(check_of(through_tcp, "nat.flow_keepalive").finding->fix.back().plain(),
                HasSubstr("--keepalive N --longest N"));
  }
}

TEST(DiagnoseFlow, SaysThatAHealthyTunnelsKeepaliveIsOftenEnough) {
  // The service ended before longer silences could be tried.
  FlowFacts healthy = measured(25, {12, 26}, {});
  healthy.found.end = FlowEnd::service_ended;
  const Check check = check_of(healthy, "nat.flow_keepalive");
  EXPECT_EQ(check.status, Status::ok);
  EXPECT_THAT(check.summary.plain(), HasSubstr("silences of 28 s were not tried"));
}

TEST(DiagnoseFlow, SaysThatTheTimeWasOver) {
  FlowFacts cut = measured(25, {51}, {});
  cut.found.end = FlowEnd::time_over;
  EXPECT_THAT(check_of(cut, "nat.flow_lifetime").summary.plain(),
              HasSubstr("more than 51 s of silence; then the time for measuring was over"));
  EXPECT_EQ(check_of(cut, "nat.flow_keepalive").status, Status::ok);
}

TEST(DiagnoseFlow, SaysThatNothingWasMeasuredWithQuick) {
  FlowFacts quick = measured(25, {}, {});
  quick.longest_silence = seconds(0);
  EXPECT_EQ(check_of(quick, "nat.flow_lifetime").status, Status::skipped);
  EXPECT_FALSE(check_of(quick, "nat.flow_lifetime").essential);
  EXPECT_THAT(success(quick).plain(), HasSubstr("neither the lifetime nor the keepalive"));
}

TEST(DiagnoseFlow, MissesAKeepaliveOnlyWhereTheFlowIsForgotten) {
  EXPECT_EQ(finding_of(measured({}, {50}, {51}), "nat.flow_keepalive"),
            FindingId::keepalive_missing);
  EXPECT_EQ(finding_of(measured(0, {50}, {51}), "nat.flow_keepalive"),
            FindingId::keepalive_missing);
  EXPECT_EQ(check_of(measured(0, {180}, {}), "nat.flow_keepalive").status, Status::ok);
}

TEST(DiagnoseFlow, IsUnknownWhereTheTunnelFellSilent) {
  FlowFacts facts = measured(10, {11, 11, 11, 16, 24}, {});
  facts.found.end = FlowEnd::path_gone;
  const Check lifetime = check_of(facts, "nat.flow_lifetime");
  EXPECT_EQ(lifetime.status, Status::unknown);
  EXPECT_THAT(lifetime.summary.plain(), HasSubstr("fell silent while it was measured; until then"));
  // It is no matter of the interval.
  facts = measured(25, {24}, {});
  facts.found.end = FlowEnd::path_gone;
  EXPECT_EQ(check_of(facts, "nat.flow_keepalive").status, Status::unknown);
  EXPECT_FALSE(check_of(facts, "nat.flow_keepalive").finding);
}

TEST(DiagnoseFlow, AdvisesNoIntervalBeforeAnythingWasSurvived) {
  FlowFacts facts = measured(25, {}, {25});
  facts.found.end = FlowEnd::not_yet;
  facts.interrupted = true;
  EXPECT_THAT(check_of(facts, "nat.flow_keepalive").finding->fix.front().plain(),
              HasSubstr("unknown yet"));
}

TEST(DiagnoseFlow, DoesNotCallAMissingKeepaliveFineWhereLittleWasTried) {
  FlowFacts facts = measured(0, {25}, {});
  facts.found.end = FlowEnd::service_ended;
  const Check check = check_of(facts, "nat.flow_keepalive");
  EXPECT_EQ(check.status, Status::unknown);
  EXPECT_EQ(check.summary.plain(),
            "persistent keepalive is off, and only 25 s of the 180 s could be measured");
}

TEST(DiagnoseFlow, DoesNotKnowWhatWasNotReached) {
  FlowFacts facts = measured(25, {12}, {});
  facts.found.end = FlowEnd::service_ended;
  EXPECT_EQ(check_of(facts, "nat.flow_keepalive").status, Status::unknown);
  EXPECT_EQ(check_of(facts, "nat.flow_lifetime").status, Status::ok);
  facts = measured(25, {}, {});
  facts.found.end = FlowEnd::path_gone;
  EXPECT_EQ(check_of(facts, "nat.flow_lifetime").status, Status::unknown);
  EXPECT_EQ(check_of(facts, "nat.flow_keepalive").name, "absent");
}

TEST(DiagnoseFlow, NamesAGatewayThatSpeaksByItself) {
  FlowFacts facts = measured(25, {14}, {});
  facts.found.end = FlowEnd::disturbed;
  facts.found.broken_silences = 3;
  facts.found.broken_after = seconds(15);
  EXPECT_EQ(finding_of(facts, "nat.flow_lifetime"), FindingId::gateway_speaks);
  EXPECT_EQ(check_of(facts, "nat.flow_keepalive").status, Status::unknown);
}

TEST(DiagnoseFlow, NamesWhoIsInTheWayOfTheCalls) {
  FlowFacts facts = measured(25, {}, {});
  facts.found.end = FlowEnd::no_service;
  EXPECT_EQ(finding_of(facts, "nat.calls"), FindingId::twin_not_forwarded);
  EXPECT_EQ(check_of(facts, "nat.calls").finding->evidence.size(), 1U);
  facts.rejected_by = IpAddress::parse("10.9.0.1").value();
  EXPECT_EQ(check_of(facts, "nat.calls").finding->evidence.size(), 2U);
  EXPECT_EQ(diagnose(facts).size(), 1U);
  facts.method = FlowMethod::tcp;
  facts.caller.port = 22;
  for (const ServiceFault fault : {ServiceFault::silent, ServiceFault::refused,
                                   ServiceFault::no_data, ServiceFault::gave_up}) {
    facts.fault = fault;
    EXPECT_EQ(finding_of(facts, "nat.calls"), FindingId::service_unsuitable);
    EXPECT_EQ(check_of(facts, "nat.calls").status, Status::unknown);
  }
}

TEST(DiagnoseFlow, SaysWhatIsKnownWhenInterrupted) {
  FlowFacts facts = measured(25, {26}, {});
  facts.found.end = FlowEnd::not_yet;
  facts.interrupted = true;
  EXPECT_THAT(check_of(facts, "nat.flow_lifetime").summary.plain(), HasSubstr("more than 26 s"));
  facts = measured(25, {}, {});
  facts.interrupted = true;
  EXPECT_EQ(check_of(facts, "nat.calls").status, Status::unknown);
  EXPECT_FALSE(check_of(facts, "nat.calls").finding);
}

/// As checks::nat_flow() hands it over: failures are forgotten.
FlowFacts disputed(std::size_t sessions_lost, bool taken) {
  FlowFacts facts = measured(25, {12}, {25});
  facts.found.end = FlowEnd::session_lost;
  facts.sessions_lost = sessions_lost;
  facts.taken = taken;
  forget_failures(facts.found, seconds(25), 3);
  return facts;
}

TEST(DiagnoseFlow, BlamesNoNatWhereAnotherDeviceTakesTheSession) {
  const std::pair<FlowFacts, const char*> all[] = {
      {disputed(1, false), "the gateway lost this probe's session meanwhile"},
      {disputed(2, false), "the gateway lost this probe's session again and again"},
      {disputed(1, true), "another device takes this probe's session"}};
  for (const auto& [facts, why] : all) {
    const Check lifetime = check_of(facts, "nat.flow_lifetime");
    EXPECT_EQ(lifetime.status, Status::unknown);
    EXPECT_EQ(lifetime.summary.plain(),
              std::string("the tunnel's flow lives for more than 12 s of silence; longer silences "
                          "could not be measured: ") +
                  why + " (see \"use of the key\")");
    EXPECT_EQ(check_of(facts, "nat.flow_keepalive").status, Status::unknown);
    for (const Check& check : diagnose(facts)) EXPECT_FALSE(check.finding) << check.name;
  }
}

TEST(DiagnoseFlow, BlamesNoForwardingWhereTheSessionWasTaken) {
  FlowFacts facts = measured(25, {}, {});
  facts.found.end = FlowEnd::no_service;
  facts.taken = true;
  EXPECT_FALSE(check_of(facts, "nat.calls").finding);
  EXPECT_THAT(check_of(facts, "nat.calls").summary.plain(), HasSubstr("lost this probe's session"));
}

}  // namespace
}  // namespace wgscope::diagnosis
