#pragma once

#include <array>

#include "wgscope/diagnosis/finding.hpp"

// The findings about what files say: wgscope lint. A part of the table that findings.cpp
// puts together. WGS-LNT-030 and on are about both ends of a tunnel, 040 and on about the
// inventory, 050 and on about files of systemd-networkd.

namespace wgscope::diagnosis {

inline constexpr auto kLintFindings = std::to_array<FindingKind>({
    {FindingId::lint_file_unread, "WGS-LNT-001", Severity::critical, "A file could not be read",
     "The file does not exist, this user may not read it, or it is larger than a file of its "
     "kind can be. Nothing is known about it. The other files were looked at. If nothing worse "
     "was found, the exit code is 3.",
     "Correct the path or the permissions, or run the command as a user who may read the file."},
    {FindingId::lint_line_malformed, "WGS-LNT-002", Severity::critical, "A line cannot be read",
     "wg and wg-quick, or systemd-networkd for its own files, refuse the whole file because of "
     "this line, so no tunnel starts from it. A tunnel that runs from an earlier version of the "
     "file stops at its next restart.",
     "Write the line as the finding says. wg(8) and wg-quick(8), or systemd.netdev(5), list the "
     "valid keys and values. On the host of the file: wg-quick strip INTERFACE shows what wg-quick "
     "passes to wg."},
    {FindingId::lint_key_exposed, "WGS-LNT-003", Severity::critical,
     "A private key is used as a peer's public key",
     "A PublicKey of the file is the file's own PrivateKey. Both have 44 characters and are "
     "easily confused. No peer has this public key. If the line was copied from or to another "
     "host, the private key is known there.",
     "Set PublicKey to the peer's public key; on the peer's host: wg show INTERFACE public-key. "
     "If the private key left its host, make a new one with wg genkey."},
    {FindingId::lint_key_zero, "WGS-LNT-004", Severity::critical, "A key is all zeros",
     "WireGuard takes a private or preshared key of zeros for no key, and no host has a public "
     "key of zeros. The tunnel has no identity, no peer, or not the additional protection that "
     "the file seems to give it.",
     "Replace the key: wg genkey makes a private key, wg pubkey derives the public one, wg "
     "genpsk makes a preshared key. If no preshared key is wanted, delete the line."},
    {FindingId::lint_own_key_as_peer, "WGS-LNT-005", Severity::critical,
     "A peer has the interface's own public key",
     "The PublicKey of a peer belongs to the PrivateKey of the same file. The kernel ignores "
     "such a peer without an error, so the peer that was meant does not exist.",
     "Set PublicKey to the key of the other host; on that host: wg show INTERFACE public-key."},
    {FindingId::lint_key_in_two_files, "WGS-LNT-006", Severity::warning,
     "Two files have the same private key",
     "Two files have the same PrivateKey and a peer in common. If both tunnels run at once, that "
     "peer cannot tell them apart: each handshake takes the session from the other one, and both "
     "lose packets. Two files of one device, of which only one is used at a time, work.",
     "Give each device a key of its own: wg genkey, then register the public key at the peer. If "
     "only one of the files is used at a time, add the comment # wgscope: ignore WGS-LNT-006 "
     "above the PrivateKey."},
    {FindingId::lint_key_has_two_names, "WGS-LNT-007", Severity::warning,
     "One peer has different names in two files",
     "Two files name the same public key differently. One of the names is wrong or out of date, "
     "or one of the files has the key of another device.",
     "Compare the public key with that of the device (wg show INTERFACE public-key), and use one "
     "name."},
    {FindingId::lint_prefix_host_bits, "WGS-LNT-008", Severity::warning,
     "Allowed IPs have host bits",
     "The address of the prefix has bits beyond the prefix length. WireGuard clears them without "
     "an error, so 10.9.0.7/24 means all of 10.9.0.0/24. Often a single address was meant.",
     "Write the prefix without its host bits, or the single address with /32 or /128."},
    {FindingId::lint_prefix_inside_other, "WGS-LNT-009", Severity::info,
     "Allowed IPs of one peer are inside those of another",
     "WireGuard sends to the peer with the longest matching prefix. So the narrower prefix takes "
     "its addresses away from the other peer. This is correct if the addresses moved, and a "
     "mistake if both peers have the same network. Prefixes inside a default route, or inside "
     "the interface's own network, are ordinary and not reported.",
     "Check which peer the addresses belong to. Correct the other peer's prefix if the overlap "
     "is not intended."},
    {FindingId::lint_prefix_too_broad, "WGS-LNT-010", Severity::warning,
     "A peer that connects by itself may use any address",
     "The file has several peers. One of them has no Endpoint, so it is most likely a client, "
     "and its allowed IPs are far wider than a client needs. On a gateway, AllowedIPs lists the "
     "addresses that the client has inside the tunnel. With a default route there, the gateway "
     "accepts packets with any source address from this client, and sends the client all traffic "
     "that no other peer claims. Usually AllowedIPs was copied from the client's file.",
     "Set AllowedIPs to the client's addresses inside the tunnel, such as 10.9.0.7/32."},
    {FindingId::lint_default_one_family, "WGS-LNT-011", Severity::warning,
     "The default route covers only one IP version",
     "All IPv4 traffic goes into the tunnel, but IPv6 traffic does not, or the reverse. On a "
     "network that has both, connections over the other version leave outside the tunnel, "
     "unencrypted by it and with the host's own address.",
     "Write AllowedIPs = 0.0.0.0/0, ::/0. If the tunnel carries only one version, block the "
     "other one with a firewall rule."},
    {FindingId::lint_endpoint_in_tunnel, "WGS-LNT-012", Severity::warning,
     "The route to the endpoint leads into the tunnel",
     "The endpoint's address is inside the allowed IPs of its own peer, and wg-quick or "
     "systemd-networkd installs a route for them. Unless the host has a narrower route to the "
     "endpoint, the encrypted packets are routed into the tunnel again and never leave the host. "
     "wg-quick prevents this only for prefixes of length 0 (0.0.0.0/0, ::/0), by a firewall mark "
     "and a routing table; not for halves such as 0.0.0.0/1. networkd prevents it only where "
     "FirewallMark, RouteTable and a [RoutingPolicyRule] say so.",
     "Take the endpoint's address out of AllowedIPs, write 0.0.0.0/0 instead of its halves, or "
     "add a route to the endpoint: PreUp = ip route add ENDPOINT via ROUTER."},
    {FindingId::lint_dns_outside, "WGS-LNT-013", Severity::warning,
     "DNS queries do not go through the tunnel",
     "The host uses this name server because of the file, but no peer's allowed IPs cover its "
     "address. Queries do not go through the tunnel: with wg-quick they leave outside of it, where "
     "the local network can read them, and a name server that only the tunnel reaches does not "
     "answer.",
     "Add the name server's address to the AllowedIPs of the peer behind which it is, or use a "
     "name server inside the allowed IPs."},
    {FindingId::lint_keepalive_missing, "WGS-LNT-014", Severity::warning,
     "Behind a NAT, but without PersistentKeepalive",
     "The host of this file is behind a NAT or a stateful firewall, as --behind-nat or the label "
     "nat of the inventory says. After a silence these forget the tunnel's flow, often within 30 "
     "to 180 seconds. Then the peer cannot reach this host until this host sends something.",
     "Add PersistentKeepalive = 25 to the peer. On the host: wgscope nat --config FILE measures "
     "how long the NAT remembers the flow."},
    {FindingId::lint_keepalive_long, "WGS-LNT-015", Severity::warning,
     "PersistentKeepalive is longer than NATs remember",
     "NATs may forget a UDP flow after 120 seconds of silence (RFC 4787, REQ-5), and many forget "
     "it after 30. A keepalive that comes later does not keep the flow open.",
     "Set PersistentKeepalive = 25. On the host: wgscope nat --config FILE measures how long the "
     "NAT remembers the flow."},
    {FindingId::lint_mtu_below_ipv6, "WGS-LNT-016", Severity::critical,
     "The MTU is too small for IPv6",
     "IPv6 needs an MTU of at least 1280 bytes (RFC 8200, section 5). Linux removes the IPv6 "
     "addresses of an interface with a smaller MTU and refuses IPv6 routes, at which wg-quick "
     "stops and removes the interface.",
     "Set MTU to 1280 or more, or remove the IPv6 addresses and prefixes. On the host: wgscope "
     "mtu --config FILE measures what fits."},
    {FindingId::lint_mtu_large, "WGS-LNT-017", Severity::info,
     "The MTU is larger than an ordinary path carries",
     "WireGuard adds 60 bytes over IPv4 and 80 over IPv6. A path with the usual MTU of 1500 "
     "bytes carries tunnel packets of 1440 or 1420 bytes. Larger ones need a path with a larger "
     "MTU, or they are fragmented or dropped.",
     "On the host: wgscope mtu --config FILE measures the path and says which MTU fits."},
    {FindingId::lint_file_changeable, "WGS-LNT-018", Severity::critical,
     "Others can change what runs as root",
     "Somebody other than root can change this file, and redirect the tunnel. wg-quick runs the "
     "commands of PostUp and its like as root, so whoever can change such a file can become root.",
     "On the host: chown root: FILE, then chmod 600 FILE; for the directory chmod 700. For files "
     "of "
     "systemd-networkd: chown root:systemd-network FILE, chmod 640 FILE, for the directory 755."},
    {FindingId::lint_command_broken, "WGS-LNT-019", Severity::critical,
     "The shell cannot parse a command",
     "A quote or a parenthesis in the command is not closed. wg-quick hands the command to bash, "
     "which refuses it. Then wg-quick stops: with PreUp and PostUp, it removes the interface "
     "again. wg-quick also cuts every line at the first #, even inside quotes.",
     "Close the quote. A command that needs a # goes into a script of its own, which the line "
     "calls."},
    {FindingId::lint_command_placeholder, "WGS-LNT-020", Severity::warning,
     "A placeholder of a command is misspelt",
     "In commands, wg-quick replaces %i by the interface's name, and nothing else: %I stays as "
     "it is, and of %interface only the first two characters are replaced.",
     "Write %i, followed by something other than a letter."},
    {FindingId::lint_command_key, "WGS-LNT-021", Severity::critical,
     "A command contains a secret key",
     "A command contains a private or preshared key. wg-quick prints each command that it runs, "
     "so the key gets into the journal, and the process list shows the arguments of programs to "
     "all users.",
     "Put the key in a file that only root can read, and name that file in the command, or use "
     "PrivateKey and PresharedKey. Replace the key if other users could see it."},
    {FindingId::lint_save_config, "WGS-LNT-022", Severity::warning,
     "SaveConfig overwrites a file that something else writes",
     "With SaveConfig = true, wg-quick replaces the file when the tunnel goes down, by the state "
     "of the interface. The comments of the file say that it is generated, or name its peers: "
     "the saved file loses changes that were made meanwhile, and all comments on peers.",
     "Remove SaveConfig = true."},
    {FindingId::lint_value_unclear, "WGS-LNT-023", Severity::warning,
     "A value means something else than it seems to",
     "wg, wg-quick or systemd-networkd accepts the value, but most likely takes it for something "
     "else than was meant.",
     "Write the value as the finding says."},
    {FindingId::lint_setting_repeated, "WGS-LNT-024", Severity::warning, "A setting is given twice",
     "A key that holds one value is set twice in one section. The last line counts, without an "
     "error.",
     "Delete the line that is not meant."},
    {FindingId::lint_address_unusable, "WGS-LNT-025", Severity::warning,
     "The interface has the address of its whole network",
     "Address has a network's first or last IPv4 address, which stand for the network itself and "
     "for all of its hosts. Other programs refuse to talk to such an address, or send to it as a "
     "broadcast.",
     "Give the interface an address of its own in the network, such as 10.9.0.1/24."},
    {FindingId::lint_file_name, "WGS-LNT-026", Severity::info,
     "wg-quick does not accept the file's name",
     "wg-quick names the interface after the file. The name in front of .conf may have at most "
     "15 characters, and only letters, digits and the characters _ = + . -",
     "Rename the file, for instance to wg0.conf, unless it is installed under another name."},
    {FindingId::lint_ends_key_unknown, "WGS-LNT-030", Severity::critical,
     "The other end does not have this key",
     "Both ends of a tunnel were given. This end has the other as a peer, but the other end has "
     "no peer with this end's public key. It ignores the handshakes of this end, so there is no "
     "tunnel.",
     "Add this end's public key as a [Peer] to the other file."},
    {FindingId::lint_ends_preshared, "WGS-LNT-031", Severity::critical,
     "The preshared keys of the two ends differ",
     "Both ends of a tunnel were given. Only one of them has a preshared key for the other, or "
     "they have different ones. The handshake fails at its response, so there is no tunnel.",
     "Set the same PresharedKey on both ends, or remove it from both. wg genpsk makes one."},
    {FindingId::lint_ends_address, "WGS-LNT-032", Severity::warning,
     "The other end does not accept this end's address",
     "Both ends of a tunnel were given. An Address of this end is not within the allowed IPs "
     "that the other end has for it. The other end drops packets from this address and sends it "
     "nothing through the tunnel. This is correct only where this end never sends from the "
     "address.",
     "Add the address to AllowedIPs of this peer on the other end."},
    {FindingId::lint_ends_same_address, "WGS-LNT-033", Severity::critical,
     "Both ends have the same address",
     "Both ends of a tunnel were given, and both interfaces have the same address. Each end "
     "takes packets to that address for its own, so they cannot talk to each other.",
     "Give one of the ends another address, and correct the allowed IPs for it on the other end."},
    {FindingId::lint_ends_port, "WGS-LNT-034", Severity::warning,
     "The endpoint has another port than the other end listens on",
     "Both ends of a tunnel were given. The port of Endpoint is not the ListenPort of the other "
     "end. That is correct only where a port forwarding translates one to the other.",
     "Use the same port in Endpoint on this end and in ListenPort on the other."},
    {FindingId::lint_ends_no_endpoint, "WGS-LNT-035", Severity::critical,
     "Neither end knows the other's address",
     "Both ends of a tunnel were given, and neither has an Endpoint for the other. Neither can "
     "begin, so there is no tunnel.",
     "Add Endpoint = HOST:PORT to the peer on one end: that of the end which has a fixed address "
     "and port."},
    {FindingId::lint_ends_mtu, "WGS-LNT-036", Severity::info, "The two ends have different MTUs",
     "Both ends of a tunnel were given, and their MTUs differ. TCP takes the smaller value of "
     "both. UDP does not: packets that fit one end may be too large for the path of the other.",
     "Set the same MTU on both ends."},
    {FindingId::lint_ends_no_keepalive, "WGS-LNT-037", Severity::info,
     "No end keeps the tunnel open",
     "Both ends of a tunnel were given. One end has no Endpoint for the other, so it must wait "
     "for that end, and no end has PersistentKeepalive. After a silence, NATs and firewalls on "
     "the path may drop what the waiting end sends.",
     "If the waiting end must be able to begin, set PersistentKeepalive = 25 on the other end."},
    {FindingId::lint_inventory_error, "WGS-LNT-040", Severity::critical,
     "The inventory has an error",
     "A file of the inventory cannot be used as it is: docs/inventory.md lists the rules. "
     "Nothing in a file with an error of its own counts.",
     "Correct the line that the finding names."},
    {FindingId::lint_inventory_warning, "WGS-LNT-041", Severity::warning,
     "The inventory has a doubtful line",
     "A line of the inventory is not used as it is written, such as an unknown field.",
     "Correct or delete the line that the finding names."},
    {FindingId::lint_policy_prefix, "WGS-LNT-042", Severity::critical,
     "A prefix is wider than the policy allows",
     "The policy widest_prefix of the inventory limits how wide the allowed IPs of peers with "
     "these labels may be.",
     "Give the peer narrower prefixes, or change the policy."},
    {FindingId::lint_policy_overlap, "WGS-LNT-043", Severity::critical,
     "Tenants that must not overlap do",
     "The policy no_overlap of the inventory names a label. The allowed IPs of two peers overlap "
     "although their values of the label differ. One receives packets that belong to the other, "
     "or can send with its addresses.",
     "Give each of the peers prefixes of its own."},
    {FindingId::lint_policy_reach, "WGS-LNT-044", Severity::critical,
     "Peers that must not reach one another are connected",
     "The policy no_reach of the inventory names a label. A file or an interface connects "
     "holders of different values of the label: one has the other as a peer, or routes the "
     "other's addresses into its tunnel. Whether a gateway's firewall stops them is not known "
     "from files. On a host of one of them: wgscope reach --expect-closed shows whether it does.",
     "Remove the peer or the prefix."},
    {FindingId::lint_policy_reserved, "WGS-LNT-045", Severity::critical,
     "A peer uses what is reserved for others",
     "The policy reserved of the inventory keeps prefixes or ports for holders of certain "
     "labels, and this peer or interface does not have these labels.",
     "Use another prefix or port, or give the peer the labels that the policy asks for."},
    {FindingId::lint_peer_ignored, "WGS-LNT-050", Severity::critical,
     "systemd-networkd ignores a whole peer",
     "A [WireGuardPeer] without PublicKey, or with a malformed Endpoint, PersistentKeepalive or "
     "RouteMetric, is ignored as a whole: systemd-networkd creates the interface without this "
     "peer, and says so in its log only.",
     "Write the line as the finding says. On the host: journalctl -u systemd-networkd shows what "
     "networkd ignores. The valid values are listed in systemd.netdev(5)."},
    {FindingId::lint_networkd_no_route, "WGS-LNT-051", Severity::warning,
     "No route leads into the tunnel",
     "Unlike wg-quick, systemd-networkd makes no routes of AllowedIPs unless RouteTable is set. "
     "Packets to these addresses do not enter the tunnel, unless something other than networkd "
     "adds a route, such as a routing daemon. Routes in another table than main are used only "
     "where a [RoutingPolicyRule] names the table.",
     "Set RouteTable=main under [WireGuard], or add a [Route] to the .network file. With another "
     "table, add a [RoutingPolicyRule] with this table. If something else adds the routes, add "
     "the comment # wgscope: ignore WGS-LNT-051 above the line."},
    {FindingId::lint_networkd_unmanaged, "WGS-LNT-052", Severity::warning,
     "No .network file is for the interface",
     "A .netdev file only creates the interface. Addresses, routes and bringing it up are the "
     "matter of a .network file whose [Match] fits, and there is none among the files that were "
     "looked at.",
     "Add a .network file with [Match] Name=INTERFACE and [Network] Address=… to the same "
     "directory."},
    {FindingId::lint_networkd_no_key, "WGS-LNT-053", Severity::critical,
     "systemd-networkd has no key",
     "Without a private key, systemd-networkd does not create the interface. Without the preshared "
     "key of PresharedKeyFile, it ignores the whole peer. The key is missing, or the file that "
     "should have it is missing or has something else.",
     "On the host: wg genkey | tee PATH makes a private key, wg genpsk a preshared key. Let "
     "root:systemd-network own the file, with mode 640."},
    {FindingId::lint_networkd_unreadable, "WGS-LNT-054", Severity::critical,
     "systemd-networkd cannot read a file",
     "systemd-networkd runs as the user systemd-network. If that user cannot read a .netdev file, "
     "one of its drop-ins or its private key, networkd does not create the interface. What it "
     "cannot read of a .network file has no effect. It says so in its log only.",
     "On the host: chown root:systemd-network FILE, then chmod 640 FILE."},
});

}  // namespace wgscope::diagnosis
