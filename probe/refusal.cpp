#include "probe/refusal.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/render/redaction.hpp"
#include "wgscope/render/sentence.hpp"

#include "probe/command_line.hpp"
#include "probe/options/output_options.hpp"
#include "probe/render/print.hpp"
#include "probe/render/show.hpp"
#include "probe/verbs.hpp"

namespace wgscope::probe {
namespace {

using diagnosis::Reason;

bool is_number(std::string_view value) {
  return std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
}

/// The file behind "--junit FILE" or "--junit=FILE" at this argument; empty: it is another option.
std::string file_of(std::string_view option, std::span<const std::string> arguments) {
  const std::string_view first = arguments.front();
  if (first == option && arguments.size() > 1) return arguments[1];
  if (first.starts_with(option) && first.substr(option.size()).starts_with('='))
    return std::string(first.substr(option.size() + 1));
  return "";
}

/// Whether the user named what is not there or is not what it should be.
bool is_of_wrong_path(const Error& error) {
  return error.sys_errno == ENOENT || error.sys_errno == ENOTDIR || error.sys_errno == EISDIR;
}

}  // namespace

std::vector<std::string> given_values(std::span<const std::string> arguments) {
  std::vector<std::string> values;
  const auto add = [&](std::string_view value) {
    if (value.size() > 1 && !is_number(value)) values.emplace_back(value);
    // Of "HOST:PORT" and "[HOST]:PORT" the host.
    const std::size_t colon = value.rfind(':');
    if (colon == std::string_view::npos) return;
    std::string_view host = value.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    if (host.size() > 1 && !is_number(host)) values.emplace_back(host);
  };
  for (const std::string_view argument : arguments) {
    if (!argument.starts_with('-')) {
      add(argument);
    } else if (const std::size_t equals = argument.find('='); equals != std::string_view::npos) {
      add(argument.substr(equals + 1));
    }
  }
  for (const char* variable : {"HOME", "XDG_STATE_HOME"})
    if (const char* value = std::getenv(variable)) add(value);
  return values;
}

Call call_as_written(std::string_view verb, std::span<const std::string> arguments) {
  Call call{.verb = verb, .output = {}, .plan = false, .given = given_values(arguments)};
  for (std::size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
    const std::string& argument = arguments[i];
    call.output.json = call.output.json || argument == "--json";
    call.output.redact = call.output.redact || argument == "--redact";
    call.plan = call.plan || argument == "--plan";
    if (auto file = file_of("--junit", arguments.subspan(i)); !file.empty())
      call.output.junit_file = std::move(file);
    if (auto file = file_of("--prometheus", arguments.subspan(i)); !file.empty())
      call.output.prometheus_file = std::move(file);
  }
  return call;
}

Reason reason_of(const Error& error) {
  switch (error.code) {
    case Errc::truncated:
    case Errc::bad_length:
    case Errc::bad_value:
    case Errc::missing_key:
    case Errc::too_large: return Reason::wrong_usage;
    case Errc::refused: return Reason::key_in_use;  // of the lock that a running probe holds
    default: return is_of_wrong_path(error) ? Reason::wrong_usage : Reason::cannot_run;
  }
}

void complain(const Call& call, std::string_view sentence) {
  // It may quote an argument, and that may be a key in the wrong place.
  const std::string safe = hide_keys(sentence);
  complain(call.verb, call.output.redact
                          ? render::Redaction(true).show(render::mark(safe, call.given))
                          : render::one_line(safe));
}

Exit refuse(const Call& call, std::string_view sentence, Reason reason) {
  complain(call, sentence);
  const diagnosis::Text why = render::mark(hide_keys(sentence), call.given);
  OutputOptions output = call.output;
  if (call.plan) output.junit_file = output.prometheus_file = "";
  if (!output.json && output.junit_file.empty() && output.prometheus_file.empty())
    return Exit::unknown;
  diagnosis::Report report;
  report.verb = call.verb.empty() ? "unknown" : call.verb;
  report.started = os::now().wall;
  report.refused = reason;
  report.checks.push_back(diagnosis::make_check(diagnosis::CheckKind::configuration_target,
                                                diagnosis::Status::unknown, why));
  static_cast<void>(show_report(report, output));
  return Exit::unknown;
}

}  // namespace wgscope::probe
