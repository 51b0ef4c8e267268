#include "wgscope/os/folder.hpp"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"

namespace wgscope::os {
namespace {

namespace fs = std::filesystem;

bool is_named(const fs::directory_entry& entry, std::span<const std::string_view> endings) {
  const std::string name = entry.path().filename().string();
  return !name.starts_with('.') && std::ranges::any_of(endings, [&name](std::string_view ending) {
    return name.ends_with(ending);
  });
}

bool leads_nowhere(const fs::directory_entry& entry) {
  std::error_code error;
  return entry.is_symlink(error) && !entry.exists(error);
}

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
    if (entry.path().filename().string().starts_with('.')) return {};
    std::error_code ignored;
    if (entry.is_directory(ignored)) {
      if (max_depth_ == 0 || entry.is_symlink(ignored)) return {};
      if (depth == max_depth_)
        return fail(Errc::too_large, fmt::format("{}: there are more than {} directories in one "
                                                 "another",
                                                 entry.path().string(), max_depth_));
      return visit(entry.path().string(), depth + 1);
    }
    if (is_named(entry, endings_) && entry.is_regular_file(ignored))
      files_.push_back(entry.path().string());
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

std::vector<std::string> files_and_links_in(const std::string& folder,
                                            std::span<const std::string_view> endings) {
  std::vector<std::string> found;
  std::error_code error;
  fs::directory_iterator entries(folder, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    std::error_code ignored;
    if (is_named(*entries, endings) &&
        (entries->is_symlink(ignored) || entries->is_regular_file(ignored)))
      found.push_back(entries->path().string());
  }
  std::ranges::sort(found);
  return found;
}

std::vector<std::string> broken_links_at(const std::string& path,
                                         std::span<const std::string_view> endings) {
  std::vector<std::string> links;
  std::error_code error;
  fs::directory_iterator entries(path, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error))
    if (is_named(*entries, endings) && leads_nowhere(*entries))
      links.push_back(entries->path().string());
  std::ranges::sort(links);
  return links;
}

}  // namespace wgscope::os
