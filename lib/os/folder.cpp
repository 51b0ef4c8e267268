#include "wgscope/os/folder.hpp"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"

namespace wgscope::os {
namespace {

namespace fs = std::filesystem;

/// Collects the files of a folder, and of those below where that is wanted.
class Walk {
 public:
  explicit Walk(std::span<const std::string_view> endings, std::size_t max_depth)
      : endings_(endings), max_depth_(max_depth) {}

  Result<> visit(const std::string& folder, std::size_t depth) {
    std::error_code error;
    fs::directory_iterator entries(folder, error);
    for (; !error && entries != fs::directory_iterator(); entries.increment(error))
      if (auto done = take(*entries, depth); !done) return done;
    if (error) return fail_errno(folder, error.value());
    return {};
  }

  std::vector<std::string> finish() {
    std::ranges::sort(files_);
    return std::move(files_);
  }

 private:
  Result<> take(const fs::directory_entry& entry, std::size_t depth) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with('.')) return {};
    std::error_code ignored;
    if (entry.is_directory(ignored)) {
      if (max_depth_ == 0 || entry.is_symlink(ignored)) return {};
      if (depth == max_depth_)
        return fail(Errc::too_large, fmt::format("{}: there are more than {} directories in one "
                                                 "another",
                                                 entry.path().string(), max_depth_));
      return visit(entry.path().string(), depth + 1);
    }
    const bool is_wanted = std::ranges::any_of(
        endings_, [&name](std::string_view ending) { return name.ends_with(ending); });
    if (is_wanted && entry.is_regular_file(ignored)) files_.push_back(entry.path().string());
    return {};
  }

  std::span<const std::string_view> endings_;
  std::size_t max_depth_;
  std::vector<std::string> files_;
};

}  // namespace

Result<std::vector<std::string>> files_at(const std::string& path,
                                          std::span<const std::string_view> endings) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::none || status.type() == fs::file_type::not_found)
    return fail_errno(path, error.value());
  if (!fs::is_directory(status)) return std::vector<std::string>{path};
  Walk walk(endings, kMaxFolderDepth);
  if (auto done = walk.visit(path, 0); !done) return tl::unexpected(done.error());
  return walk.finish();
}

Result<std::vector<std::string>> files_in(const std::string& folder,
                                          std::span<const std::string_view> endings) {
  Walk walk(endings, 0);
  if (auto done = walk.visit(folder, 0); !done) return tl::unexpected(done.error());
  return walk.finish();
}

}  // namespace wgscope::os
