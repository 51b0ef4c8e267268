#pragma once

#include <array>

#include "wgscope/diagnosis/finding.hpp"

// The findings about MTUs, with a tunnel and without one. A part of the table that
// findings.cpp puts together.

namespace wgscope::diagnosis {

inline constexpr auto kMtuFindings = std::to_array<FindingKind>({
    {FindingId::mtu_black_hole_forward, "WGS-MTU-001", Severity::critical,
     "Full-size packets are lost on the forward path",
     "Datagrams up to some size arrive at the gateway. Larger ones are lost every time, while "
     "small ones sent beside them arrive, and no router reports \"too big\". So pings and "
     "handshakes work, and transfers hang. The probe measured this with datagrams that must not be "
     "fragmented; the evidence says whether fragments pass.",
     "At both ends: set the tunnel's MTU to a size that fits the path. Or, on the routers on the "
     "path: let ICMP type 3 code 4 and ICMPv6 type 2 pass."},
    {FindingId::mtu_black_hole_backward, "WGS-MTU-002", Severity::critical,
     "Full-size packets are lost on the reverse path",
     "The gateway's replies up to some size arrive here. Larger ones do not, although the gateway "
     "sends them: the numbers of its packets have gaps, or its measuring service answers.",
     "At both ends: set the tunnel's MTU to a size that fits the path."},
    {FindingId::mtu_reported, "WGS-MTU-003", Severity::warning,
     "The tunnel's MTU is too large for the path",
     "Full-size datagrams do not pass in one piece, and a router on the path reports the MTU of "
     "its next link, which proved right. Datagrams that may be fragmented arrive in fragments; the "
     "others are lost until the sender has learnt the path MTU.",
     "At both ends: set the tunnel's MTU to a size that fits the path."},
    {FindingId::mtu_fragments, "WGS-MTU-004", Severity::warning,
     "The gateway's datagrams arrive in fragments",
     "Full-size datagrams of the gateway are fragmented on the path, or by the gateway itself, and "
     "reassembled on this host. That costs throughput, doubles the cost of each lost packet, and "
     "fails wherever a firewall drops fragments.",
     "At both ends: set the tunnel's MTU to a size that fits the path."},
    {FindingId::mtu_loss, "WGS-MTU-005", Severity::warning,
     "Packets are lost, but not above a size limit",
     "Packets of every size are lost now and then, or large ones more often than small ones: the "
     "cause says which. Large packets also arrive, so no MTU is the limit. If only large ones are "
     "lost, a rate limit or a firewall rule that looks at the length of packets is the usual "
     "cause.",
     "Measure the packet loss in each direction: wgscope ping. If only large packets are lost, "
     "look "
     "for a rate limit on the path; an MTU below the sizes that are lost avoids the loss."},
    {FindingId::mtu_untrue_report, "WGS-MTU-006", Severity::warning, "A router reports a wrong MTU",
     "An ICMP \"too big\" arrived for a datagram of the probe and named an MTU, but larger "
     "datagrams pass. The cause is a router with a wrong setting, several paths with different "
     "MTUs, or a forged message. Hosts that believe the message send smaller packets than they "
     "could.",
     "On this host: ip route get ENDPOINT shows the MTU that the kernel believes, ip route flush "
     "cache makes it forget. Otherwise ask the operator of that router."},
    {FindingId::mtu_peer_smaller, "WGS-MTU-007", Severity::warning,
     "The gateway's tunnel has a smaller MTU",
     "The gateway fragmented its replies inside the tunnel: they did not fit its tunnel interface, "
     "although they fit this one. This alone loses nothing. TCP connections of hosts behind the "
     "gateway may hang if those hosts drop ICMP.",
     "Set the same MTU at both ends."},
    {FindingId::mtu_below_ipv6, "WGS-MTU-008", Severity::warning, "The MTU is too small for IPv6",
     "IPv6 needs an MTU of at least 1280 on every link. A tunnel with a smaller MTU has no IPv6: "
     "Linux removes its IPv6 addresses.",
     "If only the setting is too small, set MTU = 1280 or more at both ends. Otherwise use a path "
     "with "
     "a larger MTU, or only IPv4 inside this tunnel."},
    {FindingId::mtu_unanswered, "WGS-MTU-009", Severity::warning,
     "Nothing inside the tunnel answers",
     "The search needs a host inside the tunnel that answers pings: the gateway itself or a host "
     "behind it. None answered, or none is known. Where none answered, the probe looked which "
     "routers report WireGuard's data and which report other UDP alone: the cause names the place "
     "if "
     "several pairs of such datagrams showed it.",
     "Name an address that answers: wgscope mtu ADDRESS. If there is none, wgscope handshake shows "
     "what happens to data."},
    {FindingId::mtu_own_interface, "WGS-MTU-010", Severity::warning,
     "The tunnel's MTU is too large for the interface of one end",
     "A full-size tunnel packet makes a datagram that is larger than the MTU of the interface "
     "through which it leaves. The datagram is fragmented before it is sent, or not sent at all "
     "where fragmentation is forbidden. Without MTU in its file, wg-quick sets a tunnel's MTU to "
     "that of the outgoing interface, less 80.",
     "Set the tunnel's MTU to a size that fits, or the interface's MTU to what its link can "
     "carry."},
    {FindingId::mtu_mss_too_large, "WGS-MTU-011", Severity::warning,
     "TCP segments are larger than the path allows",
     "A service inside the tunnel announces a maximum segment size (MSS) that leads to packets "
     "larger than the path allows, and nothing on the path reduced it. Hosts that have a tunnel "
     "interface with the right MTU are not affected. Hosts that are routed through the tunnel send "
     "such segments, and their connections hang if ICMP does not reach them.",
     "Set the tunnel's MTU to a size that fits, and on the gateway clamp the MSS of connections "
     "through the tunnel."},
    {FindingId::outer_unanswered, "WGS-MTU-012", Severity::warning,
     "The host answers neither pings nor UDP",
     "To examine a path without a tunnel, something at its far end must answer: either echo "
     "requests, or UDP to ports on which nothing listens. A firewall drops both, there is no such "
     "host, or there is no route to it. This says nothing about the path's MTU, neither good nor "
     "bad.",
     "Name another host behind the same path, or let the firewall answer pings. With a key of its "
     "own the probe can search through the tunnel: wgscope mtu --config FILE."},
    {FindingId::outer_large_pings, "WGS-MTU-013", Severity::warning, "Large pings get no reply",
     "Pings up to some size are answered, larger ones are not. Either the path takes no larger "
     "packets and no router says so, or the host or a firewall drops large pings, as many do. UDP "
     "packets of the same size, to closed ports of the host or to the routers before it, can tell "
     "which. If they cannot, the cause is unknown. No MTU is advised from pings alone.",
     "Measure the tunnel's own flow, which needs a key: wgscope mtu --config FILE. Or name another "
     "host behind the same path: wgscope mtu --outer HOST."},
});

}  // namespace wgscope::diagnosis
