#include "probe/options/output_options.hpp"

#include <optional>
#include <string>
#include <string_view>

#include "wgscope/base/text.hpp"
#include "wgscope/diagnosis/report.hpp"

#include "probe/command_line.hpp"

namespace wgscope::probe {
namespace {

constexpr std::string_view kOutputGroup = "What is shown";

std::optional<diagnosis::FailOn> parse_fail_on(std::string_view word) {
  using enum diagnosis::FailOn;
  if (iequals(word, "critical") || iequals(word, "crit")) return critical;
  if (iequals(word, "warning") || iequals(word, "warn")) return warning;
  if (iequals(word, "unknown")) return unknown;
  return std::nullopt;
}

}  // namespace

void add_output_options(CommandLine& line, OutputOptions& output) {
  const std::string group(kOutputGroup);
  line.add_flag("--json", output.json, "One JSON document (docs/report.schema.json)").group(group);
  line.add("--junit", output.junit_file, "Write a JUnit report too").type("FILE").group(group);
  line.add("--prometheus", output.prometheus_file, "Write metrics for the textfile collector too")
      .type("FILE")
      .group(group);
  line.add_flag("--redact", output.redact, "Without keys, addresses, names and paths").group(group);
  line.add_flag("-v,--verbose", output.verbose, "All evidence and figures").group(group);
  line.add(
          "--fail-on",
          [&output](const std::string& word) -> Complaint {
            const auto level = parse_fail_on(word);
            if (!level) return "--fail-on: critical, warning or unknown";
            output.fail_on = *level;
            return std::nullopt;
          },
          "What does not end with 0: critical, warning (the default), or also whatever is unknown")
      .type("WHAT")
      .group(group);
}

}  // namespace wgscope::probe
