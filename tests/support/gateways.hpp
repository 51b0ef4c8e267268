#pragma once

#include <string>

#include "netns.hpp"
#include "wireguard_go.hpp"

namespace wgscope::test {

/// Two gateways with a tunnel between them, and a third peer of the left one that never comes.
///
///   left 192.0.2.1 ------- 192.0.2.2 right
///         10.9.0.1 ======= 10.9.0.2          listen ports 51820
///
/// The left one has a preshared key with its peer, a keepalive of 25 s and the fwmark 0x51.
class Gateways {
 public:
  explicit Gateways(WireguardGo::Mode left_mode = WireguardGo::Mode::foreground);

  /// Packets through the tunnel and back: from the first on there is a handshake. Throws when they
  /// are lost.
  void ping() const;

  NetworkNamespace left;
  NetworkNamespace right;
  KeyPair left_keys = make_key_pair();
  KeyPair right_keys = make_key_pair();
  KeyPair absent_keys = make_key_pair();
  std::string preshared_key;
  WireguardGo near;  ///< the tunnel's end in `left`
  WireguardGo far;
};

}  // namespace wgscope::test
