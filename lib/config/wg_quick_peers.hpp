#pragma once

#include <cstddef>
#include <vector>

#include "wgscope/config/wg_quick.hpp"

namespace wgscope::config {

/// Where the settings of a [Peer] stand, as far as that matters beyond it.
struct PeerLines {
  std::size_t public_key = 0;  ///< 0: none yet
  std::vector<std::size_t> allowed_ips;
  bool sets_preshared_key = false;  ///< if only to none
  bool sets_keepalive = false;
};

/// Settles what several peers have in common as WireGuard does when wg hands it one peer after the
/// other: of two with one public key the later adds its settings to the earlier and replaces its
/// allowed IPs, and a prefix belongs to the peer that names it last. Warns of each.
/// @param lines  of each peer.
void settle_peers(WgQuickConfig& config, const std::vector<PeerLines>& lines);

}  // namespace wgscope::config
