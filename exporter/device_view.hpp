#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wgscope/base/text.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/config/names.hpp"
#include "wgscope/model/device.hpp"

#include "exporter/history.hpp"
#include "exporter/peer_history.hpp"
#include "exporter/peer_verdict.hpp"

namespace wgscope::exporter {

/// WireGuard gives up a session at this age (whitepaper §6.1, REJECT_AFTER_TIME).
inline constexpr std::chrono::seconds kRejectAfterTime{180};

/// What a peer's handshake age says. The state `stale` of the metrics contract (an old
/// handshake of a peer that is declared always online) comes with the inventory: without one no
/// peer can have it.
enum class PeerState : std::uint8_t { never, live, idle };
inline constexpr std::size_t kPeerStateCount = 3;

/// What the exporter adds to one peer of a snapshot. Kept small, like Peer.
struct PeerView {
  std::array<char, kKeyBase64Size> key_text{};
  PeerState state = PeerState::never;
  Verdict verdict = Verdict::never;
  bool shown = true;  ///< false: the same reading lists the key a second time
  WallTime first_seen;
  Nanoseconds handshake_age{};  ///< only valid if `state` is not `never`
  /// Points into Collection::names; nullptr: the peer has no name.
  const std::string* name = nullptr;
  PeerEvents events;  ///< only valid if events are counted
};

struct DeviceView {
  std::vector<PeerView> peers;  ///< one for each entry of Device::peers, in the same order
  std::array<std::uint64_t, kPeerStateCount> by_state{};
  std::array<std::uint64_t, kVerdictCount> by_verdict{};
  std::uint64_t peer_resets = 0;  ///< only valid if `created` is set
  /// When this interface index was first seen; nothing: unknown.
  std::optional<WallTime> created;
};

/// What view_device() needs beside the device.
struct Lens {
  Now now;
  const config::PeerNames* names = nullptr;
  /// Seed of the hashes of endpoints; nothing: events are not counted.
  std::optional<std::uint64_t> events_seed;
};

/// Fills `into` for each peer of `device` from what is remembered, and remembers what is new.
/// @param whole  whether the reading was: only then is a peer that it lacks forgotten.
/// @returns whether first sights changed.
bool view_device(const Device& device, bool whole, InterfaceHistory& history, const Lens& lens,
                 DeviceView& into);

}  // namespace wgscope::exporter
