#pragma once

#include <string>
#include <vector>

#include "probe/verbs.hpp"

namespace wgscope::probe {

/// wgscope inventory from: an inventory of what files configure, or of what runs.
Exit make_inventory(std::vector<std::string> arguments);

}  // namespace wgscope::probe
