#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/journal/event.hpp"
#include "wgscope/model/public_key.hpp"

// Who was connected when, from the events of a journal. Pure: the same for any source of events.
//
// Silence of the journal means two things: that nothing happened, or that nobody looked. So there is
// a state `known`, which `connections_listed` begins and which ends when the exporter stops, is
// killed, loses events or cannot read an interface. Outside of it there are gaps, in which a key
// that is not seen is "unknown", never "not connected". An exporter that was killed could not say
// so: the gap then begins at its last line.

namespace wgscope::journal {

/// WireGuard gives up a session at this age (whitepaper §6.1, REJECT_AFTER_TIME).
inline constexpr std::chrono::seconds kSessionLife{180};

struct PeerId {
  std::string netns;
  std::string interface;
  PublicKey key;

  friend auto operator<=>(const PeerId&, const PeerId&) = default;
};

/// Why a connection's record ends, or why nothing is known for a while.
enum class End : std::uint8_t {
  expired,           ///< no handshake for 180 s
  removed,           ///< the peer was removed from the interface
  exporter_stopped,  ///< from here on: what follows is unknown
  exporter_killed,
  unreadable,
  events_lost,
  journal_ends,    ///< connected at the last line
  journal_begins,  ///< of gaps alone: what was before the first list of connections
};
/// The name in JSON and CSV: "session_expired".
std::string_view to_string(End end);
/// Whether the connection may have lasted beyond the record.
bool is_open_ended(End end);

struct Address {
  std::string endpoint;
  WallTime from;
};

/// A time in which a peer had a live session.
struct Presence {
  PeerId peer;
  std::string name;  ///< the last one that the peer had
  WallTime from;     ///< the handshake that began it
  /// The connection may have begun before `from`: nobody looked.
  bool from_at_latest = false;
  /// When the last session could carry data no longer; for open ends, when it was seen last.
  WallTime until;
  End end = End::journal_ends;
  /// Where the peer was reached, one after the other; empty where --peer.endpoint is off.
  std::vector<Address> addresses;
  std::size_t more_addresses = 0;  ///< changes beyond kMostAddresses
};

/// A time for which nothing is known of peers that no Presence names.
struct Gap {
  WallTime from;
  std::optional<WallTime> until;  ///< nothing: it lasts beyond the last line
  End why = End::exporter_stopped;
  std::string netns;      ///< of an interface that could not be read; else empty
  std::string interface;  ///< empty: every interface, of `netns` where `why` is unreadable
  std::string detail;     ///< why it could not be read

  [[nodiscard]] bool covers(WallTime at) const { return from <= at && (!until || at < *until); }
  [[nodiscard]] bool covers(const PeerId& peer) const;
};

struct Answer {
  std::optional<WallTime> begins;    ///< of the first line
  std::optional<WallTime> ends;      ///< of the last line
  std::vector<Presence> presences;   ///< by `from`
  std::vector<Gap> gaps;             ///< by `from`
  std::uint64_t dropped_events = 0;  ///< events that the exporter could not write
  std::uint64_t clock_steps = 0;     ///< times before and after them do not compare
  std::uint64_t other_events = 0;    ///< of kinds that this version does not know
  std::optional<double> interval;    ///< seconds between readings: times are that exact
};

class Presences {
 public:
  static constexpr std::size_t kMostPresences = 4'000'000;
  static constexpr std::size_t kMostAddresses = 1000;

  /// Takes the events in the order in which they were written.
  /// @param asked  false: only that the exporter wrote something then counts.
  void take(const Event& event, bool asked = true);
  /// Whether there were more connections than kMostPresences; those beyond are missing.
  [[nodiscard]] bool is_full() const { return full_; }
  /// What the events come to; afterwards this is as new.
  Answer finish();

 private:
  struct Track {
    std::string name;
    std::optional<std::size_t> latest;  ///< index into presences
    bool open = false;
    std::string endpoint;  ///< the last one of the presence
  };
  using Place = std::pair<std::string, std::string>;  ///< netns and interface

  void take_exporter(const Event& event);
  void take_peer(const Event& event);
  void stop_knowing(WallTime at, End why);
  void begin_knowing(WallTime at);
  void open(Track& track, const Event& event, bool at_latest);
  void close(Track& track, WallTime at, End why);
  void close_all(WallTime at, End why, const Event* of);
  void add_address(Track& track, const std::string& endpoint, WallTime at);

  Answer answer_;
  std::map<PeerId, Track> tracks_;
  std::optional<Gap> unknown_;       ///< while nothing is known
  std::map<Place, Gap> unreadable_;  ///< interfaces that cannot be read now
  bool running_ = false;
  bool full_ = false;
};

/// What is known of one moment.
struct Moment {
  std::vector<const Presence*> connected;
  /// Connected when they were seen last, in a gap that covers the moment.
  std::vector<const Presence*> unknown;
  std::vector<const Gap*> gaps;  ///< that cover the moment: others may have been connected, too
  bool covered = false;          ///< the moment lies between the first and the last line
};
/// @param answer  outlives the result.
Moment at(const Answer& answer, WallTime time);

}  // namespace wgscope::journal
