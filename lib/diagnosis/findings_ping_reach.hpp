#pragma once

#include <array>

#include "wgscope/diagnosis/finding.hpp"

// The findings about pings, and about what can be reached inside the tunnel. A part of the table that
// findings.cpp puts together.

namespace wgscope::diagnosis {

inline constexpr auto kPingAndReachFindings = std::to_array<FindingKind>({
    {FindingId::no_reply, "WGS-PNG-001", Severity::critical, "No ping was answered",
     "None of the pings through the tunnel was answered, although the handshake succeeded. There "
     "may be no such target, the target may not answer pings, the gateway may drop this peer's "
     "packets, or data may be lost where handshakes pass. wgscope handshake waits for the packets "
     "that distinguish these causes. If large pings are not answered and small ones are, which the "
     "probe then tries, the path drops datagrams of that size. Packet loss is listed as a cause "
     "with the chance that it explains the silence.",
     "Name an address that is known to answer, or run wgscope handshake. If only large pings fail, "
     "run wgscope mtu ADDRESS."},
    {FindingId::loss_forward, "WGS-PNG-002", Severity::warning,
     "Packets are lost on the forward path",
     "WireGuard numbers every packet, so gaps in the numbers of the gateway's packets show what "
     "was lost on the reverse path. Some pings were not answered, and there is no gap for them: "
     "the gateway sent no answer. Either the pings were lost on the forward path, or the target "
     "did not answer them; these two look the same. Pings about which ICMP errors came were lost "
     "on the forward path.",
     "Ping at a lower rate: a target that limits its answers then answers all of them. Compare "
     "with the round trips outside the tunnel in the same report: if packets are lost there too, "
     "the network loses them. On this host: mtr -u ENDPOINT shows at which router."},
    {FindingId::loss_backward, "WGS-PNG-003", Severity::warning,
     "Packets are lost on the reverse path",
     "The numbers of the gateway's packets have gaps: the gateway sent them, and they did not "
     "arrive here. Other traffic of the tunnel counts too. Possible causes: congestion, a rate "
     "limit or a bad link towards this host, or this host was too slow to receive them.",
     "Compare with the round trips outside the tunnel in the same report. On the gateway: mtr -u "
     "to this host shows at which router. On this host: nstat -az UdpRcvbufErrors, ip -s link."},
    {FindingId::loss, "WGS-PNG-004", Severity::warning, "Packets are lost",
     "Some pings were not answered, and the gateway sent no later packet in the same session, "
     "whose "
     "number would show in which direction they were lost. At the end of a run this can be chance, "
     "whose size the report gives, or the tunnel may have stopped working. If sessions stop "
     "working "
     "again and again, another device may use the key.",
     "Ping for longer. If nothing is answered any longer: wgscope handshake --hold 30s."},
    {FindingId::duplicates, "WGS-PNG-005", Severity::warning, "Packets arrived twice",
     "The same packet arrived more than once; the evidence says where it was duplicated. If a "
     "WireGuard packet arrives twice, WireGuard drops the second one, and the reverse path "
     "duplicates datagrams. A reply that arrives twice inside the tunnel was duplicated behind the "
     "gateway, by a bridge loop or by two hosts with the same address.",
     "On the path: look for a bridge loop or a mirrored port. Behind the gateway: look for a "
     "bridge without spanning tree, and for two hosts with the target's address (arping -D)."},
    {FindingId::reordered, "WGS-PNG-006", Severity::warning, "Packets arrived out of order",
     "Packets overtook each other by more than is usual: the path has several links in parallel, "
     "or a queue in several parts. TCP mistakes that for packet loss and becomes slow. The "
     "gateway's packet numbers distinguish the reverse path from the forward path.",
     "On the path and on the gateway: look for bundled links that distribute traffic packet by "
     "packet instead of flow by flow."},
    {FindingId::not_reachable, "WGS-RCH-001", Severity::critical,
     "The target is not reachable through the tunnel",
     "The cause says which of three cases this is: the target did not answer in time; a host on "
     "the path reported by ICMP that the target is unreachable; or the probe sent nothing, because "
     "this configuration's allowed IPs or addresses do not cover the target. Silence has several "
     "causes that look the same from this host: a firewall, no host with that address, no "
     "forwarding, no route back into the tunnel. If the same address answers something else, only "
     "a firewall rule for this port and a service that hangs remain. If nothing else inside the "
     "tunnel answers either, the tunnel itself is in doubt.",
     "On the gateway: ping or connect to the target, tcpdump -ni any host TARGET. If the target "
     "answers the gateway: nft list ruleset, iptables -S FORWARD, and on the target check the "
     "route back to this peer's inner address."},
    {FindingId::refused, "WGS-RCH-002", Severity::critical, "The target refused",
     "The target, or a firewall in its name, refused: a TCP reset or an ICMP port unreachable came "
     "back. The tunnel and routing work in both directions. Nothing listens on the port, or a rule "
     "rejects.",
     "On the target: ss -tulpn | grep PORT. On the gateway and firewalls on the path: nft list "
     "ruleset | grep reject."},
    {FindingId::reachable_but_must_not, "WGS-RCH-003", Severity::critical,
     "A target is reachable that must not be",
     "A target that must not be reachable answered through the tunnel: whatever should keep this "
     "peer away from it does not.",
     "On the gateway: add a rule for this peer's inner address to the forward chain, before the "
     "rule that accepts. A peer's allowed IPs restrict its source addresses, not where it may go."},
    {FindingId::lookup_failed, "WGS-RCH-004", Severity::critical,
     "A name was not found, or not as expected",
     "The name server that was asked, inside the tunnel or this host's own, answered that the name "
     "does not exist, answered with an error or with other addresses than expected, or did not "
     "answer. The evidence names the server and its answer.",
     "On this host and on the gateway: dig @SERVER NAME. If it works only on the gateway: let UDP "
     "and TCP port 53 from the tunnel through, and let the server answer this peer's inner "
     "address."},
    {FindingId::http_status, "WGS-RCH-005", Severity::critical,
     "The HTTP status is not as expected",
     "The service answered over HTTP with another status than expected. Tunnel, routing and port "
     "work; the fault is in the service.",
     "Look at the service's log for this time. If the other status is right, expect that one."},
    {FindingId::reach_unstable, "WGS-RCH-006", Severity::warning,
     "The target is reachable only sometimes",
     "Some of several tries were answered and some were not. Possible causes: packet loss, an "
     "overloaded target, or several servers behind one address of which one is broken.",
     "Measure the packet loss: wgscope ping. If there is none, check each of the servers behind "
     "the address."},
    {FindingId::reach_not_told, "WGS-RCH-007", Severity::warning,
     "Silence does not distinguish open from closed",
     "Over UDP these look the same: a service that ignores requests it does not understand, a "
     "filtered port, and a closed port on a host that limits its ICMP errors. If nothing else "
     "inside the tunnel answers, silence also does not show that a target is closed: the tunnel "
     "may be down. The expectation is therefore neither met nor broken.",
     "Send a request that the service answers, or use TCP. For a target that must be closed: also "
     "name a target beside it that answers."},
});

}  // namespace wgscope::diagnosis
