#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace wgscope::probe {

/// What the program ends with, as Nagios plugins do.
enum class Exit : int {
  ok = 0,
  warning = 1,
  critical = 2,
  unknown = 3,  ///< nothing was found out: wrong usage, no permission, no such file
};

/// A verb of the command line. Each has a file in commands/: options -> run -> render.
struct Verb {
  std::string_view name;
  std::string_view summary;  ///< a line of --help
  /// @param arguments  behind the verb.
  Exit (*run)(std::vector<std::string> arguments);
};

/// All verbs, in the order of --help.
std::span<const Verb> verbs();

}  // namespace wgscope::probe
