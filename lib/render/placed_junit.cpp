#include <set>
#include <string>
#include <string_view>

#include <fmt/core.h>

#include "wgscope/audit/placed.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/render/findings.hpp"
#include "wgscope/render/junit.hpp"
#include "wgscope/render/placed.hpp"
#include "wgscope/render/redaction.hpp"

#include "placed_parts.hpp"

// There are failures or errors exactly when the program ends with something else than 0.

namespace wgscope::render {
namespace {

using audit::PlacedFinding;
using diagnosis::FailOn;
using diagnosis::FindingId;
using diagnosis::Severity;

using Outcome = JunitCase::Outcome;

Outcome outcome_of(const PlacedFinding& one, FailOn fail_on) {
  if (one.finding.id == FindingId::lint_file_unread) return Outcome::error;
  switch (kind_of(one.finding.id).severity) {
    case Severity::critical: return Outcome::failed;
    case Severity::warning: return fail_on == FailOn::critical ? Outcome::passed : Outcome::failed;
    case Severity::info: break;
  }
  return Outcome::passed;
}

JunitCase case_of(const PlacedFinding& one, FailOn fail_on, Redaction& redaction) {
  const diagnosis::FindingKind& kind = kind_of(one.finding.id);
  const std::string place = shown_place(one.place, redaction);
  const std::string cause = redaction.show(one.finding.cause);
  JunitCase made{.classname = shown_file(one.place.file, redaction),
                 .name = fmt::format("{} {}", kind.id, place),
                 .outcome = outcome_of(one, fail_on),
                 .type = std::string(kind.id),
                 .message = fmt::format("{} ({})", cause, kind.id),
                 .details = fmt::format("{}: {}\n", place, cause)};
  for (const diagnosis::Text& line : one.finding.evidence)
    made.details += fmt::format("seen: {}\n", redaction.show(line));
  for (const diagnosis::Text& line : one.finding.fix)
    made.details += fmt::format("fix: {}\n", redaction.show(line));
  for (const audit::Place& at : one.related)
    made.details += fmt::format("also: {}\n", shown_place(at, redaction));
  made.details += fmt::format("more: {}\n", findings_link(kind.id));
  return made;
}

}  // namespace

std::string to_junit(const PlacedReport& report, const PlacedStyle& style) {
  Redaction redaction = redaction_of(report, style.redact);
  JunitSuite suite{.name = fmt::format("wgscope {}", report.verb),
                   .started = {},
                   .cases = {},
                   .output = verdict_of(report, style.fail_on)};
  std::set<std::string_view> with_findings;
  for (const PlacedFinding& one : report.findings) {
    with_findings.insert(one.place.file);
    suite.cases.push_back(case_of(one, style.fail_on, redaction));
  }
  for (const std::string& file : report.files) {
    if (with_findings.contains(file)) continue;
    const std::string shown = shown_file(file, redaction);
    suite.cases.push_back(
        {.classname = shown, .name = shown, .type = {}, .message = {}, .details = {}});
  }
  return to_junit(suite);
}

}  // namespace wgscope::render
