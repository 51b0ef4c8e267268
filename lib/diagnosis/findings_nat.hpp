#pragma once

#include <array>

#include "wgscope/diagnosis/finding.hpp"

// The findings about NATs and keepalives. A part of the table that
// findings.cpp puts together.

namespace wgscope::diagnosis {

inline constexpr auto kNatFindings = std::to_array<FindingKind>({
    {FindingId::stun_silent, "WGS-NAT-001", Severity::warning, "No STUN server answers",
     "None of the given STUN servers answered over UDP. Nothing is known about NATs on the path, "
     "and this says nothing about the tunnel: the servers may be down, or UDP to them "
     "may be filtered.",
     "Name servers that answer: wgscope nat --stun HOST:PORT. To find out whether the gateway is "
     "reachable: wgscope handshake."},
    {FindingId::stun_not_enough, "WGS-NAT-002", Severity::warning,
     "Too few STUN servers to compare mappings",
     "A NAT may give a socket one public port, or a different one for each destination. Only "
     "servers at two different addresses can show which. Only one address answered.",
     "Name a second STUN server on another host: wgscope nat --stun A:PORT --stun B:PORT."},
    {FindingId::stun_other_address_false, "WGS-NAT-003", Severity::warning,
     "The STUN server's other address does not work",
     "To show what a NAT lets in, a server must answer from an address to which nothing was sent. "
     "This server names such an address, but the address is its main one, or nothing answers "
     "there, or the server does not send from it. A test that trusts such a server would find "
     "every filter open.",
     "Name a server that has two addresses, such as coturn configured to listen on both."},
    {FindingId::nat_mapping_unstable, "WGS-NAT-004", Severity::warning,
     "The public port changes by itself",
     "The same server saw a different public port a few seconds later, from the same socket. The "
     "NAT forgets mappings within seconds, was restarted, or has no room left. A router that "
     "spreads packets over several internet lines looks the same.",
     "Run the probe again. If the port still changes: look at the NAT's table and timers, and "
     "check whether the router spreads the load over several lines."},
    {FindingId::nat_of_carrier, "WGS-NAT-005", Severity::warning,
     "This host is behind a carrier's NAT",
     "This host or the public side of its router has an address of 100.64.0.0/10 (RFC 6598), or a "
     "private address where a public one should be. So the provider translates addresses too, and "
     "there is more than one NAT on the path. Port forwarding on your router does not make a port "
     "reachable from the internet, and the carrier's timers apply.",
     "Let this side start the tunnel, with PersistentKeepalive, to a gateway that has a public "
     "address. Or use IPv6, which is not translated."},
    {FindingId::nat_lifetime_not_told, "WGS-NAT-006", Severity::warning,
     "The lifetime of mappings could not be measured",
     "The measurement needs a STUN server that replies to another port than the one that asked "
     "(RESPONSE-PORT, RFC 5780), and one public address for all sockets. No such reply arrived.",
     "Name a server that can do this as the first one, such as coturn with two addresses, or "
     "wgscope listen --stun in place of the gateway: wgscope nat --stun HOST:PORT."},
    {FindingId::keepalive_missing, "WGS-NAT-007", Severity::warning,
     "There is no keepalive behind a NAT",
     "This side is behind a NAT and sends nothing while the tunnel is idle. After the lifetime of "
     "the mapping, packets from the gateway do not arrive until this side sends again.",
     "On the side behind the NAT: set PersistentKeepalive for the peer to the value that the "
     "finding names. Leave it off if only this side ever starts a connection."},
    {FindingId::keepalive_not_enough, "WGS-NAT-008", Severity::critical,
     "The keepalive interval is too long for the NAT",
     "The NAT forgets an idle mapping before the next keepalive is due; this was measured with the "
     "same length of silence. In between, the gateway cannot reach this side: the tunnel works, "
     "then fails for some seconds, again and again.",
     "Set PersistentKeepalive to the value that the finding names."},
    {FindingId::keepalive_tight, "WGS-NAT-009", Severity::warning,
     "The keepalive interval has little margin",
     "A keepalive that comes exactly in time keeps the mapping. But a silence was not survived "
     "that "
     "is only a little longer: keepalives of the Linux kernel come up to an eighth later than the "
     "interval, those of wireguard-go do not. Or a new mapping, as after a restart of the NAT, is "
     "forgotten before the next keepalive until the gateway has answered on it. While the mapping "
     "is gone, packets that the gateway sends are lost; the next keepalive opens it again.",
     "Set PersistentKeepalive to the value that the finding names."},
    {FindingId::nat_beyond_router, "WGS-NAT-010", Severity::warning,
     "There is another NAT beyond the router",
     "The next router reports its public address (by NAT-PMP or UPnP), and that address is a "
     "private one, or not the one that STUN servers see. A private address proves a NAT beyond the "
     "router. A public one does not: the router may have several internet lines, or its report may "
     "be wrong.",
     "To make a port reachable from outside, forward it on each NAT, or turn the outer NAT into a "
     "bridge. A tunnel that this side starts needs only PersistentKeepalive."},
    {FindingId::keepalive_untried, "WGS-NAT-011", Severity::warning,
     "Unknown whether the keepalive interval is short enough",
     "A silence shorter than the interval was survived and a longer one was not. The interval "
     "itself was not tried, so it may be too long or short enough.",
     "Set PersistentKeepalive to the value that the finding names, which is proven. Or measure to "
     "the second, with a second probe peer: wgscope nat --config FILE --second-peer FILE."},
    {FindingId::twin_not_forwarded, "WGS-NAT-020", Severity::warning,
     "The gateway does not forward between its peers",
     "To measure how long an idle flow lives, a second probe peer sends packets to the first one "
     "through the gateway. None of them arrived, not even right after the first peer had sent, so "
     "the gateway does not forward them. Tunnels that do not need this are not affected.",
     "On the gateway: check sysctl net.ipv4.ip_forward, and add a rule to the forward chain that "
     "accepts from and to the WireGuard interface. Or measure with a TCP service: wgscope nat "
     "--tcp ADDRESS:PORT."},
    {FindingId::service_unsuitable, "WGS-NAT-021", Severity::warning,
     "The TCP service is not suitable for measuring",
     "The retransmissions of a TCP service show how long an idle flow lives. The service must send "
     "something, and its host must retransmit for as long as the measurement takes. This service "
     "does not answer, refuses, sends nothing, or gave up too early; the cause says which. This "
     "says nothing about the tunnel's flow.",
     "Name a service that sends first, as SSH does, or one that answers HTTP: wgscope nat --tcp "
     "ADDRESS:PORT. Or use a second probe peer: wgscope nat --second-peer FILE."},
    {FindingId::gateway_speaks, "WGS-NAT-022", Severity::info,
     "The gateway sends packets by itself",
     "While this side was silent, packets arrived from the gateway that nothing had asked for: the "
     "gateway has a PersistentKeepalive for this peer, or a host behind the gateway sends. Such "
     "packets may refresh the mapping, so the flow may look longer-lived than it is for other "
     "peers.",
     "On the gateway: wg show INTERFACE persistent-keepalive. Switch it off for the probe's peer "
     "while you measure."},
});

}  // namespace wgscope::diagnosis
