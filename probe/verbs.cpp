#include "probe/verbs.hpp"

#include <span>

#include "probe/commands/commands.hpp"

namespace wgscope::probe {
namespace {

constexpr Verb kVerbs[] = {
    {.name = "check",
     .summary = "Everything about one tunnel, in one run and one verdict",
     .examples = "  wgscope check --config probe.conf\n"
                 "  wgscope check --config probe.conf --expect reach.yaml\n",
     .make = make_check},
    {.name = "handshake",
     .summary = "Does the tunnel work, and if not, why",
     .examples = "  wgscope handshake --config probe.conf\n"
                 "  wgscope handshake --config probe.conf --hold 10m\n",
     .make = make_handshake},
    {.name = "ping",
     .summary = "Round trips and packet loss, inside and outside the tunnel",
     .examples = "  wgscope ping --config probe.conf\n"
                 "  wgscope ping --config probe.conf -c 100 -i 200ms 10.9.0.1\n",
     .make = make_ping},
    {.name = "reach",
     .summary = "What can be reached inside the tunnel, and what must not be",
     .examples = "  wgscope reach --config probe.conf --tcp 10.9.0.1:22 --dns 10.9.0.1\n"
                 "  wgscope reach --config probe.conf --expect reach.yaml\n",
     .make = make_reach},
    {.name = "mtu",
     .summary = "The path's MTU in both directions, and the tunnel MTU that fits it",
     .examples = "  wgscope mtu --config probe.conf\n"
                 "  wgscope mtu --outer 198.51.100.2\n",
     .make = make_mtu},
    {.name = "nat",
     .summary = "What NATs on the path do, and whether the keepalive is short enough",
     .examples = "  wgscope nat --stun stun.example.net\n"
                 "  wgscope nat --config probe.conf --tcp 10.9.0.1:22\n",
     .make = make_nat},
    {.name = "listen",
     .summary = "Be a peer for others: answer handshakes and pings, show what happens",
     .run = run_listen},
    {.name = "inventory",
     .summary = "What should be there, declared in files: check them, show them, make them",
     .run = run_inventory},
    {.name = "journal",
     .summary = "Who was connected to a gateway when, from its exporter's journal",
     .run = run_journal},
    {.name = "lint",
     .summary = "What is wrong or unsafe in configuration files, before they are used",
     .run = run_lint},
    {.name = "drift",
     .summary = "What differs between the inventory and this host, and how to heal it",
     .examples = "  wgscope drift --inventory inventory/\n"
                 "  wgscope drift --config /etc/wireguard/wg0.conf\n",
     .make = make_drift},
    {.name = "explain",
     .summary = "Say what a finding means and what to do about it",
     .run = run_explain},
};

}  // namespace

std::span<const Verb> verbs() { return kVerbs; }

}  // namespace wgscope::probe
