#include "probe/verbs.hpp"

#include <span>

#include "probe/commands/commands.hpp"

namespace wgscope::probe {
namespace {

constexpr Verb kVerbs[] = {
    {.name = "check",
     .summary = "Everything about one tunnel, in one run and one verdict",
     .make = make_check},
    {.name = "handshake",
     .summary = "Does the tunnel work, and if not, why",
     .make = make_handshake},
    {.name = "ping",
     .summary = "Round trips and packet loss, inside and outside the tunnel",
     .make = make_ping},
    {.name = "reach",
     .summary = "What can be reached inside the tunnel, and what must not be",
     .make = make_reach},
    {.name = "mtu",
     .summary = "The path's MTU in both directions, and the tunnel MTU that fits it",
     .make = make_mtu},
    {.name = "nat",
     .summary = "What NATs on the path do, and whether the keepalive is short enough",
     .make = make_nat},
    {.name = "listen",
     .summary = "Be a peer for others: answer handshakes and pings, show what happens",
     .run = run_listen},
    {.name = "explain",
     .summary = "Say what a finding means and what to do about it",
     .run = run_explain},
};

}  // namespace

std::span<const Verb> verbs() { return kVerbs; }

}  // namespace wgscope::probe
