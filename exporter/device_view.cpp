#include "exporter/device_view.hpp"

#include <cstddef>
#include <optional>
#include <utility>

#include "wgscope/base/text.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/device.hpp"

#include "exporter/history.hpp"
#include "exporter/peer_history.hpp"

namespace wgscope::exporter {
namespace {

PeerState state_of(const Peer& peer, Nanoseconds age) {
  if (!peer.last_handshake) return PeerState::never;
  return age < kRejectAfterTime ? PeerState::live : PeerState::idle;
}

/// Fills `view` for a peer from what is remembered of it, and remembers what is new.
/// @returns what changed.
PeerChanges view_peer(const Peer& peer, PeerHistory& entry, const Lens& lens, PeerView& view) {
  encode_key_base64(peer.public_key.bytes, view.key_text);
  view.first_seen = entry.first_seen;
  const PeerChanges changes = look_for_changes(entry, peer, lens.events_seed, lens.now);
  view.events = entry.events;
  view.handshake_age =
      peer.last_handshake ? handshake_age(entry, *peer.last_handshake, lens.now) : Nanoseconds(0);
  view.state = state_of(peer, view.handshake_age);
  view.verdict = entry.judge.judge({.at = lens.now.boot,
                                    .receive_bytes = peer.receive_bytes,
                                    .transmit_bytes = peer.transmit_bytes,
                                    .handshaken = peer.last_handshake.has_value(),
                                    .new_handshake = changes.new_handshake,
                                    .session_live = view.state == PeerState::live,
                                    .endpoint_returned = changes.endpoint_returned});
  view.name = nullptr;
  if (lens.names == nullptr) return changes;
  if (const auto name = lens.names->find(peer.public_key); name != lens.names->end())
    view.name = &name->second;
  return changes;
}

}  // namespace

bool view_device(const Device& device, bool whole, InterfaceHistory& history, const Lens& lens,
                 DeviceView& into) {
  into.peers.resize(device.peers.size());
  into.by_state.fill(0);
  into.by_verdict.fill(0);
  into.created = device.link ? history.created : std::nullopt;
  const std::size_t known = history.peers.entries().size();
  history.peer_resets += std::exchange(history.new_peer_resets, 0);
  into.peer_resets = history.peer_resets;
  history.peers.begin_reading();
  for (std::size_t i = 0; i < device.peers.size(); ++i) {
    const Peer& peer = device.peers[i];
    PeerView& view = into.peers[i];
    PeerHistory* entry = history.peers.find(peer.public_key, lens.now.wall);
    view.shown = entry != nullptr;
    if (!view.shown) continue;
    if (view_peer(peer, *entry, lens, view).made_anew) ++history.new_peer_resets;
    ++into.by_state[static_cast<std::size_t>(view.state)];
    ++into.by_verdict[static_cast<std::size_t>(view.verdict)];
  }
  const bool added = history.peers.entries().size() != known;
  return (whole && history.peers.forget_unlisted()) || added;
}

}  // namespace wgscope::exporter
