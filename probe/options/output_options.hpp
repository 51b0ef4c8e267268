#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "wgscope/diagnosis/report.hpp"

namespace wgscope::probe {

class CommandLine;

/// Where a report goes, and what it shows: options of every verb that makes one.
struct OutputOptions {
  bool json = false;
  std::string junit_file;       ///< path; empty: no such file is written
  std::string prometheus_file;  ///< path; empty: no such file is written
  bool redact = false;
  bool verbose = false;
  diagnosis::FailOn fail_on = diagnosis::FailOn::warning;
};

/// What --fail-on takes: critical, warning or unknown.
std::optional<diagnosis::FailOn> parse_fail_on(std::string_view word);

/// Adds --json, --redact, and so on. @param output  outlives the parsing.
void add_output_options(CommandLine& line, OutputOptions& output);

}  // namespace wgscope::probe
