#include "probe/commands/inventory_files.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/config/inventory_file.hpp"
#include "wgscope/os/file.hpp"
#include "wgscope/os/folder.hpp"
#include "wgscope/os/time_zones.hpp"

namespace wgscope::probe {
namespace {

constexpr std::array<std::string_view, 3> kEndings{".yaml", ".yml", ".json"};
constexpr std::size_t kMaxFiles = 10'000;

Result<std::vector<std::string>> all_files(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    auto found = os::files_at(path, kEndings);
    if (!found) return tl::unexpected(found.error());
    if (found->empty())
      return fail(
          Errc::bad_value,
          fmt::format("{}: there are no .yaml, .yml or .json files in this directory", path));
    for (std::string& file : *found)
      if (std::ranges::find(paths, file) == paths.end() || file == path)
        files.push_back(std::move(file));
  }
  if (files.size() > kMaxFiles)
    return fail(Errc::too_large, fmt::format("there are more than {} files", kMaxFiles));
  return files;
}

Result<> knows_time_zone(std::string_view name) {
  const auto offset = os::utc_offset(name, WallTime{});
  if (!offset) return tl::unexpected(offset.error());
  return {};
}

/// A name that a terminal can show and an editor can open, where it is one.
std::string showable(std::string_view name) {
  const bool plain = is_valid_utf8(name) && std::ranges::none_of(name, [](unsigned char c) {
                       return c < 0x20 || c == 0x7F;
                     });
  return plain ? std::string(name) : printable(name, name.size());
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
  for (std::size_t i = 0; i < texts.size(); ++i) files.push_back({showable((*names)[i]), texts[i]});
  return config::read_inventory(files, knows_time_zone);
}

}  // namespace wgscope::probe
