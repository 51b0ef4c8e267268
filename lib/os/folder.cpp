#include "wgscope/os/folder.hpp"

#include <algorithm>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "wgscope/base/result.hpp"

namespace wgscope::os {
namespace {

namespace fs = std::filesystem;

bool is_wanted(const fs::directory_entry& entry, std::span<const std::string_view> endings) {
  const std::string name = entry.path().filename().string();
  std::error_code ignored;
  return !name.starts_with('.') && entry.is_regular_file(ignored) &&
         std::ranges::any_of(endings,
                             [&name](std::string_view ending) { return name.ends_with(ending); });
}

}  // namespace

Result<std::vector<std::string>> files_at(const std::string& path,
                                          std::span<const std::string_view> endings) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::none || status.type() == fs::file_type::not_found)
    return fail_errno(path, error.value());
  if (!fs::is_directory(status)) return std::vector<std::string>{path};
  std::vector<std::string> files;
  fs::directory_iterator entries(path, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error))
    if (is_wanted(*entries, endings)) files.push_back(entries->path().string());
  if (error) return fail_errno(path, error.value());
  std::ranges::sort(files);
  return files;
}

}  // namespace wgscope::os
