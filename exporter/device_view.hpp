#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wgscope/audit/drift.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/config/names.hpp"
#include "wgscope/model/device.hpp"

#include "exporter/history.hpp"
#include "exporter/inventory/prepared.hpp"
#include "exporter/peer_history.hpp"
#include "exporter/peer_memory.hpp"
#include "exporter/peer_verdict.hpp"

namespace wgscope::exporter {

/// WireGuard gives up a session at this age (whitepaper §6.1, REJECT_AFTER_TIME).
inline constexpr std::chrono::seconds kRejectAfterTime{180};

/// What a peer's handshake age says. Only a peer that is declared to be online now can be stale:
/// its handshake is as old as an idle peer's.
enum class PeerState : std::uint8_t { never, live, idle, stale };
inline constexpr std::size_t kPeerStateCount = 4;

/// What the exporter adds to one peer of a snapshot. Kept small, like Peer.
struct PeerView {
  std::array<char, kKeyBase64Size> key_text{};
  PeerState state = PeerState::never;
  Verdict verdict = Verdict::never;
  bool shown = true;  ///< false: the same reading lists the key a second time
  /// Declared to be online now: 1 yes, 0 no, kUnknownExpectation.
  std::uint8_t expected_online = kUnknownExpectation;
  /// It should be online and has no session, and it is not a new peer in its grace period.
  bool unexpectedly_offline = false;
  bool handshake_overdue = false;  ///< it never had a handshake, and its grace period is over
  WallTime first_seen;
  Nanoseconds handshake_age{};                   ///< only valid if `state` is not `never`
  std::uint32_t declared = audit::kNotDeclared;  ///< index into Inventory::peers
  /// Points into Collection::names or Collection::declared; nullptr: the peer has no name.
  const std::string* name = nullptr;
  PeerEvents events;  ///< only valid if events are counted
};

struct DeviceView {
  std::vector<PeerView> peers;  ///< one for each entry of Device::peers, in the same order
  std::array<std::uint64_t, kPeerStateCount> by_state{};
  std::array<std::uint64_t, kVerdictCount> by_verdict{};
  /// Declared peers of which any key has a live session, during a rotation with two keys.
  std::vector<std::uint32_t> live_rotations;
  std::uint64_t peer_resets = 0;  ///< only valid if `created` is set
  bool aggregated = false;  ///< it has too many peers for --peer.max, so none is shown by itself
  /// When this interface index was first seen; nothing: unknown.
  std::optional<WallTime> created;
};

class Recorder;

/// What view_device() needs beside the device.
struct Lens {
  Now now;
  const config::PeerNames* names = nullptr;
  /// Seed of the hashes of endpoints; nothing: events are not counted.
  std::optional<std::uint64_t> events_seed;
  Recorder* recorder = nullptr;     ///< is shown each peer; nullptr: nothing is remembered of them
  RemovedPeers* removed = nullptr;  ///< not nullptr with a recorder
  // What is declared, and how the device differs from it; nullptr: nothing is declared.
  const PreparedInventory* inventory = nullptr;
  const Expectations* expectations = nullptr;
  const audit::InterfaceDrift* drift = nullptr;
};

/// Fills `into` for each peer of `device` from what is remembered, and remembers what is new.
/// @param whole  whether the reading was: only then is a peer that it lacks forgotten.
/// @returns whether first sights changed.
bool view_device(const Device& device, bool whole, InterfaceHistory& history, const Lens& lens,
                 DeviceView& into);

}  // namespace wgscope::exporter
