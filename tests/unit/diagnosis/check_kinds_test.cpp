#include "wgscope/diagnosis/check_kinds.hpp"

#include <map>
#include <regex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/mtu.hpp"
#include "wgscope/diagnosis/nat_flow.hpp"
#include "wgscope/diagnosis/ping.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"

namespace wgscope::diagnosis {
namespace {

using ::testing::Each;
using ::testing::Field;
using ::testing::SizeIs;

// That each check has a row at its place, and a name of its own, is asserted at compile time.

TEST(ChecksTable, HasNamesOfOneShape) {
  const std::regex shape("[a-z]+([.][a-z_]+)?");
  for (const CheckRow& row : check_rows())
    EXPECT_TRUE(std::regex_match(std::string(row.name), shape)) << row.name;
}

TEST(ChecksTable, HasALabelOfWordsForEach) {
  const std::regex shape("[A-Za-z][A-Za-z' -]*[A-Za-z]");
  std::map<std::string, std::string_view> names;  // by the verb's part and the label
  for (const CheckRow& row : check_rows()) {
    const std::string_view part = row.name.substr(0, row.name.find('.'));
    EXPECT_TRUE(std::regex_match(std::string(row.label), shape)) << row.label;
    EXPECT_TRUE(names.try_emplace(fmt::format("{} {}", part, row.label), row.name).second)
        << row.name << " has the same label as another";
  }
}

TEST(ChecksTable, LabelsAreWhatTheTextOfAReportShows) {
  EXPECT_EQ(label_of(make_check(CheckKind::mtu_cutting, Status::ok, "x")), "fragmentation");
  EXPECT_EQ(label_of(Check{.name = "of.no_table", .summary = {}}), "of.no_table");
}

TEST(ChecksTable, AsksOfEachAQuestion) {
  for (const CheckRow& row : check_rows()) {
    EXPECT_NE(row.question.find('?'), std::string_view::npos) << row.name;
    EXPECT_TRUE(row.question.ends_with('?') || row.question.ends_with('.')) << row.name;
  }
}

TEST(ChecksTable, HasTheHandshakesInTheOrderOfLayers) {
  for (auto kind = CheckKind::key_use; kind < CheckKind::tunnel_hold;) {
    const CheckRow& row = row_of(kind);
    kind = static_cast<CheckKind>(static_cast<int>(kind) + 1);
    EXPECT_LE(row.layer, row_of(kind).layer) << row.name;
  }
}

TEST(MakeCheck, TakesNameLayerAndWeightFromTheTable) {
  const Check check = make_check(CheckKind::handshake_cookie, Status::warning, "under load");
  EXPECT_EQ(check.name, "handshake.cookie");
  EXPECT_EQ(check.layer, Layer::handshake);
  EXPECT_FALSE(check.essential);
  EXPECT_FALSE(check.finding);
}

TEST(MakeCheck, SaysTheFindingsCauseWhereThereIsNoOtherSummary) {
  const Check check = make_check(CheckKind::ping_reply, Status::critical,
                                 {.id = FindingId::no_reply, .cause = "no reply", .evidence = {}});
  EXPECT_EQ(check.summary.plain(), "no reply");
  EXPECT_EQ(check.finding->id, FindingId::no_reply);
}

class WithoutATunnel : public testing::TestWithParam<std::span<const CheckKind>> {};

TEST_P(WithoutATunnel, ChecksAreSkippedBecauseOfWhatWasFound) {
  Report report;
  skip(GetParam(), FindingId::silent, report);
  ASSERT_THAT(report.checks, SizeIs(GetParam().size()));
  EXPECT_THAT(report.checks, Each(Field(&Check::status, Status::skipped)));
  EXPECT_THAT(report.checks, Each(Field(&Check::skipped_because, FindingId::silent)));
  EXPECT_THAT(report.checks, Each(Field(&Check::summary, Text())));
  EXPECT_EQ(overall(report), Status::unknown);
}

TEST_P(WithoutATunnel, WhatWasNotTriedBeforeAnInterruptionIsUnknown) {
  Report report;
  report.interrupted = true;
  skip(GetParam(), std::nullopt, report);
  EXPECT_THAT(report.checks, Each(Field(&Check::status, Status::unknown)));
  EXPECT_THAT(report.checks, Each(Field(&Check::summary, Text("interrupted"))));
}

TEST_P(WithoutATunnel, NobodyIsSaidToHaveInterruptedWhatEndedByItself) {
  Report report;
  skip(GetParam(), std::nullopt, report);
  EXPECT_THAT(report.checks, Each(Field(&Check::status, Status::unknown)));
  EXPECT_THAT(report.checks, Each(Field(&Check::summary, Text("not tried: there is no tunnel"))));
}

INSTANTIATE_TEST_SUITE_P(EachVerb, WithoutATunnel,
                         testing::Values(std::span<const CheckKind>(kPingChecks),
                                         std::span<const CheckKind>(kMtuChecks),
                                         std::span<const CheckKind>(kFlowChecks)));

}  // namespace
}  // namespace wgscope::diagnosis
