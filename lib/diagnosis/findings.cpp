#include <cassert>
#include <cstddef>
#include <span>
#include <string_view>

#include "wgscope/diagnosis/finding.hpp"

namespace wgscope::diagnosis {
namespace {

using enum Severity;

constexpr FindingKind kKinds[] = {
    {FindingId::line_not_known, "WGS-CFG-001", warning, "Line of the configuration not known",
     "The configuration has a line or a section that neither wg nor wg-quick knows. It has no "
     "effect, there or here; a mistyped key looks like this, and what it was to set is then "
     "not set.",
     "Look at the line that is named: correct its key's spelling, move it to the section "
     "where it belongs, or take it out. The keys are in wg(8) and wg-quick(8)."},
    {FindingId::key_in_use, "WGS-KEY-001", critical, "An interface of this host uses the key",
     "A WireGuard interface of this host has the private key that the probe was given. A "
     "gateway sends a peer's traffic to where its last handshake came from, so a probe with "
     "that key takes the interface's traffic away until it sends again. Nothing was sent.",
     "Give the probe a peer of its own: wg genkey, and on the gateway wg set INTERFACE peer "
     "PUBLIC-KEY allowed-ips ADDRESS/32. Where the tunnel may move, say so: "
     "--i-know-this-steals-the-endpoint."},
    {FindingId::key_use_unknown, "WGS-KEY-002", warning,
     "Whether the key is in use here is not known",
     "The interfaces of this host could not be listed, so one of them may have the probe's "
     "key, and the probe may have taken its traffic. Nothing speaks for that, either: listing "
     "them takes CAP_NET_ADMIN, which an ordinary user lacks.",
     "Make sure that the probe's key is a peer of its own, or run once as root to have it "
     "looked up."},
    {FindingId::key_readable_by_others, "WGS-KEY-003", warning, "Others can read the key's file",
     "The file that holds a private or preshared key can be read by users other than its "
     "owner. Whoever reads it can be this peer.",
     "chmod 600 FILE. If others may have read it: make a new key, and replace the old one on "
     "the gateway."},
    {FindingId::stamps_not_kept, "WGS-KEY-004", warning, "The key's last handshake is not kept",
     "A gateway ignores in silence whatever is not later than the last handshake it saw of a "
     "key. So the probe keeps the time of its last one, and stamps the next one later even if "
     "the clock went back meanwhile. Here it could not be kept: a clock that goes back would "
     "lock the key out, and look like any other silence.",
     "Make the state folder writable, or name another one: --state.dir FOLDER."},
    {FindingId::clock_set_back, "WGS-CLK-001", warning, "Clock behind the key's last handshake",
     "This host's clock shows an earlier time than when the key was last used: it was set "
     "back, or it had been ahead, or the key was used on a host whose clock is ahead. The "
     "probe stamps its handshakes later than the last one all the same. Other tunnels of this "
     "host do not: gateways ignore them in silence until the clock has passed their last "
     "handshakes.",
     "Compare the clock with true time (date -u, timedatectl, chronyc tracking) and set it "
     "right. A gateway that saw a handshake from the future forgets it when the peer is "
     "removed and added again."},
    {FindingId::clock_not_synchronised, "WGS-CLK-002", info, "Clock not synchronised",
     "The kernel says that nothing disciplines this host's clock. WireGuard does not need the "
     "right time, but one that never goes back between handshakes, restarts included; a host "
     "without a battery for its clock is a common case. While a gateway is silent this makes "
     "a stale timestamp likelier.",
     "Run a time service (chrony, systemd-timesyncd), and let it set the clock before tunnels "
     "start."},
    {FindingId::name_not_found, "WGS-NAM-001", critical, "Endpoint's name not found",
     "A name server answered that the endpoint's name does not exist, or has no address of "
     "the IP version that was asked for. Nothing was sent to the gateway. Running tunnels go "
     "on with the address that they have, so this may be seen only after a restart.",
     "Check the spelling of Endpoint. Ask for the name: getent ahosts NAME, dig NAME A, dig "
     "NAME AAAA."},
    {FindingId::name_server_silent, "WGS-NAM-002", critical, "Name servers give no answer",
     "No name server answered in time, or those that did refused or failed. Whether the name "
     "exists is not known, and neither is anything about the gateway. Name servers that are "
     "only reachable through the tunnel cannot help to build it.",
     "Look at /etc/resolv.conf and ask each server: dig @SERVER NAME. Until that works, write "
     "the endpoint as an address."},
    {FindingId::local_firewall, "WGS-LOC-001", critical, "A firewall of this host refuses to send",
     "The kernel refused a datagram before it left (EPERM, EACCES), or answered it with an "
     "ICMP error from an address of this host. That is a rule in an output chain, a prohibit "
     "route, or a policy of a container or control group; the network was not reached.",
     "Let UDP to the endpoint out: nft list ruleset, iptables -S OUTPUT (ip6tables for IPv6), "
     "ip route get ADDRESS."},
    {FindingId::no_route, "WGS-LOC-002", critical, "No route to the endpoint",
     "The routing table of this host has no way to the endpoint, an unreachable route, or one "
     "into an interface that is down. A route into a WireGuard interface counts as none where "
     "no peer of that interface covers the endpoint (ENOKEY) or that peer has no endpoint "
     "(EDESTADDRREQ): then a tunnel's allowed IPs swallow the way to its own gateway. Where "
     "the endpoint has addresses of both IP versions and this host has only one, those of the "
     "other are unknown, not failing.",
     "ip route get ADDRESS shows what is taken. Bring the network up, add a route, or keep "
     "the endpoint out of the tunnel's routes (wg-quick does so with FwMark)."},
    {FindingId::too_long_for_interface, "WGS-LOC-003", critical,
     "Datagram too long for this host's interface",
     "A datagram of the handshake is longer than the MTU of the interface that it is to leave "
     "by, or than what the kernel remembers of the path. An initiation has 148 bytes, with "
     "UDP and IP 176 or 196, so an MTU that is too small for it is a mistake. Rarely seen: the "
     "probe lets its datagrams be cut up, as WireGuard does, so most such mistakes cannot be told "
     "from a healthy path here; wgscope mtu looks for them.",
     "ip route get ADDRESS names the interface and what is remembered of the path (mtu): ip "
     "link set INTERFACE mtu 1500, ip route flush cache."},
    {FindingId::no_such_family, "WGS-LOC-004", critical, "This host has no address of that family",
     "This host has no IPv6, or no IPv4, to send from, so an endpoint's address of that "
     "version cannot be tried. That says nothing about the gateway.",
     "Give this host an address of that version, or name an address of the other version as "
     "Endpoint."},
    {FindingId::send_failed, "WGS-LOC-005", critical, "This host could not send",
     "The kernel could not send a datagram, for another reason than a firewall or a missing "
     "route. The error's name is in the evidence: EINVAL comes from blackhole routes and from "
     "addresses that cannot be sent to, ENOBUFS from an interface whose queue is full.",
     "ip route get ADDRESS, ip -s link, and dmesg show what the interface is short of."},
    {FindingId::nothing_listens, "WGS-HS-001", critical, "Nothing listens on the endpoint's port",
     "The endpoint's address answered \"port unreachable\": a host is there, and no socket has "
     "the port. WireGuard listens only while its interface is up. Not told apart: a NAT in "
     "front of the gateway that has the address and no forward for the port, and a firewall "
     "that rejects, for which port unreachable is the default; both answer in the same words.",
     "On the gateway: wg show, ss -ulpn | grep PORT, and journalctl -u wg-quick@INTERFACE "
     "where the interface is down. If all is well there, look at the NAT or firewall in "
     "front: tcpdump -ni any udp port PORT on the gateway shows nothing then."},
    {FindingId::endpoint_rejects, "WGS-HS-002", critical, "The endpoint's firewall rejects",
     "The endpoint's address answered that a rule forbids it (ICMP administratively "
     "prohibited, or an ICMP error that only a rule sends). Host and way are fine; keys were "
     "not looked at. It may be a NAT or firewall in front that has the gateway's address.",
     "Accept UDP to the port before the rule that rejects: nft insert rule inet filter input "
     "udp dport PORT accept, or iptables -I INPUT -p udp --dport PORT -j ACCEPT; the same in "
     "a firewall in front."},
    {FindingId::hop_rejects, "WGS-HS-003", critical, "A firewall on the way rejects",
     "Another address than the endpoint's answered that the datagram is not let through. Port "
     "unreachable from a hop means a NAT without a forward for the port, or a firewall's "
     "REJECT; the other codes mean a rule. It may also be the gateway itself, answering from "
     "another of its addresses.",
     "Let UDP to the endpoint's port through on the hop that is named, or add the port "
     "forward there."},
    {FindingId::hop_unreachable, "WGS-HS-004", critical, "A router cannot reach the endpoint",
     "A router on the way says that it has no way to the endpoint, that the host does not "
     "answer on its last link, that datagrams go round in a loop, or that they are too long. "
     "The gateway is down, its address is wrong, or routing is broken at the hop that is "
     "named. If the error is of this host's own kernel, nobody on the link answers for the "
     "address or for the router towards it; from the endpoint's own address it is a NAT whose "
     "inner host is down.",
     "traceroute -n ADDRESS shows where the way ends; ip neighbour shows who does not answer "
     "on this link. Check that the gateway is up and has the address."},
    {FindingId::silent_host_up, "WGS-HS-005", critical, "The host is up, its WireGuard is silent",
     "The endpoint's host answers on other ports, or with other errors, and initiations meet "
     "silence. WireGuard is silent by design to whoever it does not know, so these causes "
     "look the same from outside and no probe can tell them apart: the gateway does not know "
     "this public key; the configuration has another public key than the gateway's; the "
     "timestamp is not later than the last one the gateway saw of this key; a firewall drops "
     "the port. They are ranked by what else is known, such as a clock that is not "
     "synchronised. If plain bytes to the port are answered by bytes, something that is not "
     "WireGuard has it.",
     "On the gateway: tcpdump -ni any udp port PORT shows whether initiations arrive; wg show "
     "all peers must have this key, wg show all public-key must be the key of the "
     "configuration. The kernel says which it is after echo module wireguard +p > "
     "/sys/kernel/debug/dynamic_debug/control, in dmesg: \"Invalid MAC\" is the gateway's key, "
     "\"Invalid handshake initiation\" ours or its timestamp. wgscope listen in the gateway's "
     "place tells them apart."},
    {FindingId::silent, "WGS-HS-006", critical, "Silence, from the host as a whole",
     "Neither initiations nor plain datagrams to a closed port met any answer. A firewall or "
     "a provider's security group drops UDP, the host is down, the address is wrong, or this "
     "network lets no UDP out; the last hop that was heard of tells on which side to look. "
     "All that makes WireGuard itself silent (a key that is not known, the wrong key of the "
     "gateway, a stale timestamp) looks the same where a firewall drops everything else, so "
     "it stays possible.",
     "traceroute -n -U -p PORT ADDRESS shows how far the way goes; tcpdump -ni any udp port "
     "PORT on the gateway, whether anything arrives. Then look at firewalls and security "
     "groups, at whether the host is up, and last at keys."},
    {FindingId::wireguard_filtered, "WGS-HS-007", critical, "What looks like WireGuard is filtered",
     "Plain bytes to a closed port of the host are answered, and what looks like an "
     "initiation, sent to the same port in between, is not. Something on the way knows "
     "WireGuard by its shape and drops it. The caveat: hosts limit how often they send ICMP "
     "errors (Linux: one a second to each address, six at once), so it takes at least two "
     "unanswered datagrams to say so, and a busy host can look like this.",
     "Run it again, and from another network: a result that changes shows the ICMP limit. Ask "
     "whoever runs the network in between, use another one, or carry WireGuard inside "
     "something that is let through."},
    {FindingId::under_load, "WGS-HS-008", warning, "The gateway is under load",
     "The gateway answered with a cookie first, and responded to the initiation that carried "
     "it: it has more handshakes to do than it has time for. A cookie reply that decrypts "
     "proves the gateway's public key. Tunnels come up later, some perhaps not at all.",
     "On the gateway: tcpdump -ni any udp port PORT shows who sends initiations; limit or "
     "drop a flood in its firewall. After a restart many peers come at once, and it passes."},
    {FindingId::under_load_no_response, "WGS-HS-009", critical,
     "The gateway knows itself by this key and does not respond",
     "Cookie replies came that decrypt with the gateway's public key, so that key is right "
     "and the way works in both directions; no response followed. Cookies are sent before the "
     "initiator's key is looked at, so it is one of these, which look the same: the gateway "
     "does not know this public key, the timestamp is stale, or the load makes it drop even "
     "initiations with a valid cookie.",
     "On the gateway: wg show all peers must have this key. Then take the load away (see "
     "WGS-HS-008) and try again."},
    {FindingId::cookie_not_authentic, "WGS-HS-010", warning, "A cookie reply that does not decrypt",
     "A cookie reply came that was not made for our initiation with the gateway's public key. "
     "A WireGuard with another key would not have answered at all, so somebody forges them, "
     "something damages packets, or the reply was late and belongs to an initiation before. "
     "It is ignored, as every WireGuard does.",
     "Capture on both sides and compare (tcpdump -ni any udp). Check that the configuration "
     "has the gateway's key: wg show all public-key."},
    {FindingId::preshared_key_unknown_to_server, "WGS-HS-011", critical,
     "The gateway has no preshared key for us",
     "The gateway's response decrypts with no preshared key, and not with the configured one. "
     "Both public keys, the way and the clock are fine: the preshared key is the only thing "
     "that differs. Tried on the response that came; nothing was sent for it.",
     "On the gateway: wg set INTERFACE peer PUBLIC-KEY preshared-key FILE. Or take "
     "PresharedKey out of the configuration."},
    {FindingId::preshared_key_is_another_given, "WGS-HS-012", critical,
     "The gateway uses another of the preshared keys given",
     "The gateway's response decrypts with one of the keys that were given to try, and not "
     "with the configured one: the configuration is older or newer than the gateway's.",
     "Put the key that fits into the configuration, or the configured one onto the gateway: "
     "wg set INTERFACE peer PUBLIC-KEY preshared-key FILE."},
    {FindingId::preshared_key_mismatch, "WGS-HS-013", critical, "Preshared keys differ",
     "A response came that is meant for us (its mac1 is right) and does not decrypt, neither "
     "with the configured preshared key, nor without one, nor with any that was given to try. "
     "The gateway has another one for this peer, or has one where the configuration has none. "
     "Whoever knows our public key and sees our initiation could forge such a response, too; "
     "a gateway that counts what it sends to us tells that apart.",
     "Set the same on both sides: PresharedKey in [Peer] here, wg set INTERFACE peer "
     "PUBLIC-KEY preshared-key FILE there. --try-preshared-key-file tries one without a "
     "change."},
    {FindingId::response_from_elsewhere, "WGS-HS-014", warning,
     "The response came from another address",
     "The response is authentic, and came from another address or port than the one that was "
     "asked. WireGuard follows it. Stateful firewalls and NATs between drop such answers, so "
     "other clients may hear nothing. The gateway has several addresses and answers from the "
     "wrong one, or a NAT or load balancer translates one direction only.",
     "Have answers leave from the address that was asked: policy routing by source address, "
     "or a source NAT rule. Or name the address that answers as Endpoint."},
    {FindingId::answered_late, "WGS-HS-015", warning, "Answered only when asked again",
     "An initiation or its response was lost before one was answered, without a cookie that "
     "would explain it. The path loses packets, a rate limit was hit, or the gateway had just "
     "come up. One loss is chance; the same again and again is not.",
     "Measure the loss: wgscope ping. Look for limits in firewalls: nft list ruleset | grep "
     "limit."},
    {FindingId::some_addresses_fail, "WGS-HS-016", warning,
     "Not all addresses of the endpoint work",
     "The endpoint's name stands for several addresses, or several ports were asked for; at "
     "least one works and at least one does not. Each has checks of its own, which say why. "
     "The tunnel works through one, so this is a warning and their own findings count as no "
     "more than that; but WireGuard takes one address of a name and stays with it, so clients "
     "that get a failing one have no tunnel. Addresses of an IP version that this host lacks "
     "are not counted.",
     "Mend what the failing address's own finding names, or take it out of DNS."},
    {FindingId::dropped_behind_peer, "WGS-DAT-001", critical,
     "The gateway decrypts our data and drops it",
     "Data met no reply, and then the gateway sent the empty packet that every WireGuard "
     "sends 10 s after data that it had no answer to. So both keys, the way in both "
     "directions and the gateway's WireGuard work; the packets are lost behind its "
     "decryption: our inner address is not in its allowed IPs for this peer (that is looked "
     "at after the timer is set), a firewall, forwarding, the reverse path filter, or a "
     "target that does not answer. From here these look the same.",
     "On the gateway: wg show all allowed-ips must have our inner address for this key; "
     "wireguard_interface_receive_frame_errors_total, or column frame of ip -s -s link show "
     "INTERFACE, grows where it has not. Then tcpdump -ni INTERFACE, nft list ruleset, sysctl "
     "net.ipv4.ip_forward, nstat TcpExtIPReversePathFilter."},
    {FindingId::return_data_lost, "WGS-DAT-002", critical,
     "The gateway's data does not arrive here",
     "Data met no reply, and 15 s after it the gateway began a handshake of its own: every "
     "WireGuard does that when it sent data and heard nothing about it. So our data arrived "
     "and was answered, and the answers were lost, while handshakes pass. Something on the "
     "way back drops WireGuard's data messages.",
     "Compare what leaves the gateway with what arrives: tcpdump -ni any udp port PORT there, "
     "tcpdump -ni any udp here. Try from another network."},
    {FindingId::forward_data_lost, "WGS-DAT-003", critical,
     "Our data does not arrive at the gateway",
     "The handshake works, data met no reply, and within 16 s came neither the empty packet "
     "that a WireGuard sends after data without an answer nor the initiation that it sends "
     "when its answers are lost. Most likely our data is dropped on the way there. Not told "
     "apart: everything but handshakes is dropped in both directions, and an implementation "
     "that does not send such packets.",
     "On the gateway: tcpdump -ni any udp port PORT while this runs shows whether data (128 "
     "bytes or less here, of type 4) arrives behind the handshake. Try from another network, "
     "or another port of the gateway."},
    {FindingId::dies_after_seconds, "WGS-DAT-004", critical, "The tunnel dies after seconds",
     "Data crossed, and then ceased to while it went on being sent. What was tried next tells "
     "more: if another source port works, the flow was cut, by inspection or by a NAT that "
     "forgot it; if a new handshake on the same port is enough, the gateway lost the session "
     "or somebody else uses the same key; if nothing works, the gateway went down or the "
     "address is blocked. Near 180 s it is a session that could not be renewed.",
     "Watch both ends while it dies: tcpdump -ni any udp. On the gateway wg show all "
     "endpoints shows whether the key's endpoint moves to somebody else."},
    {FindingId::inner_unreachable, "WGS-DAT-005", warning,
     "The tunnel carries, its target does not answer",
     "An ICMP error came through the tunnel: it carries in both directions, and somebody "
     "behind it says that the target cannot be reached. That is a matter of the network "
     "behind the gateway, not of WireGuard.",
     "On the gateway: ip route get TARGET, ping TARGET, nft list ruleset. Where the target "
     "was guessed, name one that answers: --ping ADDRESS."},
    {FindingId::data_unanswered, "WGS-DAT-006", warning,
     "No answer inside the tunnel, cause not told",
     "Nobody answered inside the tunnel, and that alone does not say that it is broken. "
     "Either the address was guessed from the configuration, the gateway was seen to decrypt "
     "our data, and nobody may have that address or it may not answer ping (a warning); or "
     "there was no time to wait for the witnesses that tell lost data from dropped data, 10 "
     "and 16 s (unknown: --quick, or a short --timeout); or there was no address to try "
     "(unknown, and the verdict does not hang on it).",
     "Name an address inside the tunnel that is known to answer: --ping ADDRESS. Run without "
     "--quick, with a --timeout above 18 s."},
    {FindingId::no_reply, "WGS-PNG-001", critical, "No reply at all",
     "None of the pings through the tunnel was answered, though the handshake stands. The "
     "target may not exist or not answer pings, the gateway may drop what comes from this "
     "peer, or data may be lost where handshakes are not; wgscope handshake waits for what "
     "tells these apart.",
     "Name an address that is known to answer, or run wgscope handshake."},
    {FindingId::loss_forward, "WGS-PNG-002", warning, "Packets lost on the way there",
     "WireGuard numbers every packet, so gaps in the numbers of what the gateway sent show "
     "what was lost on the way back. Pings were not answered and there is no gap for them: "
     "the gateway sent no answer. They were lost on the way there, or the target did not "
     "answer them; these look the same.",
     "Ping at a lower rate: a target that limits its answers then answers all. Compare with "
     "the outer round trips of the same report: loss there, too, is the network's. mtr -u to "
     "the endpoint shows the hop."},
    {FindingId::loss_backward, "WGS-PNG-003", warning, "Packets lost on the way back",
     "The numbers of the gateway's packets have gaps: it sent them, and they did not arrive "
     "here. Other traffic of the tunnel counts as well. Congestion, a limit or a bad link in "
     "the direction towards this host, or this host did not keep up.",
     "Compare with the outer round trips of the same report. mtr -u from the gateway to this "
     "host shows the hop. Here: nstat -az UdpRcvbufErrors, ip -s link."},
    {FindingId::loss, "WGS-PNG-004", warning, "Packets lost",
     "Pings were not answered, and no packet of the gateway came after them whose number "
     "would have told in which direction they were lost. At the end of a run that may be "
     "chance, or a tunnel that has stopped carrying.",
     "Ping for longer. If nothing is answered any more: wgscope handshake --hold 30s."},
    {FindingId::duplicates, "WGS-PNG-005", warning, "Packets came twice",
     "The same came more than once, and the evidence says where it was doubled. WireGuard drops "
     "a packet of its own that comes again: then the way back doubles datagrams. An answer that "
     "comes twice inside the tunnel was doubled behind the gateway, by a bridge loop or two hosts "
     "with one address.",
     "On the way: look for a bridge loop or a mirrored port. Behind the gateway: look for a bridge "
     "without spanning tree, and for two hosts with the "
     "target's address (arping -D)."},
    {FindingId::reordered, "WGS-PNG-006", warning, "Packets came out of order",
     "Packets overtook each other by more than is usual: the way has several paths in "
     "parallel, or a queue in several parts. TCP takes that for loss and becomes slow. The "
     "gateway's numbers tell the way back from the way there.",
     "Look for links that are bundled packet by packet instead of flow by flow, on the way "
     "and on the gateway."},
    {FindingId::not_reachable, "WGS-RCH-001", critical, "Not reachable through the tunnel",
     "The target did not answer in time, or a host on the way said by ICMP that it cannot be "
     "reached, or nothing was sent because this configuration's allowed IPs or addresses do "
     "not cover it; the cause says which. Silence has several reasons that look the same from "
     "here: a firewall, nobody with that address, no forwarding, no route back into the "
     "tunnel. Where nothing else answers inside the tunnel either, the tunnel itself is in "
     "doubt.",
     "On the gateway: ping or connect to the target from there, tcpdump -ni any host TARGET. "
     "If that works: nft list ruleset, iptables -S FORWARD, and on the target the route back "
     "to our inner address."},
    {FindingId::refused, "WGS-RCH-002", critical, "Refused",
     "The target, or a firewall in its name, refused: a TCP reset or an ICMP port unreachable "
     "came back. Tunnel and routing work in both directions; nothing listens on the port, or "
     "a rule rejects.",
     "On the target: ss -tulpn | grep PORT. On the way: nft list ruleset | grep reject."},
    {FindingId::reachable_but_must_not, "WGS-RCH-003", critical, "Reachable, and must not be",
     "A target that must not be reachable answered through the tunnel: whatever is to keep "
     "this peer from it does not.",
     "Close it on the gateway: a rule in the forward chain for this peer's inner address, "
     "before the rule that accepts. Allowed IPs of a peer restrict its source addresses, not "
     "where it may go."},
    {FindingId::lookup_failed, "WGS-RCH-004", critical, "Name not found, or not as expected",
     "The name server that was asked, inside the tunnel or this host's own, answered that the "
     "name does not exist, or with an error, or with other addresses than expected, or not at "
     "all; the evidence says which server and what.",
     "dig @SERVER NAME, here and on the gateway. If it works there only: let UDP and TCP 53 "
     "from the tunnel through, and let the server answer our inner address."},
    {FindingId::http_status, "WGS-RCH-005", critical, "HTTP answer is an error",
     "The service answered over HTTP, with another status than was expected. Tunnel, routing "
     "and port are fine: it is a matter of the service.",
     "Look at the service's log for this time. If another status is right, expect that one."},
    {FindingId::reach_unstable, "WGS-RCH-006", warning, "Reachable only sometimes",
     "Of several tries some were answered and some were not. Loss on the way, an overloaded "
     "target, or several targets behind one address of which one is broken.",
     "Measure the loss: wgscope ping. Without loss, look at each of the targets behind the "
     "address."},
    {FindingId::reach_not_told, "WGS-RCH-007", warning, "Silence does not tell open from closed",
     "Silence over UDP looks the same from a service that does not answer what it does not "
     "know, from a filtered port and from a closed one whose host limits its ICMP errors. And "
     "where nothing else answers inside the tunnel, silence does not show that a target is "
     "closed: the tunnel may be down. So the expectation is neither met nor broken.",
     "Ask with what the service answers, or over TCP. For what must be closed: name something "
     "beside it that does answer."},
    {FindingId::stun_silent, "WGS-NAT-001", warning, "No STUN server answers",
     "None of the STUN servers that were named answered over UDP. Nothing is known of NATs on the "
     "way then, and nothing speaks for or against the tunnel: the servers may be down, or UDP to "
     "them filtered.",
     "Name servers that answer: wgscope nat --stun HOST:PORT. To know whether the gateway is "
     "reached: wgscope handshake."},
    {FindingId::stun_not_enough, "WGS-NAT-002", warning, "Too few addresses to compare mappings",
     "Whether a NAT gives a socket one outer port or one for each destination shows only where "
     "two different addresses say what they see. One answered.",
     "Name a second STUN server that is another host: wgscope nat --stun A:PORT --stun B:PORT."},
    {FindingId::stun_other_address_false, "WGS-NAT-003", warning,
     "STUN server's other address is no good",
     "To see what a NAT lets in, a server must answer from an address that nothing was sent to. "
     "This one names such an address, but it is its own, or nobody answers there, or the server "
     "does not send from it. Tests that believe such a server find every filter open.",
     "Name a server with two addresses of its own, such as coturn that listens on both."},
    {FindingId::nat_mapping_unstable, "WGS-NAT-004", warning, "The outer port changes by itself",
     "The same server saw another outer port a few seconds later, from the same socket. The NAT "
     "forgets mappings within seconds, or was restarted, or has no room left; several outer "
     "lines of which each packet takes one look the same.",
     "Try again. If it stays so: look at the NAT's table and timers, and whether several lines "
     "share the load."},
    {FindingId::nat_of_carrier, "WGS-NAT-005", warning, "Behind a carrier's NAT",
     "An address of 100.64.0.0/10 (RFC 6598), at this host or at the outer side of its router, or "
     "a private one where a public one should be: the provider translates too, so more than one "
     "NAT is on the way. Ports forwarded on the own "
     "router do not reach the internet, and the carrier's timers count.",
     "Let this side begin the tunnel, with PersistentKeepalive, to a gateway that has a public "
     "address; or use IPv6, which is not translated."},
    {FindingId::nat_lifetime_not_told, "WGS-NAT-006", warning,
     "How long mappings live could not be measured",
     "Measuring takes a STUN server that answers to another port than the one it was asked from "
     "(RESPONSE-PORT, RFC 5780), and one outer address for all sockets. No such answer came.",
     "Name a server that can do that first, such as coturn with two addresses, or wgscope listen "
     "--stun in the gateway's place: wgscope nat --stun HOST:PORT."},
    {FindingId::keepalive_missing, "WGS-NAT-007", warning, "No keepalive behind a NAT",
     "This side is behind a NAT and sends nothing while the tunnel is silent. After the lifetime "
     "of the mapping, what the gateway sends does not arrive, until this side sends again.",
     "Set PersistentKeepalive for the peer, on the side behind the NAT, to what the finding "
     "names. Leave it off where only this side ever begins."},
    {FindingId::keepalive_not_enough, "WGS-NAT-008", critical, "Keepalive too long for the NAT",
     "The NAT forgets a silent mapping before the next keepalive is due, as was measured with the "
     "same silence. Between the two the gateway does not reach this side: tunnels that work and "
     "then do not, each time for some seconds.",
     "Set PersistentKeepalive to what the finding names."},
    {FindingId::keepalive_tight, "WGS-NAT-009", warning, "Keepalive with little margin",
     "The interval is shorter than the lifetime of a mapping, but by less than half. One lost "
     "keepalive closes the flow, and so may a mapping that begins anew: until something is "
     "answered, many NATs forget it much sooner.",
     "Set PersistentKeepalive to what the finding names."},
    {FindingId::nat_beyond_router, "WGS-NAT-010", warning, "Another NAT beyond the router",
     "The next router says what its outer address is (by NAT-PMP or UPnP), and that is a private "
     "one, or not the one that STUN servers see. A private one proves a NAT beyond the router. A "
     "public one does not: the router may have several lines, or say what is not so.",
     "A port that is to be reached from outside has to be forwarded on each NAT; or make the "
     "outer one a bridge. A tunnel that is begun from this side needs only PersistentKeepalive."},
    {FindingId::twin_not_forwarded, "WGS-NAT-020", warning,
     "The gateway does not forward between its peers",
     "To see how long a silent flow lives, a second probe peer, the twin, sends to the first one "
     "through the gateway. Nothing of that came in, not even right after the first had sent, so "
     "the gateway does not pass it on. Tunnels that do not need it are none the worse.",
     "On the gateway: sysctl net.ipv4.ip_forward, and a rule in the forward chain that accepts "
     "from and to the WireGuard interface. Or measure with a TCP service: wgscope nat --tcp "
     "ADDRESS:PORT."},
    {FindingId::service_unsuitable, "WGS-NAT-021", warning,
     "The TCP service cannot be used to measure",
     "The retransmissions of a TCP service show how long a silent flow lives. That takes a service "
     "that sends something, and whose host goes on sending it again for as long as is to be "
     "measured. This one does not answer, refuses, says nothing, or gave up too early; the cause "
     "says which. It says nothing about the tunnel's flow.",
     "Name one that sends first, as SSH does, or that answers HTTP: wgscope nat --tcp "
     "ADDRESS:PORT. Or use a second probe peer: wgscope nat --twin FILE."},
    {FindingId::gateway_speaks, "WGS-NAT-022", info, "The gateway sends by itself",
     "While this side was to be silent, packets came from the gateway that nothing had asked for: "
     "a PersistentKeepalive is set there for this peer, or a host behind it sends. They may "
     "refresh the mapping, so that the flow looks longer-lived than it is for other peers.",
     "On the gateway: wg show INTERFACE persistent-keepalive. Take it off for the probe's peer "
     "while measuring."},
    {FindingId::mtu_black_hole_forward, "WGS-MTU-001", critical,
     "Full packets vanish on the way to the gateway",
     "Datagrams up to some size arrive at the gateway, and larger ones do not, again and again, "
     "while small ones beside them pass; no router says \"too big\". So pings and handshakes "
     "work, and transfers hang. Measured with datagrams that must not be cut; whether fragments "
     "pass is in the evidence.",
     "Set the tunnel's MTU, at both ends, to what fits the path; or let ICMP type 3 code 4 and "
     "ICMPv6 type 2 pass on the way."},
    {FindingId::mtu_black_hole_backward, "WGS-MTU-002", critical,
     "Full packets vanish on the way back",
     "Replies of the gateway up to some size arrive here, and larger ones do not, though the "
     "requests for them arrive there. A host inside that does not answer large pings looks the "
     "same.",
     "Set the tunnel's MTU, at both ends, to what fits the path. To make sure, ping another host "
     "inside the tunnel."},
    {FindingId::mtu_reported, "WGS-MTU-003", warning, "The tunnel's MTU is too large for the path",
     "Full datagrams do not pass whole, and a router on the way says so with the MTU of its next "
     "link, which proved right. What may be cut goes in fragments; what must not is lost until "
     "the sender has learnt.",
     "Set the tunnel's MTU, at both ends, to what fits the path."},
    {FindingId::mtu_fragments, "WGS-MTU-004", warning, "The gateway's datagrams come in fragments",
     "Full datagrams of the gateway are cut on the way, or by the gateway itself, and put "
     "together here. That costs throughput, doubles what one lost packet costs, and fails "
     "wherever a firewall drops fragments.",
     "Set the tunnel's MTU, at both ends, to what fits the path."},
    {FindingId::mtu_loss, "WGS-MTU-005", warning, "Packets are lost, but not for their size",
     "Packets of every size are lost now and then, small ones too, and large ones pass as well. "
     "The MTU is not what is wrong.",
     "wgscope ping measures the loss in each direction."},
    {FindingId::mtu_untrue_report, "WGS-MTU-006", warning, "A router reports an MTU that is wrong",
     "An ICMP \"too big\" came about a datagram of ours, with an MTU that larger datagrams "
     "exceed and pass all the same: a router with a wrong setting, several paths of different "
     "MTUs, or a forgery. Hosts that believe it send smaller packets than they could.",
     "On this host: ip route get ENDPOINT shows the MTU that is believed, ip route flush cache "
     "forgets it. Otherwise, ask whose router it is."},
    {FindingId::mtu_peer_smaller, "WGS-MTU-007", warning, "The gateway's tunnel has a smaller MTU",
     "The gateway cut its replies into fragments inside the tunnel, since they did not fit its "
     "tunnel interface, though they fit ours. Nothing is lost by that alone; TCP of hosts behind "
     "it that drop ICMP may hang.",
     "Set the same MTU at both ends."},
    {FindingId::mtu_below_ipv6, "WGS-MTU-008", warning, "The MTU that fits is too small for IPv6",
     "IPv6 needs an MTU of 1280 on every link. A tunnel with a smaller one has no IPv6: Linux "
     "takes the addresses off.",
     "Use a path that takes more, or only IPv4 inside this tunnel."},
    {FindingId::mtu_unanswered, "WGS-MTU-009", warning, "Nothing answers inside the tunnel",
     "The search needs a host inside the tunnel that answers pings, the gateway itself or one "
     "behind it; none did, or none is known.",
     "Name one that answers: wgscope mtu ADDRESS. Where none does, wgscope handshake tells what "
     "becomes of data."},
    {FindingId::mtu_own_interface, "WGS-MTU-010", warning,
     "The tunnel's MTU is too large for an end's own interface",
     "A full tunnel packet makes a datagram that is larger than the interface takes by which it "
     "is to leave: it is cut into fragments before it is sent, or not sent where that is "
     "forbidden. Linux' own MTU for a WireGuard interface is its underlying interface's, less 80.",
     "Set the tunnel's MTU to what fits, or the interface's MTU to what its link takes."},
    {FindingId::mtu_mss_too_large, "WGS-MTU-011", warning,
     "TCP segments larger than the path takes",
     "A service inside the tunnel announces a maximum segment size (MSS) that makes packets larger "
     "than the path takes, and nobody on the way made it smaller. Hosts with a tunnel interface of "
     "the right MTU are not affected; hosts that are routed through the tunnel send such segments, "
     "and hang where ICMP does not reach them.",
     "Set the tunnel's MTU to what fits, and let the gateway lower the MSS of connections that go "
     "through it."},
    {FindingId::outer_unanswered, "WGS-MTU-012", warning, "The host answers neither pings nor UDP",
     "Looking at a path without a tunnel takes something at its far end that answers: echo "
     "requests, or UDP to ports on which nobody listens. A firewall drops both, or there is no "
     "such host, or no way there. Nothing is known of the path's MTU then, nor anything against "
     "it.",
     "Name another host behind the same path, or let the firewall answer pings. With a key of its "
     "own the search goes through the tunnel: wgscope mtu --config FILE."},
};

}  // namespace

std::string_view to_string(Severity severity) {
  switch (severity) {
    case info: return "info";
    case warning: return "warning";
    case critical: return "critical";
  }
  return "";
}

std::span<const FindingKind> finding_kinds() { return kKinds; }

const FindingKind& kind_of(FindingId id) {
  const FindingKind& kind = kKinds[static_cast<std::size_t>(id)];
  assert(kind.key == id);
  return kind;
}

}  // namespace wgscope::diagnosis
