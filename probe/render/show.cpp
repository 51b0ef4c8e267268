#include "probe/render/show.hpp"

#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/os/file.hpp"
#include "wgscope/os/standard_streams.hpp"
#include "wgscope/render/redaction.hpp"
#include "wgscope/render/report.hpp"
#include "wgscope/render/sentence.hpp"

#include "probe/options/output_options.hpp"
#include "probe/render/print.hpp"
#include "probe/render/terminal.hpp"
#include "probe/verbs.hpp"

namespace wgscope::probe {
namespace {

render::TextStyle style_of(const OutputOptions& options) {
  return {.colour = wants_colour(surroundings_of_stdout()),
          .verbose = options.verbose,
          .redact = options.redact,
          .width = terminal_width(STDOUT_FILENO),
          .fail_on = options.fail_on};
}

std::string text_of(const diagnosis::Report& report, const OutputOptions& options, TextForm form) {
  if (options.json) return render::to_json(report, options.fail_on, options.redact);
  if (form == TextForm::one_line) return render::to_line(report, style_of(options));
  return (form == TextForm::changed ? "\n" : "") + render::to_text(report, style_of(options));
}

}  // namespace

Result<> check_outputs(const OutputOptions& options) {
  for (const std::string& path : {options.junit_file, options.prometheus_file}) {
    if (path.empty()) continue;
    if (auto checked = os::check_replaceable(path); !checked) return checked;
  }
  if (!options.junit_file.empty() && options.junit_file == options.prometheus_file)
    return fail(Errc::bad_value, fmt::format("{}: --junit and --prometheus need different files",
                                             options.junit_file));
  return {};
}

Shown show_report(const diagnosis::Report& report, const OutputOptions& options, TextForm form) {
  bool all_written = true;
  const std::string files[] = {options.junit_file, options.prometheus_file};
  const auto must = [&](const Result<>& done) {
    if (done) return;
    all_written = false;
    render::Redaction redaction(options.redact, report);
    complain(report.verb, redaction.show(render::mark(done.error().context, files)));
  };
  // Files first: standard output may be a pipe that nobody empties.
  if (!options.junit_file.empty())
    must(write_result_file(options.junit_file,
                           render::to_junit(report, options.fail_on, options.redact)));
  if (!options.prometheus_file.empty())
    must(write_result_file(options.prometheus_file,
                           render::to_prometheus(report, options.fail_on, options.redact)));
  const auto printed = os::write_standard_output(text_of(report, options, form));
  must(printed);
  const auto exit = static_cast<Exit>(render::exit_code(overall(report, options.fail_on)));
  return {all_written ? exit : Exit::unknown, printed.has_value()};
}

Shown Watching::show(const diagnosis::Report& report) {
  Seen seen{diagnosis::verdict(report, options_.fail_on), report.success, {}};
  for (const diagnosis::Check& check : report.checks)
    seen.checks.push_back({check.name, check.target, check.status,
                           check.finding ? check.finding->cause : diagnosis::Text()});
  TextForm form = TextForm::whole;
  if (last_) form = *last_ == seen ? TextForm::one_line : TextForm::changed;
  last_ = std::move(seen);
  return show_report(report, options_, form);
}

}  // namespace wgscope::probe
