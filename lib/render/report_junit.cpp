#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/render/findings.hpp"
#include "wgscope/render/junit.hpp"
#include "wgscope/render/redaction.hpp"
#include "wgscope/render/report.hpp"

// A report as a JUnit suite. The class of a case is the layer of its check.

namespace wgscope::render {
namespace {

using diagnosis::Check;
using diagnosis::FailOn;
using diagnosis::Status;
using diagnosis::Text;

using Outcome = JunitCase::Outcome;

Outcome outcome_of(const Check& check, Status whole, FailOn fail_on) {
  // What was not told makes the whole unknown, unless something worse was found: then that is what
  // fails, and skipped checks are only its consequence.
  const bool matters = check.essential || fail_on == FailOn::unknown;
  switch (check.status) {
    case Status::ok: return Outcome::passed;
    case Status::warning: return fail_on == FailOn::critical ? Outcome::passed : Outcome::failed;
    case Status::critical: return Outcome::failed;
    case Status::unknown: return matters ? Outcome::error : Outcome::skipped;
    case Status::skipped: break;
  }
  return matters && whole == Status::unknown ? Outcome::error : Outcome::skipped;
}

void add_lines(std::string& details, std::string_view label, std::span<const Text> lines,
               Redaction& redaction) {
  for (const Text& line : lines)
    if (!line.empty()) details += fmt::format("{}: {}\n", label, redaction.show(line));
}

std::string details_of(const diagnosis::Finding& finding, Redaction& redaction) {
  std::string details = fmt::format("cause: {}\n", redaction.show(finding.cause));
  add_lines(details, "seen", finding.evidence, redaction);
  for (const diagnosis::Hypothesis& hypothesis : finding.hypotheses) {
    details += fmt::format("may be: {}\n", redaction.show(hypothesis.cause));
    if (!hypothesis.check.empty())
      details += fmt::format("  to tell: {}\n", redaction.show(hypothesis.check));
  }
  add_lines(details, "fix", finding.fix, redaction);
  return details + fmt::format("more: {}\n", findings_link(kind_of(finding.id).id));
}

JunitCase case_of(const Check& check, Outcome outcome, Redaction& redaction) {
  JunitCase made{
      .classname = std::string(to_string(check.layer)),
      .name = std::string(check.name),
      .outcome = outcome,
      .type = std::string(to_string(check.status)),
      .message = fmt::format("{}: {}", to_string(check.status), redaction.show(check.summary)),
      .details = {}};
  if (!check.target.empty()) made.name += " " + redaction.show(check.target);
  if (check.finding) {
    const std::string_view id = kind_of(check.finding->id).id;
    made.type = id;
    made.message = fmt::format("{} ({})", redaction.show(check.finding->cause), id);
    made.details = details_of(*check.finding, redaction);
  }
  if (check.skipped_because)
    made.message += fmt::format(" (because {})", kind_of(*check.skipped_because).id);
  return made;
}

std::vector<JunitCase> cases_of(const diagnosis::Report& report, FailOn fail_on,
                                Redaction& redaction) {
  const Status whole = overall(report, fail_on);
  std::vector<JunitCase> cases;
  cases.reserve(report.checks.size() + 1);
  for (const Check& check : report.checks)
    cases.push_back(case_of(check, outcome_of(check, whole, fail_on), redaction));
  const bool is_cut_short = report.interrupted || report.checks.empty();
  if (is_cut_short)
    cases.push_back({.classname = "run",
                     .name = "complete",
                     .outcome = Outcome::error,
                     .type = "unknown",
                     .message = redaction.show(verdict(report, fail_on)),
                     .details = {}});
  return cases;
}

}  // namespace

std::string to_junit(const diagnosis::Report& report, FailOn fail_on, bool redact) {
  Redaction redaction(redact, report);
  JunitSuite suite{.name = fmt::format("wgscope {}", report.verb),
                   .started = report.started,
                   .duration = report.duration,
                   .cases = cases_of(report, fail_on, redaction),
                   .output = redaction.show(verdict(report, fail_on))};
  if (!report.target.empty()) suite.name += " " + redaction.show(report.target);
  for (JunitCase& one : suite.cases)
    one.classname = fmt::format("wgscope.{}.{}", one_line(report.verb), one.classname);
  return to_junit(suite);
}

}  // namespace wgscope::render
