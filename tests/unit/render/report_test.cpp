// What the golden files do not show: what holds for every report and every --fail-on.

#include "wgscope/render/report.hpp"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "wgscope/base/result.hpp"
#include "wgscope/diagnosis/finding.hpp"
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

/// What each output says of the same report: "OK", "WARNING", "CRITICAL" or "UNKNOWN".
struct Said {
  std::string first_line;
  std::string line;
  std::string json;
  std::string junit;  ///< with FAILED for what is WARNING or CRITICAL elsewhere
  bool success = false;
};

std::string first_word(const std::string& text) { return text.substr(0, text.find(':')); }

Said all_outputs(const Report& report, FailOn fail_on) {
  const std::string xml = to_junit(report, fail_on, false);
  const std::string line = to_line(report, {.fail_on = fail_on});
  std::string status = json::parse(to_json(report, fail_on, false))["status"];
  std::ranges::transform(status, status.begin(), [](unsigned char c) { return std::toupper(c); });
  return {first_word(to_text(report, {.fail_on = fail_on})),
          first_word(line.substr(line.find("  ") + 2)), status,
          count(xml, "<failure ") > 0 ? "FAILED"
          : count(xml, "<error ") > 0 ? "UNKNOWN"
                                      : "OK",
          to_prometheus(report, fail_on, false).find("\"} 1\n") <
              to_prometheus(report, fail_on, false).find("# HELP probe_duration")};
}

/// Any number of checks, with findings whose kinds are worse or better than the check is.
Report random_report(std::minstd_rand& random) {
  const auto any = [&](std::size_t below) { return random() % below; };
  Report report = test::interrupted_report();
  report.interrupted = any(8) == 0;
  report.success = "all is well";
  report.checks.clear();
  constexpr std::string_view kNames[] = {"tunnel.data", "ping.reply", "key.use", "other"};
  for (std::size_t left = any(6); left > 0; --left) {
    Check check{.name = kNames[any(4)], .status = kStatuses[any(5)], .summary = "seen"};
    check.essential = any(2) == 0;
    if (any(2) == 0)
      check.finding = {
          .id = static_cast<FindingId>(any(static_cast<std::size_t>(FindingId::count))),
          .cause = "the cause",
          .evidence = {}};
    else if (check.status == Status::skipped && any(2) == 0)
      check.skipped_because = FindingId::silent;
    report.checks.push_back(std::move(check));
  }
  return report;
}

TEST(EveryOutput, SaysTheSameStatusOfTheSameReport) {
  std::minstd_rand random(14);
  for (int round = 0; round < 500; ++round) {
    const Report report = random_report(random);
    for (const FailOn fail_on : kEvery) {
      const Said said = all_outputs(report, fail_on);
      EXPECT_EQ(said.first_line, said.json);
      EXPECT_EQ(said.line, said.json);
      EXPECT_EQ(said.success, said.json == "OK");
      EXPECT_EQ(said.junit == "OK", said.success);
      // What is unknown as a whole may have a warning beside it, whose own case fails.
      const bool is_fault = said.json == "WARNING" || said.json == "CRITICAL";
      EXPECT_TRUE(said.junit == "FAILED" || !is_fault) << to_junit(report, fail_on, false);
      EXPECT_EQ(exit_code(overall(report, fail_on)) == 0, said.success);
      if (HasFailure()) FAIL() << to_text(report, {.fail_on = fail_on});
    }
  }
}

TEST(EveryOutput, NamesFailOnExactlyWhereItDecides) {
  std::minstd_rand random(15);
  for (int round = 0; round < 500; ++round) {
    const Report report = random_report(random);
    for (const FailOn fail_on : kEvery) {
      const std::string page = to_text(report, {.fail_on = fail_on});
      const std::string first = page.substr(0, page.find('\n'));
      const bool decides = overall(report, fail_on) != overall(report, FailOn::warning);
      EXPECT_EQ(first.find("--fail-on") != std::string::npos, decides) << page;
      EXPECT_EQ(json::parse(to_json(report, fail_on, false))["verdict"],
                first.substr(first.find(": ") + 2, first.find(" (WGS-") - first.find(": ") - 2));
    }
  }
}

TEST(EveryOutput, SaysThatTheTunnelWorksOnlyWhereAPingInItWasAnswered) {
  std::minstd_rand random(16);
  std::size_t times = 0;
  for (int round = 0; round < 500; ++round) {
    const Report report = random_report(random);
    const bool answered = std::ranges::any_of(report.checks, [](const Check& check) {
      // With a warning some pings were answered, and some lost.
      if (check.name == "ping.reply" && check.status == Status::warning) return true;
      return check.status == Status::ok &&
             (check.name == "tunnel.data" || check.name == "ping.reply");
    });
    const bool says = to_text(report, {}).starts_with("WARNING: the tunnel works, but ");
    EXPECT_EQ(says, answered && overall(report) == Status::warning) << to_text(report, {});
    times += says ? 1 : 0;
  }
  EXPECT_GT(times, 5U);
}

TEST(JsonReport, HasNoFindingThatIsWorseThanItsStatus) {
  std::minstd_rand random(17);
  for (int round = 0; round < 500; ++round) {
    const Report report = random_report(random);
    const json document = json::parse(to_json(report, FailOn::warning, false));
    bool any_critical = false;
    bool any_warning = false;
    for (const json& check : document["checks"]) {
      if (!check.contains("finding")) continue;
      any_critical = any_critical || check["finding"]["severity"] == "critical";
      any_warning = any_warning || check["finding"]["severity"] == "warning";
    }
    EXPECT_TRUE(!any_critical || document["status"] == "critical");
    EXPECT_TRUE(!any_warning || document["status"] != "ok");
    EXPECT_EQ(document.contains("reason"), document["status"] == "unknown" ||
                                               reason_of(report) == diagnosis::Reason::key_in_use);
  }
}

TEST(JsonReport, TellsWhyThereIsNoAnswer) {
  const auto reason = [](const Report& report) {
    return json::parse(to_json(report, FailOn::warning, false)).value("reason", "none");
  };
  EXPECT_EQ(reason(test::well_report()), "none");
  EXPECT_EQ(reason(test::silent_report()), "none");
  EXPECT_EQ(reason(test::untold_report()), "cannot_tell");
  EXPECT_EQ(reason(test::interrupted_report()), "interrupted");
  Report used = test::silent_report();
  used.checks = {{.name = "key.use",
                  .status = Status::critical,
                  .summary = "wg0 uses it",
                  .finding = {{.id = FindingId::key_in_use, .cause = "used", .evidence = {}}}}};
  EXPECT_EQ(reason(used), "key_in_use");
  Report refused = test::untold_report();
  refused.refused = diagnosis::Reason::wrong_usage;
  EXPECT_EQ(reason(refused), "wrong_usage");
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

TEST(TextReport, SaysInItsFirstLineWhereFailOnMakesAnotherStatusOfIt) {
  const Report untold = test::untold_report();
  EXPECT_THAT(to_text(untold, {.fail_on = FailOn::unknown}), Not(HasSubstr("--fail-on")));
  Report warned = untold;
  warned.checks.pop_back();
  EXPECT_THAT(to_text(warned, {}), StartsWith("WARNING: others than its owner can read"));
  EXPECT_THAT(to_text(warned, {.fail_on = FailOn::critical}),
              StartsWith("OK: --fail-on critical accepts a warning: others than its owner can read "
                         "/etc/wireguard/probe.conf (WGS-KEY-003)\n"));
  EXPECT_THAT(
      to_text(warned, {.fail_on = FailOn::unknown}),
      StartsWith("UNKNOWN: 1 of 4 checks has no result, which --fail-on unknown does not "
                 "accept: use of the key: this process may not list the interfaces of this host "
                 "(WGS-KEY-002)\n"));
}

/// Of the text the lines of each section, which is headed by a line without blanks before it.
std::string section(const std::string& page, const std::string& heading) {
  const std::size_t begin = page.find("\n" + heading + "\n");
  if (begin == std::string::npos) return "";
  const std::size_t from = begin + 1;
  return page.substr(from, page.find("\n\n", from) - from);
}

TEST(TextReport, ShowsTheDetailsOfWhatDecidesBeforeAnythingElse) {
  Report report = test::silent_report();
  report.checks.insert(report.checks.begin(), test::untold_report().checks.front());
  const std::string page = to_text(report, {});
  EXPECT_THAT(section(page, "main finding"),
              AllOf(HasSubstr("× "), HasSubstr("may be:"), HasSubstr("fix:"),
                    HasSubstr("wgscope explain WGS-HS-005")));
  EXPECT_LT(page.find("main finding"), page.find("\nconfiguration\n"));
  EXPECT_THAT(section(page, "handshake"),
              AllOf(HasSubstr(": see main finding"), Not(HasSubstr("may be:"))));
  EXPECT_THAT(section(page, "configuration"), HasSubstr("wgscope explain WGS-KEY-003"))
      << "the details of others stay where they are";
  EXPECT_THAT(to_text(test::well_report(), {}), Not(HasSubstr("main finding")));
}

TEST(TextReport, ShowsOnceWhatMendsSeveralFindings) {
  Report report = test::silent_report();
  Check other =
      *std::ranges::find_if(report.checks, [](const Check& one) { return !!one.finding; });
  other.name = "mtu.backward";
  other.finding->id = FindingId::key_in_use;
  report.checks.push_back(other);
  const std::string page = to_text(report, {});
  EXPECT_EQ(page.find("wg set wg0 peer"), page.rfind("wg set wg0 peer"));
  EXPECT_THAT(page, HasSubstr("fix:     the same as for WGS-HS-005\n"));
  report.checks.back().finding->fix.emplace_back("reboot");
  EXPECT_THAT(to_text(report, {}), Not(HasSubstr("the same as for"))) << "in part is not the same";
}

TEST(TextReport, SaysFiguresInWords) {
  const std::string page = to_text(test::well_report(), {.verbose = true});
  EXPECT_THAT(page, HasSubstr("round trip (inside the tunnel): 20 samples, min"));
  EXPECT_THAT(page, HasSubstr("packet loss (forward path): 5 %"));
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
