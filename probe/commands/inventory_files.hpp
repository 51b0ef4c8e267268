#pragma once

#include <string>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/config/inventory_file.hpp"

namespace wgscope::probe {

/// Reads the files that the paths name, folders as their .yaml, .yml and .json files.
/// @returns as os::files_at() and os::read_file(), naming the path; bad_value for a folder without
/// such files. Names of files can be shown on a terminal.
Result<config::InventoryRead> read_inventory_at(const std::vector<std::string>& paths);

}  // namespace wgscope::probe
