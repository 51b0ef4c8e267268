// What the golden files do not show: what holds for every report and every --fail-on.

#include "wgscope/render/report.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "wgscope/base/result.hpp"
#include "wgscope/diagnosis/report.hpp"

#include "files.hpp"
#include "sample_reports.hpp"
#include "temp_dir.hpp"

namespace wgscope::render {
namespace {

using diagnosis::Check;
using diagnosis::FailOn;
using diagnosis::FindingId;
using diagnosis::overall;
using diagnosis::Report;
using diagnosis::Status;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using ::testing::internal::CaptureStderr;
using ::testing::internal::CaptureStdout;
using ::testing::internal::GetCapturedStderr;
using ::testing::internal::GetCapturedStdout;

constexpr FailOn kEvery[] = {FailOn::critical, FailOn::warning, FailOn::unknown};
constexpr Status kStatuses[] = {Status::ok, Status::warning, Status::critical, Status::unknown,
                                Status::skipped};

/// Every pair of statuses, essential and not, to its end and interrupted; and the samples.
std::vector<Report> many_reports() {
  std::vector<Report> reports;
  for (const test::SampleReport& sample : test::sample_reports()) reports.push_back(sample.report);
  for (const Status first : kStatuses) {
    for (const Status second : kStatuses) {
      for (const unsigned bits : {0U, 1U, 2U, 3U}) {
        Report report = test::interrupted_report();
        report.interrupted = (bits & 1U) != 0;
        report.checks = {{.name = "one", .status = first, .summary = "seen"},
                         {.name = "two", .status = second, .summary = "seen"}};
        report.checks.back().essential = (bits & 2U) != 0;
        reports.push_back(report);
      }
    }
  }
  return reports;
}

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1))
    ++found;
  return found;
}

std::size_t with_status(const Report& report, Status status) {
  return static_cast<std::size_t>(std::ranges::count(report.checks, status, &Check::status));
}

TEST(ExitCode, IsWhatNagiosPluginsEndWith) {
  EXPECT_EQ(exit_code(Status::ok), 0);
  EXPECT_EQ(exit_code(Status::warning), 1);
  EXPECT_EQ(exit_code(Status::critical), 2);
  EXPECT_EQ(exit_code(Status::unknown), 3);
  EXPECT_EQ(exit_code(Status::skipped), 3);
}

TEST(JunitReport, FailsExactlyWhenTheProgramDoes) {
  for (const Report& report : many_reports()) {
    for (const FailOn fail_on : kEvery) {
      const std::string xml = to_junit(report, fail_on, false);
      const std::size_t failures = count(xml, "<failure ");
      const std::size_t errors = count(xml, "<error ");
      EXPECT_EQ(failures + errors == 0, overall(report, fail_on) == Status::ok) << xml;
      EXPECT_EQ(failures,
                with_status(report, Status::critical) +
                    (fail_on == FailOn::critical ? 0 : with_status(report, Status::warning)))
          << xml;
      EXPECT_THAT(xml, HasSubstr(" failures=\"" + std::to_string(failures) + "\" errors=\"" +
                                 std::to_string(errors) + "\" skipped=\"" +
                                 std::to_string(count(xml, "<skipped ")) + "\""));
      EXPECT_THAT(xml, HasSubstr(" tests=\"" + std::to_string(count(xml, "<testcase ")) + "\""));
    }
  }
}

TEST(JunitReport, TellsAWarningThatIsLetPass) {
  const std::string xml = to_junit(test::untold_report(), FailOn::critical, false);
  EXPECT_THAT(xml, HasSubstr("<system-out>cause: others than its owner can read"));
}

TEST(PrometheusReport, IsASuccessExactlyWhenTheProgramIs) {
  for (const Report& report : many_reports()) {
    for (const FailOn fail_on : kEvery) {
      const std::string text = to_prometheus(report, fail_on, false);
      const std::string line = text.substr(text.find("\nprobe_success{"));
      const bool ok = line.substr(0, line.find('\n', 1)).ends_with("} 1");
      EXPECT_EQ(ok, overall(report, fail_on) == Status::ok) << text;
    }
  }
}

TEST(PrometheusReport, CountsASampleInEveryBucketThatIsNotBelowIt) {
  Report report = test::well_report();
  report.distributions = {
      {.name = "wireguard_probe_rtt_seconds",
       .labels = {},
       .samples = {std::chrono::milliseconds(25), std::chrono::microseconds(25001),
                   std::chrono::seconds(11)}}};
  const std::string text = to_prometheus(report, FailOn::warning, false);
  for (const char* end : {"le=\"0.01\"} 0\n", "le=\"0.025\"} 1\n", "le=\"0.05\"} 2\n",
                          "le=\"10.0\"} 2\n", "le=\"+Inf\"} 3\n", "_sum{verb=\"handshake\","})
    EXPECT_THAT(text, HasSubstr(end));
}

TEST(JsonReport, SaysTheStatusAndTheExitCodeTheProgramEndsWith) {
  for (const Report& report : many_reports()) {
    for (const FailOn fail_on : kEvery) {
      const json document = json::parse(to_json(report, fail_on, false));
      EXPECT_EQ(document["status"], to_string(overall(report, fail_on)));
      EXPECT_EQ(document["exit_code"], exit_code(overall(report, fail_on)));
      EXPECT_EQ(document["fail_on"], to_string(fail_on));
      EXPECT_EQ(document["checks"].size(), report.checks.size());
    }
  }
}

TEST(JsonReport, LeavesOutFiguresThatAreNone) {
  const json document = json::parse(to_json(test::hostile_report(), FailOn::warning, false));
  EXPECT_EQ(document["measurements"].size(), test::hostile_report().measurements.size() - 2);
  for (const json& measurement : document["measurements"])
    EXPECT_TRUE(measurement["value"].is_number());
}

/// The first line says it all.
TEST(TextReport, BeginsWithTheVerdict) {
  EXPECT_THAT(to_text(test::well_report(), {}), StartsWith("OK: the handshake with "));
  EXPECT_THAT(to_text(test::silent_report(), {}),
              StartsWith("CRITICAL: 192.0.2.1 is up and answers on other ports, but its WireGuard "
                         "does not answer us (WGS-HS-005)\n"));
  EXPECT_THAT(to_text(test::untold_report(), {}), StartsWith("UNKNOWN: no address inside "));
  EXPECT_THAT(to_text(test::interrupted_report(), {}), StartsWith("UNKNOWN: interrupted "));
}

TEST(TextReport, SaysWhereFailOnMakesAnotherStatusOfIt) {
  const Report untold = test::untold_report();
  EXPECT_THAT(to_text(untold, {.fail_on = FailOn::unknown}), Not(HasSubstr("--fail-on")));
  Report warned = untold;
  warned.checks.pop_back();
  EXPECT_THAT(to_text(warned, {.fail_on = FailOn::critical}),
              AllOf(StartsWith("WARNING: "), EndsWith("\nwith --fail-on=critical this is OK\n")));
  EXPECT_THAT(to_text(warned, {.fail_on = FailOn::unknown}),
              EndsWith("\nwith --fail-on=unknown this is UNKNOWN\n"));
}

TEST(TextReport, HasNoEscapeSequencesButThoseOfColour) {
  for (const Report& report : many_reports()) {
    EXPECT_THAT(to_text(report, {.verbose = true}), Not(HasSubstr("\x1b")));
    const std::string coloured = to_text(report, {.colour = true, .verbose = true});
    std::size_t colours = 0;
    for (const char* start : {"\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[3"})
      colours += count(coloured, start);
    EXPECT_EQ(count(coloured, "\x1b"), colours);
  }
}

TEST(TextReport, KeepsCommandsInOneLineHoweverNarrowTheTerminalIs) {
  for (const std::size_t width : {1U, 20U, 40U, 80U}) {
    const std::string page = to_text(test::silent_report(), {.width = width});
    for (const char* command :
         {"on the gateway: wg show all public-key\n",
          "on the gateway: wg set wg0 peer AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI= "
          "allowed-ips 10.8.0.7/32\n"})
      EXPECT_THAT(page, HasSubstr(command));
  }
}

}  // namespace
}  // namespace wgscope::render
