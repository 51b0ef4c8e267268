#include "wgscope/diagnosis/commands.hpp"

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"

namespace wgscope::diagnosis {

void complete_commands(const Text& arguments, Report& report) {
  if (arguments.empty()) return;
  const auto complete = [&](Text& text) { text.replace(" --config FILE", arguments); };
  for (Check& check : report.checks) {
    complete(check.summary);
    if (!check.finding) continue;
    complete(check.finding->cause);
    for (Text& line : check.finding->evidence) complete(line);
    for (Hypothesis& one : check.finding->hypotheses) {
      complete(one.cause);
      complete(one.check);
    }
    for (Text& line : check.finding->fix) complete(line);
  }
}

}  // namespace wgscope::diagnosis
