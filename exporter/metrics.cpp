#include "exporter/metrics.hpp"

#include <array>
#include <span>

namespace wgscope::exporter {
namespace {

// In the order of docs/metrics.md and of the text.
constexpr std::array kAll{
    metric::kBuildInfo,
    metric::kCollectorSuccess,
    metric::kCollectorDuration,
    metric::kInterfaceFailures,
    metric::kScrapesInFlight,
    metric::kHttpRequests,
    metric::kHttpRequestDuration,
    metric::kConnections,
    metric::kConnectionsRefused,
    metric::kClockSteps,
    metric::kStateSuccess,
    metric::kJournalSuccess,
    metric::kJournalEvents,
    metric::kJournalDroppedEvents,
    metric::kProcessCpu,
    metric::kProcessResidentMemory,
    metric::kProcessVirtualMemory,
    metric::kProcessOpenFds,
    metric::kProcessMaxFds,
    metric::kProcessStartTime,
    metric::kInterfaceInfo,
    metric::kInterfaceUp,
    metric::kInterfaceMtu,
    metric::kInterfaceCreated,
    metric::kInterfacePeers,
    metric::kInterfacePeersByState,
    metric::kInterfacePeersByVerdict,
    metric::kInterfacePeerResets,
    metric::kInterfaceReceiveBytes,
    metric::kInterfaceTransmitBytes,
    metric::kInterfaceReceivePackets,
    metric::kInterfaceTransmitPackets,
    metric::kInterfaceReceiveErrors,
    metric::kInterfaceTransmitErrors,
    metric::kInterfaceReceiveDropped,
    metric::kInterfaceTransmitDropped,
    metric::kInterfaceReceiveFrameErrors,
    metric::kInterfaceReceiveLengthErrors,
    metric::kInterfaceSocketReceiveDrops,
    metric::kPeerInfo,
    metric::kPeerVerdict,
    metric::kPeerLastHandshake,
    metric::kPeerHandshakeAge,
    metric::kPeerSessionLive,
    metric::kPeerReceiveBytes,
    metric::kPeerTransmitBytes,
    metric::kPeerPersistentKeepalive,
    metric::kPeerAllowedIps,
    metric::kPeerAllowedIpInfo,
    metric::kPeerFirstSeen,
    metric::kPeerHandshakes,
    metric::kPeerEndpointChanges,
    metric::kPeerEndpointAlternations,
    metric::kPeerDeclared,
    metric::kPeerMissing,
    metric::kPeerExpectedOnline,
    metric::kPeerUnexpectedlyOffline,
    metric::kPeerHandshakeOverdue,
    metric::kPeerUndeclared,
    metric::kPeerDrift,
    metric::kPeerAllowedIpsConflict,
    metric::kPeerAllowedIpsTooBroad,
    metric::kPeerKeyCreated,
    metric::kPeerKeyRotationDue,
    metric::kPeerKeyRotationOverdue,
    metric::kInterfaceDeclared,
    metric::kInventoryReloadSuccess,
    metric::kInventoryReloadTimestamp,
    metric::kInventoryNameAge,
    metric::kFindings,
};

}  // namespace

std::span<const MetricDesc> all_metrics() { return kAll; }

}  // namespace wgscope::exporter
