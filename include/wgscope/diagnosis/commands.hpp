#pragma once

#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"

namespace wgscope::diagnosis {

/// Puts a run's own arguments in place of " --config FILE", so that the commands in the report's
/// findings can be copied into a shell. @param arguments  as " --config probe.conf"; empty: the run had
/// none, and FILE stands for what the user has to choose.
void complete_commands(const Text& arguments, Report& report);

}  // namespace wgscope::diagnosis
