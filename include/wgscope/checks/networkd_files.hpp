#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"

// The files of systemd-networkd on this host, as far as a WireGuard interface needs them.

namespace wgscope::checks {

/// What networkd makes of a .netdev file, its drop-ins and the .network file that goes with it.
struct NetdevConfig {
  std::string interface;
  config::WgQuickConfig config;
  /// Peers whose preshared key is not in `config`, because it is elsewhere and was not read.
  std::unordered_set<PublicKey, PublicKeyHash> preshared_elsewhere;
  /// Where the private key is that is not in `config`: a sentence for people.
  std::optional<std::string> why_no_private_key;
  std::vector<Prefix> addresses_without_length;  ///< of the .network file; in `config` as well
  std::string network;  ///< path of the .network file that fits; empty: there is none
};

struct NetdevQuery {
  std::string path;       ///< of the .netdev file; "-": it has no directory with other files
  std::string_view text;  ///< of that file
  /// Paths of .network files to choose from. Empty: those beside the .netdev file.
  std::span<const std::string> networks = {};
};

/// Reads drop-ins (NAME.netdev.d/*.conf), the first .network file whose [Match] fits, and the files
/// that keys are in. Of a file in one of networkd's own directories, drop-ins and .network files are
/// also looked for in the others.
/// @returns as config::parse_netdev(), and access_denied or io for a drop-in that cannot be read. A
/// .network file or a key that cannot be read is a warning of the configuration.
Result<NetdevConfig> read_netdev(const NetdevQuery& query);

}  // namespace wgscope::checks
