#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "probe/verbs.hpp"

namespace wgscope::probe {

/// `text` without the keys in it, private ones that somebody put where they do not belong or
/// others: for messages that repeat arguments.
std::string hide_keys(std::string_view text);

/// Reads a verb's options. What --help or a mistake print has been printed.
/// @param app  named "wgscope VERB".
/// @returns what the program is to end with at once; nothing when the verb is to run.
std::optional<Exit> parse_options(CLI::App& app, std::vector<std::string> arguments);

}  // namespace wgscope::probe
