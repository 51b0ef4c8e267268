#include "wgscope/checks/networkd_files.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/keys.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/secret_string.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/config/networkd.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/os/file.hpp"
#include "wgscope/os/folder.hpp"

namespace wgscope::checks {
namespace {

constexpr std::size_t kMaxFileSize = 16U << 20U;
constexpr std::size_t kMaxKeySize = 4096;

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
  for (const std::string& folder : folders) {
    const auto files = os::files_in(folder, std::span(&ending, 1));
    if (!files) continue;  // most of them do not exist
    for (const std::string& file : *files) by_name.emplace(name_of(file), file);
  }
  std::vector<std::string> found;
  found.reserve(by_name.size());
  for (auto& [name, path] : by_name) found.push_back(std::move(path));
  return found;
}

/// A file of networkd's with its drop-ins. Not to be moved while the texts are used.
class Unit {
 public:
  /// @param text  of the main file.
  static Result<Unit> read(const std::string& path, std::string_view text) {
    Unit unit;
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
  static Result<Unit> read(const std::string& path) {
    auto input = os::read_secret_input(path, kMaxFileSize);
    if (!input) return about(path, input.error());
    auto unit = read(path, input->text.view());
    if (unit) unit->inputs_.push_back(std::move(input->text));
    return unit;
  }

  [[nodiscard]] std::span<const config::UnitText> texts() const { return texts_; }

  static tl::unexpected<Error> about(const std::string& path, const Error& error) {
    return fail(error.code, fmt::format("{}: {}", path, error.context), error.sys_errno);
  }

 private:
  std::vector<SecretString> inputs_;  ///< their memory stays where it is
  std::vector<config::UnitText> texts_;
};

class NetdevReading {
 public:
  explicit NetdevReading(const NetdevQuery& query) : query_(query) {}

  Result<NetdevConfig> read() {
    const auto unit = Unit::read(query_.path, query_.text);
    if (!unit) return tl::unexpected(unit.error());
    auto netdev = config::parse_netdev(unit->texts());
    if (!netdev) return tl::unexpected(netdev.error());
    made_.interface = netdev->name.value;
    read_private_key(*netdev);
    read_preshared_keys(*netdev);
    choose_network();
    std::optional<config::NetworkFiles> network;
    if (network_) network = {std::move(*network_), network_unit_->texts()};
    made_.config = config::to_wg_quick({std::move(*netdev), unit->texts()}, std::move(network));
    for (std::string& remark : remarks_)
      made_.config.warnings.push_back({0, std::move(remark), config::WarningKind::remark});
    return std::move(made_);
  }

 private:
  template <class Key>
  Result<Key> read_key(const std::string& path) {
    const auto input = os::read_secret_input(path, kMaxKeySize);
    if (!input) return Unit::about(path, input.error());
    auto key = Key::from_base64(trim_line(input->text.view()));
    if (!key) return fail(Errc::bad_value, fmt::format("{}: this is not a key", path));
    return std::move(*key);
  }

  static std::string_view trim_line(std::string_view text) {
    while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
    return trim(text);
  }

  void read_private_key(config::Netdev& netdev) {
    using Kind = config::KeySource::Kind;
    if (!netdev.private_key_source) {
      if (!netdev.private_key)
        made_.why_no_private_key =
            "there is no PrivateKey under [WireGuard]; since systemd 256 it may be in a credential";
      return;
    }
    const config::KeySource& source = netdev.private_key_source->value;
    netdev.private_key.reset();  // networkd ignores it
    if (source.kind == Kind::credential) {
      made_.why_no_private_key = fmt::format(
          "the private key is in the credential '{}' of systemd, which only networkd "
          "can read",
          printable(source.name));
    } else if (auto key = read_key<PrivateKey>(source.name)) {
      netdev.private_key = {std::move(*key), netdev.private_key_source->at};
    } else {
      made_.why_no_private_key =
          fmt::format("the private key cannot be read: {}", key.error().context);
    }
    if (made_.why_no_private_key) remarks_.push_back(*made_.why_no_private_key);
  }

  /// Of two sections with one key, the first decides.
  void read_preshared_keys(config::Netdev& netdev) {
    std::unordered_set<PublicKey, PublicKeyHash> seen;
    for (config::NetdevPeer& peer : netdev.peers) {
      if (!seen.insert(peer.public_key.value).second || !peer.preshared_key_source) continue;
      const config::KeySource& source = peer.preshared_key_source->value;
      peer.preshared_key.reset();
      if (source.kind == config::KeySource::Kind::file) {
        if (auto key = read_key<PresharedKey>(source.name)) {
          if (!key->is_none())
            peer.preshared_key = {std::move(*key), peer.preshared_key_source->at};
          continue;
        } else {
          remarks_.push_back(
              fmt::format("a preshared key cannot be read: {}", key.error().context));
        }
      } else {
        remarks_.push_back(
            fmt::format("a preshared key is in the credential '{}' of systemd, "
                        "which only networkd can read",
                        printable(source.name)));
      }
      made_.preshared_elsewhere.insert(peer.public_key.value);
    }
  }

  /// networkd takes the first file that fits.
  void choose_network() {
    std::vector<std::string> paths(query_.networks.begin(), query_.networks.end());
    std::ranges::sort(paths, {}, name_of);
    if (paths.empty() && query_.path != "-")
      paths = files_in(folders_with(query_.path), ".network");
    for (const std::string& path : paths) {
      auto unit = Unit::read(path);
      auto network = unit ? config::parse_network(unit->texts())
                          : Result<config::Network>(tl::unexpected(unit.error()));
      if (!network) {
        remarks_.push_back(network.error().context);
        continue;
      }
      if (!network->matches(made_.interface)) continue;
      if (network->other_match)
        remarks_.push_back(fmt::format(
            "{}:{}: networkd takes this file for {} only if a condition of [Match] holds that is "
            "not checked here",
            unit->texts()[network->other_match->file].name, network->other_match->line,
            made_.interface));
      made_.network = path;
      for (const auto& address : network->addresses)
        if (!address.value.length_is_known)
          made_.addresses_without_length.push_back(address.value.prefix);
      network_ = std::move(*network);
      network_unit_ = std::move(*unit);
      return;
    }
  }

  const NetdevQuery& query_;
  NetdevConfig made_;
  std::optional<config::Network> network_;
  std::optional<Unit> network_unit_;
  std::vector<std::string> remarks_;
};

}  // namespace

Result<NetdevConfig> read_netdev(const NetdevQuery& query) { return NetdevReading(query).read(); }

}  // namespace wgscope::checks
