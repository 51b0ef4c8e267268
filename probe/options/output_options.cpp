#include "probe/options/output_options.hpp"

#include <optional>
#include <string>
#include <string_view>

#include "wgscope/base/text.hpp"
#include "wgscope/diagnosis/report.hpp"

#include "probe/command_line.hpp"

namespace wgscope::probe {
std::optional<diagnosis::FailOn> parse_fail_on(std::string_view word) {
  using enum diagnosis::FailOn;
  if (iequals(word, "critical") || iequals(word, "crit")) return critical;
  if (iequals(word, "warning") || iequals(word, "warn")) return warning;
  if (iequals(word, "unknown")) return unknown;
  return std::nullopt;
}

void add_output_options(CommandLine& line, OutputOptions& output) {
  line.add_flag("--json", output.json, "Print the report as JSON (docs/report.schema.json)");
  line.add("--junit", output.junit_file, "Also write a JUnit report").type("FILE");
  line.add("--prometheus", output.prometheus_file,
           "Also write metrics for node_exporter's textfile collector")
      .type("FILE");
  line.add_flag("--redact", output.redact,
                "Replace keys, addresses, names and paths, so that the report can be shared");
  line.add_flag("-v,--verbose", output.verbose, "Show all evidence and figures");
  line.add(
          "--fail-on",
          [&output](const std::string& word) -> Complaint {
            const auto level = parse_fail_on(word);
            if (!level) return "--fail-on: expected critical, warning or unknown";
            output.fail_on = *level;
            return std::nullopt;
          },
          "Exit non-zero from this severity on: critical, warning (default), or unknown to include "
          "checks without a result")
      .type("WHAT");
}

}  // namespace wgscope::probe
