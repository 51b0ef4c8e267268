#include "exporter.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <string_view>

#include <fmt/format.h>

namespace wgscope::simulator {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kSeed = 1;
constexpr std::string_view kBootId = "boot";
/// When the simulation begins, by wall clocks. Those of gateways may be behind by hours.
constexpr std::chrono::seconds kEpoch = 1'700'000'000s;

double seconds(Nanoseconds time) { return std::chrono::duration<double>(time).count(); }

WallTime wall_of(Time time) { return WallTime{kEpoch + time}; }

std::string labels_of(const Interface& interface) {
  std::string labels = fmt::format("interface=\"{}\"", interface.name);
  if (!interface.netns.empty()) labels += fmt::format(",netns=\"{}\"", interface.netns);
  return labels;
}

/// A number of its own for each key, in place of the key.
PublicKey key_of(const Peer& peer) {
  PublicKey key;
  const std::string& text = peer.key();
  std::memcpy(key.bytes.data(), text.data(), std::min(text.size(), key.bytes.size()));
  return key;
}

Endpoint endpoint_of(const Address& address) {
  Endpoint endpoint;
  endpoint.address.family = Family::v4;
  for (std::size_t i = 0; i < 4; ++i)
    endpoint.address.bytes[i] = static_cast<std::byte>(address.host >> (24U - 8U * i));
  endpoint.port = address.port;
  return endpoint;
}

}  // namespace

void Exporter::start() {
  running_ = true;
  history_ = std::make_unique<exporter::History>(kSeed);
  if (!state_.empty())
    if (auto restored = history_->restore(state_, kBootId); !restored)
      throw std::runtime_error("state: " + restored.error().context);
  readings_.clear();
  ++generation_;
  collect();
  sample();
}

void Exporter::stop() {
  if (running_) state_ = history_->serialize(kBootId, now().wall);
  running_ = false;
}

void Exporter::sample() {
  if (!running_) return;
  const Time pause = chance_->between(kSampleInterval, kSampleInterval * 6 / 5);
  Time due = collected_ + pause;
  if (due <= clock_->now()) {
    collect();
    due = clock_->now() + pause;
  }
  clock_->at(due, [this, generation = generation_] {
    if (generation == generation_) sample();
  });
}

Now Exporter::now() const { return {Instant{clock_->now()}, wall_of(gateway_->wall())}; }

void Exporter::read(const Interface& interface, Reading& into) const {
  wgscope::Device& device = into.device;
  device.netns = interface.netns;
  device.name = interface.name;
  device.link.emplace().ifindex = interface.ifindex;
  device.peers.resize(interface.peers.size());
  for (std::size_t i = 0; i < interface.peers.size(); ++i) {
    const Peer& peer = *interface.peers[i];
    wgscope::Peer& read = device.peers[i];
    read.public_key = key_of(peer);
    const std::optional<Time> handshake = peer.side().last_handshake();
    read.last_handshake = handshake ? std::optional(wall_of(*handshake)) : std::nullopt;
    read.receive_bytes = static_cast<std::uint64_t>(peer.side().received());
    read.transmit_bytes = static_cast<std::uint64_t>(peer.side().sent());
    const std::optional<Address> endpoint = peer.side().endpoint();
    read.endpoint = endpoint ? std::optional(endpoint_of(*endpoint)) : std::nullopt;
  }
}

void Exporter::collect() {
  const Now taken = now();
  collected_ = clock_->now();
  history_->watch_clock(taken);
  for (const auto& interface : gateway_->interfaces()) {
    if (!interface->present || !interface->readable) continue;
    Reading& reading = readings_[interface.get()];
    read(*interface, reading);
    exporter::view_device(reading.device, true, history_->of(reading.device, taken.wall),
                          {taken, nullptr, kSeed}, reading.view);
  }
  history_->forget_unless([&](const std::string& netns, const std::string& name) {
    return std::ranges::any_of(gateway_->interfaces(), [&](const auto& interface) {
      return interface->present && interface->netns == netns && interface->name == name;
    });
  });
}

void Exporter::write_verdict(const Peer& peer, exporter::Verdict verdict,
                             const std::string& interface_labels, std::int64_t slot) {
  PeerSeries& known = series_[&peer];
  if (known.labels.empty())
    known.labels = fmt::format("{},public_key=\"{}\"", interface_labels, peer.key());
  const auto index = static_cast<std::size_t>(verdict);
  Series*& series = known.by_verdict[index];
  if (series == nullptr)
    series = &target_->series("wireguard_peer_verdict",
                              fmt::format("{},name=\"{}\",verdict=\"{}\"", known.labels,
                                          peer.name(), exporter::kVerdictNames.at(index)));
  series->sample(slot, 1);
}

void Exporter::write_counters(const wgscope::Peer& peer, const exporter::PeerView& view,
                              const std::string& labels, std::int64_t slot) {
  const auto put = [&](std::string_view name, double value) {
    target_->series(name, labels).sample(slot, value);
  };
  if (peer.last_handshake)
    put("wireguard_peer_last_handshake_timestamp_seconds",
        seconds(peer.last_handshake->since_epoch - kEpoch));
  if (peer.last_handshake) put("wireguard_peer_handshake_age_seconds", seconds(view.handshake_age));
  put("wireguard_peer_receive_bytes_total", static_cast<double>(peer.receive_bytes));
  put("wireguard_peer_transmit_bytes_total", static_cast<double>(peer.transmit_bytes));
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
  const auto& [device, view] = readings_.at(&interface);
  put("wireguard_interface_up", interface.up ? 1 : 0);
  put("wireguard_interface_created_timestamp_seconds",
      seconds(view.created.value().since_epoch - kEpoch));
  put("wireguard_interface_peers", static_cast<double>(interface.peers.size()));
  put("wireguard_interface_peer_resets_total", static_cast<double>(view.peer_resets));
  put("wireguard_interface_receive_frame_errors_total",
      static_cast<double>(interface.frame_errors));
  if (interface.userspace)
    put("wireguard_interface_socket_receive_drops_total",
        static_cast<double>(interface.socket_drops));
  for (std::size_t i = 0; i < exporter::kUndeclaredVerdictCount; ++i)
    target_
        ->series("wireguard_interface_peers_by_verdict",
                 fmt::format("{},verdict=\"{}\"", labels, exporter::kVerdictNames.at(i)))
        .sample(slot, static_cast<double>(view.by_verdict.at(i)));
  for (std::size_t i = 0; i < interface.peers.size(); ++i) {
    write_verdict(*interface.peers[i], view.peers[i].verdict, labels, slot);
    if (counters_)
      write_counters(device.peers[i], view.peers[i], series_.at(interface.peers[i].get()).labels,
                     slot);
  }
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
      .sample(slot, static_cast<double>(history_->clock_steps()));
}

}  // namespace wgscope::simulator
