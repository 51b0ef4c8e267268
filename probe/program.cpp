#include "probe/program.hpp"

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/closest.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/crypto/quick_start.hpp"
#include "wgscope/diagnosis/report.hpp"

#include "build_info.hpp"
#include "probe/command_line.hpp"
#include "probe/refusal.hpp"
#include "probe/render/print.hpp"
#include "probe/run.hpp"
#include "probe/verbs.hpp"

namespace wgscope::probe {
namespace {

std::string help() {
  std::string text =
      "Diagnostics for WireGuard tunnels.\n\n"
      "Usage: wgscope VERB [OPTION]...\n\n"
      "Begin with: wgscope check --config FILE, where FILE is a wg-quick file. The first line "
      "says\n"
      "whether the tunnel works and, if not, why. Root is not needed.\n\n"
      "Verbs:\n";
  for (const Verb& verb : verbs()) text += fmt::format("  {:<12}{}\n", verb.name, verb.summary);
  text +=
      "\nOptions:\n"
      "  --help      Show this help; after a verb, the help of the verb\n"
      "  --version   Show the version\n\n";
  return text.append(kExitCodes);
}

/// What a program waits for that reads the report of a verb is a report.
Exit refuse_arguments(std::string_view what, std::span<const std::string> arguments) {
  return refuse(call_as_written("", arguments), fmt::format("{} (see wgscope --help)", what),
                diagnosis::Reason::wrong_usage);
}

}  // namespace

Exit run_program(std::vector<std::string> arguments) {
  if (arguments.empty()) return refuse_arguments("no verb given", arguments);
  if (arguments.size() > 1 && arguments.front() == "help") arguments = {arguments[1], "--help"};
  const std::string first = arguments.front();
  if (first == "--help" || first == "-h" || first == "help") return print("", help());
  if (first == "--version")
    return print("", fmt::format("wgscope {} (revision {}, {})\n", build_info::kVersion,
                                 build_info::kRevision, build_info::kCompiler));
  const auto verb = std::ranges::find(verbs(), std::string_view(first), &Verb::name);
  if (verb != verbs().end()) {
    arguments.erase(arguments.begin());
    crypto::start_quickly();
    return verb->make != nullptr ? run_verb(*verb, std::move(arguments))
                                 : verb->run(std::move(arguments));
  }
  std::vector<std::string> known;
  if (first.starts_with('-')) {
    known = {"--help", "--version"};
  } else {
    for (const Verb& one : verbs()) known.emplace_back(one.name);
    known.emplace_back("--version");
  }
  return refuse_arguments(
      fmt::format("unknown {} '{}'{}", first.starts_with('-') ? "option" : "verb",
                  printable(hide_keys(first)), did_you_mean(first, known)),
      arguments);
}

}  // namespace wgscope::probe
