#pragma once

#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/secret_string.hpp"
#include "wgscope/config/networkd.hpp"

// Which files of systemd-networkd belong together on this host: drop-ins, and the .network file of
// an interface.

namespace wgscope::checks {

/// A file of networkd's with its drop-ins (NAME.d/*.conf), those of all of networkd's directories
/// where the file is in one of them. Of files with one name, the first directory's counts, and one
/// that is empty or leads to /dev/null hides the others without being one itself
/// (systemd.network(5)).
class UnitFiles {
 public:
  /// @param text  of the main file, which outlives this.
  /// @returns access_denied or io for a drop-in that cannot be read, naming it.
  static Result<UnitFiles> read(const std::string& path, std::string_view text);
  static Result<UnitFiles> read(const std::string& path);

  /// Valid as long as this, also after it was moved.
  [[nodiscard]] std::span<const config::UnitText> texts() const { return texts_; }

 private:
  std::vector<SecretString> inputs_;  ///< their memory stays where it is
  std::vector<config::UnitText> texts_;
};

/// A .network file, read once.
struct NetworkUnit {
  UnitFiles files;
  config::Network network;
};

/// The .network file that networkd takes for an interface: the first whose [Match] fits.
struct NetworkOf {
  struct Broken {
    std::string path;
    std::string why;  ///< without the path
  };
  const NetworkUnit* unit = nullptr;  ///< valid as long as the finder; nullptr: there is none
  std::vector<Broken> broken;         ///< files that could not be read, or that networkd refuses
  std::optional<std::string> remark;  ///< a condition of [Match] that was not checked
};

/// Finds .network files for any number of interfaces. Reads each file once.
class NetworkFinder {
 public:
  /// @param networks  paths to choose from. Empty: those beside each .netdev file.
  explicit NetworkFinder(std::vector<std::string> networks = {});

  /// @param netdev  path of the .netdev file; "-": nothing is beside it.
  NetworkOf find(const std::string& interface, const std::string& netdev);

 private:
  struct Candidate {
    std::string path;
    std::optional<NetworkUnit> unit;  ///< nothing: not read yet, or broken
    std::optional<std::string> why_broken = {};
  };
  using Candidates = std::deque<Candidate>;

  Candidates& candidates_for(const std::string& netdev);
  static void read(Candidate& candidate);

  std::vector<std::string> networks_;
  std::map<std::string, Candidates> by_folder_;
};

/// Whether a file stands for none: it is empty, or leads to /dev/null.
bool is_masked_unit(const std::string& path);

}  // namespace wgscope::checks
