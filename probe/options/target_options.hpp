#pragma once

#include "wgscope/checks/prepare.hpp"

namespace wgscope::probe {

class CommandLine;

/// Adds --config, --endpoint, and what else says whose tunnel is meant.
/// @param target  outlives the parsing.
void add_target_options(CommandLine& line, checks::TargetOptions& target);

}  // namespace wgscope::probe
