#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/config/inventory_from.hpp"
#include "wgscope/config/wg_quick.hpp"

#include "probe/verbs.hpp"

namespace wgscope::probe {

/// wgscope inventory from: an inventory of what files configure, or of what runs.
Exit make_inventory(std::vector<std::string> arguments);

/// The interface after which a file is named: "wg0" for "/etc/wireguard/wg0.conf" or "wg0.netdev".
std::string interface_of(std::string_view path);
/// What a configuration tells of its interface, whose name stays empty.
/// @returns why its private key has no public one.
Result<config::KnownInterface> known_interface_of(const config::WgQuickConfig& config);

}  // namespace wgscope::probe
