#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>

#include <fmt/core.h>

#include "wgscope/audit/placed.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/render/findings.hpp"
#include "wgscope/render/placed.hpp"
#include "wgscope/render/redaction.hpp"

#include "placed_parts.hpp"
#include "xml.hpp"

// JUnit's XML, as report_junit.cpp writes it: there are failures or errors exactly when the program
// ends with something else than 0.

namespace wgscope::render {
namespace {

using audit::PlacedFinding;
using diagnosis::FailOn;
using diagnosis::FindingId;
using diagnosis::Severity;

enum class Outcome : unsigned char { passed, failed, error };

Outcome outcome_of(const PlacedFinding& one, FailOn fail_on) {
  if (one.finding.id == FindingId::lint_file_unread) return Outcome::error;
  switch (kind_of(one.finding.id).severity) {
    case Severity::critical: return Outcome::failed;
    case Severity::warning: return fail_on == FailOn::critical ? Outcome::passed : Outcome::failed;
    case Severity::info: break;
  }
  return Outcome::passed;
}

std::string case_of(const PlacedFinding& one, FailOn fail_on, Redaction& redaction) {
  const diagnosis::FindingKind& kind = kind_of(one.finding.id);
  const std::string place = shown_place(one.place, redaction);
  std::string details = fmt::format("{}: {}\n", place, redaction.show(one.finding.cause));
  for (const diagnosis::Text& line : one.finding.evidence)
    details += fmt::format("seen: {}\n", redaction.show(line));
  for (const diagnosis::Text& line : one.finding.fix)
    details += fmt::format("fix: {}\n", redaction.show(line));
  for (const audit::Place& at : one.related)
    details += fmt::format("also: {}\n", shown_place(at, redaction));
  details += fmt::format("more: {}\n", findings_link(kind.id));
  std::string xml =
      fmt::format("  <testcase classname=\"{}\" name=\"{} {}\">\n",
                  xml_escaped(shown_file(one.place.file, redaction)), kind.id, xml_escaped(place));
  const Outcome outcome = outcome_of(one, fail_on);
  if (outcome == Outcome::passed) {
    xml += fmt::format("    <system-out>{}</system-out>\n", xml_escaped(details));
  } else {
    xml += fmt::format("    <{0} type=\"{1}\" message=\"{2} ({1})\">{3}</{0}>\n",
                       outcome == Outcome::failed ? "failure" : "error", kind.id,
                       xml_escaped(redaction.show(one.finding.cause)), xml_escaped(details));
  }
  return xml + "  </testcase>\n";
}

}  // namespace

std::string to_junit(const PlacedReport& report, const PlacedStyle& style) {
  Redaction redaction = redaction_of(report, style.redact);
  std::set<std::string_view> with_findings;
  std::string cases;
  for (const PlacedFinding& one : report.findings) {
    with_findings.insert(one.place.file);
    cases += case_of(one, style.fail_on, redaction);
  }
  std::size_t clean = 0;
  for (const std::string& file : report.files) {
    if (with_findings.contains(file)) continue;
    ++clean;
    cases += fmt::format("  <testcase classname=\"{0}\" name=\"{0}\"/>\n",
                         xml_escaped(shown_file(file, redaction)));
  }
  const auto count = [&](Outcome outcome) {
    return std::ranges::count_if(report.findings, [&](const PlacedFinding& one) {
      return outcome_of(one, style.fail_on) == outcome;
    });
  };
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
      "<testsuite name=\"wgscope {}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"0\">\n"
      "{}  <system-out>{}</system-out>\n</testsuite>\n</testsuites>\n",
      report.verb, report.findings.size() + clean, count(Outcome::failed), count(Outcome::error),
      cases, xml_escaped(verdict_of(report, style.fail_on)));
}

}  // namespace wgscope::render
