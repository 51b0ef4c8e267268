#pragma once

#include <deque>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "wgscope/audit/lint.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/secret_string.hpp"
#include "wgscope/checks/networkd_units.hpp"
#include "wgscope/config/inventory_file.hpp"

namespace wgscope::probe {

/// The files of one run of lint, and their texts in memory that is wiped.
class LintInput {
 public:
  /// Reads what the paths name: wg-quick files, .netdev files of systemd-networkd with the drop-ins
  /// and .network files beside them, files of an inventory (.yaml, .yml, .json), directories of all
  /// of these, "-" for standard input. What cannot be read is in files(), with the reason. Files
  /// that two paths name are read once.
  static LintInput read(const std::vector<std::string>& paths);

  [[nodiscard]] const std::vector<audit::LintFile>& files() const { return files_; }
  /// Nothing where no file of an inventory was named. Valid as long as this.
  [[nodiscard]] std::optional<audit::LintInventory> inventory() const;
  /// All files by their names, in the order in which they were read.
  [[nodiscard]] std::vector<std::string> names() const;

 private:
  void take(const std::string& path);
  void take_folder(const std::string& path);
  void take_file(const std::string& path, bool is_named);
  void take_netdev(const std::string& path, audit::LintFile file, bool is_named);
  void take_network(const std::string& interface, const std::string& path,
                    audit::LintNetworkd& into);
  void take_unused_networks();
  void take_inventory_file(const std::string& path, bool is_named);
  void take_unread(const std::string& path, std::string why);
  bool is_new(const std::string& path);

  std::vector<audit::LintFile> files_;
  std::deque<SecretString> secrets_;
  std::deque<checks::UnitFiles> units_;
  std::vector<std::string> networks_;  ///< .network files that were named
  checks::NetworkFinder finder_;
  std::set<std::string> used_networks_;
  std::deque<std::string> inventory_files_;
  std::vector<config::InventoryText> inventory_texts_;
  config::InventoryRead inventory_;
  std::vector<std::string> seen_;  ///< real paths, in order
};

}  // namespace wgscope::probe
