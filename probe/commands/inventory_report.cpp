#include "probe/commands/inventory_report.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "wgscope/base/text.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/config/inventory_file.hpp"
#include "wgscope/render/junit.hpp"
#include "wgscope/render/redaction.hpp"

#include "probe/verbs.hpp"

namespace wgscope::probe {
namespace {

using nlohmann::ordered_json;

constexpr std::string_view kSchema = "wgscope.inventory_check/1";

std::string_view name_of(Exit verdict) {
  switch (verdict) {
    case Exit::ok: return "ok";
    case Exit::warning: return "warning";
    case Exit::critical: return "critical";
    case Exit::unknown: break;
  }
  return "unknown";
}

std::string_view name_of(config::ProblemKind kind) {
  return kind == config::ProblemKind::error ? "error" : "warning";
}

std::string counted(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

ordered_json place(const config::Position& at, const config::InventoryRead& read) {
  return {
      {"file", to_valid_utf8(read.files[at.file].name)}, {"line", at.line}, {"column", at.column}};
}

ordered_json problem_json(const config::InventoryProblem& problem,
                          const config::InventoryRead& read) {
  ordered_json made = place(problem.position, read);
  made["severity"] = name_of(problem.kind);
  made["text"] = problem.text;
  if (problem.other) made["first"] = place(*problem.other, read);
  return made;
}

ordered_json file_json(const config::InventoryFile& file) {
  return {{"name", to_valid_utf8(file.name)},
          {"broken", file.broken},
          {"interfaces", file.interfaces},
          {"peers", file.peers},
          {"errors", file.errors},
          {"warnings", file.warnings}};
}

std::string summary(const config::InventoryRead& read) {
  const std::string declared = fmt::format(
      "{} declare{} {} and {}", counted(read.files.size(), "file"),
      read.files.size() == 1 ? "s" : "", counted(read.inventory.interfaces.size(), "interface"),
      counted(read.inventory.peers.size(), "peer"));
  switch (verdict_of(read)) {
    case Exit::ok: return "OK: " + declared;
    case Exit::warning:
      return fmt::format("WARNING: {}; {}", counted(read.warnings(), "warning"), declared);
    default: break;
  }
  return fmt::format("CRITICAL: {}, {}; without what is wrong, {}", counted(read.errors(), "error"),
                     counted(read.warnings(), "warning"), declared);
}

/// The problems of one file, a line each.
std::string lines_of(const config::InventoryRead& read, std::size_t file) {
  std::string text;
  for (const config::InventoryProblem& problem : read.problems)
    if (problem.position.file == file)
      text += render::one_line(config::to_string(problem, read.files)) + '\n';
  return text;
}

render::JunitCase case_of(const config::InventoryRead& read, std::size_t index, bool lenient) {
  const config::InventoryFile& file = read.files[index];
  const bool passes = file.errors == 0 && (lenient || file.warnings == 0);
  return {
      .classname = "wgscope.inventory",
      .name = render::one_line(file.name),
      .outcome = passes ? render::JunitCase::Outcome::passed : render::JunitCase::Outcome::failed,
      .type = file.errors > 0 ? "error" : "warning",
      .message =
          fmt::format("{}, {}", counted(file.errors, "error"), counted(file.warnings, "warning")),
      .details = lines_of(read, index)};
}

render::JunitSuite suite_at(const CheckTime& time) {
  return {.name = "wgscope inventory check",
          .started = time.started,
          .duration = time.duration,
          .cases = {},
          .output = {}};
}

}  // namespace

Exit verdict_of(const config::InventoryRead& read) {
  if (read.errors() > 0) return Exit::critical;
  return read.warnings() > 0 ? Exit::warning : Exit::ok;
}

std::string problem_lines(const config::InventoryRead& read) {
  std::string text;
  for (const config::InventoryProblem& problem : read.problems)
    text += config::to_string(problem, read.files) + '\n';
  for (const config::InventoryFile& file : read.files) {
    const auto more = [](std::size_t count) {
      return count - std::min(count, config::kMaxProblemsPerFile);
    };
    if (more(file.errors) > 0)
      text += fmt::format("{}: and {}\n", file.name, counted(more(file.errors), "more error"));
    if (more(file.warnings) > 0)
      text += fmt::format("{}: and {}\n", file.name, counted(more(file.warnings), "more warning"));
  }
  return text;
}

std::string inventory_text(const config::InventoryRead& read) {
  return problem_lines(read) + summary(read) + '\n';
}

std::string inventory_json(const config::InventoryRead& read) {
  ordered_json made{{"schema", kSchema},
                    {"status", name_of(verdict_of(read))},
                    {"errors", read.errors()},
                    {"warnings", read.warnings()},
                    {"interfaces", read.inventory.interfaces.size()},
                    {"peers", read.inventory.peers.size()},
                    {"files", ordered_json::array()},
                    {"problems", ordered_json::array()}};
  for (const config::InventoryFile& file : read.files) made["files"].push_back(file_json(file));
  for (const config::InventoryProblem& problem : read.problems)
    made["problems"].push_back(problem_json(problem, read));
  return made.dump(2) + '\n';
}

std::string inventory_json(std::string_view why) {
  const ordered_json made{{"schema", kSchema},
                          {"status", name_of(Exit::unknown)},
                          {"reason", to_valid_utf8(why)},
                          {"errors", 0},
                          {"warnings", 0},
                          {"interfaces", 0},
                          {"peers", 0},
                          {"files", ordered_json::array()},
                          {"problems", ordered_json::array()}};
  return made.dump(2) + '\n';
}

std::string inventory_junit(const config::InventoryRead& read, bool lenient,
                            const CheckTime& time) {
  render::JunitSuite suite = suite_at(time);
  for (std::size_t i = 0; i < read.files.size(); ++i)
    suite.cases.push_back(case_of(read, i, lenient));
  suite.output = summary(read);
  return render::to_junit(suite);
}

std::string inventory_junit(std::string_view why, const CheckTime& time) {
  render::JunitSuite suite = suite_at(time);
  suite.output = render::one_line(why);
  suite.cases.push_back({.classname = "wgscope.inventory",
                         .name = "files",
                         .outcome = render::JunitCase::Outcome::error,
                         .type = std::string(name_of(Exit::unknown)),
                         .message = suite.output,
                         .details = {}});
  return render::to_junit(suite);
}

}  // namespace wgscope::probe
