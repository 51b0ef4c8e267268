#pragma once

#include <string>

#include "wgscope/config/inventory_file.hpp"

#include "probe/verbs.hpp"

// What `wgscope inventory check` says.

namespace wgscope::probe {

/// critical where there are errors, warning where there are warnings alone.
Exit verdict_of(const config::InventoryRead& read);

/// A line for each problem, with how many more there are of a file.
std::string problem_lines(const config::InventoryRead& read);
/// And a last line with the verdict.
std::string inventory_text(const config::InventoryRead& read);
/// "wgscope.inventory_check/1": docs/inventory.md.
std::string inventory_json(const config::InventoryRead& read);

}  // namespace wgscope::probe
