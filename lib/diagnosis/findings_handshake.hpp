#pragma once

#include <array>

#include "wgscope/diagnosis/finding.hpp"

// The findings about a handshake and the data that follows it. A part of the table that
// findings.cpp puts together.

namespace wgscope::diagnosis {

inline constexpr auto kHandshakeFindings = std::to_array<FindingKind>({
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
});

}  // namespace wgscope::diagnosis
