#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/report.hpp"

#include "probe/verbs.hpp"

// Reports as people, programs, pipelines and Prometheus read them. Pure functions of the report; a
// redacted one names keys, addresses, names and paths only by numbers, the same thing by the same
// number.

namespace wgscope::probe {

struct TextStyle {
  bool colour = false;
  bool verbose = false;  ///< also the evidence of what is ok, and every figure
  bool redact = false;
  std::size_t width = 0;  ///< columns; 0: lines are never folded
  diagnosis::FailOn fail_on = diagnosis::FailOn::warning;
};

/// The verdict first, then a section for each layer.
std::string render_text(const diagnosis::Report& report, const TextStyle& style);
/// When it was, and the verdict.
std::string render_line(const diagnosis::Report& report, const TextStyle& style);
/// A line for each bar of diagnosis::histogram(), indented, with its upper bound and count.
std::string histogram_lines(std::span<const Nanoseconds> samples);
/// One document of the schema docs/report.schema.json, with a line break at its end.
std::string render_json(const diagnosis::Report& report, diagnosis::FailOn fail_on, bool redact);
/// One suite; a check is a test case.
std::string render_junit(const diagnosis::Report& report, diagnosis::FailOn fail_on, bool redact);
/// For node_exporter's textfile collector: names of docs/metrics.md.
std::string render_prometheus(const diagnosis::Report& report, diagnosis::FailOn fail_on,
                              bool redact);

Exit exit_of(diagnosis::Status status);

/// Where a report goes, as options of every verb say.
struct OutputOptions {
  bool json = false;
  std::string junit_file;       ///< empty: none
  std::string prometheus_file;  ///< empty: none
  bool redact = false;
  bool verbose = false;
  diagnosis::FailOn fail_on = diagnosis::FailOn::warning;
};

/// Before anything is sent: whether the files can be written where they are to be. @returns
/// access_denied, io, bad_value for one that is no file or is given twice; naming it.
Result<> check_outputs(const OutputOptions& options);

enum class TextForm : std::uint8_t {
  whole,
  changed,   ///< whole, behind a blank line
  one_line,  ///< when it was, and the verdict
};

/// Shows a report wherever that was asked for. A file that cannot be written is said on standard
/// error, costs none of the others, and makes what would be ok unknown.
/// @returns what the program is to end with.
Exit show_report(const diagnosis::Report& report, const OutputOptions& options,
                 TextForm form = TextForm::whole);

}  // namespace wgscope::probe
