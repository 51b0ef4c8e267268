#include "probe/commands/lint_files.hpp"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "wgscope/audit/lint.hpp"
#include "wgscope/config/inventory_file.hpp"
#include "wgscope/os/file.hpp"
#include "wgscope/os/folder.hpp"
#include "wgscope/os/rights.hpp"
#include "wgscope/os/time_zones.hpp"

namespace wgscope::probe {
namespace {

constexpr std::size_t kMaxFileSize = std::size_t{16} << 20U;  // of a wg-quick file
constexpr std::string_view kConf[] = {".conf"};
constexpr std::string_view kNetworkd[] = {".netdev", ".network"};
constexpr std::string_view kAll[] = {".conf", ".yaml", ".yml", ".json"};

bool ends_in(std::string_view name, std::span<const std::string_view> endings) {
  return std::ranges::any_of(endings,
                             [&](std::string_view ending) { return name.ends_with(ending); });
}

std::string folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

std::optional<audit::FileRights> rights(const std::string& path) {
  const auto found = os::rights_of(path);
  if (!found) return std::nullopt;
  return audit::FileRights{found->mode, found->owner, found->group};
}

std::optional<audit::FileFacts> facts_of(const std::string& path) {
  const auto file = rights(path);
  if (!file) return std::nullopt;
  const auto real = os::real_path(path);
  return audit::FileFacts{.file = *file,
                          .folder = rights(folder_of(real.value_or(path))),
                          .is_system = real && real->starts_with("/etc/")};
}

/// Whether a file in a directory is one of an inventory: other programs have YAML files as well.
bool is_inventory(std::string_view text) {
  constexpr std::string_view kFields[] = {"peers", "interfaces", "policies", "groups", "defaults"};
  return std::ranges::any_of(kFields, [&](std::string_view field) {
    for (std::size_t at = text.find(field); at != std::string_view::npos;
         at = text.find(field, at + 1)) {
      const bool begins = at == 0 || text[at - 1] == '\n' || text[at - 1] == '"';
      const std::string_view rest = text.substr(at + field.size());
      if (begins && (rest.starts_with(':') || rest.starts_with('"'))) return true;
    }
    return false;
  });
}

}  // namespace

LintInput LintInput::read(const std::vector<std::string>& paths) {
  LintInput input;
  for (const std::string& path : paths) input.take(path);
  if (!input.inventory_texts_.empty())
    input.inventory_ = config::read_inventory(input.inventory_texts_, os::knows_time_zone);
  return input;
}

std::optional<audit::LintInventory> LintInput::inventory() const {
  if (inventory_texts_.empty()) return std::nullopt;
  return audit::LintInventory{&inventory_, inventory_texts_};
}

std::vector<std::string> LintInput::names() const {
  std::vector<std::string> names;
  names.reserve(files_.size() + inventory_texts_.size());
  for (const audit::LintFile& file : files_) names.push_back(file.name);
  for (const config::InventoryText& file : inventory_texts_) names.push_back(file.name);
  return names;
}

void LintInput::take(const std::string& path) {
  std::error_code error;
  if (path != "-" && std::filesystem::is_directory(path, error)) return take_folder(path);
  if (ends_in(path, config::kInventoryEndings))
    take_inventory_file(path, true);
  else if (ends_in(path, kNetworkd))
    // As a wg-quick file, each of its lines would be wrong.
    take_unread(path,
                "lint cannot judge systemd-networkd's files yet; wgscope handshake --plan --config "
                "FILE shows which lines networkd ignores");
  else
    take_file(path);
}

void LintInput::take_folder(const std::string& path) {
  const auto files = os::files_at(path, kAll);
  if (!files) {
    std::string why = files.error().context;  // it begins with the path
    if (why.starts_with(path + ": ")) why.erase(0, path.size() + 2);
    return take_unread(path, std::move(why));
  }
  for (const std::string& file : *files) {
    if (ends_in(file, kConf))
      take_file(file);
    else
      take_inventory_file(file, false);
  }
  for (const std::string& link : os::broken_links_at(path, kAll))
    take_unread(link, "the symbolic link leads nowhere");
  if (files->empty())
    take_unread(path, "there are no .conf, .yaml, .yml or .json files in this directory");
}

/// A second name for one file must not look like a second file with the same keys.
bool LintInput::is_new(const std::string& path) {
  const auto real = os::real_path(path);
  if (!real) return true;
  const auto place = std::ranges::lower_bound(seen_, *real);
  if (place != seen_.end() && *place == *real) return false;
  seen_.insert(place, *real);
  return true;
}

void LintInput::take_file(const std::string& path) {
  if (!is_new(path)) return;
  auto input = os::read_secret_input(path, kMaxFileSize);
  if (!input) return take_unread(path, input.error().context);
  const std::string_view text = secrets_.emplace_back(std::move(input->text)).view();
  files_.push_back({.name = config::shown_file_name(path),
                    .text = text,
                    .facts = input->mode ? facts_of(path) : std::nullopt});
}

void LintInput::take_inventory_file(const std::string& path, bool is_named) {
  if (!is_new(path)) return;
  auto text = os::read_file(path, config::kMaxInventoryFileSize);
  if (!text) return take_unread(path, text.error().context);
  if (!is_named && !is_inventory(*text)) return;
  inventory_texts_.push_back(
      {config::shown_file_name(path), inventory_files_.emplace_back(std::move(*text))});
}

void LintInput::take_unread(const std::string& path, std::string why) {
  files_.push_back(
      {.name = config::shown_file_name(path), .text = {}, .facts = {}, .unread = std::move(why)});
}

}  // namespace wgscope::probe
