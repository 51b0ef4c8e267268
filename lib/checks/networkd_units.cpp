#include "wgscope/checks/networkd_units.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <deque>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/config/networkd.hpp"
#include "wgscope/os/file.hpp"
#include "wgscope/os/folder.hpp"

namespace wgscope::checks {
namespace {

constexpr std::size_t kMaxFileSize = 16U << 20U;

// systemd.network(5), in the order in which files of one name hide one another.
constexpr std::array<std::string_view, 4> kFolders{"/etc/systemd/network", "/run/systemd/network",
                                                   "/usr/local/lib/systemd/network",
                                                   "/usr/lib/systemd/network"};

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return path.substr(0, slash);
}

std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/// The directories that networkd reads together with that of a file.
std::vector<std::string> folders_with(const std::string& path) {
  const std::string own = folder_of(path);
  if (std::ranges::find(kFolders, own) == kFolders.end()) return {own};
  return {kFolders.begin(), kFolders.end()};
}

/// The files of some directories, by their names. Of one name, the first directory's counts.
std::vector<std::string> files_in(const std::vector<std::string>& folders,
                                  std::string_view ending) {
  std::map<std::string, std::string> by_name;
  for (const std::string& folder : folders)
    for (const std::string& file : os::files_and_links_in(folder, std::span(&ending, 1)))
      by_name.emplace(name_of(file), file);
  std::vector<std::string> found;
  found.reserve(by_name.size());
  for (auto& [name, path] : by_name)
    if (!is_masked_unit(path)) found.push_back(std::move(path));
  return found;
}

tl::unexpected<Error> about(const std::string& path, const Error& error) {
  return fail(error.code, fmt::format("{}: {}", path, error.context), error.sys_errno);
}

}  // namespace

bool is_masked_unit(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  // networkd passes over a link that leads nowhere as well.
  if (status.type() == fs::file_type::character || status.type() == fs::file_type::not_found)
    return true;
  if (status.type() != fs::file_type::regular) return false;
  return fs::file_size(path, error) == 0 && !error;
}

Result<UnitFiles> UnitFiles::read(const std::string& path, std::string_view text) {
  UnitFiles unit;
  unit.texts_.push_back({path == "-" ? "standard input" : path, text});
  if (path == "-") return unit;
  std::vector<std::string> folders;
  for (const std::string& folder : folders_with(path))
    folders.push_back(fmt::format("{}/{}.d", folder, name_of(path)));
  for (std::string& file : files_in(folders, ".conf")) {
    auto input = os::read_secret_input(file, kMaxFileSize);
    if (!input) return about(file, input.error());
    unit.inputs_.push_back(std::move(input->text));
    unit.texts_.push_back({std::move(file), unit.inputs_.back().view()});
  }
  return unit;
}

Result<UnitFiles> UnitFiles::read(const std::string& path) {
  auto input = os::read_secret_input(path, kMaxFileSize);
  if (!input) return about(path, input.error());
  auto unit = read(path, input->text.view());
  if (unit) unit->inputs_.push_back(std::move(input->text));
  return unit;
}

NetworkFinder::NetworkFinder(std::vector<std::string> networks) : networks_(std::move(networks)) {
  std::ranges::sort(networks_, {}, name_of);
}

NetworkFinder::Candidates& NetworkFinder::candidates_for(const std::string& netdev) {
  const std::string folder = networks_.empty() && netdev != "-" ? folder_of(netdev) : "";
  const auto [known, is_new] = by_folder_.try_emplace(folder);
  if (!is_new) return known->second;
  const std::vector<std::string> paths =
      folder.empty() ? networks_ : files_in(folders_with(netdev), ".network");
  for (const std::string& path : paths) known->second.push_back({path, std::nullopt});
  return known->second;
}

void NetworkFinder::read(Candidate& candidate) {
  if (candidate.unit || candidate.why_broken) return;
  auto files = UnitFiles::read(candidate.path);
  auto network = files ? config::parse_network(files->texts())
                       : Result<config::Network>(tl::unexpected(files.error()));
  if (network) {
    candidate.unit = {std::move(*files), std::move(*network)};
    return;
  }
  std::string& why = candidate.why_broken.emplace(network.error().context);
  if (why.starts_with(candidate.path + ": ")) why.erase(0, candidate.path.size() + 2);
}

NetworkOf NetworkFinder::find(const std::string& interface, const std::string& netdev) {
  NetworkOf found;
  for (Candidate& candidate : candidates_for(netdev)) {
    read(candidate);
    if (candidate.why_broken) {
      found.broken.push_back({candidate.path, *candidate.why_broken});
      continue;
    }
    const auto& [files, network] = *candidate.unit;
    if (!network.matches(interface)) continue;
    if (network.other_match)
      found.remark = fmt::format(
          "{}:{}: networkd takes this file for {} only if a condition of [Match] holds that is "
          "not checked here",
          files.texts()[network.other_match->file].name, network.other_match->line, interface);
    found.unit = &*candidate.unit;
    return found;
  }
  return found;
}

}  // namespace wgscope::checks
