#include "probe/program.hpp"

#include <algorithm>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/closest.hpp"
#include "wgscope/base/text.hpp"

#include "build_info.hpp"
#include "probe/command_line.hpp"
#include "probe/run.hpp"
#include "probe/verbs.hpp"

namespace wgscope::probe {
namespace {

void print_help() {
  fmt::print("Diagnostics for WireGuard tunnels.\n\nUsage: wgscope VERB [OPTION]...\n\nVerbs:\n");
  for (const Verb& verb : verbs()) fmt::print("  {:<12}{}\n", verb.name, verb.summary);
  fmt::print(
      "\nOptions:\n"
      "  --help      Show this help; after a verb, the help of the verb\n"
      "  --version   Show the version\n\n"
      "Exit codes: 0 ok, 1 warning, 2 critical, 3 unknown or wrong usage.\n");
}

Exit refuse(std::string_view what) {
  fmt::print(stderr, "wgscope: {} (see wgscope --help)\n", what);
  return Exit::unknown;
}

}  // namespace

Exit run_program(std::vector<std::string> arguments) {
  if (arguments.empty()) return refuse("no verb given");
  const std::string first = std::move(arguments.front());
  arguments.erase(arguments.begin());
  if (first == "--help" || first == "-h" || first == "help") {
    print_help();
    return Exit::ok;
  }
  if (first == "--version") {
    fmt::print("wgscope {} (revision {}, {})\n", build_info::kVersion, build_info::kRevision,
               build_info::kCompiler);
    return Exit::ok;
  }
  const auto verb = std::ranges::find(verbs(), std::string_view(first), &Verb::name);
  if (verb != verbs().end())
    return verb->make != nullptr ? run_verb(*verb, std::move(arguments))
                                 : verb->run(std::move(arguments));
  std::vector<std::string> known;
  if (first.starts_with('-')) {
    known = {"--help", "--version"};
  } else {
    for (const Verb& one : verbs()) known.emplace_back(one.name);
  }
  return refuse(fmt::format("unknown {} '{}'{}", first.starts_with('-') ? "option" : "verb",
                            printable(hide_keys(first)), did_you_mean(first, known)));
}

}  // namespace wgscope::probe
