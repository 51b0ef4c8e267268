#include "wgscope/render/placed.hpp"

#include <cstddef>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "wgscope/audit/placed.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"

#include "sample_placed.hpp"

namespace wgscope::render {
namespace {

using diagnosis::FailOn;
using diagnosis::Status;
using nlohmann::json;
using namespace nlohmann::literals;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

PlacedReport only(std::size_t finding) {
  PlacedReport report = sample_placed();
  report.findings = {report.findings.at(finding)};
  report.unread = 0;
  return report;
}

TEST(Placed, EndsAsTheWorstFindingSays) {
  EXPECT_EQ(status_of(sample_placed(), FailOn::warning), Status::critical);
  EXPECT_EQ(status_of(only(kWarning), FailOn::warning), Status::warning);
  EXPECT_EQ(status_of(only(kWarning), FailOn::critical), Status::ok);
  EXPECT_EQ(status_of(only(kRemark), FailOn::warning), Status::ok);
  PlacedReport unread = only(kWarning);
  unread.unread = 1;
  EXPECT_EQ(status_of(unread, FailOn::critical), Status::unknown);
  // What could not be read is not a fault of a file.
  EXPECT_EQ(status_of(only(kUnread), FailOn::warning), Status::ok);
}

TEST(Placed, IsTextAsCompilersWriteIt) {
  EXPECT_EQ(
      to_text(only(kWarning), {}),
      "wg0.conf:5:14: warning: AllowedIPs 198.51.100.7/24 means 198.51.100.0/24 [WGS-LNT-008]\n"
      "    seen: line 5\n"
      "    fix:  write 198.51.100.0/24\n"
      "    also: hosts/b & c.conf:3\n"
      "WARNING: 1 warning in 3 files; 2 more errors not listed; comments suppress 1 finding\n");
}

TEST(Placed, IsTextWithColoursOnATerminal) {
  EXPECT_THAT(to_text(only(kWarning), {.colour = true}), HasSubstr("\x1b[33mwarning\x1b[0m: "));
}

TEST(Placed, CountsWhatWasNotRead) {
  EXPECT_THAT(to_text(sample_placed(), {}),
              EndsWith("CRITICAL: 1 file could not be read; 1 critical, 1 warning, 1 remark in 2 "
                       "files; 2 more errors not listed; comments suppress 1 finding\n"));
  PlacedReport none = only(kUnread);
  none.unread = 3;
  EXPECT_THAT(to_text(none, {}), HasSubstr("UNKNOWN: 3 files could not be read; nothing was"));
}

TEST(Placed, RedactedNamesNobodyAndTheSameThingTheSame) {
  for (const std::string& text :
       {to_text(sample_placed(), {.redact = true}), to_json(sample_placed(), {.redact = true}),
        to_junit(sample_placed(), {.redact = true}), to_sarif(sample_placed(), "1", true),
        to_github(sample_placed(), true), to_gitlab(sample_placed(), true)})
    EXPECT_THAT(text, AllOf(Not(HasSubstr("wg0.conf")), Not(HasSubstr("hosts")),
                            Not(HasSubstr("198.51")), Not(HasSubstr("anna"))));
  EXPECT_THAT(to_text(only(kWarning), {.redact = true}),
              HasSubstr("<file-1>:5:14: warning: AllowedIPs <ipv4-1>/24 means <ipv4-2>/24"));
}

TEST(Placed, IsJsonWithoutWhatIsNotKnown) {
  const json made = json::parse(to_json(sample_placed(), {}));
  EXPECT_EQ(made["schema"], "wgscope.lint/1");
  EXPECT_EQ(made["status"], "critical");
  EXPECT_EQ(made["exit_code"], 2);
  EXPECT_EQ(made["files"].size(), 3U);
  EXPECT_EQ(made["suppressed"], 1);
  const json& unread = made["findings"][kUnread];
  EXPECT_FALSE(unread.contains("line"));
  EXPECT_FALSE(unread.contains("column"));
  const json& warning = made["findings"][kWarning];
  EXPECT_EQ(warning["id"], "WGS-LNT-008");
  EXPECT_EQ(warning["line"], 5);
  EXPECT_EQ(warning["column"], 14);
  EXPECT_EQ(warning["fix"][0], "write 198.51.100.0/24");
  EXPECT_EQ(warning["related"][0], (json{{"file", "hosts/b & c.conf"}, {"line", 3}}));
}

TEST(Placed, IsJunitWithFailuresExactlyWhereTheRunFails) {
  EXPECT_THAT(to_junit(sample_placed(), {}),
              AllOf(HasSubstr("tests=\"5\" failures=\"2\" errors=\"1\" skipped=\"0\""),
                    HasSubstr("<testcase classname=\"clean.conf\" name=\"clean.conf\"/>"),
                    HasSubstr("hosts/b &amp; c.conf")));
  EXPECT_THAT(to_junit(only(kWarning), {.fail_on = FailOn::critical}),
              HasSubstr("failures=\"0\" errors=\"0\""));
}

/// The parts of SARIF 2.1.0 that are required, by sections of its specification.
TEST(Placed, IsSarif) {
  const json made = json::parse(to_sarif(sample_placed(), "1.2.3", false));
  EXPECT_EQ(made["version"], "2.1.0");                                // 3.13.2
  const json& run = made["runs"].at(0);                               // 3.13.4
  EXPECT_EQ(run["tool"]["driver"]["name"], "wgscope");                // 3.19.8
  EXPECT_EQ(run["columnKind"], "unicodeCodePoints");                  // 3.14.17
  EXPECT_EQ(run["invocations"].at(0)["executionSuccessful"], false);  // 3.20.14
  ASSERT_EQ(run["results"].size(), sample_placed().findings.size());
  for (const json& result : run["results"]) {
    EXPECT_FALSE(result["message"]["text"].get<std::string>().empty());  // 3.27.11
    const json& rule = run["tool"]["driver"]["rules"].at(result["ruleIndex"].get<std::size_t>());
    EXPECT_EQ(rule["id"], result["ruleId"]);  // 3.27.5, 3.52.4
    EXPECT_EQ(rule["defaultConfiguration"]["level"], result["level"]);
    const json& place = result["locations"].at(0)["physicalLocation"];
    const std::string uri = place["artifactLocation"]["uri"];
    EXPECT_EQ(uri.find_first_of(" \"<>&"), std::string::npos) << uri;  // RFC 3986
    EXPECT_GE(place.value("/region/startLine"_json_pointer, 1), 1);    // 3.30.5
  }
  EXPECT_EQ(run["results"][kWarning]["level"], "warning");
  EXPECT_EQ(run["results"][kCritical]["level"], "error");
  EXPECT_EQ(run["results"][kRemark]["level"], "note");
  EXPECT_EQ(
      run["results"][kCritical]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
      "hosts/b%20%26%20c.conf");
}

TEST(Placed, IsWorkflowCommandsWhoseValuesAreEscaped) {
  PlacedReport report = only(kWarning);
  report.findings[0].place.file = "a:b,c%.conf";
  EXPECT_EQ(to_github(report, false),
            "::warning file=a%3Ab%2Cc%25.conf,line=5,col=14,title=WGS-LNT-008::AllowedIPs "
            "198.51.100.7/24 means 198.51.100.0/24%0AFix: write 198.51.100.0/24\n");
  EXPECT_THAT(to_github(only(kCritical), false), HasSubstr("::error file="));
  EXPECT_THAT(to_github(only(kRemark), false), HasSubstr("::notice file="));
}

TEST(Placed, IsCodeQualityWithAFingerprintForEachFinding) {
  PlacedReport report = sample_placed();
  report.findings.push_back(report.findings[kWarning]);
  const json made = json::parse(to_gitlab(report, false));
  std::set<std::string> prints;
  for (const json& one : made) {
    prints.insert(one["fingerprint"].get<std::string>());
    EXPECT_GE(one["location"]["lines"]["begin"], 1);
    EXPECT_FALSE(one["description"].get<std::string>().empty());
  }
  EXPECT_EQ(prints.size(), report.findings.size());
  EXPECT_EQ(made[kWarning]["severity"], "minor");
  // A finding that moves to another line is the same one.
  report.findings[kWarning].place.line += 7;
  EXPECT_EQ(json::parse(to_gitlab(report, false))[kWarning]["fingerprint"],
            made[kWarning]["fingerprint"]);
}

}  // namespace
}  // namespace wgscope::render
