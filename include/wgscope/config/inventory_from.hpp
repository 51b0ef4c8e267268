#pragma once

#include <optional>
#include <span>
#include <string>

#include "wgscope/config/inventory.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/public_key.hpp"

namespace wgscope::config {

/// A wg-quick file that an inventory is made of.
struct InterfaceFile {
  std::string name;                     ///< of the interface
  std::string host;                     ///< that has it; empty: not known
  std::optional<PublicKey> public_key;  ///< of its private key
  const WgQuickConfig* config = nullptr;
};

/// Declares what the files configure, without any of their secrets. Nothing in a file says which
/// peers should be online, so all are roaming. A peer that several interfaces have has an entry for
/// each, with one name; a peer without a name gets one.
/// @param files  of interfaces with different names or hosts.
Inventory inventory_from(std::span<const InterfaceFile> files);

}  // namespace wgscope::config
