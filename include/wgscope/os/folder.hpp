#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/base/result.hpp"

namespace wgscope::os {

/// The files that a path stands for: itself, or if it is a folder, the regular files in it (not in
/// folders below) that end in one of `endings` and are not hidden, in the order of their names.
/// @returns access_denied, io (ENOENT in sys_errno: there is nothing at the path), naming it.
Result<std::vector<std::string>> files_at(const std::string& path,
                                          std::span<const std::string_view> endings);

}  // namespace wgscope::os
