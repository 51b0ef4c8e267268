#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"

// Reports as people, programs, pipelines and Prometheus read them. All are pure functions of the
// report. A redacted report names keys, addresses, names and paths only by numbers, and the same
// thing has the same number everywhere.

namespace wgscope::render {

struct TextStyle {
  bool colour = false;
  bool verbose = false;  ///< also shows the evidence of checks that are ok, and every figure
  bool redact = false;
  std::size_t width = 0;  ///< columns of the terminal; 0: lines are not folded
  diagnosis::FailOn fail_on = diagnosis::FailOn::warning;
};

/// The report for people: the verdict first, then a section for each layer.
std::string to_text(const diagnosis::Report& report, const TextStyle& style);
/// The report in one line: when the run began, and its verdict.
std::string to_line(const diagnosis::Report& report, const TextStyle& style);
/// The report as one document of the schema docs/report.schema.json, with a line break at its end.
std::string to_json(const diagnosis::Report& report, diagnosis::FailOn fail_on, bool redact);
/// The report as one JUnit suite, in which each check is a test case.
std::string to_junit(const diagnosis::Report& report, diagnosis::FailOn fail_on, bool redact);
/// The report for node_exporter's textfile collector, with the names of docs/metrics.md.
std::string to_prometheus(const diagnosis::Report& report, diagnosis::FailOn fail_on, bool redact);

/// A line for each bar of diagnosis::histogram(), indented, with its upper bound and count.
std::string histogram_lines(std::span<const Nanoseconds> samples);

/// What a run would send, and what that changes: --plan.
struct Plan {
  std::string_view verb;
  diagnosis::Text target;
  std::vector<diagnosis::Text> lines;
  std::vector<diagnosis::Check> noticed = {};  ///< while files were read
};

std::string to_text(const Plan& plan, bool redact);
/// {"schema": "wgscope.plan/1", "verb": …, "target": …, "redacted": …, "noticed": [{"name": …,
/// "status": …, "summary": …, "finding": an ID or null}], "plan": [a string each]}
std::string to_json(const Plan& plan, bool redact);

/// What a program that has such a status ends with, as Nagios plugins do: 0 ok, 1 warning,
/// 2 critical, 3 unknown.
int exit_code(diagnosis::Status status);

}  // namespace wgscope::render
