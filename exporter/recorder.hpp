#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/config/names.hpp"
#include "wgscope/journal/event.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/model/snapshot.hpp"

#include "exporter/device_view.hpp"
#include "exporter/endpoint_detail.hpp"
#include "exporter/history.hpp"
#include "exporter/peer_history.hpp"
#include "exporter/peer_memory.hpp"

namespace wgscope::exporter {

/// Where events go.
class EventSink {
 public:
  EventSink() = default;
  EventSink(const EventSink&) = delete;
  EventSink& operator=(const EventSink&) = delete;
  virtual ~EventSink() = default;

  virtual void take(const journal::Event& event) = 0;
  /// The events of one reading are complete.
  virtual void flush() = 0;
  /// Whether events were lost, or an empty file was begun, since the last call: then who is
  /// connected has to be listed again.
  virtual bool begun_anew() = 0;
};

/// Compares each reading with what is remembered, updates that, and tells the journal what changed.
/// One thread at a time, that of the reading.
///
/// A reading calls begin(), then for each device begin_device(), look() and gone() for its peers
/// and end_device(), then gone() for the peers of interfaces that are gone, then end().
class Recorder {
 public:
  /// How long the journal may be silent while the exporter reads: what is not known after a kill is
  /// at most that.
  static constexpr std::chrono::minutes kLongestSilence{10};

  struct Settings {
    EndpointDetail endpoint = EndpointDetail::full;
    Nanoseconds interval{};  ///< between readings, as --sample.interval; 0: whenever it is scraped
    std::string version;
    /// The state file was read: what differs from it changed while no exporter ran.
    bool restored = false;
  };

  /// A peer of a reading.
  struct Seen {
    const Peer& peer;
    const PeerView& view;
    PeerChanges changes;
  };

  /// @param sink  outlives this; nullptr: nothing is told.
  Recorder(Settings settings, EventSink* sink) : settings_(std::move(settings)), sink_(sink) {}

  /// @param names  of peers, until end(); nullptr: there are none.
  void begin(const Snapshot& snapshot, const config::PeerNames* names, std::uint64_t clock_steps);
  void begin_device(const Device& device, InterfaceHistory& interface);
  /// @param entry, memory  of the peer, which is one of the device's last named.
  void look(const Seen& seen, const PeerHistory& entry, PeerMemory& memory, RemovedPeers& removed);
  /// A peer that an interface has no longer.
  void gone(const RemovedPeers::Id& id, const PeerMemory& memory, RemovedPeers& removed);
  /// @param whole  whether the reading of the device was.
  void end_device(bool whole, InterfaceHistory& interface);
  /// @param history  where all interfaces are that still exist.
  /// @returns whether what is remembered changed.
  bool end(const Snapshot& snapshot, History& history);
  /// The exporter ends.
  void stop(WallTime now);

  /// Whom an event is about.
  struct Subject {
    const PublicKey* key = nullptr;     ///< of a peer; nullptr: the interface
    const std::string* name = nullptr;  ///< of the peer; nullptr: it has none
  };
  /// For what is declared: key_undeclared, configuration_drifted, configuration_healed. To be
  /// called between begin() and end(), once when it begins to hold.
  /// @param detail  for people, without secrets.
  void declare(journal::EventKind kind, const Device& device, const Subject& subject,
               std::string detail);

 private:
  using Place = std::pair<std::string, std::string>;

  void tell(journal::Event event);
  [[nodiscard]] journal::Event about(journal::EventKind kind, const Seen& seen,
                                     const PeerMemory& memory) const;
  [[nodiscard]] bool failed_before(const Device& device) const;
  void start_over(const Seen& seen, PeerMemory& memory);
  bool remember(const Seen& seen, const PeerHistory& entry, PeerMemory& memory,
                RemovedPeers& removed);
  void look_at_endpoint(const Seen& seen, PeerMemory& memory, bool is_new);
  bool look_at_handshake(const Seen& seen, PeerMemory& memory, bool unlisted);
  void tell_of_failures(const Snapshot& snapshot, History& history);

  Settings settings_;
  EventSink* sink_;
  const config::PeerNames* names_ = nullptr;
  WallTime now_;
  WallTime told_;                      ///< when the last event was
  std::optional<Nanoseconds> offset_;  ///< wall clock less boot clock, at the last reading
  std::uint64_t clock_steps_ = 0;
  bool first_ = true;                   ///< no reading ended yet
  bool listing_ = true;                 ///< this reading lists who is connected
  std::uint64_t listed_ = 0;            ///< how many it listed
  bool changed_ = false;                ///< what is remembered did
  std::vector<Place> failures_;         ///< of the reading before
  std::set<Place> failing_everywhere_;  ///< namespaces without a reading, by an empty interface

  // Of the device that is being read.
  const Device* device_ = nullptr;
  bool additions_count_ = false;  ///< peers that are new to the history were added just now
  bool made_anew_ = false;
  bool listing_device_ = false;
};

}  // namespace wgscope::exporter
