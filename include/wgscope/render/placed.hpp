#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/audit/placed.hpp"
#include "wgscope/diagnosis/report.hpp"

// Findings with places, as people, editors, programs and code reviews read them. All are pure
// functions of the report, and show the same with the same numbers where they are redacted.

namespace wgscope::render {

struct PlacedReport {
  std::string_view verb;           ///< "lint"
  std::vector<std::string> files;  ///< that were looked at, as the user named them
  std::vector<audit::PlacedFinding> findings;
  std::size_t unread = 0;      ///< files that could not be read
  std::size_t suppressed = 0;  ///< findings that comments suppress
  std::size_t left_off = 0;    ///< further errors that have no finding of their own
};

struct PlacedStyle {
  bool colour = false;
  bool redact = false;
  diagnosis::FailOn fail_on = diagnosis::FailOn::warning;
};

/// critical or warning as the worst finding, unless `fail_on` accepts warnings. Unknown where a
/// file could not be read and nothing critical was found in the others.
diagnosis::Status status_of(const PlacedReport& report, diagnosis::FailOn fail_on);

/// "wg0.conf:12:7: warning: cause [ID]" for each finding, its fix below it, then the verdict.
std::string to_text(const PlacedReport& report, const PlacedStyle& style);
/// One document of the schema docs/lint.schema.json, with a line break at its end.
std::string to_json(const PlacedReport& report, const PlacedStyle& style);
/// One JUnit suite, in which each finding is a test case, and each file without one.
std::string to_junit(const PlacedReport& report, const PlacedStyle& style);
/// SARIF 2.1.0 (OASIS), for code reviews.
/// @param version  of this program.
std::string to_sarif(const PlacedReport& report, std::string_view version, bool redact);
/// Workflow commands of GitHub Actions, a line for each finding.
std::string to_github(const PlacedReport& report, bool redact);
/// A GitLab Code Quality report.
std::string to_gitlab(const PlacedReport& report, bool redact);

}  // namespace wgscope::render
