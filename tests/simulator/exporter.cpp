#include "exporter.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "wgscope/audit/drift.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"

#include "exporter/collectors/collectors.hpp"
#include "exporter/exposition/output.hpp"
#include "exporter/exposition/writer.hpp"

namespace wgscope::simulator {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kSeed = 1;
constexpr std::string_view kBootId = "boot";
double seconds(Nanoseconds time) { return std::chrono::duration<double>(time).count(); }

std::string labels_of(const std::string& interface, const std::string& netns) {
  std::string labels = fmt::format("interface=\"{}\"", interface);
  if (!netns.empty()) labels += fmt::format(",netns=\"{}\"", netns);
  return labels;
}

/// promtool's time goes by series: none of every declared peer.
bool is_read_by_rules(std::string_view metric) {
  constexpr std::array<std::string_view, 12> kRead{"wireguard_peer_undeclared",
                                                   "wireguard_peer_missing",
                                                   "wireguard_peer_handshake_overdue",
                                                   "wireguard_peer_unexpectedly_offline",
                                                   "wireguard_peer_drift",
                                                   "wireguard_peer_allowed_ips_conflict",
                                                   "wireguard_peer_allowed_ips_too_broad",
                                                   "wireguard_peer_key_rotation_overdue",
                                                   "wireguard_interface_declared",
                                                   "wireguard_interface_undeclared",
                                                   "wireguard_findings",
                                                   "wireguard_inventory_last_reload_success"};
  return std::ranges::find(kRead, metric) != kRead.end();
}

wgscope::Peer read_peer(const Peer& peer, const Gateway& gateway) {
  wgscope::Peer read;
  read.public_key = key_of(peer.key());
  const std::optional<Time> handshake = peer.side().last_handshake();
  read.last_handshake = handshake ? std::optional(gateway.date_of(*handshake)) : std::nullopt;
  read.receive_bytes = static_cast<std::uint64_t>(peer.side().received());
  read.transmit_bytes = static_cast<std::uint64_t>(peer.side().sent());
  const std::optional<Address> endpoint = peer.side().endpoint();
  read.endpoint = endpoint ? std::optional(endpoint_of(*endpoint)) : std::nullopt;
  read.persistent_keepalive_seconds =
      static_cast<std::uint16_t>(std::chrono::ceil<std::chrono::seconds>(peer.keepalive()).count());
  read.has_preshared_key = peer.has_preshared_key();
  return read;
}

wgscope::Device read_device(const Interface& interface, const Gateway& gateway) {
  wgscope::Device device;
  device.netns = interface.netns;
  device.name = interface.name;
  device.listen_port = interface.listen_port;
  device.link.emplace().ifindex = interface.ifindex;
  device.link->up = interface.up;
  for (const auto& peer : interface.peers) {
    device.peers.push_back(read_peer(*peer, gateway));
    for (const Prefix& prefix : peer->allowed_ips())
      device.add_allowed_ip(device.peers.size() - 1, prefix);
  }
  return device;
}

}  // namespace

Endpoint endpoint_of(const Address& address) {
  Endpoint endpoint;
  endpoint.address.family = Family::v4;
  for (std::size_t i = 0; i < 4; ++i)
    endpoint.address.bytes[i] = static_cast<std::byte>(address.host >> (24U - 8U * i));
  endpoint.port = address.port;
  return endpoint;
}

/// Keys of populated gateways have the form of keys. Of others, which tests give, the characters
/// stand for themselves.
PublicKey key_of(const std::string& text) {
  if (const auto key = PublicKey::from_base64(text)) return *key;
  PublicKey key;
  std::memcpy(key.bytes.data(), text.data(), std::min(text.size(), key.bytes.size()));
  return key;
}

void Exporter::start() {
  running_ = true;
  history_ = std::make_unique<exporter::History>(kSeed, true);
  if (!state_.empty())
    if (auto restored = history_->restore(state_, kBootId); !restored)
      throw std::runtime_error("state: " + restored.error().context);
  exporter::Recorder::Settings settings;
  settings.restored = !state_.empty();
  recorder_.emplace(std::move(settings), nullptr);
  findings_ = {};
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

Now Exporter::now() const { return {Instant{clock_->now()}, gateway_->date_of(gateway_->wall())}; }

void Exporter::read() {
  Snapshot& snapshot = collection_.snapshot;
  snapshot.taken = now();
  snapshot.devices.clear();
  snapshot.failures.clear();
  read_.clear();
  for (const auto& interface : gateway_->interfaces()) {
    if (!interface->present) continue;
    if (!interface->readable) {
      snapshot.failures.push_back({interface->netns, interface->name, FailureReason::timeout, ""});
      continue;
    }
    snapshot.devices.push_back(read_device(*interface, *gateway_));
    read_.push_back(interface.get());
  }
}

void Exporter::judge() {
  if (registry_ == nullptr) return;
  exporter::DeclaredView& declared = collection_.declared;
  declared.state = registry_->state();
  declared.names = registry_->names();
  const exporter::PreparedInventory& inventory = *declared.inventory();
  const Snapshot& snapshot = collection_.snapshot;
  const audit::Resolutions& resolutions = declared.names->resolutions;
  audit::compare(inventory.declared(), snapshot, resolutions, declared.drift);
  findings_.count({.declared = inventory.declared(),
                   .snapshot = snapshot,
                   .drift = declared.drift,
                   .resolutions = resolutions,
                   .lint = declared.state->lint},
                  declared.findings);
  inventory.expect(snapshot.taken.wall, declared.expectations);
}

void Exporter::view() {
  const Snapshot& snapshot = collection_.snapshot;
  exporter::DeclaredView& declared = collection_.declared;
  exporter::Lens lens{.now = snapshot.taken,
                      .events_seed = kSeed,
                      .recorder = &*recorder_,
                      .removed = &history_->removed(),
                      .inventory = declared.inventory(),
                      .expectations = &declared.expectations};
  collection_.views.resize(snapshot.devices.size());
  for (std::size_t i = 0; i < snapshot.devices.size(); ++i) {
    const wgscope::Device& device = snapshot.devices[i];
    if (lens.inventory != nullptr) lens.drift = &declared.drift.interfaces[i];
    exporter::view_device(device, true, history_->of(device, snapshot.taken.wall), lens,
                          collection_.views[i]);
  }
}

void Exporter::collect() {
  collected_ = clock_->now();
  history_->watch_clock(now());
  read();
  judge();
  recorder_->begin(collection_.snapshot, nullptr, history_->clock_steps());
  view();
  const auto exists = [&](const std::string& netns, const std::string& name) {
    return std::ranges::any_of(gateway_->interfaces(), [&](const auto& interface) {
      return interface->present && interface->netns == netns && interface->name == name;
    });
  };
  history_->forget_unless(exists, [&](const std::string& netns, const std::string& name,
                                      exporter::InterfaceHistory& interface) {
    for (const exporter::PeerHistory& peer : interface.peers.entries())
      recorder_->gone({netns, name, peer.key}, *interface.peers.memory_of(peer),
                      history_->removed());
  });
  recorder_->end(collection_.snapshot, *history_);
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
        seconds(peer.last_handshake->since_epoch - gateway_->epoch()));
  if (peer.last_handshake) put("wireguard_peer_handshake_age_seconds", seconds(view.handshake_age));
  put("wireguard_peer_receive_bytes_total", static_cast<double>(peer.receive_bytes));
  put("wireguard_peer_transmit_bytes_total", static_cast<double>(peer.transmit_bytes));
}

void Exporter::write_interface(const Interface& interface, std::size_t index, std::int64_t slot) {
  const std::string labels = labels_of(interface.name, interface.netns);
  const auto put = [&](std::string_view name, double value) {
    target_->series(name, labels).sample(slot, value);
  };
  const wgscope::Device& device = collection_.snapshot.devices[index];
  const exporter::DeviceView& view = collection_.views[index];
  put("wireguard_interface_up", interface.up ? 1 : 0);
  put("wireguard_interface_created_timestamp_seconds",
      seconds(view.created.value().since_epoch - gateway_->epoch()));
  put("wireguard_interface_peers", static_cast<double>(interface.peers.size()));
  put("wireguard_interface_peer_resets_total", static_cast<double>(view.peer_resets));
  put("wireguard_interface_receive_frame_errors_total",
      static_cast<double>(interface.frame_errors));
  if (interface.userspace)
    put("wireguard_interface_socket_receive_drops_total",
        static_cast<double>(interface.socket_drops));
  const std::size_t verdicts =
      registry_ == nullptr ? exporter::kUndeclaredVerdictCount : exporter::kVerdictCount;
  for (std::size_t i = 0; i < verdicts; ++i)
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

/// What the exporter itself writes of its inventory, as far as rules read it.
void Exporter::write_inventory(std::int64_t slot) {
  if (registry_ == nullptr) return;
  exporter::StringSink sink;
  exporter::Output output(sink);
  exporter::Writer writer(exporter::Format::text, output);
  exporter::write_declared_peers(collection_, {}, writer);
  exporter::write_declared(collection_, writer);
  writer.finish();
  std::string_view text = sink.text;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() + 1);
    const std::string_view name = line.substr(0, line.find_first_of("{ "));
    if (!is_read_by_rules(name)) continue;
    const std::size_t value = line.rfind(' ') + 1;
    const std::string_view labels =
        line[name.size()] == '{' ? line.substr(name.size() + 1, value - name.size() - 3) : "";
    target_->series(name, labels).sample(slot, std::stod(std::string(line.substr(value))));
  }
}

void Exporter::write(std::int64_t slot) {
  collect();
  for (std::size_t i = 0; i < read_.size(); ++i) write_interface(*read_[i], i, slot);
  for (const Failure& failure : collection_.snapshot.failures)
    target_
        ->series("wireguard_exporter_interface_failures",
                 labels_of(failure.interface, failure.netns) + ",reason=\"timeout\"")
        .sample(slot, 1);
  write_inventory(slot);
  const auto success = [&](std::string_view collector, bool whole) {
    target_
        ->series("wireguard_exporter_collector_success", fmt::format("collector=\"{}\"", collector))
        .sample(slot, whole ? 1 : 0);
  };
  success("netlink", collection_.snapshot.failures.empty() && !collector_failing_);
  success("links", true);
  success("names", true);
  success("uapi", true);
  target_->series("wireguard_exporter_clock_steps_total")
      .sample(slot, static_cast<double>(history_->clock_steps()));
}

}  // namespace wgscope::simulator
