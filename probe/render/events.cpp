#include "probe/render/events.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "wgscope/base/text.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/render/layout.hpp"
#include "wgscope/render/redaction.hpp"
#include "wgscope/tunnel/event.hpp"

#include "probe/render/event_limit.hpp"

namespace wgscope::probe {
namespace {

using tunnel::DropReason;
using tunnel::EventKind;

std::string spaced(std::string_view word) {
  std::string text(word);
  std::ranges::replace(text, '_', ' ');
  return text;
}

template <class Thing>
std::string shown(const Thing& thing, render::Redaction* redaction) {
  const diagnosis::Text text = diagnosis::text("{}", thing);
  return redaction != nullptr ? redaction->show(text) : text.plain();
}

/// As a terminal may show it: names come from files, and control characters move the cursor.
std::string shown_name(std::string_view name, const std::optional<PublicKey>& peer,
                       render::Redaction* redaction) {
  constexpr std::size_t kKeyStart = 8;
  if (!name.empty())
    return redaction != nullptr ? shown(diagnosis::Name{std::string(name)}, redaction)
                                : printable(name);
  if (!peer) return "-";
  return redaction != nullptr ? shown(*peer, redaction) : peer->base64().substr(0, kKeyStart) + "…";
}

void add_peer(std::string_view name, const std::optional<PublicKey>& peer,
              render::Redaction* redaction, nlohmann::ordered_json& json) {
  if (peer) json["peer"] = shown(*peer, redaction);
  if (!name.empty())
    json["name"] = redaction != nullptr ? shown(diagnosis::Name{std::string(name)}, redaction)
                                        : to_valid_utf8(name);
}

/// What a refusal means, and what to do about it; empty where its name says it all.
std::string_view meaning_of(DropReason reason) {
  switch (reason) {
    case DropReason::malformed: return "not a WireGuard message";
    case DropReason::bad_mac1: return "the sender has a wrong public key for this host";
    case DropReason::not_for_us: return "it is encrypted to another public key";
    case DropReason::unknown_peer:
      return "no [Peer] has this key: add one, or correct the sender's key";
    case DropReason::stale_timestamp:
      return "a replay, or the sender's clock was set back before its last handshake";
    case DropReason::under_load:
      return "answered with a cookie: the sender must prove its address first";
    case DropReason::unknown_index:
      return "it belongs to a session from before a restart; the peer will start a new one";
    case DropReason::response_not_decrypted:
      return "the preshared keys differ, or the message is forged";
    case DropReason::session_expired: return "its session is older than 180 s";
    case DropReason::source_not_allowed:
      return "this peer's AllowedIPs do not contain that source address";
    default: return "";
  }
}

std::string_view colour_of(EventKind kind) {
  switch (kind) {
    case EventKind::response_accepted:
    case EventKind::key_confirmed: return "\x1b[32m";
    case EventKind::dropped:
    case EventKind::handshake_gave_up:
    case EventKind::response_not_decrypted: return "\x1b[31m";
    default: return "";
  }
}

}  // namespace

std::string event_as_text(const NamedEvent& named, bool colour, render::Redaction* redaction) {
  const tunnel::Event& event = named.event;
  std::string what = spaced(tunnel::to_string(event.kind));
  if (event.reason) what += ": " + spaced(tunnel::to_string(*event.reason));
  const std::string_view paint = colour ? colour_of(event.kind) : "";
  std::string text = fmt::format("{}  {}  {}{}{}", render::timestamp(named.at),
                                 shown_name(named.name, named.peer, redaction), paint, what,
                                 paint.empty() ? "" : "\x1b[0m");
  if (event.address) text += "  " + shown(*event.address, redaction);
  if (event.inner) text += "  source " + shown(*event.inner, redaction);
  if (event.key) text += "  key " + shown(*event.key, redaction);
  if (event.kind == EventKind::handshake_sent) text += fmt::format("  attempt {}", event.number);
  const std::string_view meaning = event.reason ? meaning_of(*event.reason) : "";
  if (!meaning.empty()) text += fmt::format("  ({})", meaning);
  return text;
}

std::string event_as_json(const NamedEvent& named, render::Redaction* redaction) {
  const tunnel::Event& event = named.event;
  nlohmann::ordered_json json{{"time", render::timestamp(named.at)},
                              {"event", tunnel::to_string(event.kind)}};
  add_peer(named.name, named.peer, redaction, json);
  if (event.address) json["endpoint"] = shown(*event.address, redaction);
  if (event.reason) json["reason"] = tunnel::to_string(*event.reason);
  if (event.key) json["key"] = shown(*event.key, redaction);
  if (event.inner) json["source"] = shown(*event.inner, redaction);
  if (event.kind == EventKind::handshake_sent) json["attempt"] = event.number;
  return json.dump();
}

std::string left_out_as_text(const NamedLeftOut& left_out, render::Redaction* redaction) {
  const EventSort& sort = left_out.left_out.sort;
  std::string what = spaced(tunnel::to_string(sort.kind));
  if (sort.reason) what += ": " + spaced(tunnel::to_string(*sort.reason));
  return fmt::format("{}  {}  {}: {} more not shown", render::timestamp(left_out.at),
                     shown_name(left_out.name, left_out.peer, redaction), what,
                     left_out.left_out.count);
}

std::string left_out_as_json(const NamedLeftOut& left_out, render::Redaction* redaction) {
  const EventSort& sort = left_out.left_out.sort;
  nlohmann::ordered_json json{{"time", render::timestamp(left_out.at)},
                              {"event", fmt::format("{}_more", tunnel::to_string(sort.kind))}};
  add_peer(left_out.name, left_out.peer, redaction, json);
  if (sort.reason) json["reason"] = tunnel::to_string(*sort.reason);
  json["count"] = left_out.left_out.count;
  return json.dump();
}

std::string unconfirmed_as_text(const NamedUnconfirmed& unconfirmed, render::Redaction* redaction) {
  return fmt::format(
      "{}  {}  response not confirmed{}  {} in {} s  (the peer sent nothing by the new session: "
      "compare PresharedKey on both sides; on the peer, see whether responses arrive: tcpdump -ni "
      "any udp port {})",
      render::timestamp(unconfirmed.at), shown_name(unconfirmed.name, unconfirmed.peer, redaction),
      unconfirmed.endpoint ? "  " + shown(*unconfirmed.endpoint, redaction) : "",
      unconfirmed.responses == 1 ? "1 response"
                                 : fmt::format("{} responses", unconfirmed.responses),
      std::chrono::round<std::chrono::seconds>(unconfirmed.during).count(), unconfirmed.port);
}

std::string unconfirmed_as_json(const NamedUnconfirmed& unconfirmed, render::Redaction* redaction) {
  nlohmann::ordered_json json{{"time", render::timestamp(unconfirmed.at)},
                              {"event", "response_unconfirmed"}};
  add_peer(unconfirmed.name, unconfirmed.peer, redaction, json);
  if (unconfirmed.endpoint) json["endpoint"] = shown(*unconfirmed.endpoint, redaction);
  json["count"] = unconfirmed.responses;
  return json.dump();
}

std::string gap_as_text(WallTime at, std::string_view what, std::uint64_t count) {
  return fmt::format("{}  -  {} {}", render::timestamp(at),
                     count == 1 ? "1 event" : fmt::format("{} events", count),
                     what == kNotWritten ? "not written: this output was not read in time"
                                         : "lost: they came faster than this program takes them");
}

std::string gap_as_json(WallTime at, std::string_view what, std::uint64_t count) {
  return nlohmann::ordered_json{{"time", render::timestamp(at)}, {"event", what}, {"count", count}}
      .dump();
}

}  // namespace wgscope::probe
