#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace wgscope::exporter {

enum class MetricType : std::uint8_t { gauge, counter, info, histogram };

/// One row of the contract between exporter, alerts and dashboards. Names are never
/// changed once released.
struct MetricDesc {
  /// The name in queries: a counter's ends in _total, an info metric's in _info.
  std::string_view name;
  MetricType type;
  std::string_view unit;    ///< the unit in OpenMetrics, with which the name ends; empty: none
  std::string_view labels;  ///< names of the labels in the order in which they are written
  std::string_view help;
  std::string_view source;  ///< where the value comes from, as docs/metrics.md says
};

/// Every metric that the exporter can write, by subject. A new one also needs its place in
/// all_metrics() (metrics.cpp), from which docs/metrics.md is made.
namespace metric {

// clang-format off
// The exporter itself.
inline constexpr MetricDesc kBuildInfo{
    "wireguard_exporter_build_info", MetricType::info, "", "version, revision, compiler",
    "Always 1; what this exporter was built from.",
    "build"};
inline constexpr MetricDesc kCollectorSuccess{
    "wireguard_exporter_collector_success", MetricType::gauge, "", "collector",
    "1 if the collector's last run was complete, 0 if any part of it failed.",
    "the collection"};
inline constexpr MetricDesc kCollectorDuration{
    "wireguard_exporter_collector_duration_seconds", MetricType::gauge, "seconds", "collector",
    "Duration of the collector's last run.",
    "the collection"};
inline constexpr MetricDesc kInterfaceFailures{
    "wireguard_exporter_interface_failures", MetricType::gauge, "", "interface, netns, reason",
    "1 while the interface could not be read, and why; interface is empty if a whole network namespace or directory failed.",
    "the collection"};
inline constexpr MetricDesc kScrapesInFlight{
    "wireguard_exporter_scrapes_in_flight", MetricType::gauge, "", "",
    "Scrapes being answered, this one included.",
    "HTTP server"};
inline constexpr MetricDesc kHttpRequests{
    "wireguard_exporter_http_requests_total", MetricType::counter, "", "code, path",
    "HTTP requests answered, by status code and path.",
    "HTTP server"};
inline constexpr MetricDesc kHttpRequestDuration{
    "wireguard_exporter_http_request_duration_seconds", MetricType::histogram, "seconds", "path",
    "Duration of answering an HTTP request.",
    "HTTP server"};
inline constexpr MetricDesc kConnections{
    "wireguard_exporter_connections", MetricType::gauge, "", "",
    "Open connections, this one included.",
    "HTTP server"};
inline constexpr MetricDesc kConnectionsRefused{
    "wireguard_exporter_connections_refused_total", MetricType::counter, "", "reason",
    "Connections that were refused or cut, by reason: too many of one address (per_address) or of all (total), a request that did not arrive in time (head_timeout) or is none (bad_head) or has a body (body), an answer that was read too slowly (slow_reader), a TLS handshake that failed (tls).",
    "HTTP server"};
inline constexpr MetricDesc kWebConfigSuccess{
    "wireguard_exporter_web_config_last_reload_success", MetricType::gauge, "", "",
    "1 if the file of --web.config.file and what it names could be used when they were last read, 0 while the last good ones are used instead.",
    "--web.config.file"};
inline constexpr MetricDesc kClockSteps{
    "wireguard_exporter_clock_steps_total", MetricType::counter, "", "",
    "Times the wall clock moved by over a second against the boot clock between two collections.",
    "CLOCK_REALTIME, CLOCK_BOOTTIME"};

inline constexpr MetricDesc kReaderRestarts{
    "wireguard_exporter_reader_restarts_total", MetricType::counter, "", "",
    "Times the process that reads was started again because it had ended; only with --isolation.",
    "wait(2)"};
inline constexpr MetricDesc kReaderCpu{
    "wireguard_exporter_reader_cpu_seconds_total", MetricType::counter, "seconds", "",
    "CPU time of the process that reads, in user and system mode; process_cpu_seconds_total is that of the one that serves.",
    "getrusage(2)"};
inline constexpr MetricDesc kReaderResidentMemory{
    "wireguard_exporter_reader_resident_memory_bytes", MetricType::gauge, "bytes", "",
    "Resident memory of the process that reads.",
    "/proc/self/statm"};

inline constexpr MetricDesc kStateSuccess{
    "wireguard_exporter_state_success", MetricType::gauge, "", "",
    "1 unless the last attempt to write the state file failed; only with --state.dir.",
    "writing the state file"};
inline constexpr MetricDesc kJournalSuccess{
    "wireguard_exporter_journal_success", MetricType::gauge, "", "",
    "1 unless the last attempt to write the journal failed; only with --journal.",
    "writing the journal"};
inline constexpr MetricDesc kJournalEvents{
    "wireguard_exporter_journal_events_total", MetricType::counter, "events", "",
    "Events written to the journal; only with --journal.",
    "writing the journal"};
inline constexpr MetricDesc kJournalDroppedEvents{
    "wireguard_exporter_journal_dropped_events_total", MetricType::counter, "events", "",
    "Events missing from the journal because too many waited to be written; only with --journal.",
    "writing the journal"};

// Its process.
inline constexpr MetricDesc kProcessCpu{
    "process_cpu_seconds_total", MetricType::counter, "seconds", "",
    "User and system CPU time spent.",
    "getrusage(2)"};
inline constexpr MetricDesc kProcessResidentMemory{
    "process_resident_memory_bytes", MetricType::gauge, "bytes", "",
    "Resident memory.",
    "/proc/self/statm"};
inline constexpr MetricDesc kProcessVirtualMemory{
    "process_virtual_memory_bytes", MetricType::gauge, "bytes", "",
    "Virtual memory.",
    "/proc/self/statm"};
inline constexpr MetricDesc kProcessOpenFds{
    "process_open_fds", MetricType::gauge, "", "",
    "Open file descriptors.",
    "/proc/self/fd"};
inline constexpr MetricDesc kProcessMaxFds{
    "process_max_fds", MetricType::gauge, "", "",
    "Maximum number of open file descriptors.",
    "RLIMIT_NOFILE"};
inline constexpr MetricDesc kProcessStartTime{
    "process_start_time_seconds", MetricType::gauge, "seconds", "",
    "Start time of the process since the Unix epoch.",
    "/proc/self/stat"};

// Interfaces.
inline constexpr MetricDesc kInterfaceInfo{
    "wireguard_interface_info", MetricType::info, "", "interface, netns, public_key, listen_port, fwmark, implementation, ifindex",
    "Always 1; what identifies and configures the interface.",
    "WGDEVICE_A_*, UAPI"};
inline constexpr MetricDesc kInterfaceUp{
    "wireguard_interface_up", MetricType::gauge, "", "interface, netns",
    "1 if the interface is administratively up.",
    "IFF_UP"};
inline constexpr MetricDesc kInterfaceMtu{
    "wireguard_interface_mtu_bytes", MetricType::gauge, "bytes", "interface, netns",
    "Largest inner packet.",
    "IFLA_MTU"};
inline constexpr MetricDesc kInterfaceCreated{
    "wireguard_interface_created_timestamp_seconds", MetricType::gauge, "seconds", "interface, netns",
    "When this exporter first saw this interface index: a new value means that the interface was recreated.",
    "first reading that lists it, kept in --state.dir"};
inline constexpr MetricDesc kInterfacePeers{
    "wireguard_interface_peers", MetricType::gauge, "", "interface, netns",
    "Peers configured.",
    "WGDEVICE_A_PEERS, UAPI"};
inline constexpr MetricDesc kInterfacePeersAggregated{
    "wireguard_interface_peers_aggregated", MetricType::gauge, "", "interface, netns",
    "1 while the interface has only aggregates, because it has more peers than --peer.max, otherwise 0; only with --peer.max.",
    "--peer.max and the number of peers"};
inline constexpr MetricDesc kInterfacePeersByState{
    "wireguard_interface_peers_by_state", MetricType::gauge, "", "interface, netns, state",
    "Peers by state of their last handshake: never (there was none), live (younger than 180 s), idle (older); with an inventory also stale (older, of peers that should be online now).",
    "handshake age, inventory"};
inline constexpr MetricDesc kInterfacePeersByVerdict{
    "wireguard_interface_peers_by_verdict", MetricType::gauge, "", "interface, netns, verdict",
    "Peers by verdict, 0 included.",
    "successive readings, inventory"};
inline constexpr MetricDesc kInterfacePeerResets{
    "wireguard_interface_peer_resets_total", MetricType::counter, "", "interface, netns",
    "Times that a peer of this interface started again from zero between two readings, as if removed and added again; absent where the index of the interface is not known.",
    "peer counters from reading to reading"};
inline constexpr MetricDesc kInterfaceReceiveBytes{
    "wireguard_interface_receive_bytes_total", MetricType::counter, "bytes", "interface, netns",
    "Inner bytes received.",
    "IFLA_STATS64"};
inline constexpr MetricDesc kInterfaceTransmitBytes{
    "wireguard_interface_transmit_bytes_total", MetricType::counter, "bytes", "interface, netns",
    "Inner bytes sent.",
    "IFLA_STATS64"};
inline constexpr MetricDesc kInterfaceReceivePackets{
    "wireguard_interface_receive_packets_total", MetricType::counter, "packets", "interface, netns",
    "Inner packets received.",
    "IFLA_STATS64"};
inline constexpr MetricDesc kInterfaceTransmitPackets{
    "wireguard_interface_transmit_packets_total", MetricType::counter, "packets", "interface, netns",
    "Inner packets sent.",
    "IFLA_STATS64"};
inline constexpr MetricDesc kInterfaceReceiveErrors{
    "wireguard_interface_receive_errors_total", MetricType::counter, "errors", "interface, netns",
    "Received packets that were rejected.",
    "IFLA_STATS64"};
inline constexpr MetricDesc kInterfaceTransmitErrors{
    "wireguard_interface_transmit_errors_total", MetricType::counter, "errors", "interface, netns",
    "Packets that could not be sent: no peer has their destination in its allowed IPs, or the peer has no endpoint.",
    "IFLA_STATS64"};
inline constexpr MetricDesc kInterfaceReceiveDropped{
    "wireguard_interface_receive_dropped_total", MetricType::counter, "", "interface, netns",
    "Received packets dropped.",
    "IFLA_STATS64"};
inline constexpr MetricDesc kInterfaceTransmitDropped{
    "wireguard_interface_transmit_dropped_total", MetricType::counter, "", "interface, netns",
    "Packets dropped before sending, including packets that waited for a handshake when the queue was full.",
    "IFLA_STATS64"};
inline constexpr MetricDesc kInterfaceReceiveFrameErrors{
    "wireguard_interface_receive_frame_errors_total", MetricType::counter, "errors", "interface, netns",
    "Decrypted packets whose inner source is outside the peer's allowed IPs, or that are not IP packets; kernel WireGuard only.",
    "IFLA_STATS64"};
inline constexpr MetricDesc kInterfaceReceiveLengthErrors{
    "wireguard_interface_receive_length_errors_total", MetricType::counter, "errors", "interface, netns",
    "Decrypted packets whose inner length is wrong; kernel WireGuard only.",
    "IFLA_STATS64"};
inline constexpr MetricDesc kInterfaceSocketReceiveDrops{
    "wireguard_interface_socket_receive_drops_total", MetricType::counter, "", "interface, netns",
    "Packets the kernel dropped at the implementation's UDP sockets because it did not keep up; userspace implementations only.",
    "/proc/thread-self/net/udp, udp6"};

// Peers.
inline constexpr MetricDesc kPeerInfo{
    "wireguard_peer_info", MetricType::info, "", "interface, netns, public_key, name, preshared_key, protocol_version, endpoint",
    "Always 1; labels of the peer that may change, and with an inventory those that are declared for it.",
    "WGPEER_A_*, UAPI, names, inventory"};
inline constexpr MetricDesc kPeerVerdict{
    "wireguard_peer_verdict", MetricType::gauge, "", "interface, netns, public_key, verdict, name",
    "Always 1; what the readings so far say of the peer: replies_lost, unanswered, flapping, one_way, live, idle or never; with an inventory also stale (idle, though it should be online now).",
    "successive readings, inventory"};
inline constexpr MetricDesc kPeerLastHandshake{
    "wireguard_peer_last_handshake_timestamp_seconds", MetricType::gauge, "seconds", "interface, netns, public_key",
    "Wall-clock time of the last handshake; absent if there was none.",
    "WGPEER_A_LAST_HANDSHAKE_TIME, UAPI"};
inline constexpr MetricDesc kPeerHandshakeAge{
    "wireguard_peer_handshake_age_seconds", MetricType::gauge, "seconds", "interface, netns, public_key",
    "Age of the last handshake, never negative and unaffected by clock steps; absent if there was none.",
    "CLOCK_BOOTTIME since it was first seen"};
inline constexpr MetricDesc kPeerSessionLive{
    "wireguard_peer_session_live", MetricType::gauge, "", "interface, netns, public_key",
    "1 while the last handshake is younger than 180 s, the age at which WireGuard gives up a session.",
    "handshake age"};
inline constexpr MetricDesc kPeerReceiveBytes{
    "wireguard_peer_receive_bytes_total", MetricType::counter, "bytes", "interface, netns, public_key",
    "Bytes received from the peer, handshakes and keepalives included.",
    "WGPEER_A_RX_BYTES, UAPI"};
inline constexpr MetricDesc kPeerTransmitBytes{
    "wireguard_peer_transmit_bytes_total", MetricType::counter, "bytes", "interface, netns, public_key",
    "Bytes sent to the peer, handshakes and keepalives included.",
    "WGPEER_A_TX_BYTES, UAPI"};
inline constexpr MetricDesc kPeerPersistentKeepalive{
    "wireguard_peer_persistent_keepalive_seconds", MetricType::gauge, "seconds", "interface, netns, public_key",
    "Interval of persistent keepalives to the peer, 0 if off.",
    "WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, UAPI"};
inline constexpr MetricDesc kPeerAllowedIps{
    "wireguard_peer_allowed_ips", MetricType::gauge, "", "interface, netns, public_key",
    "Number of the peer's allowed IPs.",
    "WGPEER_A_ALLOWEDIPS, UAPI"};
inline constexpr MetricDesc kPeerAllowedIpInfo{
    "wireguard_peer_allowed_ip_info", MetricType::info, "", "interface, netns, public_key, allowed_ip, family",
    "Always 1; one series for each allowed IP, only with --peer.allowed-ips=info.",
    "WGPEER_A_ALLOWEDIPS, UAPI"};
inline constexpr MetricDesc kPeerFirstSeen{
    "wireguard_peer_first_seen_timestamp_seconds", MetricType::gauge, "seconds", "interface, netns, public_key",
    "When this exporter first saw the peer on the interface.",
    "first reading that lists it, kept in --state.dir"};
inline constexpr MetricDesc kPeerHandshakes{
    "wireguard_peer_handshakes_total", MetricType::counter, "", "interface, netns, public_key",
    "Handshakes seen since this exporter first read the peer, at most one per reading; only while the sampler runs (--sample.interval).",
    "change of the last handshake from reading to reading"};
inline constexpr MetricDesc kPeerEndpointChanges{
    "wireguard_peer_endpoint_changes_total", MetricType::counter, "", "interface, netns, public_key",
    "Changes of the peer's endpoint seen since this exporter first read the peer; only while the sampler runs.",
    "change of the endpoint from reading to reading"};
inline constexpr MetricDesc kPeerEndpointAlternations{
    "wireguard_peer_endpoint_alternations_total", MetricType::counter, "", "interface, netns, public_key",
    "Changes of the peer's endpoint back to the one before (A-B-A), as two devices with one key cause them; only while the sampler runs.",
    "change of the endpoint from reading to reading"};

// Declared state: only with an inventory.
inline constexpr MetricDesc kInventoryReloadSuccess{
    "wireguard_inventory_last_reload_success", MetricType::gauge, "", "",
    "1 if the last reading of the inventory found no error; 0 while files that are broken keep what they declared before.",
    "inventory"};
inline constexpr MetricDesc kInventoryReloadTimestamp{
    "wireguard_inventory_last_reload_timestamp_seconds", MetricType::gauge, "seconds", "",
    "When the inventory was last read without an error; absent if it never was.",
    "inventory"};
inline constexpr MetricDesc kInventoryNameAge{
    "wireguard_inventory_name_resolution_age_seconds", MetricType::gauge, "seconds", "",
    "Age of the oldest look-up of a declared endpoint's name, failed look-ups left out; absent if no name is declared.",
    "look-ups every 5 minutes, beside the scrapes"};
inline constexpr MetricDesc kInterfaceDeclared{
    "wireguard_interface_declared", MetricType::gauge, "", "interface, netns",
    "1 for an interface that is declared for this host and exists, 0 for one that is missing; only with an inventory.",
    "inventory"};
inline constexpr MetricDesc kInterfaceUndeclared{
    "wireguard_interface_undeclared", MetricType::gauge, "", "interface, netns",
    "1 for an interface that exists and that nobody declared for this host; absent otherwise, for those under unmanaged_interfaces, and where a broken file may declare it.",
    "inventory"};
inline constexpr MetricDesc kPeerDeclared{
    "wireguard_peer_declared", MetricType::gauge, "", "interface, netns, public_key, name",
    "1 for a peer that is declared for this interface and present, 0 for one that is missing; absent where the interface is missing, was not read or is not declared. Only with an inventory.",
    "inventory"};
inline constexpr MetricDesc kPeerMissing{
    "wireguard_peer_missing", MetricType::gauge, "", "interface, netns, public_key, name",
    "1 for a peer that is declared for this interface, and whose key the interface does not have; absent otherwise.",
    "inventory"};
inline constexpr MetricDesc kPeerExpectedOnline{
    "wireguard_peer_expected_online", MetricType::gauge, "", "interface, netns, public_key",
    "1 while the declared peer should be online: always, or in the hours of its schedule; 0 for roaming ones and outside of the hours. Only with an inventory.",
    "inventory"};
inline constexpr MetricDesc kPeerUnexpectedlyOffline{
    "wireguard_peer_unexpectedly_offline", MetricType::gauge, "", "interface, netns, public_key, name",
    "1 while a peer that should be online now has no live session; absent otherwise, and in the grace period of a new peer.",
    "inventory, handshake age"};
inline constexpr MetricDesc kPeerHandshakeOverdue{
    "wireguard_peer_handshake_overdue", MetricType::gauge, "", "interface, netns, public_key, name",
    "1 while a peer that is new on this interface has had no handshake in its declared grace period; absent otherwise.",
    "inventory, first reading that lists it"};
inline constexpr MetricDesc kPeerUndeclared{
    "wireguard_peer_undeclared", MetricType::gauge, "", "interface, netns, public_key, name",
    "1 for a peer whose key nobody declared for this interface, or whose last declared day is over; absent otherwise, and where a broken file may declare it.",
    "inventory"};
inline constexpr MetricDesc kPeerDrift{
    "wireguard_peer_drift", MetricType::gauge, "", "interface, netns, public_key, field, name",
    "1 while a field differs from what is declared: allowed_ips, endpoint, persistent_keepalive or preshared_key; absent otherwise.",
    "inventory"};
inline constexpr MetricDesc kPeerAllowedIpsConflict{
    "wireguard_peer_allowed_ips_conflict", MetricType::gauge, "", "interface, netns, public_key, name",
    "1 while another peer has a prefix that is declared for this one; absent otherwise.",
    "inventory"};
inline constexpr MetricDesc kPeerAllowedIpsTooBroad{
    "wireguard_peer_allowed_ips_too_broad", MetricType::gauge, "", "interface, netns, public_key, name",
    "1 while the peer has a prefix that is wider than the policies of the inventory allow; absent otherwise.",
    "inventory"};
inline constexpr MetricDesc kPeerKeyCreated{
    "wireguard_peer_key_created_timestamp_seconds", MetricType::gauge, "seconds", "interface, netns, public_key",
    "When the peer's key was made, as declared.",
    "inventory"};
inline constexpr MetricDesc kPeerKeyRotationDue{
    "wireguard_peer_key_rotation_due_timestamp_seconds", MetricType::gauge, "seconds", "interface, netns, public_key",
    "When the peer's key will be as old as its declared rotation period.",
    "inventory"};
inline constexpr MetricDesc kPeerKeyRotationOverdue{
    "wireguard_peer_key_rotation_overdue", MetricType::gauge, "", "interface, netns, public_key, name",
    "1 while the peer's key is older than its declared rotation period; absent otherwise.",
    "inventory"};
inline constexpr MetricDesc kFindings{
    "wireguard_findings", MetricType::gauge, "", "id, severity, interface, netns",
    "Findings of this kind now, by comparison with the inventory, and by lint of the inventory; 0 once there was one and it is gone.",
    "inventory; docs/findings.md"};
// clang-format on

}  // namespace metric

std::span<const MetricDesc> all_metrics();

}  // namespace wgscope::exporter
