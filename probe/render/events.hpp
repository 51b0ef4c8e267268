#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/render/redaction.hpp"
#include "wgscope/tunnel/event.hpp"

#include "probe/render/event_limit.hpp"

namespace wgscope::probe {

/// An event, and what its peer is called.
struct NamedEvent {
  WallTime at;
  tunnel::Event event;
  std::optional<PublicKey> peer;  ///< the peer's key; nothing: unknown
  std::string_view name;          ///< the peer's name; may be empty, and may hold any bytes
};

/// "2026-11-25T13:30:01.250Z  laptop  key confirmed  192.0.2.1:51820", with the beginning of its
/// key for a peer without a name, "-" for none. Without a line break.
/// @param colour  whether refusals and new sessions stand out, by escape sequences.
/// @param redaction  here and below: replaces keys, addresses and names; nullptr: they are shown.
std::string event_as_text(const NamedEvent& event, bool colour,
                          render::Redaction* redaction = nullptr);

/// One JSON object: time, event, and as far as known peer, name, endpoint, reason, key, source,
/// number. Without a line break.
std::string event_as_json(const NamedEvent& event, render::Redaction* redaction = nullptr);

/// What the limit left out of a second, and whose events they are.
struct NamedLeftOut {
  WallTime at;
  EventLimit::LeftOut left_out;
  std::optional<PublicKey> peer;
  std::string_view name;
};

std::string left_out_as_text(const NamedLeftOut& left_out, render::Redaction* redaction = nullptr);
/// The event is called as its kind, and "_more".
std::string left_out_as_json(const NamedLeftOut& left_out, render::Redaction* redaction = nullptr);

/// Responses that a peer has not confirmed: what to look at.
struct NamedUnconfirmed {
  WallTime at;
  std::optional<PublicKey> peer;
  std::string_view name;
  std::optional<Endpoint> endpoint;
  std::uint64_t responses = 0;
  Nanoseconds during{};
  std::uint16_t port = 0;  ///< that this side listens on
};

std::string unconfirmed_as_text(const NamedUnconfirmed& unconfirmed,
                                render::Redaction* redaction = nullptr);
std::string unconfirmed_as_json(const NamedUnconfirmed& unconfirmed,
                                render::Redaction* redaction = nullptr);

/// Lines that are missing in this place of the output. @param what  of the output: "not_written"
/// where nobody read it in time, "events_lost" where events came faster than they could be taken.
std::string gap_as_text(WallTime at, std::string_view what, std::uint64_t count);
std::string gap_as_json(WallTime at, std::string_view what, std::uint64_t count);

inline constexpr std::string_view kNotWritten = "not_written";
inline constexpr std::string_view kEventsLost = "events_lost";

}  // namespace wgscope::probe
