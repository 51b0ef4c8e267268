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
  std::string_view unit;    ///< as OpenMetrics wants it: the name ends in it; empty for none
  std::string_view labels;  ///< in the order they are written, for the docs
  std::string_view help;
  std::string_view source;  ///< where the value comes from, for the docs
};

/// Every metric the exporter can write, by what it is about. docs/metrics.md is
/// made from all_metrics().
namespace metric {

// The exporter itself.
extern const MetricDesc kBuildInfo;
extern const MetricDesc kCollectorSuccess;
extern const MetricDesc kCollectorDuration;
extern const MetricDesc kInterfaceFailures;
extern const MetricDesc kScrapesInFlight;
extern const MetricDesc kHttpRequests;
extern const MetricDesc kHttpRequestDuration;
extern const MetricDesc kClockSteps;

// Its process.
extern const MetricDesc kProcessCpu;
extern const MetricDesc kProcessResidentMemory;
extern const MetricDesc kProcessVirtualMemory;
extern const MetricDesc kProcessOpenFds;
extern const MetricDesc kProcessMaxFds;
extern const MetricDesc kProcessStartTime;

// Interfaces.
extern const MetricDesc kInterfaceInfo;
extern const MetricDesc kInterfaceUp;
extern const MetricDesc kInterfaceMtu;
extern const MetricDesc kInterfaceCreated;
extern const MetricDesc kInterfacePeers;
extern const MetricDesc kInterfacePeersByState;
extern const MetricDesc kInterfacePeersByVerdict;
extern const MetricDesc kInterfacePeerResets;
extern const MetricDesc kInterfaceReceiveBytes;
extern const MetricDesc kInterfaceTransmitBytes;
extern const MetricDesc kInterfaceReceivePackets;
extern const MetricDesc kInterfaceTransmitPackets;
extern const MetricDesc kInterfaceReceiveErrors;
extern const MetricDesc kInterfaceTransmitErrors;
extern const MetricDesc kInterfaceReceiveDropped;
extern const MetricDesc kInterfaceTransmitDropped;
extern const MetricDesc kInterfaceReceiveFrameErrors;
extern const MetricDesc kInterfaceReceiveLengthErrors;
extern const MetricDesc kInterfaceSocketReceiveDrops;

// Peers.
extern const MetricDesc kPeerInfo;
extern const MetricDesc kPeerVerdict;
extern const MetricDesc kPeerLastHandshake;
extern const MetricDesc kPeerHandshakeAge;
extern const MetricDesc kPeerSessionLive;
extern const MetricDesc kPeerReceiveBytes;
extern const MetricDesc kPeerTransmitBytes;
extern const MetricDesc kPeerPersistentKeepalive;
extern const MetricDesc kPeerAllowedIps;
extern const MetricDesc kPeerAllowedIpInfo;
extern const MetricDesc kPeerFirstSeen;
extern const MetricDesc kPeerHandshakes;
extern const MetricDesc kPeerEndpointChanges;
extern const MetricDesc kPeerEndpointAlternations;

}  // namespace metric

std::span<const MetricDesc> all_metrics();

}  // namespace wgscope::exporter
