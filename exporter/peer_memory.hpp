#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"

#include "exporter/endpoint_detail.hpp"

namespace wgscope::exporter {

/// The differences from the inventory that the journal was told of and that still hold, a bit for
/// each: declared_events.cpp.
using DeclaredMarks = std::uint8_t;

struct SeenEndpoint {
  Endpoint endpoint;  ///< as reduce() left it
  EndpointDetail detail = EndpointDetail::full;

  friend bool operator==(const SeenEndpoint&, const SeenEndpoint&) = default;
};

/// What is kept of a peer beyond the time for which the exporter and the peer exist; only with
/// --state.dir or --journal.
struct PeerMemory {
  bool known = false;      ///< false: the entry is new, and nothing below means anything
  bool live = false;       ///< its session was live at the last reading
  bool undated = false;    ///< an earlier version kept no handshakes: there may have been some
  DeclaredMarks told = 0;  ///< of differences from the inventory; not kept across restarts
  WallTime first_seen;     ///< for the first time ever, on this interface
  /// The first and the last handshake that the exporter knows of.
  std::optional<WallTime> first_handshake;
  std::optional<WallTime> last_handshake;
  std::optional<SeenEndpoint> endpoint;  ///< the last one
  std::uint32_t endpoint_changes = 0;
  std::uint32_t removals = 0;
  std::optional<WallTime> removed;  ///< when it was; nothing: the interface has it

  friend bool operator==(const PeerMemory&, const PeerMemory&) = default;
};

/// Peers that interfaces have no longer. Bounded: those that were removed longest ago are forgotten
/// first.
class RemovedPeers {
 public:
  static constexpr std::size_t kMost = 20'000;

  struct Id {
    std::string netns;
    std::string interface;
    PublicKey key;
    friend auto operator<=>(const Id&, const Id&) = default;
  };

  /// @param memory  with `removed` set.
  void add(Id id, const PeerMemory& memory);
  /// What is known of a peer that is back. It is then no longer among the removed ones.
  std::optional<PeerMemory> take(const Id& id);

  [[nodiscard]] const std::map<Id, PeerMemory>& all() const { return all_; }

 private:
  std::map<Id, PeerMemory> all_;
  std::set<std::pair<WallTime, const Id*>> by_time_;  ///< points to keys of all_
};

}  // namespace wgscope::exporter
