#include "exporter.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

namespace wgscope::simulator {
namespace {

using namespace std::chrono_literals;

constexpr Time kRejectAfter = 180s;

double seconds(Time time) { return std::chrono::duration<double>(time).count(); }

std::string text_of(const Address& address) {
  return fmt::format("{}.{}.{}.{}:{}", address.host >> 24U, (address.host >> 16U) & 255U,
                     (address.host >> 8U) & 255U, address.host & 255U, address.port);
}

std::string labels_of(const Interface& interface) {
  std::string labels = fmt::format("interface=\"{}\"", interface.name);
  if (!interface.netns.empty()) labels += fmt::format(",netns=\"{}\"", interface.netns);
  return labels;
}

}  // namespace

void Exporter::start() {
  running_ = true;
  peers_.clear();
  clock_steps_ = 0;
  clock_offset_.reset();
  ++generation_;
  sample();
}

void Exporter::sample() {
  if (!running_) return;
  collect();
  clock_->after(kSampleInterval, [this, generation = generation_] {
    if (generation == generation_) sample();
  });
}

void Exporter::collect() {
  const Time offset = gateway_->clock_offset();
  if (clock_offset_ && std::chrono::abs(offset - *clock_offset_) > 1s) ++clock_steps_;
  clock_offset_ = offset;
  for (const auto& interface : gateway_->interfaces()) {
    if (!interface->present || !interface->readable) continue;
    InterfaceMemory& memory = interfaces_[interface.get()];
    if (memory.ifindex != interface->ifindex) {
      memory = {interface->ifindex, gateway_->wall()};
      for (const auto& peer : interface->peers) peers_.erase(peer.get());
    }
    for (const auto& peer : interface->peers) remember(*peer);
  }
}

void Exporter::remember(const Peer& peer) {
  PeerMemory& memory = peers_[&peer];
  const std::optional<Time> handshake = peer.side().last_handshake();
  if (memory.handshake && !handshake) memory = {};  // removed and added again
  if (handshake != memory.handshake) {
    memory.handshake = handshake;
    if (handshake) {
      memory.anchor = clock_->now() - std::max(Time(0), gateway_->wall() - *handshake);
      if (memory.seen) ++memory.handshakes;
    }
  }
  const std::optional<Address> endpoint = peer.side().endpoint();
  if (endpoint && endpoint != memory.endpoints[0]) {
    if (memory.endpoints[0]) ++memory.endpoint_changes;
    if (endpoint == memory.endpoints[1]) ++memory.alternations;
    memory.endpoints[1] = std::exchange(memory.endpoints[0], endpoint);
  }
  memory.seen = true;
}

Exporter::PeerSeries& Exporter::series_of(const Peer& peer, const std::string& interface_labels) {
  const auto [entry, is_new] = series_.try_emplace(&peer);
  PeerSeries& series = entry->second;
  if (is_new) {
    series.labels = fmt::format("{},public_key=\"{}\"", interface_labels, peer.key());
    const auto of = [&](std::string_view name) { return &target_->series(name, series.labels); };
    series.timestamp = of("wireguard_peer_last_handshake_timestamp_seconds");
    series.age = of("wireguard_peer_handshake_age_seconds");
    series.live = of("wireguard_peer_session_live");
    series.receive = of("wireguard_peer_receive_bytes_total");
    series.transmit = of("wireguard_peer_transmit_bytes_total");
    series.handshakes = of("wireguard_peer_handshakes_total");
    series.changes = of("wireguard_peer_endpoint_changes_total");
    series.alternations = of("wireguard_peer_endpoint_alternations_total");
  }
  const std::optional<Address> endpoint = peer.side().endpoint();
  if (series.info == nullptr || endpoint != series.shown) {
    series.shown = endpoint;
    series.info = &target_->series(
        "wireguard_peer_info",
        fmt::format("{},name=\"{}\",preshared_key=\"false\"{}", series.labels, peer.name(),
                    endpoint
                        ? fmt::format(",protocol_version=\"1\",endpoint=\"{}\"", text_of(*endpoint))
                        : ""));
  }
  return series;
}

void Exporter::write_peer(const Peer& peer, const std::string& interface_labels,
                          std::int64_t slot) {
  const PeerSeries& series = series_of(peer, interface_labels);
  const PeerMemory& memory = peers_[&peer];
  series.info->sample(slot, 1);
  const Time age = std::max(Time(0), clock_->now() - memory.anchor);
  if (memory.handshake) {
    series.timestamp->sample(slot, seconds(*memory.handshake));
    series.age->sample(slot, seconds(age));
  }
  series.live->sample(slot, memory.handshake && age < kRejectAfter ? 1 : 0);
  series.receive->sample(slot, static_cast<double>(peer.side().received()));
  series.transmit->sample(slot, static_cast<double>(peer.side().sent()));
  series.handshakes->sample(slot, static_cast<double>(memory.handshakes));
  series.changes->sample(slot, static_cast<double>(memory.endpoint_changes));
  series.alternations->sample(slot, static_cast<double>(memory.alternations));
}

void Exporter::write_interface(const Interface& interface, std::int64_t slot) {
  const std::string labels = labels_of(interface);
  const auto put = [&](std::string_view name, double value) {
    target_->series(name, labels).sample(slot, value);
  };
  if (!interface.readable) {
    target_->series("wireguard_exporter_interface_failures", labels + ",reason=\"timeout\"")
        .sample(slot, 1);
    return;
  }
  put("wireguard_interface_up", interface.up ? 1 : 0);
  put("wireguard_interface_created_timestamp_seconds", seconds(interfaces_[&interface].created));
  put("wireguard_interface_peers", static_cast<double>(interface.peers.size()));
  put("wireguard_interface_receive_frame_errors_total",
      static_cast<double>(interface.frame_errors));
  if (interface.userspace)
    put("wireguard_interface_socket_receive_drops_total",
        static_cast<double>(interface.socket_drops));
  std::int64_t received = 0;
  std::int64_t sent = 0;
  for (const auto& peer : interface.peers) {
    write_peer(*peer, labels, slot);
    received += peer->data_received();
    sent += peer->data_sent();
  }
  put("wireguard_interface_receive_bytes_total", static_cast<double>(received));
  put("wireguard_interface_transmit_bytes_total", static_cast<double>(sent));
}

void Exporter::write(std::int64_t slot) {
  collect();
  bool unreadable = false;
  for (const auto& interface : gateway_->interfaces()) {
    if (!interface->present) continue;
    write_interface(*interface, slot);
    unreadable |= !interface->readable;
  }
  const auto success = [&](std::string_view collector, bool whole) {
    target_
        ->series("wireguard_exporter_collector_success", fmt::format("collector=\"{}\"", collector))
        .sample(slot, whole ? 1 : 0);
  };
  success("netlink", !unreadable && !collector_failing_);
  success("links", true);
  success("names", true);
  success("uapi", true);
  target_->series("wireguard_exporter_clock_steps_total")
      .sample(slot, static_cast<double>(clock_steps_));
}

}  // namespace wgscope::simulator
