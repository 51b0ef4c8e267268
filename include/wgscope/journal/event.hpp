#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/public_key.hpp"

// What the exporter writes into its journal, one JSON object a line: docs/journal.md and
// docs/journal.schema.json. Names of events and fields are a contract: added, never renamed.

namespace wgscope::journal {

enum class EventKind : std::uint8_t {
  exporter_started,    ///< its first reading ended
  connections_listed,  ///< whoever has a live session was named since the last start, loss or
                       ///< rotation: from here on, who is not named is not connected
  exporter_running,    ///< written when nothing else was for a while: the exporter still reads
  exporter_stopped,
  events_dropped,  ///< `count` events before this line could not be written
  clock_stepped,   ///< the wall clock moved by `seconds`
  reading_failed,  ///< the interface, or all in the namespace, cannot be read any more
  reading_resumed,
  peer_added,
  peer_removed,
  first_handshake,
  came_back,        ///< a handshake of a peer that had no live session
  found_connected,  ///< the session was live when connections were listed
  went,             ///< the session's last handshake became older than 180 s
  endpoint_changed,
  key_undeclared,  ///< the inventory does not have this key
  configuration_drifted,
  configuration_healed,
  other,  ///< an event of a later version, which the line names; never written
};

/// The names in the journal, in the order of the enumeration; `other` has none.
inline constexpr std::array<std::string_view, 18> kEventNames{"exporter_started",
                                                              "connections_listed",
                                                              "exporter_running",
                                                              "exporter_stopped",
                                                              "events_dropped",
                                                              "clock_stepped",
                                                              "reading_failed",
                                                              "reading_resumed",
                                                              "peer_added",
                                                              "peer_removed",
                                                              "first_handshake",
                                                              "came_back",
                                                              "found_connected",
                                                              "went",
                                                              "endpoint_changed",
                                                              "key_undeclared",
                                                              "configuration_drifted",
                                                              "configuration_healed"};

struct Event {
  WallTime time;  ///< of the reading that showed it
  EventKind kind = EventKind::other;
  std::string netns;      ///< empty: the exporter's own network namespace
  std::string interface;  ///< empty where the event is not about one interface
  std::optional<PublicKey> key;
  std::string name;                   ///< of the peer; empty: it has none
  std::optional<WallTime> handshake;  ///< when the peer's last handshake was
  std::string endpoint;               ///< as much of it as --peer.endpoint allows; empty: nothing
  std::string endpoint_before;
  std::string detail;  ///< more for people: a version, a reason, what drifted
  std::optional<std::uint64_t> count;
  std::optional<double> seconds;

  friend bool operator==(const Event&, const Event&) = default;
};

/// No line is longer, its end included: write_event() cuts texts, parse_event() refuses lines.
inline constexpr std::size_t kMaxLine = 64UL * 1024;

/// "2026-11-30T10:48:47.123Z": RFC 3339 in UTC, whole milliseconds.
std::string write_time(WallTime time);
/// What write_time() writes, for years 1970 to 2199. @returns bad_value.
Result<WallTime> parse_time(std::string_view text);

/// Appends the event's line with its end. Texts that are not UTF-8 are made so, and cut where they
/// are very long.
void write_event(const Event& event, std::string& out);

/// Reads a line, without its end. Fields that it does not know are passed over, and an event whose
/// name it does not know is `other`: later versions may write them.
/// @returns bad_value for what is not a whole event; the message does not repeat the line.
Result<Event> parse_event(std::string_view line);

}  // namespace wgscope::journal
