#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/config/wg_quick.hpp"

namespace wgscope::config {

/// The settings of a [Peer] that can conflict with those of another one, and their lines.
struct PeerLines {
  std::size_t public_key = 0;            ///< line of the key; 0: none yet
  std::vector<std::size_t> allowed_ips;  ///< the line of each prefix
  bool sets_preshared_key = false;       ///< true even if the key is all zeros
  bool sets_keepalive = false;
  bool is_key_bad = false;  ///< a PublicKey is there, but none that can be read
};

/// How warnings about peers that contradict one another read.
struct PeerWording {
  /// Why the peer that wins does.
  std::string_view reason = "WireGuard gives it to the last";
  /// "line 3", for a line of PeerLines; nullptr: lines are those of one file.
  std::function<std::string(std::size_t line)> name_line = nullptr;
};

/// Resolves conflicts between peers as WireGuard does, which gets one peer after the other from wg.
/// If two have the same public key, the later one adds its settings to the earlier one and replaces
/// its allowed IPs. A prefix belongs to the last peer that names it. Each conflict is a warning.
/// @param lines  one entry for each peer.
void settle_peers(WgQuickConfig& config, const std::vector<PeerLines>& lines,
                  const PeerWording& wording = {});

}  // namespace wgscope::config
