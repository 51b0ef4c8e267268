#include "wgscope/diagnosis/report.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/commands.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/text.hpp"

namespace wgscope::diagnosis {
namespace {

Finding finding(FindingId id, Words cause) { return {.id = id, .cause = cause, .evidence = {}}; }

Check check(Status status, bool essential = true) {
  Check made{.name = "test", .status = status, .summary = "looked"};
  made.essential = essential;
  return made;
}

Check found(Status status, FindingId id, Words cause, bool essential = true) {
  Check made = check(status, essential);
  made.finding = finding(id, cause);
  return made;
}

Report report(std::vector<Check> checks) {
  Report made;
  made.verb = "test";
  made.success = "all is well";
  made.checks = std::move(checks);
  return made;
}

TEST(FailOnTest, HasANameForEach) {
  EXPECT_EQ(to_string(FailOn::critical), "critical");
  EXPECT_EQ(to_string(FailOn::warning), "warning");
  EXPECT_EQ(to_string(FailOn::unknown), "unknown");
}

constexpr FailOn kEvery[] = {FailOn::critical, FailOn::warning, FailOn::unknown};

TEST(Overall, IsOkWhenEveryCheckIs) {
  for (const FailOn fail_on : kEvery)
    EXPECT_EQ(overall(report({check(Status::ok), check(Status::ok)}), fail_on), Status::ok);
}

TEST(Overall, IsTheWorst) {
  const Report both = report({check(Status::ok), check(Status::warning), check(Status::critical)});
  for (const FailOn fail_on : kEvery) EXPECT_EQ(overall(both, fail_on), Status::critical);
  const Report warned = report({check(Status::warning), check(Status::ok)});
  EXPECT_EQ(overall(warned, FailOn::critical), Status::ok);
  EXPECT_EQ(overall(warned, FailOn::warning), Status::warning);
  EXPECT_EQ(overall(warned, FailOn::unknown), Status::warning);
}

TEST(Overall, IsNeverOkWhereSomethingEssentialIsNotKnown) {
  for (const Status untold : {Status::unknown, Status::skipped}) {
    for (const FailOn fail_on : kEvery) {
      EXPECT_EQ(overall(report({check(Status::ok), check(untold)}), fail_on), Status::unknown);
      EXPECT_EQ(overall(report({check(Status::warning), check(untold)}), fail_on), Status::unknown);
      EXPECT_EQ(overall(report({check(Status::critical), check(untold)}), fail_on),
                Status::critical);
    }
  }
}

TEST(Overall, MindsWhatIsUnknownBesidesOnlyWhenAskedTo) {
  for (const Status untold : {Status::unknown, Status::skipped}) {
    const Report made = report({check(Status::ok), check(untold, false)});
    EXPECT_EQ(overall(made, FailOn::critical), Status::ok);
    EXPECT_EQ(overall(made, FailOn::warning), Status::ok);
    EXPECT_EQ(overall(made, FailOn::unknown), Status::unknown);
  }
}

TEST(Overall, IsUnknownWhereNothingWasLookedAtOrTheUserHadEnough) {
  for (const FailOn fail_on : kEvery) {
    EXPECT_EQ(overall(report({}), fail_on), Status::unknown);
    Report stopped = report({check(Status::ok)});
    stopped.interrupted = true;
    EXPECT_EQ(overall(stopped, fail_on), Status::unknown);
    stopped.checks.push_back(check(Status::critical));
    EXPECT_EQ(overall(stopped, fail_on), Status::critical);
  }
}

TEST(WorstFinding, IsTheFirstOfTheWorstStatus) {
  const Report made = report({found(Status::ok, FindingId::clock_not_synchronised, "clock"),
                              found(Status::warning, FindingId::under_load, "load"),
                              found(Status::critical, FindingId::silent, "first"),
                              found(Status::critical, FindingId::hop_rejects, "second")});
  ASSERT_NE(worst_finding(made), nullptr);
  EXPECT_EQ(worst_finding(made)->cause.plain(), "first");
  EXPECT_EQ(verdict(made).plain(), "first");
}

TEST(WorstFinding, IsNoneWhereAllIsOkEvenIfSomethingWasFound) {
  const Report made = report({found(Status::ok, FindingId::clock_not_synchronised, "clock"),
                              found(Status::unknown, FindingId::key_use_unknown, "keys", false)});
  EXPECT_EQ(worst_finding(made), nullptr);
  EXPECT_EQ(verdict(made).plain(), "all is well");
}

TEST(Verdict, SaysTheCauseOfWhatIsEssentialAndUnknown) {
  EXPECT_EQ(
      verdict(report({found(Status::unknown, FindingId::data_unanswered, "no answer")})).plain(),
      "no answer");
  Check untold = check(Status::unknown);
  untold.summary = "could not look";
  EXPECT_EQ(verdict(report({check(Status::ok), untold})).plain(), "could not look");
  EXPECT_EQ(verdict(report({check(Status::skipped)})).plain(), "looked");
  EXPECT_EQ(verdict(report({})).plain(), "nothing could be determined");
}

TEST(Verdict, SaysWhatIsUnknownAndBehindItWhatIsOnlyAWarning) {
  const Check warned = found(Status::warning, FindingId::under_load, "load");
  Check untold = check(Status::unknown);
  untold.summary = "could not look";
  EXPECT_EQ(verdict(report({warned, untold})).plain(), "could not look; besides: load");
  EXPECT_EQ(worst_finding(report({warned, untold})), nullptr);
  const Report skipped = report({warned, check(Status::skipped)});
  EXPECT_EQ(verdict(skipped).plain(), "load") << "what kept it from being looked at";
  EXPECT_NE(worst_finding(skipped), nullptr);
}

TEST(Verdict, OfSomethingCriticalWithoutAFindingIsWhatWasSeen) {
  Check broken = check(Status::critical);
  broken.summary = "broken";
  EXPECT_EQ(verdict(report({broken})).plain(), "broken");
  EXPECT_EQ(
      verdict(report({broken, found(Status::critical, FindingId::silent, "silence")})).plain(),
      "silence")
      << "which says more";
}

TEST(Verdict, OfAnInterruptedRunSaysWhatWasFoundUntilThen) {
  Report stopped = report({found(Status::warning, FindingId::under_load, "load")});
  stopped.interrupted = true;
  EXPECT_EQ(verdict(stopped).plain(), "interrupted before an answer was known; besides: load");
  stopped.checks.insert(stopped.checks.begin(),
                        make_check(CheckKind::nat_lifetime, Status::ok, "longer than 10 s"));
  EXPECT_EQ(verdict(stopped).plain(), "interrupted; so far: longer than 10 s; besides: load");
  Report part = report({check(Status::unknown)});
  part.checks.front().summary = "at least 1280 bytes";
  part.interrupted = true;
  EXPECT_EQ(verdict(part).plain(), "interrupted; so far: at least 1280 bytes");
  part.checks.front().summary = "interrupted";
  EXPECT_EQ(verdict(part).plain(), "interrupted before an answer was known");
  stopped.checks.push_back(found(Status::critical, FindingId::silent, "silence"));
  EXPECT_EQ(verdict(stopped).plain(), "silence");
}

TEST(Verdict, OfAnInterruptedRunSaysHowFarTheTunnelWasSeenToWork) {
  Report stopped = report({make_check(CheckKind::handshake_response, Status::ok, "after 3 ms")});
  stopped.interrupted = true;
  EXPECT_EQ(verdict(stopped).plain(), "interrupted; so far: handshake response: after 3 ms");
  stopped.checks.push_back(make_check(CheckKind::ping_reply, Status::ok, "2 of 2 pings answered"));
  stopped.checks.push_back(make_check(CheckKind::mtu_forward, Status::unknown, "interrupted"));
  EXPECT_EQ(verdict(stopped).plain(),
            "interrupted; so far: ping through the tunnel: 2 of 2 pings answered");
}

TEST(Verdict, OfAnInterruptedRunCountsTheTargetsThatWereSettled) {
  Report stopped = report({});
  for (const Status status : {Status::ok, Status::unknown, Status::unknown}) {
    Check target = make_check(CheckKind::reach_tcp, status, "some words");
    target.target = "10.9.0.1:22";
    stopped.checks.push_back(std::move(target));
  }
  stopped.interrupted = true;
  EXPECT_EQ(verdict(stopped).plain(),
            "interrupted; so far: 1 of 3 targets inside the tunnel is as expected, the rest is "
            "unknown");
}

// --- adding what facts mean ---

struct PlayedFacts {
  std::string words;
  bool interrupted = false;
};

std::vector<Check> diagnose(const PlayedFacts& /*facts*/) { return {check(Status::ok)}; }
void measure(const PlayedFacts& /*facts*/, Report& to) {
  to.measurements.push_back({.name = "played", .labels = {}, .value = 1});
}
Text success(const PlayedFacts& facts) { return text("{}", Name{facts.words}); }

TEST(AddedFacts, HaveTheirPartInChecksFiguresAndSuccess) {
  Report report;
  add(PlayedFacts{"one works"}, report);
  add(PlayedFacts{""}, report);
  add(PlayedFacts{"two works"}, report);
  EXPECT_EQ(report.checks.size(), 3U);
  EXPECT_EQ(report.measurements.size(), 3U);
  EXPECT_EQ(report.success.plain(), "one works; two works");
  EXPECT_FALSE(report.interrupted);
}

TEST(AddedFacts, OfAStepAreNoSuccessOfTheirOwn) {
  Report report;
  add_step(PlayedFacts{"handshake works"}, report);
  add(PlayedFacts{"ping works"}, report);
  EXPECT_EQ(report.checks.size(), 2U);
  EXPECT_EQ(report.measurements.size(), 2U);
  EXPECT_EQ(report.success.plain(), "ping works");
}

TEST(AddedFacts, InterruptTheReportForGood) {
  Report report;
  add_step(PlayedFacts{.words = "", .interrupted = true}, report);
  add(PlayedFacts{"works"}, report);
  EXPECT_TRUE(report.interrupted);
}

TEST(Commands, AreCompleteWithTheRunsOwnArguments) {
  Finding finding{.id = FindingId::no_reply, .cause = "none", .evidence = {}};
  finding.hypotheses = {{"loss", "measure it: wgscope ping --config FILE -i 2s"}};
  finding.fix = {"wgscope handshake --config FILE"};
  Report made;
  made.checks = {make_check(CheckKind::ping_reply, Status::critical, finding)};
  complete_commands({}, made);
  EXPECT_EQ(made.checks[0].finding->fix[0].plain(), "wgscope handshake --config FILE");
  complete_commands(text(" --config {}", Path{"probe.conf"}), made);
  EXPECT_EQ(made.checks[0].finding->fix[0].plain(), "wgscope handshake --config probe.conf");
  EXPECT_EQ(made.checks[0].finding->hypotheses[0].check.plain(),
            "measure it: wgscope ping --config probe.conf -i 2s");
}

}  // namespace
}  // namespace wgscope::diagnosis
