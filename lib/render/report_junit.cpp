#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/render/findings.hpp"
#include "wgscope/render/layout.hpp"
#include "wgscope/render/redaction.hpp"
#include "wgscope/render/report.hpp"

// JUnit's XML as Jenkins and GitLab read it. There is no standard; what is written here is what all
// of them know. A suite has a failure or an error exactly when the program ends with something else
// than 0, so that a pipeline may look at either.

namespace wgscope::render {
namespace {

using diagnosis::Check;
using diagnosis::FailOn;
using diagnosis::Status;
using diagnosis::Text;

enum class Outcome : std::uint8_t { passed, failed, error, skipped };

struct Case {
  std::string layer;
  std::string name;
  Outcome outcome = Outcome::passed;
  std::string type;     ///< of what is not passed: a finding's ID, or its status
  std::string message;  ///< a line
  std::string details;
};

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

Case case_of(const Check& check, Outcome outcome, Redaction& redaction) {
  Case made{
      .layer = std::string(to_string(check.layer)),
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

std::vector<Case> cases_of(const diagnosis::Report& report, FailOn fail_on, Redaction& redaction) {
  const Status whole = overall(report, fail_on);
  std::vector<Case> cases;
  cases.reserve(report.checks.size() + 1);
  for (const Check& check : report.checks)
    cases.push_back(case_of(check, outcome_of(check, whole, fail_on), redaction));
  const bool is_cut_short = report.interrupted || report.checks.empty();
  if (is_cut_short)
    cases.push_back({.layer = "run",
                     .name = "complete",
                     .outcome = Outcome::error,
                     .type = "unknown",
                     .message = redaction.show(verdict(report, fail_on)),
                     .details = {}});
  return cases;
}

/// An attribute's value or an element's text. one_line() has left nothing in it that XML does not
/// allow, line breaks of our own aside (XML 1.0 §2.2, §2.4, §3.3.3).
std::string escaped(std::string_view text) {
  std::string made;
  for (const char c : text) {
    switch (c) {
      case '&': made += "&amp;"; break;
      case '<': made += "&lt;"; break;
      case '>': made += "&gt;"; break;
      case '"': made += "&quot;"; break;
      default: made += c;
    }
  }
  return made;
}

std::string element(const Case& one) {
  const std::string text = escaped(one.details);
  switch (one.outcome) {
    case Outcome::passed:
      return text.empty() ? "" : fmt::format("    <system-out>{}</system-out>\n", text);
    case Outcome::skipped:
      return fmt::format("    <skipped message=\"{}\"/>\n", escaped(one.message));
    case Outcome::failed:
    case Outcome::error: break;
  }
  return fmt::format("    <{0} type=\"{1}\" message=\"{2}\">{3}</{0}>\n",
                     one.outcome == Outcome::failed ? "failure" : "error", escaped(one.type),
                     escaped(one.message), text);
}

std::string xml_seconds(Nanoseconds time) {
  return fmt::format("{:.3f}", static_cast<double>(time.count()) / 1e9);
}

/// Jenkins' schema has times in UTC without saying so: no "Z", no fraction.
std::string xml_time(WallTime at) {
  constexpr std::size_t kUpToSeconds = 19;
  return timestamp(at).substr(0, kUpToSeconds);
}

}  // namespace

std::string to_junit(const diagnosis::Report& report, FailOn fail_on, bool redact) {
  Redaction redaction(redact, report);
  const std::vector<Case> cases = cases_of(report, fail_on, redaction);
  const auto count = [&](Outcome outcome) {
    return std::ranges::count(cases, outcome, &Case::outcome);
  };
  std::string suite = fmt::format("wgscope {}", report.verb);
  if (!report.target.empty()) suite += " " + redaction.show(report.target);
  std::string xml = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<testsuites>\n"
      "<testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" "
      "time=\"{}\" timestamp=\"{}\">\n",
      escaped(suite), cases.size(), count(Outcome::failed), count(Outcome::error),
      count(Outcome::skipped), xml_seconds(report.duration), xml_time(report.started));
  for (const Case& one : cases) {
    const std::string inside = element(one);
    xml += fmt::format(R"(  <testcase classname="wgscope.{}.{}" name="{}")",
                       escaped(one_line(report.verb)), one.layer, escaped(one.name));
    xml += inside.empty() ? "/>\n" : ">\n" + inside + "  </testcase>\n";
  }
  xml += fmt::format("  <system-out>{}</system-out>\n</testsuite>\n</testsuites>\n",
                     escaped(redaction.show(verdict(report, fail_on))));
  return xml;
}

}  // namespace wgscope::render
