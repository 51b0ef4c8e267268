#include "exporter/device_view.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "wgscope/audit/drift.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/model/device.hpp"

#include "exporter/declared_events.hpp"
#include "exporter/history.hpp"
#include "exporter/inventory/prepared.hpp"
#include "exporter/peer_history.hpp"
#include "exporter/peer_memory.hpp"
#include "exporter/peer_verdict.hpp"
#include "exporter/recorder.hpp"

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
  entry.had_handshake |= peer.last_handshake.has_value();
  view.state = state_of(peer, view.handshake_age);
  view.verdict = entry.judge.judge({.at = lens.now.boot,
                                    .receive_bytes = peer.receive_bytes,
                                    .transmit_bytes = peer.transmit_bytes,
                                    .handshaken = peer.last_handshake.has_value(),
                                    .new_handshake = changes.new_handshake,
                                    .session_live = view.state == PeerState::live,
                                    .endpoint_returned = changes.endpoint_returned});
  view.name = nullptr;
  view.declared = audit::kNotDeclared;
  view.expected_online = kUnknownExpectation;
  view.unexpectedly_offline = view.handshake_overdue = false;
  if (lens.names == nullptr) return changes;
  if (const auto name = lens.names->find(peer.public_key); name != lens.names->end())
    view.name = &name->second;
  return changes;
}

/// Whether a peer without a handshake may have had one before: a peer that is removed and added
/// again has lost it, and so have all peers of an interface that was made anew.
/// @param memory  nullptr: nothing is kept but when the peer was first seen.
bool may_have_had_handshake(const PeerHistory& entry, const PeerMemory* memory,
                            std::optional<WallTime> created) {
  if (entry.had_handshake || entry.outlived || (created && entry.first_seen <= *created))
    return true;
  return memory != nullptr ? memory->first_handshake.has_value() : entry.restored;
}

/// Whether the key is to replace another one that may still be in use. Then it has time until that
/// one's last day, however long its grace period is.
bool awaits_its_turn(const Lens& lens, const audit::PeerDrift& drift) {
  if (!drift.successor) return false;
  const auto& peers = lens.inventory->declared().inventory().peers;
  return config::keys_at(peers[drift.declared], lens.now.wall).old_allowed;
}

/// Adds what is declared of a peer. Its name there was reviewed, and wins over other names.
/// @param had_handshake  whether it may have had one before, if it has none now.
void view_declaration(const Lens& lens, const audit::PeerDrift& drift, bool had_handshake,
                      PeerView& view) {
  // The last day of a retired key is over: nothing is expected of it.
  if (drift.declared == audit::kNotDeclared || drift.undeclared || drift.retired) return;
  view.declared = drift.declared;
  view.name = &lens.inventory->name_of(drift.declared);
  const DeclaredTerms& terms = lens.inventory->terms(drift.declared);
  view.expected_online = (*lens.expectations)[terms.expectation];
  const bool in_grace = terms.grace && view.state == PeerState::never &&
                        lens.now.wall - view.first_seen < *terms.grace;
  view.handshake_overdue = terms.grace && view.state == PeerState::never && !in_grace &&
                           !had_handshake && !awaits_its_turn(lens, drift);
  if (view.expected_online != 1) return;
  view.unexpectedly_offline = view.state != PeerState::live && !in_grace;
  if (view.state == PeerState::idle) view.state = PeerState::stale;
  if (view.verdict == Verdict::idle) view.verdict = Verdict::stale;
}

/// Where `value` is `from`, makes it `to`, and counts it so.
template <class T, class Counts>
void replace(T from, T to, T& value, Counts& counts) {
  if (value != from) return;
  value = to;
  --counts[static_cast<std::size_t>(from)];
  ++counts[static_cast<std::size_t>(to)];
}

/// During a rotation, a peer uses either of two keys: the other one is not missed.
void excuse_rotations(const Lens& lens, DeviceView& device) {
  if (lens.inventory == nullptr || device.live_rotations.empty()) return;
  for (PeerView& view : device.peers) {
    if (!view.shown || view.declared == audit::kNotDeclared || view.state == PeerState::live ||
        !lens.inventory->terms(view.declared).rotates)
      continue;
    if (std::ranges::find(device.live_rotations, view.declared) == device.live_rotations.end())
      continue;
    view.unexpectedly_offline = view.handshake_overdue = false;
    replace(PeerState::stale, PeerState::idle, view.state, device.by_state);
    replace(Verdict::stale, Verdict::idle, view.verdict, device.by_verdict);
  }
}

bool forget_unlisted(const Device& device, InterfaceHistory& history, const Lens& lens) {
  if (lens.recorder == nullptr) return history.peers.forget_unlisted();
  return history.peers.forget_unlisted([&](const PeerHistory& entry, const PeerMemory* memory) {
    lens.recorder->gone({device.netns, device.name, entry.key}, *memory, *lens.removed);
  });
}

}  // namespace

bool view_device(const Device& device, bool whole, InterfaceHistory& history, const Lens& lens,
                 DeviceView& into) {
  into.peers.resize(device.peers.size());
  into.live_rotations.clear();
  into.by_state.fill(0);
  into.by_verdict.fill(0);
  into.created = device.link ? history.created : std::nullopt;
  const std::size_t known = history.peers.entries().size();
  history.peer_resets += std::exchange(history.new_peer_resets, 0);
  into.peer_resets = history.peer_resets;
  history.peers.begin_reading();
  if (lens.recorder != nullptr) lens.recorder->begin_device(device, history);
  const bool compared =
      lens.recorder != nullptr && lens.drift != nullptr && lens.drift->are_peers_compared();
  if (compared) tell_differences(*lens.recorder, device, *lens.drift, history.told);
  for (std::size_t i = 0; i < device.peers.size(); ++i) {
    const Peer& peer = device.peers[i];
    PeerView& view = into.peers[i];
    PeerHistory* entry = history.peers.find(peer.public_key, lens.now.wall);
    view.shown = entry != nullptr;
    if (!view.shown) {
      // What an earlier collection left here may be of another inventory.
      view.declared = audit::kNotDeclared;
      continue;
    }
    const PeerChanges changes = view_peer(peer, *entry, lens, view);
    if (changes.made_anew) ++history.new_peer_resets;
    if (lens.inventory != nullptr && lens.drift != nullptr) {
      const PeerMemory* memory = history.peers.memory_of(*entry);
      view_declaration(lens, lens.drift->peers[i],
                       may_have_had_handshake(*entry, memory, history.created), view);
      if (view.declared != audit::kNotDeclared && view.state == PeerState::live &&
          lens.inventory->terms(view.declared).rotates)
        into.live_rotations.push_back(view.declared);
    }
    if (lens.recorder != nullptr)
      lens.recorder->look({peer, view, changes}, *entry, *history.peers.memory_of(*entry),
                          *lens.removed);
    if (compared)
      tell_differences(*lens.recorder, device, {&peer.public_key, view.name}, lens.drift->peers[i],
                       history.peers.memory_of(*entry)->told);
    ++into.by_state[static_cast<std::size_t>(view.state)];
    ++into.by_verdict[static_cast<std::size_t>(view.verdict)];
  }
  excuse_rotations(lens, into);
  const bool added = history.peers.entries().size() != known;
  const bool removed = whole && forget_unlisted(device, history, lens);
  if (lens.recorder != nullptr) lens.recorder->end_device(whole, history);
  return removed || added;
}

}  // namespace wgscope::exporter
