#pragma once

#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "probe/verbs.hpp"

namespace wgscope::probe {

/// Reads a verb's options. What --help or a mistake print has been printed.
/// @param app  named "wgscope VERB".
/// @returns what the program is to end with at once; nothing when the verb is to run.
std::optional<Exit> parse_options(CLI::App& app, std::vector<std::string> arguments);

}  // namespace wgscope::probe
