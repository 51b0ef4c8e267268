#include "probe/verbs.hpp"

#include <span>

#include "probe/commands/commands.hpp"

namespace wgscope::probe {
namespace {

constexpr Verb kVerbs[] = {
    {"handshake", "Does the tunnel work, and if not, why", run_handshake},
    {"ping", "Round trips and loss through the tunnel, and beside it", run_ping},
    {"reach", "What can be reached inside the tunnel, and what must not be", run_reach},
    {"mtu", "The path's MTU in both directions, and the tunnel's that fits it", run_mtu},
    {"nat", "What NATs on the way do, and whether the keepalive is often enough", run_nat},
    {"listen", "Be a peer to others: answer handshakes and pings, show what happens", run_listen},
    {"explain", "Say what a finding means and what to do about it", run_explain},
};

}  // namespace

std::span<const Verb> verbs() { return kVerbs; }

}  // namespace wgscope::probe
