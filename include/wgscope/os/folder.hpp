#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/base/result.hpp"

namespace wgscope::os {

inline constexpr std::size_t kMaxFolderDepth = 16;  ///< of folders in one another

/// The files that a path stands for: itself, or if it is a folder, the regular files in it and in
/// folders below that end in one of `endings`, in the order of their paths. Hidden files and
/// folders are left out. A symbolic link to a file is followed, one to a folder is not, so no folder
/// is visited twice.
/// @returns access_denied, io (ENOENT in sys_errno: there is nothing at the path), naming it, also
/// for a folder below; too_large for folders deeper than kMaxFolderDepth.
Result<std::vector<std::string>> files_at(const std::string& path,
                                          std::span<const std::string_view> endings);

/// Those of the files that lie in the folder itself. @returns as files_at().
Result<std::vector<std::string>> files_in(const std::string& folder,
                                          std::span<const std::string_view> endings);
/// As files_in(), and with symbolic links to whatever there is or is not. None where the folder
/// cannot be read.
std::vector<std::string> files_and_links_in(const std::string& folder,
                                            std::span<const std::string_view> endings);
/// Symbolic links in a folder that end in one of `endings`, are not hidden, and lead nowhere: to
/// nothing, or in a circle. None where the path is no folder.
std::vector<std::string> broken_links_at(const std::string& path,
                                         std::span<const std::string_view> endings);

}  // namespace wgscope::os
