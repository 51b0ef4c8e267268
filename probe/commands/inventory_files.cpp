#include "probe/commands/inventory_files.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/config/inventory_file.hpp"
#include "wgscope/os/file.hpp"
#include "wgscope/os/folder.hpp"
#include "wgscope/os/time_zones.hpp"

namespace wgscope::probe {
namespace {

Result<std::vector<std::string>> all_files(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    auto found = os::files_at(path, config::kInventoryEndings);
    if (!found) return tl::unexpected(found.error());
    if (found->empty())
      return fail(
          Errc::bad_value,
          fmt::format("{}: there are no .yaml, .yml or .json files in this directory or below it",
                      path));
    for (std::string& file : *found)
      if (std::ranges::find(paths, file) == paths.end() || file == path)
        files.push_back(std::move(file));
  }
  if (files.size() > config::kMaxInventoryFiles)
    return fail(Errc::too_large,
                fmt::format("there are more than {} files", config::kMaxInventoryFiles));
  return files;
}

}  // namespace

Result<config::InventoryRead> read_inventory_at(const std::vector<std::string>& paths) {
  const auto names = all_files(paths);
  if (!names) return tl::unexpected(names.error());
  std::vector<std::string> texts;
  texts.reserve(names->size());
  for (const std::string& name : *names) {
    auto text = os::read_file(name, config::kMaxInventoryFileSize);
    if (!text) return tl::unexpected(text.error());
    texts.push_back(std::move(*text));
  }
  std::vector<config::InventoryText> files;
  files.reserve(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i)
    files.push_back({config::shown_file_name((*names)[i]), texts[i]});
  return config::read_inventory(files, os::knows_time_zone);
}

}  // namespace wgscope::probe
