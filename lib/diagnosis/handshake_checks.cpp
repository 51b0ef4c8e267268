#include "wgscope/diagnosis/handshake_checks.hpp"

#include <cassert>
#include <cstddef>
#include <span>

#include "wgscope/diagnosis/report.hpp"

namespace wgscope::diagnosis {
namespace {

using enum HandshakeCheck;

constexpr HandshakeCheckKind kKinds[] = {
    {key_use, "key.use", Layer::host, false, "does an interface of this host use the probe's key"},
    {key_stamp, "key.stamp", Layer::host, false,
     "is this host's clock ahead of the key's last handshake"},
    {clock, "clock", Layer::host, false, "is this host's clock synchronised"},
    {name_resolve, "name.resolve", Layer::name, true,
     "does the endpoint's name stand for addresses"},
    {name_addresses, "name.addresses", Layer::name, true, "do all addresses of the endpoint work"},
    {path_mark, "path.mark", Layer::path, false,
     "does the configuration's FwMark take effect; present only where it does not"},
    {path_send, "path.send", Layer::path, true, "does this host let initiations out"},
    {path_icmp, "path.icmp", Layer::path, false,
     "does anybody say by ICMP that they cannot arrive"},
    {handshake_response, "handshake.response", Layer::handshake, true,
     "does the gateway respond to initiations"},
    {handshake_cookie, "handshake.cookie", Layer::handshake, false,
     "does the gateway ask for cookies, as it does under load; absent where it does not"},
    {handshake_preshared_key, "handshake.preshared_key", Layer::handshake, false,
     "do both sides have the same preshared key, or none"},
    {handshake_responder, "handshake.responder", Layer::handshake, false,
     "does the response come from where the initiation went"},
    {tunnel_data, "tunnel.data", Layer::tunnel, true, "does data cross the tunnel, both ways"},
    {tunnel_hold, "tunnel.hold", Layer::tunnel, true,
     "does data go on to cross it; absent unless asked for"},
};

}  // namespace

std::span<const HandshakeCheckKind> handshake_check_kinds() { return kKinds; }

const HandshakeCheckKind& kind_of(HandshakeCheck check) {
  const HandshakeCheckKind& kind = kKinds[static_cast<std::size_t>(check)];
  assert(kind.key == check);
  return kind;
}

}  // namespace wgscope::diagnosis
