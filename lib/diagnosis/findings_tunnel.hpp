#pragma once

#include <array>

#include "wgscope/diagnosis/finding.hpp"

// The findings about one tunnel and its path. A part of the table that findings.cpp puts together.

namespace wgscope::diagnosis {

inline constexpr auto kTunnelFindings = std::to_array<FindingKind>({
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
    {FindingId::nothing_listens, "WGS-HS-001", Severity::critical,
     "Nothing listens on the endpoint's port",
     "The endpoint's address answered \"port unreachable\": a host is there, and no socket of it "
     "has the port. WireGuard listens only while its interface is up. Two other causes answer in "
     "the same way, and the probe cannot distinguish them: a NAT in front of the gateway that owns "
     "the address but does not forward the port, and a firewall that rejects with its default "
     "answer, port unreachable.",
     "On the gateway: wg show, ss -ulpn | grep PORT, and if the interface is down, journalctl -u "
     "wg-quick@INTERFACE. If the gateway is listening, look at the NAT or firewall in front of it: "
     "tcpdump -ni any udp port PORT on the gateway then shows nothing."},
    {FindingId::endpoint_rejects, "WGS-HS-002", Severity::critical,
     "The endpoint's firewall rejects",
     "The endpoint's address answered that a rule forbids the datagram (ICMP administratively "
     "prohibited, or another ICMP error that only a rule sends). The host and the path to it work. "
     "The keys were not checked. The answer may also come from a NAT or a firewall in front of the "
     "gateway that has the gateway's address.",
     "On the gateway: accept UDP to the port before the rule that rejects: nft insert rule inet "
     "filter input udp dport PORT accept, or iptables -I INPUT -p udp --dport PORT -j ACCEPT. Do "
     "the same on a firewall in front of the gateway."},
    {FindingId::hop_rejects, "WGS-HS-003", Severity::critical, "A firewall on the path rejects",
     "An address other than the endpoint's answered that it does not let the datagram through. "
     "Port unreachable from a router means a NAT without a forward for the port, or a firewall "
     "with a REJECT rule. The other codes mean a rule. The gateway itself may also answer like "
     "this, from another of its addresses.",
     "On the router that the finding names: allow UDP to the endpoint's port, or add the port "
     "forward."},
    {FindingId::hop_unreachable, "WGS-HS-004", Severity::critical,
     "A router cannot reach the endpoint",
     "A router on the path reports that it has no route to the endpoint, that the host does not "
     "answer on the last link, that datagrams run in a loop, or that they are too long. The "
     "gateway is down, its address is wrong, or routing is broken at the router that the finding "
     "names. If the error comes from this host's own kernel, nobody on the link answers for the "
     "address or for the router towards it. If it comes from the endpoint's own address, that "
     "address belongs to a NAT whose inner host is down.",
     "On this host: traceroute -n ADDRESS shows where the path ends, ip neighbour shows who does "
     "not answer on this link. Check that the gateway is up and has the address."},
    {FindingId::silent_host_up, "WGS-HS-005", Severity::critical,
     "The host is up, but WireGuard does not answer",
     "The endpoint's host answers on other ports, or with other errors, but does not answer "
     "initiations. By design WireGuard does not answer unknown senders, so these causes look the "
     "same from outside, and no probe can distinguish them: the gateway does not know this public "
     "key; the configuration has a public key that is not the gateway's; the timestamp is not "
     "later than the last one the gateway accepted from this key; a firewall drops the port. The "
     "finding ranks them by what else is known, for example a clock that is not synchronised. If "
     "plain bytes to the port are answered with bytes, something other than WireGuard has the "
     "port.",
     "On the gateway: tcpdump -ni any udp port PORT shows whether initiations arrive. wg show all "
     "peers must list this key. wg show all public-key must be the public key in the "
     "configuration. To let the kernel name the cause in dmesg: echo module wireguard +p > "
     "/sys/kernel/debug/dynamic_debug/control. \"Invalid MAC\" then means that the configuration "
     "has the wrong public key for the gateway, \"Invalid handshake initiation\" that this peer's "
     "key or its timestamp is wrong. wgscope listen, run in place of the gateway, distinguishes "
     "the causes too."},
    {FindingId::silent, "WGS-HS-006", Severity::critical, "The host does not answer at all",
     "Neither initiations nor plain datagrams to a closed port were answered. A firewall or a "
     "provider's security group drops UDP, the host is down, the address is wrong, or this network "
     "lets no UDP out. The last router that answered shows on which side to look. Everything that "
     "keeps WireGuard itself silent (an unknown key, the wrong public key for the gateway, a stale "
     "timestamp) is still possible, because a firewall that drops everything else hides it.",
     "On this host: traceroute -n -U -p PORT ADDRESS shows how far datagrams get. On the gateway: "
     "tcpdump -ni any udp port PORT shows whether any arrive. Then check firewalls and security "
     "groups, whether the host is up, and last the keys."},
    {FindingId::wireguard_filtered, "WGS-HS-007", Severity::critical,
     "Something on the path filters WireGuard",
     "The host answers plain bytes sent to a closed port, but does not answer bytes that look like "
     "an initiation, sent to the same port in between. Something on the path recognises the shape "
     "of WireGuard packets and drops them. One caveat: hosts limit the rate of their ICMP errors "
     "(Linux: one per second to each address, six in a burst). The finding therefore takes at "
     "least two unanswered datagrams, and a busy host can still look like this.",
     "Run the probe again, and from another network: a result that changes points to the ICMP rate "
     "limit. Ask the operator of the network in between, use another network, or carry WireGuard "
     "inside a protocol that is not filtered."},
    {FindingId::under_load, "WGS-HS-008", Severity::warning, "The gateway is under load",
     "The gateway first answered with a cookie and then responded to the initiation that carried "
     "the cookie: it receives more handshakes than it can process. A cookie reply that decrypts "
     "proves that the gateway's public key is right. Tunnels come up late, and some perhaps not at "
     "all.",
     "On the gateway: tcpdump -ni any udp port PORT shows who sends initiations. Limit or drop a "
     "flood in its firewall. After a restart many peers handshake at once; that load passes by "
     "itself."},
    {FindingId::under_load_no_response, "WGS-HS-009", Severity::critical,
     "The gateway has this public key but does not respond",
     "Cookie replies arrived that decrypt with the gateway's public key. That key is therefore "
     "right, and the path works in both directions, but no response followed. A gateway sends "
     "cookies before it looks at the initiator's key, so these causes look the same: the gateway "
     "does not know this peer's public key, the timestamp is stale, or the gateway is so loaded "
     "that it drops even initiations with a valid cookie.",
     "On the gateway: wg show all peers must list this key. Then reduce the load (see WGS-HS-008) "
     "and run the probe again."},
    {FindingId::cookie_not_authentic, "WGS-HS-010", Severity::warning,
     "A cookie reply does not decrypt",
     "A cookie reply arrived that was not made for this initiation with the gateway's public key. "
     "A WireGuard with another key would not have answered at all. So somebody forges cookie "
     "replies, something damages packets, or the reply was late and belongs to an earlier "
     "initiation. The probe ignores it, as every WireGuard does.",
     "On both hosts: capture and compare (tcpdump -ni any udp). Check that the configuration has "
     "the gateway's public key; on the gateway: wg show all public-key."},
    {FindingId::preshared_key_unknown_to_server, "WGS-HS-011", Severity::critical,
     "The gateway has no preshared key for this peer",
     "The gateway's response decrypts without a preshared key, but not with the configured one. "
     "Both public keys, the path and the clock are right; only the preshared key differs. The "
     "probe found this with the response it had received and sent nothing more for it.",
     "On the gateway: wg set INTERFACE peer PUBLIC-KEY preshared-key FILE. Or delete PresharedKey "
     "from the configuration."},
    {FindingId::preshared_key_is_another_given, "WGS-HS-012", Severity::critical,
     "The gateway uses another of the given preshared keys",
     "The gateway's response decrypts with one of the keys that were given to try, but not with "
     "the configured key: the configuration is older or newer than the gateway's.",
     "Put the matching key into the configuration. Or set the configured key on the gateway: wg "
     "set INTERFACE peer PUBLIC-KEY preshared-key FILE."},
    {FindingId::preshared_key_mismatch, "WGS-HS-013", Severity::critical,
     "The preshared keys differ",
     "A response for this peer arrived (its mac1 is right), but it does not decrypt with the "
     "configured preshared key, without one, or with any key that was given to try. The gateway "
     "has another preshared key for this peer, or has one while the configuration has none. "
     "Somebody who knows this peer's public key and sees its initiation could forge such a "
     "response. To rule that out, check whether the gateway counts bytes that it sends to this "
     "peer.",
     "Set the same key on both sides: PresharedKey in [Peer] on this host, wg set INTERFACE peer "
     "PUBLIC-KEY preshared-key FILE on the gateway. To try a key without changing anything: "
     "--try-preshared-key-file FILE."},
    {FindingId::response_from_elsewhere, "WGS-HS-014", Severity::warning,
     "The response came from another address",
     "The response is authentic, but it came from another address or port than the one that the "
     "probe contacted. WireGuard accepts that. Stateful firewalls and NATs in between drop such "
     "responses, so other clients may receive nothing. Either the gateway has several addresses "
     "and answers from the wrong one, or a NAT or load balancer translates only one direction.",
     "On the gateway: make responses leave from the address that was contacted, with policy "
     "routing by source address or a source NAT rule. Or set Endpoint to the address that "
     "answers."},
    {FindingId::answered_late, "WGS-HS-015", Severity::warning,
     "The gateway answered only after a retry",
     "At least one initiation or its response was lost before one was answered, and no cookie "
     "explains that. The path loses packets, a rate limit was hit, the gateway had just started, "
     "or "
     "something else made a handshake with the same key at that moment: a gateway accepts one "
     "initiation of a key in 20 ms. A single loss can be chance; a repeated one is not.",
     "Measure the packet loss: wgscope ping. Look for rate limits in firewalls: nft list ruleset | "
     "grep limit."},
    {FindingId::some_addresses_fail, "WGS-HS-016", Severity::warning,
     "Not every address of the endpoint works",
     "The endpoint's name has several addresses, or the probe was given several ports. At least "
     "one works and at least one does not; each has its own checks, which name the cause. The "
     "tunnel works through one of them, so this finding is a warning, and the findings of the "
     "others count as no more than a warning. But WireGuard picks one address of a name and keeps "
     "it, so a client that picks a failing address has no tunnel. Addresses of an IP version that "
     "this host does not have are not counted.",
     "Fix what the finding of the failing address names, or remove that address from DNS."},
    {FindingId::reserved_bytes_set, "WGS-HS-017", Severity::critical,
     "The endpoint answers with reserved bytes set",
     "Datagrams came back that would be WireGuard messages but for their second to fourth byte, "
     "which WireGuard keeps at zero. Plain WireGuard ignores such datagrams. Some providers mark "
     "their clients in these bytes (Cloudflare WARP), and obfuscated variants change the type of "
     "messages. The keys may be right: the endpoint did respond.",
     "If the provider gave three bytes, write them into the probe's configuration: Reserved = "
     "1,2,3 in [Peer]; the probe then sends them and accepts the answers. Or use the provider's "
     "own "
     "client, or a gateway that speaks plain WireGuard."},
    {FindingId::response_too_late, "WGS-HS-018", Severity::critical,
     "The gateway responds, but too late for WireGuard",
     "Authentic responses came after the next initiation had been sent. WireGuard sends one every "
     "5 s and then forgets the one before, so no WireGuard can make a tunnel over a path whose "
     "round trip takes longer than that. Both keys are right.",
     "Find where the delay arises: mtr -n ENDPOINT, while the link is busy and while it is idle."},
    {FindingId::answers_take_another_way, "WGS-HS-019", Severity::critical,
     "The gateway answers from another address, and data is lost",
     "The response came from another address or port than the one that the probe contacted. From "
     "then on both sides use that other address, as WireGuard does, and no data arrived there or "
     "came back. One cause explains both: a NAT or load balancer that translates one direction "
     "only, or a gateway with several addresses, of which only one can be reached.",
     "On the gateway: make responses leave from the address that was contacted, with policy "
     "routing by source address or a source NAT rule."},
    {FindingId::dropped_behind_peer, "WGS-DAT-001", Severity::critical,
     "The gateway decrypts this peer's data and drops it",
     "Data was not answered, and the gateway then sent the empty packet that every WireGuard sends "
     "10 s after it received data for which it had nothing to send back. So both keys, the path in "
     "both directions and the gateway's WireGuard work, and the packets are lost after decryption. "
     "Possible causes: this peer's inner address is not in its allowed IPs on the gateway "
     "(WireGuard checks that after it sets the timer), a firewall, forwarding that is off, the "
     "reverse path filter, or a target that does not answer. From this host these causes look the "
     "same.",
     "On the gateway: wg show all allowed-ips must list this peer's inner address for its key. If "
     "it does not, wireguard_interface_receive_frame_errors_total and the column frame of ip -s -s "
     "link show INTERFACE grow (kernel WireGuard only; userspace implementations do not count "
     "these packets). Then: tcpdump -ni INTERFACE, nft list ruleset, sysctl "
     "net.ipv4.ip_forward, nstat TcpExtIPReversePathFilter."},
    {FindingId::return_data_lost, "WGS-DAT-002", Severity::critical,
     "The gateway's data does not arrive here",
     "Data was not answered, and 15 s after it the gateway began a handshake. Every WireGuard does "
     "that when it sent data and received nothing back. No data of the gateway arrived here "
     "meanwhile. So the gateway's data was lost, although handshakes pass: something on the "
     "reverse path drops WireGuard data messages.",
     "Compare what leaves the gateway with what arrives here. On the gateway: tcpdump -ni any udp "
     "port PORT. On this host: tcpdump -ni any udp. Also try from another network."},
    {FindingId::forward_data_lost, "WGS-DAT-003", Severity::critical,
     "This peer's data does not arrive at the gateway",
     "The handshake works, but data was not answered. Within 16 s neither of two packets arrived: "
     "the empty packet that a WireGuard sends after it received data without an answer, and the "
     "initiation that it sends when its answers are lost. Most likely something drops data on the "
     "forward path. Two other causes look the same: everything except handshakes is dropped in "
     "both directions, or the gateway's implementation does not send such packets.",
     "On the gateway, while the probe runs: tcpdump -ni any udp port PORT shows whether data (here "
     "128 bytes or less, message type 4) arrives after the handshake. Also try from another "
     "network, or another port of the gateway."},
    {FindingId::dies_after_seconds, "WGS-DAT-004", Severity::critical,
     "The tunnel stops working after some seconds",
     "Data passed at first, then stopped passing although the probe kept sending. What the probe "
     "tried next narrows the cause down. If another source port works, something cut the flow: "
     "inspection, or a NAT that forgot it. If a new handshake on the same port is enough, though "
     "pings right before it were lost, the gateway lost the session: another device with the same "
     "key made a handshake, or the gateway's interface was created again. Once, nothing tells "
     "these "
     "two apart; if it happens again and again, another device is the likely cause. If nothing "
     "works, the gateway went down or the address is blocked. If it happens after about 180 s, and "
     "no handshake is answered any longer, the session could not be renewed.",
     "Watch both ends while it happens: tcpdump -ni any udp. On the gateway, wg show all endpoints "
     "shows whether the endpoint of this key moves to another address."},
    {FindingId::inner_unreachable, "WGS-DAT-005", Severity::warning,
     "The tunnel works, but the target does not answer",
     "The target did not answer, but other data of the gateway arrived through the tunnel: an ICMP "
     "error that reports that the target is unreachable, or packets that are not replies, such as "
     "ICMP redirects. A gateway sends data only after it decrypted some of this peer's, so the "
     "tunnel carries data in both directions. The target, or the network behind the gateway, is "
     "where to look.",
     "On the gateway: ip route get TARGET, ping TARGET, nft list ruleset. If the probe guessed the "
     "target, name one that answers: --ping ADDRESS."},
    {FindingId::data_unanswered, "WGS-DAT-006", Severity::warning,
     "Nothing inside the tunnel answers, cause unknown",
     "Nothing inside the tunnel answered. That alone does not show that the tunnel is broken. "
     "There are three cases. The probe guessed the address from the configuration and saw the "
     "gateway decrypt its data: there may be no host with that address, or the host may not answer "
     "pings. The probe had no time to wait 10 s and 16 s for the packets that distinguish lost "
     "data from dropped data (--quick, or a short --timeout). The probe had no address to try. In "
     "all of them it is unknown whether the tunnel carries data, and so is the verdict.",
     "Name an address inside the tunnel that is known to answer: --ping ADDRESS. Run the probe "
     "without --quick and with a --timeout above 18 s. If only the handshake is of interest: "
     "--no-data."},
    {FindingId::held_with_loss, "WGS-DAT-007", Severity::warning,
     "Some pings were lost while the tunnel was watched",
     "With --hold the probe pings for a while. Some of the pings were not answered, but the tunnel "
     "did not stop. How the lost ones are distributed tells something about the cause: one stretch "
     "is a pause; every second one means two paths or two gateways that are used in turn; no "
     "pattern is loss on the path.",
     "Measure in which direction packets are lost: wgscope ping --count 100."},
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
