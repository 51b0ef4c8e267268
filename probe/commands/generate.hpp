#pragma once

#include "wgscope/base/random.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/config/wg_quick.hpp"

namespace wgscope::probe {

/// The configurations of two ends that know each other, and nobody else.
struct GeneratedPair {
  config::WgQuickConfig own;  ///< for this program
  /// For the other end; without the endpoint, which is known once this one listens.
  config::WgQuickConfig other;
};

/// New keys for both ends, a preshared one too, and addresses in 10.95.86.0/24 and fd95:86::/64.
/// @returns io when OpenSSL cannot.
Result<GeneratedPair> generate_pair(Random& random);

/// Where the other side reaches this host.
struct OwnAddress {
  std::string host;
  std::optional<std::uint16_t> port;  ///< nothing: the one that is listened on
};

/// @returns bad_value for what is not HOST, HOST:PORT or an IPv6 address with or without brackets.
Result<OwnAddress> parse_own_address(std::string_view text);

}  // namespace wgscope::probe
