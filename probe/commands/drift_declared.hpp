#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/config/inventory.hpp"

namespace wgscope::probe {

/// Where a verb's declarations are.
struct DeclarationOptions {
  std::vector<std::string> inventory;  ///< paths of files and folders
  std::string config;                  ///< path of a wg-quick file; empty: none
  std::string interface;               ///< the only one to compare; empty: all
  std::string host;                    ///< empty: this host's name
};

/// What is declared.
struct Declarations {
  config::Inventory inventory;
  std::vector<std::string> files;  ///< whose indexes Position::file has
  std::string host;
  bool complete = true;
  bool routes_expected = true;
  std::size_t dns_servers = 0;
};

/// Reads an inventory, or a wg-quick file as one.
/// @returns as read_inventory_at() and checks::read_config_file(); bad_value for an interface that
/// is not declared.
Result<Declarations> read_declarations(const DeclarationOptions& options);

}  // namespace wgscope::probe
