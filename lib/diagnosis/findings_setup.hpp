#pragma once

#include <array>

#include "wgscope/diagnosis/finding.hpp"

// The findings about what a tunnel needs before anything is sent: the configuration, the key, the clock,
// the endpoint's name and this host's own network. A part of the table that
// findings.cpp puts together.

namespace wgscope::diagnosis {

inline constexpr auto kSetupFindings = std::to_array<FindingKind>({
    {FindingId::line_not_known, "WGS-CFG-001", Severity::warning,
     "The configuration has an unknown line",
     "The configuration has a line or a section that neither wg nor wg-quick knows. The probe "
     "ignores it, but wg refuses the whole file, so wg-quick cannot start a tunnel from it. A "
     "misspelt key looks like this, and whatever it should have set is then not set.",
     "Look at the line that the finding names. Correct the spelling of its key, move it to the "
     "section where it belongs, or delete it. The valid keys are listed in wg(8) and wg-quick(8)."},
    {FindingId::line_refused, "WGS-CFG-002", Severity::warning,
     "wg refuses a line of the configuration",
     "It is clear what the line means, and the probe goes by that, but wg or wg-quick refuses the "
     "file because of the way it is written. A tunnel that runs from an earlier version of the "
     "file will not start again.",
     "Write the line as the finding says. On this host: wg-quick strip INTERFACE shows what "
     "wg-quick passes to wg."},
    {FindingId::peer_name_unclear, "WGS-CFG-003", Severity::warning,
     "It is unclear which peer a name belongs to",
     "Names of peers are comments, which WireGuard ignores. Some people and programs write a name "
     "above [Peer], others below it or at the end of the section. This name could belong to two "
     "peers, or a peer has two names. The probe does not use such a name, because a name on the "
     "wrong peer is worse than none.",
     "Write the name between [Peer] and PublicKey: # friendly_name = NAME. Or leave an empty line "
     "on the side of the comment that it does not belong to."},
    {FindingId::peer_header_missing, "WGS-CFG-004", Severity::warning, "A [Peer] line is missing",
     "A section has two different public keys. WireGuard uses the second key and gives that peer "
     "the allowed IPs of both, so the first peer has no tunnel. Most likely the [Peer] line of the "
     "second peer was forgotten. The probe does as WireGuard does, and gives that peer no name.",
     "Insert a [Peer] line before the lines of the second peer, or remove the public key that is "
     "not meant."},
    {FindingId::peers_contradict, "WGS-CFG-005", Severity::warning,
     "Two peers contradict each other",
     "Two peers of the configuration have the same public key or the same allowed IPs. WireGuard "
     "accepts that without a word: a prefix belongs to the peer that names it last, and of two "
     "sections with one key only the allowed IPs of the last count. Traffic that the other peer "
     "should have had goes to the wrong place. The probe does as WireGuard does.",
     "Give each peer a key and allowed IPs of its own. A narrower prefix inside of another peer's "
     "prefix does not conflict. On the host of the tunnel: wg show INTERFACE allowed-ips shows "
     "what "
     "each peer has."},
    {FindingId::single_address_allowed, "WGS-CFG-006", Severity::warning,
     "AllowedIPs has the address 0.0.0.0 or :: alone",
     "An address without a prefix length is a single address, and no host has this one. Most "
     "likely all addresses are meant. As it is, this line lets no traffic into the tunnel.",
     "Write AllowedIPs = 0.0.0.0/0, ::/0."},
    {FindingId::amneziawg_needed, "WGS-CFG-007", Severity::critical,
     "The configuration is for AmneziaWG, not for WireGuard",
     "AmneziaWG disguises WireGuard's messages. The configuration gives messages other types (H1 "
     "to H4) or puts bytes in front of them (S1 to S4). A gateway with these settings ignores "
     "WireGuard's messages as if they were noise, and wg refuses the file. The probe speaks plain "
     "WireGuard, so it sent nothing: silence would say nothing about keys or firewalls.",
     "Use a client that speaks AmneziaWG, with the gateway's values of these keys. Or set up the "
     "gateway for plain WireGuard: H1 = 1, H2 = 2, H3 = 3, H4 = 4, and S1 to S4 = 0."},
    {FindingId::amneziawg_not_needed, "WGS-CFG-008", Severity::warning,
     "The configuration has settings of AmneziaWG",
     "The configuration has keys of AmneziaWG, with values that leave WireGuard's messages as they "
     "are: datagrams of junk before a handshake, which gateways ignore. Plain WireGuard works with "
     "such a gateway, and the probe uses it. But wg refuses the file because of these keys.",
     "Remove these keys from the file where wg or wg-quick reads it."},
    {FindingId::reserved_bytes_configured, "WGS-CFG-009", Severity::warning,
     "The configuration sets the reserved bytes of messages",
     "Reserved is a setting of clients for Cloudflare WARP. They put three bytes of an account "
     "where WireGuard's messages have zeros, and the gateways answer with such bytes. wg and "
     "wg-quick do not know the setting and refuse the file. The probe does as those clients do: "
     "it writes the three bytes into each message to this gateway, after the message's MACs were "
     "computed with zeros, and accepts any such bytes in the gateway's messages. Plain WireGuard "
     "gateways drop messages whose reserved bytes are set, without an answer.",
     "Use the file with a client that knows the setting. If the gateway is not WARP, remove the "
     "line."},
    {FindingId::endpoint_unusable, "WGS-CFG-010", Severity::critical,
     "The endpoint cannot be a gateway",
     "The endpoint's address is one that no gateway can have: 0.0.0.0 or ::, a multicast or "
     "broadcast address, or a link-local IPv6 address without the interface that it belongs to, "
     "or with one that this host does not have. This can be told without sending anything, and no "
     "firewall has to do with it. If the address comes from a name server, that server most likely "
     "blocks the name.",
     "Set Endpoint to the gateway's address or name. A link-local address needs the interface of "
     "this host that leads there: [fe80::1%eth0]:51820."},
    {FindingId::gateway_key_unusable, "WGS-CFG-011", Severity::critical,
     "The gateway's public key is not a usable key",
     "The public key is one of the few values, zero among them, with which every exchange of keys "
     "gives zero: a secret that everybody knows. WireGuard refuses to use such a key, so a tunnel "
     "with it never starts. No gateway has this key. Most likely it was left in a template. The "
     "probe sent nothing.",
     "Set PublicKey to the gateway's key. On the gateway: wg show INTERFACE public-key."},
    {FindingId::line_ignored, "WGS-CFG-012", Severity::warning,
     "systemd-networkd ignores a part of the configuration",
     "systemd-networkd cannot read a line of the .netdev or .network file, or does not know its "
     "key or section. It says so in its log only, goes on without the line, and the setting keeps "
     "the value that it had before. A malformed Endpoint, PersistentKeepalive, RouteTable or "
     "RouteMetric costs the whole [WireGuardPeer]: the interface comes up without that peer. The "
     "probe does as networkd does.",
     "Write the line as the finding says. On this host: journalctl -u systemd-networkd shows what "
     "networkd ignores. The valid keys are listed in systemd.netdev(5) and systemd.network(5)."},
    {FindingId::key_in_use, "WGS-KEY-001", Severity::critical,
     "An interface of this host uses the key",
     "A WireGuard interface of this host has the same private key as the probe. A gateway sends a "
     "peer's traffic to the address of that peer's last handshake. A probe with the same key would "
     "therefore divert the interface's traffic until the interface sends again. The probe sent "
     "nothing.",
     "Give the probe a peer of its own. On this host: wg genkey. On the gateway: wg set INTERFACE "
     "peer PUBLIC-KEY allowed-ips ADDRESS/32. If the traffic may be diverted, run the probe with "
     "--i-know-this-steals-the-endpoint."},
    {FindingId::key_use_unknown, "WGS-KEY-002", Severity::warning,
     "Unknown whether an interface of this host uses the key",
     "The probe could not read every interface of this host. One of them may use the same key, and "
     "the probe may have diverted its traffic. There is no sign of that either. Reading the "
     "interfaces needs CAP_NET_ADMIN, which an ordinary user does not have; a process that serves "
     "an interface in user space may also hang. The cause says which interface it is.",
     "Make sure that the gateway knows the probe's key as a peer of its own. Or run the probe once "
     "as root, so that it can compare the keys; restart a process that does not answer."},
    {FindingId::key_readable_by_others, "WGS-KEY-003", Severity::warning,
     "Other users can read the key file",
     "Users other than its owner can read the file that holds a private or preshared key. Whoever "
     "reads it can act as this peer.",
     "On this host: chmod 600 FILE. If somebody may have read the file, make a new key and replace "
     "the old one on the gateway."},
    {FindingId::stamps_not_kept, "WGS-KEY-004", Severity::warning,
     "The time of the key's last handshake is not stored",
     "A gateway silently ignores a handshake whose timestamp is not later than the last one it "
     "accepted from the same key. The probe therefore stores the time of its last handshake and "
     "makes the next timestamp later, even if the clock was set back in the meantime. Here it "
     "could not store that time. If the clock is set back, the gateway will ignore this key, which "
     "looks like any other silence.",
     "Make the state directory writable, or name another one: --state-dir DIRECTORY."},
    {FindingId::key_used_elsewhere, "WGS-KEY-005", Severity::critical,
     "Another device uses the key",
     "A gateway has one session for a key: that of the latest handshake. After the gateway had "
     "used "
     "the probe's session, packets from the gateway's address came for a session that the probe "
     "never had, and none of the probe's own session came after them. So another device with the "
     "same key made a later handshake, and the two take the tunnel from each other: each works for "
     "some seconds, then loses data until its next handshake. In which direction single packets "
     "were lost is then unknown. Somebody who can forge packets of the gateway and drop its own "
     "could feign this. A device may also take the session silently, so that no such packet ever "
     "comes here. Then sessions fall silent for longer than a gateway that decrypts data stays "
     "silent, and each time a new handshake is answered at once. Twice or more often in one run, "
     "that is a warning (most likely another device); a gateway that creates its interface again "
     "and again looks the same. Once, the check is unknown. wgscope nat is silent on purpose: "
     "where "
     "nothing comes after a silence, not even after the probe has sent again, it makes a new "
     "handshake. If packets come then, the session was lost, and the silence says nothing about a "
     "NAT.",
     "Give each device a key and an inner address of its own. On that device: wg genkey. On the "
     "gateway: wg set INTERFACE peer PUBLIC-KEY allowed-ips ADDRESS/32. To see it: wg show all "
     "endpoints on the gateway, again and again; the endpoint of this key moves between "
     "addresses."},
    {FindingId::clock_set_back, "WGS-CLK-001", Severity::warning,
     "The clock is behind the key's last handshake",
     "The clock of this host shows an earlier time than the key's last handshake. Either the clock "
     "was set back, or it was ahead at that time, or the key was used on a host whose clock is "
     "ahead. The probe still makes its timestamps later than the last one. Other tunnels of this "
     "host do not: gateways silently ignore their handshakes until the clock has passed the time "
     "of their last handshake.",
     "On this host: compare the clock with the true time (date -u, timedatectl, chronyc tracking) "
     "and correct it. If a gateway accepted a handshake from the future, remove the peer on the "
     "gateway and add it again: the gateway then forgets that timestamp."},
    {FindingId::clock_not_synchronised, "WGS-CLK-002", Severity::info,
     "The clock is not synchronised",
     "The kernel reports that no time service adjusts this host's clock. WireGuard does not need "
     "the correct time, but the clock must never go back between two handshakes, not even across a "
     "restart. A host without a battery for its clock often breaks that rule. While a gateway "
     "stays silent, an unsynchronised clock makes a stale timestamp a more likely cause.",
     "On this host: run a time service (chrony, systemd-timesyncd) and let it set the clock before "
     "tunnels start."},
    {FindingId::name_not_found, "WGS-NAM-001", Severity::critical,
     "The endpoint's name does not resolve",
     "A name server answered that the endpoint's name does not exist, or that it has no address of "
     "the requested IP version. The probe sent nothing to the gateway. A running tunnel keeps the "
     "address it already has, so this fault may show only after a restart.",
     "Check the spelling of Endpoint. On this host: getent ahosts NAME, dig NAME A, dig NAME "
     "AAAA."},
    {FindingId::name_server_silent, "WGS-NAM-002", Severity::critical,
     "The name servers do not answer, or answer with an error",
     "No name server answered in time, or those that answered refused the query (REFUSED) or "
     "failed (SERVFAIL). The system does not tell these apart, so the probe then asks the servers "
     "of /etc/resolv.conf itself, over UDP and for the name as it stands; the evidence has what "
     "each answered. A host may look names up elsewhere, as its nsswitch.conf says. It is unknown "
     "whether the name exists, and nothing is known about the gateway. A name server that is "
     "reachable only through the tunnel cannot help to set the tunnel up.",
     "On this host: look at /etc/resolv.conf and query each server: dig @SERVER NAME. Until a "
     "server answers, write the endpoint as an address."},
    {FindingId::local_firewall, "WGS-LOC-001", Severity::critical,
     "A firewall of this host refuses to send",
     "The kernel refused a datagram before it left this host (EPERM, EACCES), or answered it with "
     "an ICMP error from an address of this host. The cause is a rule in an output chain, a "
     "prohibit route, or a policy of a container or control group. The datagram did not reach the "
     "network.",
     "On this host: allow UDP to the endpoint. To find the rule: nft list ruleset, iptables -S "
     "OUTPUT (ip6tables for IPv6), ip route get ADDRESS."},
    {FindingId::no_route, "WGS-LOC-002", Severity::critical, "There is no route to the endpoint",
     "The routing table of this host has no route to the endpoint, an unreachable route, or a "
     "route through an interface that is down. A route into a WireGuard interface counts as "
     "missing if no peer of that interface covers the endpoint (ENOKEY) or if that peer has no "
     "endpoint (EDESTADDRREQ): the tunnel's allowed IPs then capture the traffic to its own "
     "gateway. If the endpoint has addresses of both IP versions and this host has only one "
     "version, the other addresses are reported as unknown, not as failing.",
     "On this host: ip route get ADDRESS shows the route in use. Bring the network up, add a "
     "route, or keep the endpoint out of the tunnel's routes (wg-quick does that with FwMark)."},
    {FindingId::too_long_for_interface, "WGS-LOC-003", Severity::critical,
     "A datagram is too long for this host's interface",
     "A datagram of the handshake is longer than the MTU of the outgoing interface, or longer than "
     "the path MTU that the kernel remembers. An initiation has 148 bytes, or 176 with UDP and "
     "IPv4 headers and 196 with IPv6, so an MTU below that is a mistake. This finding is rare: the "
     "probe allows fragmentation, as WireGuard does, and most such mistakes then look like a "
     "healthy path. Use wgscope mtu to look for them.",
     "On this host: ip route get ADDRESS names the interface and shows the remembered path MTU "
     "(mtu). To correct them: ip link set INTERFACE mtu 1500, ip route flush cache."},
    {FindingId::no_such_family, "WGS-LOC-004", Severity::critical,
     "This host has no address of that IP version",
     "This host has no IPv6 address, or no IPv4 address, to send from, so the probe cannot try an "
     "endpoint address of that version. This says nothing about the gateway. A network with IPv6 "
     "only often has NAT64: there IPv4 hosts have translated addresses, which DNS64 puts in place "
     "of a name's. WireGuard with an IPv4 address as its endpoint does not get one.",
     "Give this host an address of that version, or set Endpoint to an address of the other "
     "version. With NAT64, set Endpoint to a name."},
    {FindingId::send_failed, "WGS-LOC-005", Severity::critical, "This host could not send",
     "The kernel could not send a datagram, and the cause is neither a firewall nor a missing "
     "route. The evidence names the error: EINVAL comes from blackhole routes and from addresses "
     "to which nothing can be sent, ENOBUFS from an interface whose queue is full.",
     "On this host: ip route get ADDRESS, ip -s link and dmesg show what is wrong with the "
     "interface."},
    {FindingId::through_tunnel, "WGS-LOC-006", Severity::warning,
     "The probe's own packets travel through another tunnel",
     "The route of this host to the endpoint (or, with wgscope mtu --outer and wgscope nat, to the "
     "host that is asked) leads into a WireGuard interface or the tunnel of another VPN. Usually a "
     "full tunnel is up on this host: it keeps its own packets out of itself by a firewall mark, "
     "and the probe's packets do not carry that mark. What is measured then is the path through "
     "that tunnel. So MTUs, NATs and lifetimes are not measured, because advice from them would "
     "be wrong for the direct path; handshakes, pings and targets are tried all the same. The "
     "kernel does not tell whether the gateway is meant to be reached through the other tunnel.",
     "On this host: ip route get ADDRESS names the interface, wg show INTERFACE fwmark or ip rule "
     "the mark. Run the probe as root with --fwmark MARK, or with FwMark = MARK in its file. If "
     "the gateway is reached through that tunnel on purpose: --through INTERFACE."},
    {FindingId::endpoint_is_this_host, "WGS-LOC-007", Severity::warning,
     "The endpoint is this host",
     "The endpoint's address belongs to this host, so packets to it do not leave it, and the "
     "gateway did not answer. That is right only where the gateway runs on this host. Usually the "
     "endpoint's name points to the wrong address, or the file was copied to the gateway.",
     "Correct Endpoint, or the address of its name. On this host: ip address show to ADDRESS."},
});

}  // namespace wgscope::diagnosis
