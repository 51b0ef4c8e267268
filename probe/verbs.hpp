#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace wgscope::probe {

class CheckVerb;

/// What the program ends with, as Nagios plugins do.
enum class Exit : int {
  ok = 0,
  warning = 1,
  critical = 2,
  unknown = 3,  ///< nothing was found out: wrong usage, no permission, no such file …
};

inline constexpr std::string_view kExitCodes =
    "Exit codes: 0 ok, 1 warning, 2 critical, 3 unknown, wrong usage, or an output that cannot be "
    "written.\n";

/// A verb of the command line. Each has a file in commands/, and one of the two functions.
struct Verb {
  std::string_view name;
  std::string_view summary;  ///< what the verb does, in one line of --help
  /// Commands at the end of the verb's own --help, a line each.
  std::string_view examples = {};
  /// A verb that asks a question about a tunnel or a path: run.hpp does all that they share.
  std::unique_ptr<CheckVerb> (*make)() = nullptr;
  /// Any other verb. @param arguments  behind the verb.
  Exit (*run)(std::vector<std::string> arguments) = nullptr;
};

/// All verbs, in the order of --help.
std::span<const Verb> verbs();

}  // namespace wgscope::probe
