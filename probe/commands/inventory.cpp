#include "wgscope/config/inventory.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/closest.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/config/inventory_file.hpp"
#include "wgscope/os/clock.hpp"

#include "probe/command_line.hpp"
#include "probe/commands/commands.hpp"
#include "probe/commands/inventory_files.hpp"
#include "probe/commands/inventory_from.hpp"
#include "probe/commands/inventory_report.hpp"
#include "probe/render/print.hpp"
#include "probe/verbs.hpp"

// wgscope inventory: what should be there, as files in Git. Each action has a function of its own,
// as if it were a verb.

namespace wgscope::probe {
namespace {

constexpr std::string_view kCheck = "inventory check";

Exit cannot(std::string_view action, std::string_view why) {
  complain(action, why);
  return Exit::unknown;
}

void add_paths(CommandLine& line, std::vector<std::string>& paths) {
  line.add("PATH", paths, "Files, or directories with .yaml, .yml and .json files in them or below")
      .type("");
  line.check([&paths]() -> Complaint {
    if (paths.empty()) return "give a file or a directory: PATH";
    return std::nullopt;
  });
}

struct CheckOptions {
  std::vector<std::string> paths;
  bool json = false;
  bool lenient = false;
  std::string junit_file;
};

/// Tells the check's result to all who asked. @returns `verdict`; unknown where one of them cannot
/// be told.
Exit tell(const CheckOptions& options, std::string_view printed, std::string_view junit,
          Exit verdict) {
  if (!options.junit_file.empty()) {
    // The file first: standard output may be a pipe that nobody empties.
    if (const auto written = write_result_file(options.junit_file, junit); !written) {
      complain(kCheck, written.error().context);
      verdict = Exit::unknown;
    }
  }
  const Exit shown = print(kCheck, printed);
  return shown == Exit::ok ? verdict : shown;
}

Exit refuse_check(const CheckOptions& options, std::string_view why, const CheckTime& time) {
  complain(kCheck, why);
  return tell(options, options.json ? inventory_json(why) : "", inventory_junit(why, time),
              Exit::unknown);
}

Exit check_inventory(std::vector<std::string> arguments) {
  CommandLine line(
      "Check an inventory: every error with its file, line and column. A pipeline's gate.\n"
      "Exit codes: 0 ok, 1 warnings, 2 errors, 3 a file cannot be read, or wrong usage.",
      "wgscope inventory check");
  CheckOptions options;
  add_paths(line, options.paths);
  line.add_flag("--json", options.json, "Print the result as JSON (docs/inventory.md)");
  line.add("--junit", options.junit_file, "Also write a JUnit report").type("FILE");
  line.add_flag("--allow-warnings", options.lenient,
                "Exit with 0 where there are warnings but no errors");
  const Now begin = os::now();
  const auto time = [&begin] { return CheckTime{begin.wall, os::boot_now() - begin.boot}; };
  line.on_mistake([&, json = std::ranges::find(arguments, "--json") !=
                             arguments.end()](const std::string& sentence) {
    return refuse_check({.paths = {}, .json = json, .junit_file = {}}, sentence, time());
  });
  if (const auto ended = line.parse(std::move(arguments))) return *ended;
  const auto read = read_inventory_at(options.paths);
  if (!read) return refuse_check(options, read.error().context, time());
  const Exit verdict = verdict_of(*read);
  return tell(options, options.json ? inventory_json(*read) : inventory_text(*read),
              inventory_junit(*read, options.lenient, time()),
              options.lenient && verdict == Exit::warning ? Exit::ok : verdict);
}

/// The entries of one peer, which may have several interfaces.
std::optional<std::string> entries_of(const std::string& name, const config::Inventory& inventory) {
  config::Inventory found;
  for (const config::DeclaredPeer& peer : inventory.peers)
    if (peer.name == name) found.peers.push_back(peer);
  if (found.peers.empty()) return std::nullopt;
  return config::write_inventory(found);
}

std::string no_such_peer(const std::string& name, const config::Inventory& inventory) {
  constexpr std::size_t kMostCompared = 1000;
  std::vector<std::string> known;
  for (const config::DeclaredPeer& peer : inventory.peers)
    if (known.size() < kMostCompared) known.push_back(peer.name);
  return fmt::format("there is no peer '{}' in the inventory{}", printable(hide_keys(name)),
                     did_you_mean(name, known));
}

Exit show_inventory(std::vector<std::string> arguments) {
  constexpr std::string_view kName = "inventory show";
  CommandLine line(
      "Print an inventory with what groups and defaults come to: each peer has all of its "
      "settings.\nThe output is an inventory itself. Problems go to standard error.",
      "wgscope inventory show");
  std::vector<std::string> paths;
  std::string peer;
  add_paths(line, paths);
  line.add("--peer", peer, "Print this peer alone").type("NAME");
  if (const auto ended = line.parse(std::move(arguments))) return *ended;
  const auto read = read_inventory_at(paths);
  if (!read) return cannot(kName, read.error().context);
  fmt::print(stderr, "{}", problem_lines(*read));
  std::string text;
  if (peer.empty()) {
    text = config::write_inventory(read->inventory);
  } else if (auto found = entries_of(peer, read->inventory)) {
    text = std::move(*found);
  } else {
    return cannot(kName, no_such_peer(peer, read->inventory));
  }
  const Exit printed = print(kName, text);
  return printed == Exit::ok && read->errors() > 0 ? Exit::critical : printed;
}

struct Action {
  std::string_view name;
  std::string_view summary;
  Exit (*run)(std::vector<std::string> arguments);
};
constexpr std::array<Action, 3> kActions{
    {{"check", "Check an inventory, as a pipeline's gate", check_inventory},
     {"show", "Print what groups and defaults come to", show_inventory},
     {"from", "Make an inventory of files or running interfaces", make_inventory}}};

std::string help() {
  std::string text =
      "What should be there: interfaces and peers, declared in files (docs/inventory.md).\n\n"
      "Usage: wgscope inventory ACTION [OPTION]...\n\nActions:\n";
  for (const Action& action : kActions)
    text += fmt::format("  {:<8}{}\n", action.name, action.summary);
  return text + "\nwgscope inventory ACTION --help shows the options of an action.\n";
}

}  // namespace

Exit run_inventory(std::vector<std::string> arguments) {
  if (arguments.empty())
    return cannot("inventory",
                  "no action given: check, show or from (see wgscope inventory --help)");
  const std::string first = arguments.front();
  if (first == "--help" || first == "-h") return print("inventory", help());
  const auto* action = std::ranges::find(kActions, std::string_view(first), &Action::name);
  if (action == kActions.end()) {
    std::vector<std::string> known;
    known.reserve(kActions.size());
    for (const Action& one : kActions) known.emplace_back(one.name);
    return cannot("inventory", fmt::format("unknown action '{}'{}", printable(hide_keys(first)),
                                           did_you_mean(first, known)));
  }
  arguments.erase(arguments.begin());
  return action->run(std::move(arguments));
}

}  // namespace wgscope::probe
