#include "exporter/recorder.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include <fmt/core.h>

#include "wgscope/base/time.hpp"
#include "wgscope/config/names.hpp"
#include "wgscope/journal/event.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/snapshot.hpp"

#include "exporter/device_view.hpp"
#include "exporter/endpoint_detail.hpp"
#include "exporter/history.hpp"
#include "exporter/peer_history.hpp"
#include "exporter/peer_memory.hpp"

namespace wgscope::exporter {
namespace {

using journal::Event;
using journal::EventKind;

/// The state file has whole milliseconds, and implementations that report an age are not exact.
bool is_same_handshake(WallTime a, const Peer& peer) {
  const Nanoseconds tolerance =
      peer.handshake_from_age ? Nanoseconds(std::chrono::seconds(3)) : std::chrono::milliseconds(1);
  return std::chrono::abs(*peer.last_handshake - a) <= tolerance;
}

bool covers(const std::string& netns, const std::string& interface, const Device& device) {
  return (netns.empty() || netns == device.netns) &&
         (interface.empty() || interface == device.name);
}

}  // namespace

void Recorder::tell(Event event) {
  if (sink_ == nullptr) return;
  event.time = now_;
  told_ = now_;
  sink_->take(event);
}

Event Recorder::about(EventKind kind, const Seen& seen, const PeerMemory& memory) const {
  Event event;
  event.kind = kind;
  event.netns = device_->netns;
  event.interface = device_->name;
  event.key = seen.peer.public_key;
  if (seen.view.name != nullptr) event.name = *seen.view.name;
  event.handshake = seen.peer.last_handshake;
  if (memory.endpoint) event.endpoint = to_text(memory.endpoint->endpoint, settings_.endpoint);
  return event;
}

void Recorder::begin(const Snapshot& snapshot, const config::PeerNames* names,
                     std::uint64_t clock_steps) {
  names_ = names;
  now_ = snapshot.taken.wall;
  changed_ = false;
  listed_ = 0;
  const Nanoseconds offset = snapshot.taken.wall.since_epoch - snapshot.taken.boot.since_boot;
  if (first_) {
    Event event;
    event.kind = EventKind::exporter_started;
    event.detail = settings_.version;
    event.seconds = std::chrono::duration<double>(settings_.interval).count();
    tell(std::move(event));
  } else if (clock_steps != clock_steps_ && offset_) {
    Event event;
    event.kind = EventKind::clock_stepped;
    event.seconds = std::chrono::duration<double>(offset - *offset_).count();
    tell(std::move(event));
  }
  offset_ = offset;
  clock_steps_ = clock_steps;
  const bool begun_anew = sink_ != nullptr && sink_->begun_anew();
  listing_ = first_ || begun_anew;
}

bool Recorder::failed_before(const Device& device) const {
  return std::ranges::any_of(failures_, [&](const Place& failure) {
    return covers(failure.first, failure.second, device);
  });
}

void Recorder::begin_device(const Device& device, InterfaceHistory& interface) {
  device_ = &device;
  const bool is_new = interface.peers.entries().empty() && !interface.whole_before;
  additions_count_ =
      is_new ? (first_ ? settings_.restored : !failed_before(device)) : interface.whole_before;
  made_anew_ = std::exchange(interface.made_anew, false);
  listing_device_ = listing_ || interface.unreadable;
}

/// The peer was removed and added again between two readings.
void Recorder::start_over(const Seen& seen, PeerMemory& memory) {
  Event event = about(EventKind::peer_removed, seen, memory);
  event.handshake = memory.last_handshake;
  tell(std::move(event));
  memory.live = false;
  ++memory.removals;
  tell(about(EventKind::peer_added, seen, memory));
  changed_ = true;
}

/// Begins to remember a peer. @returns whether it is one that nothing is known of: not when it
/// came, nor what was before.
bool Recorder::remember(const Seen& seen, const PeerHistory& entry, PeerMemory& memory,
                        RemovedPeers& removed) {
  if (auto past = removed.take({device_->netns, device_->name, entry.key})) {
    memory = *past;
    memory.removed.reset();
  } else {
    memory.first_seen = entry.first_seen;
  }
  memory.known = true;
  changed_ = true;
  if (!additions_count_) return true;
  Event event = about(EventKind::peer_added, seen, memory);
  if (seen.peer.endpoint && settings_.endpoint != EndpointDetail::off)
    event.endpoint = to_text(*seen.peer.endpoint, settings_.endpoint);
  tell(std::move(event));
  return false;
}

void Recorder::look_at_endpoint(const Seen& seen, PeerMemory& memory, bool is_new) {
  if (settings_.endpoint == EndpointDetail::off) {
    changed_ |= memory.endpoint.has_value();
    memory.endpoint.reset();
    return;
  }
  if (!seen.peer.endpoint) return;
  const SeenEndpoint now{reduce(*seen.peer.endpoint, settings_.endpoint), settings_.endpoint};
  if (memory.endpoint == now) return;
  const auto before = std::exchange(memory.endpoint, now);
  changed_ = true;
  // What was kept with another detail cannot be compared.
  if (!before || before->detail != now.detail) return;
  ++memory.endpoint_changes;
  if (is_new) return;
  Event event = about(EventKind::endpoint_changed, seen, memory);
  event.endpoint_before = to_text(before->endpoint, settings_.endpoint);
  tell(std::move(event));
}

/// @param unlisted  there is no memory of handshakes before.
/// @returns whether the journal now knows of the connection's beginning.
bool Recorder::look_at_handshake(const Seen& seen, PeerMemory& memory, bool unlisted) {
  const auto& handshake = seen.peer.last_handshake;
  if (!handshake || !seen.changes.new_handshake) return false;
  if (memory.last_handshake && is_same_handshake(*memory.last_handshake, seen.peer)) return false;
  const auto before = std::exchange(memory.last_handshake, handshake);
  const bool is_first = !memory.first_handshake;
  if (is_first) memory.first_handshake = handshake;
  changed_ = true;
  if (unlisted) return false;
  if (is_first) {
    tell(about(EventKind::first_handshake, seen, memory));
    return true;
  }
  if (memory.live && before && *handshake - *before > kRejectAfterTime) {
    Event event = about(EventKind::went, seen, memory);
    event.handshake = before;
    tell(std::move(event));
    memory.live = false;
  }
  if (memory.live) return false;
  tell(about(EventKind::came_back, seen, memory));
  return true;
}

void Recorder::look(const Seen& seen, const PeerHistory& entry, PeerMemory& memory,
                    RemovedPeers& removed) {
  const bool is_new = !memory.known;
  bool unlisted = std::exchange(memory.undated, false);
  if (is_new)
    unlisted = remember(seen, entry, memory, removed);
  else if (made_anew_ || seen.changes.made_anew)
    start_over(seen, memory);
  look_at_endpoint(seen, memory, is_new);
  const bool live = seen.view.state == PeerState::live;
  const bool began = look_at_handshake(seen, memory, unlisted);
  if (live && !began) {
    if (listing_device_ || unlisted)
      tell(about(EventKind::found_connected, seen, memory));
    else if (!memory.live)
      tell(about(EventKind::came_back, seen, memory));
  }
  if (!live && (memory.live || began)) {
    Event event = about(EventKind::went, seen, memory);
    if (!event.handshake) event.handshake = memory.last_handshake;
    tell(std::move(event));
  }
  if (live && listing_) ++listed_;
  memory.live = live;
}

void Recorder::gone(const RemovedPeers::Id& id, const PeerMemory& memory, RemovedPeers& removed) {
  if (!memory.known) return;
  Event event;
  event.kind = EventKind::peer_removed;
  event.netns = id.netns;
  event.interface = id.interface;
  event.key = id.key;
  if (names_ != nullptr)
    if (const auto name = names_->find(id.key); name != names_->end()) event.name = name->second;
  event.handshake = memory.last_handshake;
  if (memory.endpoint) event.endpoint = to_text(memory.endpoint->endpoint, settings_.endpoint);
  tell(std::move(event));
  PeerMemory kept = memory;
  kept.live = false;
  kept.undated = false;
  ++kept.removals;
  kept.removed = now_;
  removed.add(id, kept);
  changed_ = true;
}

void Recorder::end_device(bool whole, InterfaceHistory& interface) {
  interface.whole_before |= whole;
  if (!std::exchange(interface.unreadable, false)) return;
  Event event;
  event.kind = EventKind::reading_resumed;
  event.netns = device_->netns;
  event.interface = device_->name;
  tell(std::move(event));
}

/// Interfaces that are known and were not read, once each; and namespaces, in which there may be
/// interfaces that nobody knows.
void Recorder::tell_of_failures(const Snapshot& snapshot, History& history) {
  failures_.clear();
  std::set<Place> everywhere;
  for (const Failure& failure : snapshot.failures) {
    failures_.emplace_back(failure.netns, failure.interface);
    if (failure.interface.empty()) everywhere.insert({failure.netns, ""});
  }
  history.for_each(
      [&](const std::string& netns, const std::string& name, InterfaceHistory& interface) {
        const bool was_read = std::ranges::any_of(snapshot.devices, [&](const Device& device) {
          return device.netns == netns && device.name == name;
        });
        if (was_read || std::exchange(interface.unreadable, true)) return;
        Event event;
        event.kind = EventKind::reading_failed;
        event.netns = netns;
        event.interface = name;
        tell(std::move(event));
      });
  const auto tell_each = [&](const std::set<Place>& places, const std::set<Place>& unless,
                             EventKind kind) {
    for (const Place& place : places) {
      if (unless.contains(place)) continue;
      Event event;
      event.kind = kind;
      event.netns = place.first;
      tell(std::move(event));
    }
  };
  tell_each(everywhere, failing_everywhere_, EventKind::reading_failed);
  tell_each(failing_everywhere_, everywhere, EventKind::reading_resumed);
  failing_everywhere_ = std::move(everywhere);
}

bool Recorder::end(const Snapshot& snapshot, History& history) {
  tell_of_failures(snapshot, history);
  if (listing_) {
    Event event;
    event.kind = EventKind::connections_listed;
    event.count = listed_;
    tell(std::move(event));
  } else if (now_ - told_ >= kLongestSilence || now_ < told_) {
    Event event;
    event.kind = EventKind::exporter_running;
    tell(std::move(event));
  }
  first_ = false;
  names_ = nullptr;
  if (sink_ != nullptr) sink_->flush();
  return std::exchange(changed_, false);
}

void Recorder::stop(WallTime now) {
  if (first_ || sink_ == nullptr) return;
  now_ = now;
  Event event;
  event.kind = EventKind::exporter_stopped;
  tell(std::move(event));
  sink_->flush();
}

void Recorder::declare(EventKind kind, const Device& device, const Subject& subject,
                       std::string detail) {
  Event event;
  event.kind = kind;
  event.netns = device.netns;
  event.interface = device.name;
  if (subject.key != nullptr) event.key = *subject.key;
  if (subject.name != nullptr) event.name = *subject.name;
  event.detail = std::move(detail);
  tell(std::move(event));
}

}  // namespace wgscope::exporter
