#pragma once

#include <string>
#include <vector>

#include "probe/verbs.hpp"

namespace wgscope::probe {

/// The program behind main(): help, version, or a verb.
/// @param arguments  without the program's name.
Exit run_program(std::vector<std::string> arguments);

}  // namespace wgscope::probe
