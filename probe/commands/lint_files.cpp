#include "probe/commands/lint_files.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <deque>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "wgscope/audit/lint.hpp"
#include "wgscope/base/secret_string.hpp"
#include "wgscope/checks/networkd_units.hpp"
#include "wgscope/config/inventory_file.hpp"
#include "wgscope/config/networkd.hpp"
#include "wgscope/os/file.hpp"
#include "wgscope/os/folder.hpp"
#include "wgscope/os/rights.hpp"
#include "wgscope/os/time_zones.hpp"

namespace wgscope::probe {
namespace {

constexpr std::size_t kMaxFileSize = std::size_t{16} << 20U;  // of a wg-quick file
constexpr std::string_view kConf[] = {".conf"};
constexpr std::string_view kNetwork[] = {".network"};
constexpr std::string_view kNetdev[] = {".netdev"};
constexpr std::string_view kDropIns[] = {".netdev.d", ".network.d"};
constexpr std::string_view kAll[] = {".conf", ".netdev", ".yaml", ".yml", ".json"};

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

/// Below these, files are the system's.
constexpr std::string_view kSystem[] = {"/etc/", "/run/systemd/", "/usr/lib/systemd/",
                                        "/usr/local/lib/systemd/"};

std::optional<audit::FileFacts> facts_of(const std::string& path) {
  const auto file = rights(path);
  if (!file) return std::nullopt;
  const auto real = os::real_path(path);
  return audit::FileFacts{.file = *file,
                          .folder = rights(folder_of(real.value_or(path))),
                          .is_system = real && std::ranges::any_of(kSystem, [&](auto folder) {
                                         return real->starts_with(folder);
                                       })};
}

/// A key of this host's own network. A file for another host may name the same path.
std::optional<audit::LintKeyFile> key_of(const std::string& path, bool is_system,
                                         std::deque<SecretString>& secrets) {
  constexpr std::size_t kMaxKeySize = 4096;
  if (!is_system) return std::nullopt;
  audit::LintKeyFile made{.path = path, .text = {}, .facts = facts_of(path)};
  auto input = os::read_secret_input(path, kMaxKeySize);
  if (input)
    made.text = secrets.emplace_back(std::move(input->text)).view();
  else if (input.error().sys_errno == ENOENT)
    made.is_missing = true;
  else
    made.unread = input.error().context;
  return made;
}

std::vector<std::string> key_paths(const config::Netdev& netdev) {
  std::vector<std::string> paths;
  const auto add = [&](const std::optional<config::Placed<config::KeySource>>& source) {
    if (source && source->value.kind == config::KeySource::Kind::file &&
        std::ranges::find(paths, source->value.name) == paths.end())
      paths.push_back(source->value.name);
  };
  add(netdev.private_key_source);
  for (const config::NetdevPeer& peer : netdev.peers) add(peer.preshared_key_source);
  return paths;
}

/// The texts outlive what is made of them.
std::vector<audit::LintUnit> units_of(std::span<const config::UnitText> texts) {
  std::vector<audit::LintUnit> made;
  for (const config::UnitText& one : texts)
    made.push_back({config::shown_file_name(one.name), one.text, facts_of(one.name)});
  return made;
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
  for (const std::string& path : paths)
    if (ends_in(path, kNetwork)) input.networks_.push_back(path);
  input.finder_ = checks::NetworkFinder(input.networks_);
  for (const std::string& path : paths) input.take(path);
  input.take_unused_networks();
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
  for (const audit::LintFile& file : files_) {
    names.push_back(file.name);
    if (!file.networkd) continue;
    for (const audit::LintUnit& unit : file.networkd->drop_ins) names.push_back(unit.name);
    for (const audit::LintUnit& unit : file.networkd->network) names.push_back(unit.name);
  }
  for (const config::InventoryText& file : inventory_texts_) names.push_back(file.name);
  return names;
}

void LintInput::take(const std::string& path) {
  std::error_code error;
  if (path != "-" && std::filesystem::is_directory(path, error)) return take_folder(path);
  if (ends_in(path, config::kInventoryEndings))
    take_inventory_file(path, true);
  else if (ends_in(folder_of(path), kDropIns))
    take_unread(path, "this is a drop-in of systemd-networkd: give the .netdev file it belongs to");
  else if (!ends_in(path, kNetwork))
    take_file(path, true);
}

void LintInput::take_folder(const std::string& path) {
  const auto files = os::files_at(path, kAll);
  if (!files) {
    std::string why = files.error().context;  // it begins with the path
    if (why.starts_with(path + ": ")) why.erase(0, path.size() + 2);
    return take_unread(path, std::move(why));
  }
  for (const std::string& file : *files) {
    if (ends_in(folder_of(file), kDropIns)) continue;
    if (ends_in(file, kConf) || ends_in(file, kNetdev))
      take_file(file, false);
    else
      take_inventory_file(file, false);
  }
  for (const std::string& link : os::broken_links_at(path, kAll))
    take_unread(link, "the symbolic link leads nowhere");
  if (files->empty())
    take_unread(path, "there are no .conf, .netdev, .yaml, .yml or .json files in this directory");
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

void LintInput::take_file(const std::string& path, bool is_named) {
  if (!is_new(path)) return;
  auto input = os::read_secret_input(path, kMaxFileSize);
  if (!input) return take_unread(path, input.error().context);
  const std::string_view text = secrets_.emplace_back(std::move(input->text)).view();
  audit::LintFile file{.name = config::shown_file_name(path),
                       .text = text,
                       .facts = input->mode ? facts_of(path) : std::nullopt};
  if (ends_in(path, kNetdev) || config::looks_like_netdev(text))
    take_netdev(path, std::move(file), is_named);
  else
    files_.push_back(std::move(file));
}

/// In a directory, files of other kinds of devices and masked ones are passed over.
void LintInput::take_netdev(const std::string& path, audit::LintFile file, bool is_named) {
  if (!is_named && checks::is_masked_unit(path)) return;
  auto unit = checks::UnitFiles::read(path, file.text);
  if (!unit) return take_unread(path, unit.error().context);
  const config::NetdevRead read = config::read_netdev(unit->texts());
  if (!is_named && !read.faults.empty() &&
      read.faults.front().kind == config::UnitFault::Kind::other_kind)
    return;
  audit::LintNetworkd& networkd = file.networkd.emplace();
  networkd.drop_ins = units_of(units_.emplace_back(std::move(*unit)).texts().subspan(1));
  if (!read.netdev.name.value.empty()) take_network(read.netdev.name.value, path, networkd);
  for (const std::string& key : key_paths(read.netdev))
    if (auto made = key_of(key, file.facts && file.facts->is_system, secrets_))
      networkd.keys.push_back(std::move(*made));
  files_.push_back(std::move(file));
}

void LintInput::take_network(const std::string& interface, const std::string& path,
                             audit::LintNetworkd& into) {
  const checks::NetworkOf found = finder_.find(interface, path);
  into.may_have_network = path != "-" || !networks_.empty();
  for (const checks::NetworkOf::Broken& one : found.broken)
    if (is_new(one.path)) {
      take_unread(one.path, one.why);
      used_networks_.insert(one.path);
    }
  if (found.unit == nullptr) return;
  used_networks_.insert(found.unit->files.texts().front().name);
  into.network = units_of(found.unit->files.texts());
}

void LintInput::take_unused_networks() {
  for (const std::string& path : networks_)
    if (!used_networks_.contains(path))
      take_unread(path,
                  "no .netdev file that was given makes an interface that this file is for: give "
                  "the .netdev file as well");
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
