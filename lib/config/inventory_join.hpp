#pragma once

#include <cstdint>
#include <vector>

#include "wgscope/config/inventory.hpp"

#include "inventory_cursor.hpp"
#include "inventory_entries.hpp"

namespace wgscope::config {

/// One file on its way into the inventory.
struct FilePart {
  FileEntries entries;
  ProblemList problems;
  bool broken = false;
};

/// Makes one inventory of the files that are not broken. What they contradict one another about is
/// added to the problems of the file that comes later, and costs that entry.
/// @param complete  becomes false where an entry is left out.
Inventory join(std::vector<FilePart>& files, bool& complete);

}  // namespace wgscope::config
