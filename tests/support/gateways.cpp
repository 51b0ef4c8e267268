#include "gateways.hpp"

#include <string>

#include <fmt/core.h>

#include "netns.hpp"
#include "process.hpp"
#include "wireguard_go.hpp"

namespace wgscope::test {
namespace {

std::string make_preshared_key() {
  const std::string line = must_run({"wg", "genpsk"});
  return line.substr(0, line.find('\n'));
}

}  // namespace

Gateways::Gateways(WireguardGo::Mode left_mode)
    : preshared_key(make_preshared_key()), near(left, left_mode), far(right) {
  connect(left, "192.0.2.1/24", right, "192.0.2.2/24");
  far.configure(fmt::format(R"([Interface]
PrivateKey = {}
ListenPort = 51820
[Peer]
PublicKey = {}
PresharedKey = {}
AllowedIPs = 10.9.0.1/32
)",
                            right_keys.private_key, left_keys.public_key, preshared_key));
  // The left one keeps alive, so it starts a handshake now. Unheard, it would wait 5 s
  // before the next.
  near.configure(fmt::format(R"([Interface]
PrivateKey = {}
ListenPort = 51820
FwMark = 0x51
[Peer]
PublicKey = {}
PresharedKey = {}
Endpoint = 192.0.2.2:51820
AllowedIPs = 10.9.0.2/32, fd09::2/128, 10.9.2.0/24
PersistentKeepalive = 25
[Peer]
PublicKey = {}
AllowedIPs = 10.9.0.3/32
)",
                             left_keys.private_key, right_keys.public_key, preshared_key,
                             absent_keys.public_key));
  near.up("10.9.0.1/24");
  far.up("10.9.0.2/24");
}

void Gateways::ping() const {
  left.must({"ping", "-q", "-c", "3", "-i", "0.1", "-W", "5", "-s", "600", "10.9.0.2"});
}

}  // namespace wgscope::test
