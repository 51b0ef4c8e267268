#pragma once

#include <array>

#include "wgscope/diagnosis/finding.hpp"

// The findings about what is declared and what is there: wgscope drift, and the exporter. A part of
// the table that findings.cpp puts together.

namespace wgscope::diagnosis {

inline constexpr auto kDriftFindings = std::to_array<FindingKind>({
    {FindingId::drift_other_host, "WGS-DRF-001", Severity::warning,
     "The inventory declares nothing for this host",
     "All declared interfaces are for other hosts. Most likely this host has another name in the "
     "inventory. Nothing was compared.",
     "Give the name that the inventory uses: wgscope drift --host NAME. Or add this host to the "
     "hosts of an interface."},
    {FindingId::drift_interface_missing, "WGS-DRF-002", Severity::critical,
     "A declared interface does not exist",
     "The inventory declares the interface for this host, and neither the kernel nor a userspace "
     "implementation has it. None of its peers has a tunnel.",
     "On this host: wg-quick up INTERFACE, or start whatever sets the interface up. If it was "
     "removed on purpose, remove it from the inventory."},
    {FindingId::drift_interface_undeclared, "WGS-DRF-003", Severity::warning,
     "An interface exists that nobody declared for this host",
     "The inventory declares interfaces of this host, but not this one. Each of its peers counts "
     "as "
     "undeclared, except those that are declared for every interface.",
     "Declare the interface and its peers; wgscope inventory from INTERFACE prints a draft. If "
     "other "
     "software looks after the interface, list it under unmanaged_interfaces in the inventory. Or "
     "remove it: ip link del INTERFACE."},
    {FindingId::drift_interface_down, "WGS-DRF-004", Severity::critical,
     "A declared interface is down",
     "The interface exists and is administratively down, so no packet passes it, and the kernel "
     "has removed its routes.",
     "On this host: ip link set up dev INTERFACE. Then check the routes."},
    {FindingId::drift_interface_key, "WGS-DRF-005", Severity::critical,
     "An interface has another key than declared",
     "The public key of the interface is not the declared one. Peers that are configured with the "
     "declared key get no answer to their handshakes.",
     "Set the private key that belongs to the declared public key: wg set INTERFACE private-key "
     "FILE. If the key was replaced on purpose, change the inventory, and all peers."},
    {FindingId::drift_listen_port, "WGS-DRF-006", Severity::critical,
     "An interface listens on another port than declared",
     "Peers, firewalls and port forwardings that use the declared port do not reach the interface.",
     "On this host: wg set INTERFACE listen-port PORT. Or change the inventory."},
    {FindingId::drift_mtu, "WGS-DRF-007", Severity::warning,
     "An interface has another MTU than declared",
     "wg syncconf does not change the MTU of an interface that runs. With an MTU that is too large "
     "for the path, large packets get lost.",
     "On this host: ip link set dev INTERFACE mtu BYTES. Or change the inventory."},
    {FindingId::drift_fwmark, "WGS-DRF-008", Severity::warning,
     "An interface has another fwmark than declared",
     "Policy rules use the mark to tell the encrypted packets of the tunnel from those that belong "
     "inside it. With another mark they may take another way, or go into the tunnel in a loop.",
     "On this host: wg set INTERFACE fwmark MARK. Or change the inventory."},
    {FindingId::drift_address_missing, "WGS-DRF-009", Severity::critical,
     "An interface lacks a declared address",
     "wg syncconf does not change the addresses of an interface that runs. Peers that send to the "
     "declared address do not reach this host.",
     "On this host: ip address add ADDRESS dev INTERFACE."},
    {FindingId::drift_address_undeclared, "WGS-DRF-010", Severity::warning,
     "An interface has an address that nobody declared",
     "wg syncconf leaves addresses of an earlier configuration behind. This host may send from an "
     "address that its peers do not accept. Link-local IPv6 addresses do not count.",
     "On this host: ip address del ADDRESS dev INTERFACE. Or add the address to the inventory."},
    {FindingId::drift_route_elsewhere, "WGS-DRF-011", Severity::warning,
     "Traffic for declared allowed IPs leaves by another interface",
     "The kernel sends packets for a prefix that is declared for a peer of this interface to "
     "another interface, and no other routing table leads it here. Such packets do not go "
     "through the tunnel. wg syncconf adds no routes for new peers; wg-quick up does.",
     "On this host: ip route add PREFIX dev INTERFACE."},
    {FindingId::drift_route_missing, "WGS-DRF-012", Severity::warning,
     "No route leads to a declared prefix",
     "The kernel has no route for a prefix that is declared for a peer of this interface, so that "
     "nothing is sent to it. wg syncconf adds no routes for new peers; wg-quick up does.",
     "On this host: ip route add PREFIX dev INTERFACE."},
    {FindingId::drift_route_left_over, "WGS-DRF-013", Severity::warning,
     "A route leads to the interface for a prefix that is declared for none of its peers",
     "wg syncconf leaves routes of an earlier configuration behind. WireGuard drops packets that "
     "no peer's allowed IPs cover, so that such destinations cannot be reached at all.",
     "On this host: ip route del PREFIX dev INTERFACE."},
    {FindingId::drift_peer_missing, "WGS-DRF-014", Severity::critical, "A declared peer is missing",
     "The inventory declares the peer for this interface, and the interface does not have its "
     "key, nor that of its successor. The peer has no tunnel.",
     "On this host, run the command that the finding shows. Or remove the peer from the "
     "inventory."},
    {FindingId::drift_peer_undeclared, "WGS-DRF-015", Severity::critical,
     "A key has access that nobody declared",
     "The interface has a peer whose key is in no declaration for it. Whoever has that key can use "
     "the tunnel. The key of a peer that was removed from the inventory looks like this, and so "
     "does one that somebody added by hand.",
     "If nobody knows the key, remove it on this host: wg set INTERFACE peer KEY remove. Otherwise "
     "declare it."},
    {FindingId::drift_key_retired, "WGS-DRF-016", Severity::warning,
     "The old key of a rotation still has access",
     "The last day of the old key is over, and the interface still has it beside or instead of its "
     "successor.",
     "On this host: wg set INTERFACE peer OLD-KEY remove. If the rotation needs more time, move "
     "the date of the successor in the inventory."},
    {FindingId::drift_allowed_ips, "WGS-DRF-017", Severity::critical,
     "A peer has other allowed IPs than declared",
     "Allowed IPs decide which packets go to the peer, and which source addresses it may use. What "
     "is missing cannot be reached through the peer; what is there in addition lets the peer use "
     "addresses that nobody gave it.",
     "On this host: wg set INTERFACE peer KEY allowed-ips PREFIXES. Or change the inventory."},
    {FindingId::drift_allowed_ips_taken, "WGS-DRF-018", Severity::critical,
     "Another peer has the allowed IPs of a peer",
     "A prefix belongs to one peer of an interface only. When a second peer gets the same prefix, "
     "the kernel takes it from the first without an error. Traffic for the declared peer goes to "
     "the other one.",
     "Give the prefix back on this host: wg set INTERFACE peer KEY allowed-ips PREFIXES. Then "
     "correct whatever gave it to the other peer."},
    {FindingId::drift_prefix_too_broad, "WGS-DRF-019", Severity::warning,
     "A prefix is wider than the policy allows",
     "The inventory's policy limits how wide the allowed IPs of peers with these labels may be. "
     "The peer can use all addresses of the prefix, also those of others.",
     "Narrow the allowed IPs of the peer, in the inventory and on this host."},
    {FindingId::drift_keepalive, "WGS-DRF-020", Severity::warning,
     "A peer has another persistent keepalive than declared",
     "Without the keepalive, a NAT between this host and the peer may forget the tunnel while it "
     "is idle.",
     "On this host: wg set INTERFACE peer KEY persistent-keepalive SECONDS. Or change the "
     "inventory."},
    {FindingId::drift_preshared_key, "WGS-DRF-021", Severity::critical,
     "A preshared key is there or missing, against the declaration",
     "Both sides of a tunnel need the same preshared key, or none. Only its presence is compared: "
     "an inventory has no secrets.",
     "On this host: wg set INTERFACE peer KEY preshared-key FILE; with /dev/null in place of the "
     "file the key is removed. The other side needs the same change."},
    {FindingId::drift_endpoint, "WGS-DRF-022", Severity::warning,
     "A peer has another endpoint than declared",
     "The interface sends to another address or port than the declared one, and the peer has no "
     "live session that would explain it: a peer that roams has a handshake that is younger than "
     "180 s.",
     "On this host: wg set INTERFACE peer KEY endpoint HOST:PORT. Or change the inventory."},
    {FindingId::drift_name_stale, "WGS-DRF-023", Severity::warning,
     "The name of an endpoint has other addresses now",
     "WireGuard looks the name of an endpoint up only once, when the interface is configured. The "
     "interface still sends to an address that the name no longer has, and there was no handshake "
     "for 135 s.",
     "On this host: wg set INTERFACE peer KEY endpoint HOST:PORT. To have this done each time, run "
     "reresolve-dns.sh of wireguard-tools with a timer."},
    {FindingId::drift_key_shared, "WGS-DRF-024", Severity::critical,
     "The endpoint of a peer goes back and forth between two addresses",
     "WireGuard sends to the address that it last heard a key from. If two devices have the same "
     "key, each of them takes the traffic of the other, again and again, and neither has a tunnel "
     "that works. A single device with two uplinks that it uses in turn looks the same.",
     "Find out whether both addresses belong to one device. If not, give each device a key of its "
     "own, and declare both."},
});

}  // namespace wgscope::diagnosis
