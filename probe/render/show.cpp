#include "probe/render/show.hpp"

#include <cerrno>
#include <cstdio>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/os/file.hpp"
#include "wgscope/render/report.hpp"

#include "probe/options/output_options.hpp"
#include "probe/render/terminal.hpp"
#include "probe/verbs.hpp"

namespace wgscope::probe {
namespace {

constexpr unsigned kFileMode =
    0644;  // as node_exporter and pipelines read them: no secret is there

render::TextStyle style_of(const OutputOptions& options) {
  return {.colour = wants_colour(surroundings_of_stdout()),
          .verbose = options.verbose,
          .redact = options.redact,
          .width = terminal_width(STDOUT_FILENO),
          .fail_on = options.fail_on};
}

Result<> write_file(const std::string& path, std::string_view content) {
  if (auto checked = os::check_replaceable(path); !checked) return checked;
  return os::replace_file(path, content, kFileMode);
}

Result<> write_stdout(std::string_view content) {
  errno = 0;
  const bool written = std::fwrite(content.data(), 1, content.size(), stdout) == content.size();
  if (!written || std::fflush(stdout) != 0) return fail_errno("write to standard output", errno);
  return {};
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

Exit show_report(const diagnosis::Report& report, const OutputOptions& options, TextForm form) {
  bool all_written = true;
  const auto must = [&](const Result<>& done) {
    if (done) return;
    all_written = false;
    fmt::print(stderr, "wgscope {}: {}\n", report.verb, done.error().context);
  };
  // Files first: who reads standard output may hang up, which ends the program.
  if (!options.junit_file.empty())
    must(write_file(options.junit_file, render::to_junit(report, options.fail_on, options.redact)));
  if (!options.prometheus_file.empty())
    must(write_file(options.prometheus_file,
                    render::to_prometheus(report, options.fail_on, options.redact)));
  if (options.json) {
    must(write_stdout(render::to_json(report, options.fail_on, options.redact)));
  } else {
    const std::string_view before = form == TextForm::changed ? "\n" : "";
    must(write_stdout(form == TextForm::one_line
                          ? render::to_line(report, style_of(options))
                          : std::string(before) + render::to_text(report, style_of(options))));
  }
  const Exit exit = static_cast<Exit>(render::exit_code(overall(report, options.fail_on)));
  return exit == Exit::ok && !all_written ? Exit::unknown : exit;
}

Exit Watching::show(const diagnosis::Report& report) {
  Seen seen{diagnosis::verdict(report), report.success, {}};
  for (const diagnosis::Check& check : report.checks)
    seen.checks.push_back({check.name, check.target, check.status,
                           check.finding ? check.finding->cause : diagnosis::Text()});
  TextForm form = TextForm::whole;
  if (last_) form = *last_ == seen ? TextForm::one_line : TextForm::changed;
  last_ = std::move(seen);
  return show_report(report, options_, form);
}

}  // namespace wgscope::probe
