#include "exporter/metrics.hpp"

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

namespace wgscope::exporter {
namespace {

// clang-format off
constexpr std::array kTable{
    // The exporter itself.
    MetricDesc{"wireguard_exporter_build_info", MetricType::info, "", "version, revision, compiler",
               "Always 1; what this exporter was built from.",
               "build"},
    MetricDesc{"wireguard_exporter_collector_success", MetricType::gauge, "", "collector",
               "1 if the collector's last run was whole, 0 if anything in it failed.",
               "the collection"},
    MetricDesc{"wireguard_exporter_collector_duration_seconds", MetricType::gauge, "seconds", "collector",
               "How long the collector's last run took.",
               "the collection"},
    MetricDesc{"wireguard_exporter_interface_failures", MetricType::gauge, "", "interface, netns, reason",
               "1 while the interface could not be read, and why; interface is empty where a whole network namespace or folder failed.",
               "the collection"},
    MetricDesc{"wireguard_exporter_scrapes_in_flight", MetricType::gauge, "", "",
               "Scrapes being answered, this one included.",
               "HTTP server"},
    MetricDesc{"wireguard_exporter_http_requests_total", MetricType::counter, "", "code, path",
               "HTTP requests answered, by status code and path.",
               "HTTP server"},
    MetricDesc{"wireguard_exporter_http_request_duration_seconds", MetricType::histogram, "seconds", "path",
               "How long answering an HTTP request took.",
               "HTTP server"},
    MetricDesc{"wireguard_exporter_clock_steps_total", MetricType::counter, "", "",
               "Times the wall clock moved by over a second against the boot clock between two collections.",
               "CLOCK_REALTIME, CLOCK_BOOTTIME"},
    // Its process.
    MetricDesc{"process_cpu_seconds_total", MetricType::counter, "seconds", "",
               "User and system CPU time spent.",
               "getrusage(2)"},
    MetricDesc{"process_resident_memory_bytes", MetricType::gauge, "bytes", "",
               "Resident memory.",
               "/proc/self/statm"},
    MetricDesc{"process_virtual_memory_bytes", MetricType::gauge, "bytes", "",
               "Virtual memory.",
               "/proc/self/statm"},
    MetricDesc{"process_open_fds", MetricType::gauge, "", "",
               "Open file descriptors.",
               "/proc/self/fd"},
    MetricDesc{"process_max_fds", MetricType::gauge, "", "",
               "Most file descriptors that may be open.",
               "RLIMIT_NOFILE"},
    MetricDesc{"process_start_time_seconds", MetricType::gauge, "seconds", "",
               "Start of the process since the Unix epoch.",
               "/proc/self/stat"},
    // Interfaces.
    MetricDesc{"wireguard_interface_info", MetricType::info, "", "interface, netns, public_key, listen_port, fwmark, implementation, ifindex",
               "Always 1; what identifies and configures the interface.",
               "WGDEVICE_A_*, UAPI"},
    MetricDesc{"wireguard_interface_up", MetricType::gauge, "", "interface, netns",
               "1 if the interface is administratively up.",
               "IFF_UP"},
    MetricDesc{"wireguard_interface_mtu_bytes", MetricType::gauge, "bytes", "interface, netns",
               "Largest inner packet.",
               "IFLA_MTU"},
    MetricDesc{"wireguard_interface_created_timestamp_seconds", MetricType::gauge, "seconds", "interface, netns",
               "When this exporter first saw this interface index: a new value means that the interface was made anew.",
               "first sight, kept in --state.dir"},
    MetricDesc{"wireguard_interface_peers", MetricType::gauge, "", "interface, netns",
               "Peers configured.",
               "WGDEVICE_A_PEERS, UAPI"},
    MetricDesc{"wireguard_interface_peers_by_state", MetricType::gauge, "", "interface, netns, state",
               "Peers by state of their last handshake: never (there was none), live (younger than 180 s), idle (older).",
               "handshake age"},
    MetricDesc{"wireguard_interface_peers_by_verdict", MetricType::gauge, "", "interface, netns, verdict",
               "Peers by verdict, 0 included.",
               "successive readings"},
    MetricDesc{"wireguard_interface_peer_resets_total", MetricType::counter, "", "interface, netns",
               "Times that a peer of this interface started again from zero between two readings, as if removed and added again; absent where the index of the interface is not known.",
               "peer counters from reading to reading"},
    MetricDesc{"wireguard_interface_receive_bytes_total", MetricType::counter, "bytes", "interface, netns",
               "Inner bytes received.",
               "IFLA_STATS64"},
    MetricDesc{"wireguard_interface_transmit_bytes_total", MetricType::counter, "bytes", "interface, netns",
               "Inner bytes sent.",
               "IFLA_STATS64"},
    MetricDesc{"wireguard_interface_receive_packets_total", MetricType::counter, "packets", "interface, netns",
               "Inner packets received.",
               "IFLA_STATS64"},
    MetricDesc{"wireguard_interface_transmit_packets_total", MetricType::counter, "packets", "interface, netns",
               "Inner packets sent.",
               "IFLA_STATS64"},
    MetricDesc{"wireguard_interface_receive_errors_total", MetricType::counter, "errors", "interface, netns",
               "Received packets that were refused.",
               "IFLA_STATS64"},
    MetricDesc{"wireguard_interface_transmit_errors_total", MetricType::counter, "errors", "interface, netns",
               "Packets that could not be sent: no peer has their destination in its allowed IPs, or the peer has no endpoint.",
               "IFLA_STATS64"},
    MetricDesc{"wireguard_interface_receive_dropped_total", MetricType::counter, "", "interface, netns",
               "Received packets dropped.",
               "IFLA_STATS64"},
    MetricDesc{"wireguard_interface_transmit_dropped_total", MetricType::counter, "", "interface, netns",
               "Packets dropped before sending, among them those waiting for a handshake beyond the queue's length.",
               "IFLA_STATS64"},
    MetricDesc{"wireguard_interface_receive_frame_errors_total", MetricType::counter, "errors", "interface, netns",
               "Decrypted packets whose inner source is outside the peer's allowed IPs, or that are no IP packets.",
               "IFLA_STATS64"},
    MetricDesc{"wireguard_interface_receive_length_errors_total", MetricType::counter, "errors", "interface, netns",
               "Decrypted packets whose inner length is wrong.",
               "IFLA_STATS64"},
    MetricDesc{"wireguard_interface_socket_receive_drops_total", MetricType::counter, "", "interface, netns",
               "Packets the kernel dropped at the implementation's UDP sockets because it did not keep up; userspace implementations only.",
               "/proc/thread-self/net/udp, udp6"},
    // Peers.
    MetricDesc{"wireguard_peer_info", MetricType::info, "", "interface, netns, public_key, name, preshared_key, protocol_version, endpoint",
               "Always 1; what is known of the peer that may change.",
               "WGPEER_A_*, UAPI, names"},
    MetricDesc{"wireguard_peer_verdict", MetricType::gauge, "", "interface, netns, public_key, verdict, name",
               "Always 1; what the readings so far say of the peer: replies_lost, unanswered, flapping, one_way, live, idle or never.",
               "successive readings"},
    MetricDesc{"wireguard_peer_last_handshake_timestamp_seconds", MetricType::gauge, "seconds", "interface, netns, public_key",
               "Wall clock of the last handshake; absent if there was none.",
               "WGPEER_A_LAST_HANDSHAKE_TIME, UAPI"},
    MetricDesc{"wireguard_peer_handshake_age_seconds", MetricType::gauge, "seconds", "interface, netns, public_key",
               "Age of the last handshake, never negative and untouched by clock steps; absent if there was none.",
               "CLOCK_BOOTTIME since it was first seen"},
    MetricDesc{"wireguard_peer_session_live", MetricType::gauge, "", "interface, netns, public_key",
               "1 while the last handshake is younger than 180 s, when WireGuard gives up a session.",
               "handshake age"},
    MetricDesc{"wireguard_peer_receive_bytes_total", MetricType::counter, "bytes", "interface, netns, public_key",
               "Bytes received from the peer, handshakes and keepalives included.",
               "WGPEER_A_RX_BYTES, UAPI"},
    MetricDesc{"wireguard_peer_transmit_bytes_total", MetricType::counter, "bytes", "interface, netns, public_key",
               "Bytes sent to the peer, handshakes and keepalives included.",
               "WGPEER_A_TX_BYTES, UAPI"},
    MetricDesc{"wireguard_peer_persistent_keepalive_seconds", MetricType::gauge, "seconds", "interface, netns, public_key",
               "Interval of persistent keepalives to the peer, 0 if off.",
               "WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, UAPI"},
    MetricDesc{"wireguard_peer_allowed_ips", MetricType::gauge, "", "interface, netns, public_key",
               "Number of the peer's allowed IPs.",
               "WGPEER_A_ALLOWEDIPS, UAPI"},
    MetricDesc{"wireguard_peer_allowed_ip_info", MetricType::info, "", "interface, netns, public_key, allowed_ip, family",
               "Always 1; one for each allowed IP, only with --peer.allowed-ips=info.",
               "WGPEER_A_ALLOWEDIPS, UAPI"},
    MetricDesc{"wireguard_peer_first_seen_timestamp_seconds", MetricType::gauge, "seconds", "interface, netns, public_key",
               "When this exporter first saw the peer on the interface.",
               "first sight, kept in --state.dir"},
    MetricDesc{"wireguard_peer_handshakes_total", MetricType::counter, "", "interface, netns, public_key",
               "Handshakes seen since this exporter first read the peer, at most one a reading; only while the sampler runs (--sample.interval).",
               "change of the last handshake from reading to reading"},
    MetricDesc{"wireguard_peer_endpoint_changes_total", MetricType::counter, "", "interface, netns, public_key",
               "Changes of the peer's endpoint seen since this exporter first read the peer; only while the sampler runs.",
               "change of the endpoint from reading to reading"},
    MetricDesc{"wireguard_peer_endpoint_alternations_total", MetricType::counter, "", "interface, netns, public_key",
               "Changes of the peer's endpoint back to the one before (A-B-A), as two devices with one key cause them; only while the sampler runs.",
               "change of the endpoint from reading to reading"},
};
// clang-format on

consteval std::size_t row(std::string_view name) {
  for (std::size_t i = 0; i < kTable.size(); ++i)
    if (kTable[i].name == name) return i;
  throw "no such metric in the table";
}

}  // namespace

namespace metric {

// The exporter itself.
constinit const MetricDesc kBuildInfo = kTable[row("wireguard_exporter_build_info")];
constinit const MetricDesc kCollectorSuccess = kTable[row("wireguard_exporter_collector_success")];
constinit const MetricDesc kCollectorDuration =
    kTable[row("wireguard_exporter_collector_duration_seconds")];
constinit const MetricDesc kInterfaceFailures =
    kTable[row("wireguard_exporter_interface_failures")];
constinit const MetricDesc kScrapesInFlight = kTable[row("wireguard_exporter_scrapes_in_flight")];
constinit const MetricDesc kHttpRequests = kTable[row("wireguard_exporter_http_requests_total")];
constinit const MetricDesc kHttpRequestDuration =
    kTable[row("wireguard_exporter_http_request_duration_seconds")];
constinit const MetricDesc kClockSteps = kTable[row("wireguard_exporter_clock_steps_total")];

// Its process.
constinit const MetricDesc kProcessCpu = kTable[row("process_cpu_seconds_total")];
constinit const MetricDesc kProcessResidentMemory = kTable[row("process_resident_memory_bytes")];
constinit const MetricDesc kProcessVirtualMemory = kTable[row("process_virtual_memory_bytes")];
constinit const MetricDesc kProcessOpenFds = kTable[row("process_open_fds")];
constinit const MetricDesc kProcessMaxFds = kTable[row("process_max_fds")];
constinit const MetricDesc kProcessStartTime = kTable[row("process_start_time_seconds")];

// Interfaces.
constinit const MetricDesc kInterfaceInfo = kTable[row("wireguard_interface_info")];
constinit const MetricDesc kInterfaceUp = kTable[row("wireguard_interface_up")];
constinit const MetricDesc kInterfaceMtu = kTable[row("wireguard_interface_mtu_bytes")];
constinit const MetricDesc kInterfaceCreated =
    kTable[row("wireguard_interface_created_timestamp_seconds")];
constinit const MetricDesc kInterfacePeers = kTable[row("wireguard_interface_peers")];
constinit const MetricDesc kInterfacePeersByState =
    kTable[row("wireguard_interface_peers_by_state")];
constinit const MetricDesc kInterfacePeersByVerdict =
    kTable[row("wireguard_interface_peers_by_verdict")];
constinit const MetricDesc kInterfacePeerResets =
    kTable[row("wireguard_interface_peer_resets_total")];
constinit const MetricDesc kInterfaceReceiveBytes =
    kTable[row("wireguard_interface_receive_bytes_total")];
constinit const MetricDesc kInterfaceTransmitBytes =
    kTable[row("wireguard_interface_transmit_bytes_total")];
constinit const MetricDesc kInterfaceReceivePackets =
    kTable[row("wireguard_interface_receive_packets_total")];
constinit const MetricDesc kInterfaceTransmitPackets =
    kTable[row("wireguard_interface_transmit_packets_total")];
constinit const MetricDesc kInterfaceReceiveErrors =
    kTable[row("wireguard_interface_receive_errors_total")];
constinit const MetricDesc kInterfaceTransmitErrors =
    kTable[row("wireguard_interface_transmit_errors_total")];
constinit const MetricDesc kInterfaceReceiveDropped =
    kTable[row("wireguard_interface_receive_dropped_total")];
constinit const MetricDesc kInterfaceTransmitDropped =
    kTable[row("wireguard_interface_transmit_dropped_total")];
constinit const MetricDesc kInterfaceReceiveFrameErrors =
    kTable[row("wireguard_interface_receive_frame_errors_total")];
constinit const MetricDesc kInterfaceReceiveLengthErrors =
    kTable[row("wireguard_interface_receive_length_errors_total")];
constinit const MetricDesc kInterfaceSocketReceiveDrops =
    kTable[row("wireguard_interface_socket_receive_drops_total")];

// Peers.
constinit const MetricDesc kPeerInfo = kTable[row("wireguard_peer_info")];
constinit const MetricDesc kPeerVerdict = kTable[row("wireguard_peer_verdict")];
constinit const MetricDesc kPeerLastHandshake =
    kTable[row("wireguard_peer_last_handshake_timestamp_seconds")];
constinit const MetricDesc kPeerHandshakeAge = kTable[row("wireguard_peer_handshake_age_seconds")];
constinit const MetricDesc kPeerSessionLive = kTable[row("wireguard_peer_session_live")];
constinit const MetricDesc kPeerReceiveBytes = kTable[row("wireguard_peer_receive_bytes_total")];
constinit const MetricDesc kPeerTransmitBytes = kTable[row("wireguard_peer_transmit_bytes_total")];
constinit const MetricDesc kPeerPersistentKeepalive =
    kTable[row("wireguard_peer_persistent_keepalive_seconds")];
constinit const MetricDesc kPeerAllowedIps = kTable[row("wireguard_peer_allowed_ips")];
constinit const MetricDesc kPeerAllowedIpInfo = kTable[row("wireguard_peer_allowed_ip_info")];
constinit const MetricDesc kPeerFirstSeen =
    kTable[row("wireguard_peer_first_seen_timestamp_seconds")];
constinit const MetricDesc kPeerHandshakes = kTable[row("wireguard_peer_handshakes_total")];
constinit const MetricDesc kPeerEndpointChanges =
    kTable[row("wireguard_peer_endpoint_changes_total")];
constinit const MetricDesc kPeerEndpointAlternations =
    kTable[row("wireguard_peer_endpoint_alternations_total")];

}  // namespace metric

std::span<const MetricDesc> all_metrics() { return kTable; }

}  // namespace wgscope::exporter
