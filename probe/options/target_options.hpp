#pragma once

#include <string_view>

#include "wgscope/checks/prepare.hpp"
#include "wgscope/diagnosis/text.hpp"

namespace wgscope::probe {

class CommandLine;

/// What --help says of --state-dir.
inline constexpr std::string_view kStateFolderHelp =
    "Directory that stores the time of the key's last handshake [/var/lib/wgscope for root, else "
    "$XDG_STATE_HOME/wgscope or ~/.local/state/wgscope]";

/// Adds --config, --endpoint, and what else says whose tunnel is meant.
/// @param target  outlives the parsing.
void add_target_options(CommandLine& line, checks::TargetOptions& target);

/// The options that say so, as a shell takes them: " --config probe.conf --peer 'my gateway'".
diagnosis::Text target_arguments(const checks::TargetOptions& target);

}  // namespace wgscope::probe
