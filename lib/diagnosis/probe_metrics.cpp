#include "wgscope/diagnosis/probe_metrics.hpp"

#include <algorithm>
#include <span>
#include <string_view>

namespace wgscope::diagnosis {
namespace {

using enum ProbeMetricType;

constexpr ProbeMetric kMetrics[] = {
    {"probe_success", "success", gauge, "", "",
     "1 if the tunnel does what was asked for, 0 if it does not or that could not be told."},
    {"probe_duration_seconds", "duration of the probe", gauge, "seconds", "",
     "How long the probe took."},
    {"wireguard_probe_timestamp_seconds", "end of the probe", gauge, "seconds", "",
     "Wall clock at the end of the probe. What is older than the probe's interval says nothing of "
     "now."},
    {"wireguard_probe_finding", "finding", gauge, "", "id, severity",
     "1 for each finding; docs/findings.md explains them."},
    {"wireguard_probe_handshake_duration_seconds", "duration of the handshake", gauge, "seconds",
     "", "From the initiation to its response."},
    {"wireguard_probe_phase_duration_seconds", "duration", gauge, "seconds", "phase",
     "How long a part of the probe took."},
    {"wireguard_probe_loss_ratio", "packet loss", gauge, "ratio", "direction",
     "Share of packets lost, in each direction as far as that can be told."},
    {"wireguard_probe_rtt_seconds", "round trip", histogram, "seconds", "layer",
     "Round trips: inner through the tunnel, outer beside it."},
    {"wireguard_probe_path_mtu_bytes", "path MTU", gauge, "bytes", "direction, layer",
     "Largest IP packet of the tunnel that passes the path, proven in each direction."},
    {"wireguard_probe_nat_mapping_lifetime_seconds", "lifetime of the NAT mapping", gauge,
     "seconds", "state",
     "Longest silence after which something still came in through the NAT, tried up to wgscope "
     "nat's --longest: on a flow that had both directions (stream), and on one that had only sent "
     "(one_way)."},
    {"wireguard_probe_target_success", "target as expected", gauge, "",
     "kind, inner_target, expect",
     "1 for a target inside the tunnel that is as expected, 0 for one that is not; absent where "
     "that could not be told."},
    {"wireguard_probe_target_duration_seconds", "time to the target's answer", gauge, "seconds",
     "kind, inner_target, expect", "Median time in which a target inside the tunnel answered."},
};

}  // namespace

std::span<const ProbeMetric> probe_metrics() { return kMetrics; }

const ProbeMetric* find_probe_metric(std::string_view name) {
  const auto found = std::ranges::find(kMetrics, name, &ProbeMetric::name);
  return found == std::end(kMetrics) ? nullptr : found;
}

}  // namespace wgscope::diagnosis
