#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "wgscope/model/device.hpp"

#include "exporter/collection.hpp"
#include "exporter/collectors/collectors.hpp"
#include "exporter/device_view.hpp"
#include "exporter/exposition/writer.hpp"
#include "exporter/metrics.hpp"
#include "exporter/peer_verdict.hpp"

namespace wgscope::exporter {
namespace {

constexpr std::array<std::string_view, kPeerStateCount> kStateNames{"never", "live", "idle",
                                                                    "stale"};

/// One family over all interfaces: `value` gives what an interface has, or nothing.
template <class Value>
void family(const Collection& collection, Writer& writer, const MetricDesc& metric, Value&& value) {
  writer.begin(metric);
  for (std::size_t i = 0; i < collection.views.size(); ++i) {
    const Device& device = collection.snapshot.devices[i];
    const std::optional<Number> number = value(device, collection.views[i]);
    if (number)
      writer.sample(metric.name, {{"interface", device.name}, {"netns", device.netns}}, *number);
  }
}

void write_info(const Collection& collection, Writer& writer) {
  writer.begin(metric::kInterfaceInfo);
  for (const Device& device : collection.snapshot.devices) {
    const bool kernel = device.implementation == Implementation::kernel;
    writer.sample(metric::kInterfaceInfo.name,
                  {{"interface", device.name},
                   {"netns", device.netns},
                   {"public_key", device.public_key ? device.public_key->base64() : ""},
                   {"listen_port", fmt::to_string(device.listen_port)},
                   {"fwmark", device.fwmark == 0 ? "0" : fmt::format("{:#x}", device.fwmark)},
                   {"implementation", kernel ? "kernel" : "userspace"},
                   {"ifindex", device.link ? fmt::to_string(device.link->ifindex) : ""}},
                  Number::integer(1));
  }
}

/// A family of counts of peers: one for each of `names`, which are the values of `label`. The last
/// of them is `stale`.
template <std::size_t kSize>
void write_peers_by(const Collection& collection, Writer& writer, const MetricDesc& metric,
                    std::string_view label, const std::array<std::string_view, kSize>& names,
                    std::array<std::uint64_t, kSize> DeviceView::* counts) {
  writer.begin(metric);
  for (std::size_t i = 0; i < collection.views.size(); ++i) {
    const Device& device = collection.snapshot.devices[i];
    // Without an inventory nobody knows who is stale.
    const std::size_t count = collection.declared.inventory() != nullptr ? kSize : kSize - 1;
    for (std::size_t n = 0; n < count; ++n)
      writer.sample(metric.name,
                    {{"interface", device.name}, {"netns", device.netns}, {label, names[n]}},
                    Number::integer((collection.views[i].*counts)[n]));
  }
}

struct StatsMetric {
  const MetricDesc* metric = nullptr;
  std::uint64_t LinkStats::* counter = nullptr;
  /// Only WireGuard in the kernel counts what the metric says; the driver of a userspace
  /// implementation's link (tun) does not see such packets.
  bool kernel_only = false;
};

constexpr std::array kStatsMetrics{
    StatsMetric{&metric::kInterfaceReceiveBytes, &LinkStats::receive_bytes},
    StatsMetric{&metric::kInterfaceTransmitBytes, &LinkStats::transmit_bytes},
    StatsMetric{&metric::kInterfaceReceivePackets, &LinkStats::receive_packets},
    StatsMetric{&metric::kInterfaceTransmitPackets, &LinkStats::transmit_packets},
    StatsMetric{&metric::kInterfaceReceiveErrors, &LinkStats::receive_errors},
    StatsMetric{&metric::kInterfaceTransmitErrors, &LinkStats::transmit_errors},
    StatsMetric{&metric::kInterfaceReceiveDropped, &LinkStats::receive_dropped},
    StatsMetric{&metric::kInterfaceTransmitDropped, &LinkStats::transmit_dropped},
    StatsMetric{&metric::kInterfaceReceiveFrameErrors, &LinkStats::receive_frame_errors, true},
    StatsMetric{&metric::kInterfaceReceiveLengthErrors, &LinkStats::receive_length_errors, true},
};

}  // namespace

void write_interfaces(const Collection& collection, Writer& writer) {
  using Maybe = std::optional<Number>;
  write_info(collection, writer);
  family(collection, writer, metric::kInterfaceUp, [](const Device& d, const DeviceView&) {
    return d.link ? Maybe(Number::boolean(d.link->up)) : Maybe();
  });
  family(collection, writer, metric::kInterfaceMtu, [](const Device& d, const DeviceView&) {
    return d.link ? Maybe(Number::integer(d.link->mtu_bytes)) : Maybe();
  });
  if (collection.dated)
    family(collection, writer, metric::kInterfaceCreated, [](const Device&, const DeviceView& v) {
      return v.created ? Maybe(Number::seconds(v.created->since_epoch)) : Maybe();
    });
  family(collection, writer, metric::kInterfacePeers, [](const Device&, const DeviceView& v) {
    std::uint64_t peers = 0;
    for (const std::uint64_t count : v.by_state) peers += count;
    return Maybe(Number::integer(peers));
  });
  if (collection.peers_limited)
    family(collection, writer, metric::kInterfacePeersAggregated,
           [](const Device&, const DeviceView& v) { return Maybe(Number::boolean(v.aggregated)); });
  write_peers_by(collection, writer, metric::kInterfacePeersByState, "state", kStateNames,
                 &DeviceView::by_state);
  if (collection.judged) {
    write_peers_by(collection, writer, metric::kInterfacePeersByVerdict, "verdict", kVerdictNames,
                   &DeviceView::by_verdict);
    family(collection, writer, metric::kInterfacePeerResets,
           [](const Device&, const DeviceView& v) {
             return v.created ? Maybe(Number::integer(v.peer_resets)) : Maybe();
           });
  }
  for (const StatsMetric& stats : kStatsMetrics)
    family(collection, writer, *stats.metric, [&](const Device& d, const DeviceView&) {
      if (!d.link || !d.link->stats) return Maybe();
      if (stats.kernel_only && d.implementation != Implementation::kernel) return Maybe();
      return Maybe(Number::integer(d.link->stats.value().*stats.counter));
    });
  family(collection, writer, metric::kInterfaceSocketReceiveDrops,
         [](const Device& d, const DeviceView&) {
           return d.socket_receive_drops ? Maybe(Number::integer(*d.socket_receive_drops))
                                         : Maybe();
         });
}

}  // namespace wgscope::exporter
