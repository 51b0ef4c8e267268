#include "probe/commands/journal_report.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "wgscope/base/text.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/journal/event.hpp"
#include "wgscope/journal/presence.hpp"

#include "probe/commands/journal_files.hpp"

namespace wgscope::probe {
namespace {

using journal::End;
using journal::Gap;
using journal::Presence;
using nlohmann::ordered_json;

/// Text that a terminal can show: of valid UTF-8, and without control characters.
std::string showable(std::string_view text) {
  bool plain = is_valid_utf8(text);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
    plain = plain && byte >= 0x20 && byte != 0x7f && !(byte == 0xc2 && next < 0xa0);
  }
  return plain ? std::string(text) : printable(text, text.size());
}

/// "2026-11-30 10:48:47"
std::string shown(WallTime time) {
  std::string text = journal::write_time(time).substr(0, 19);
  text[10] = ' ';
  return text;
}

std::string counted(std::uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string shown_peer(const Presence& presence) {
  const std::string key = presence.peer.key.base64();
  return presence.name.empty() ? key : fmt::format("{} ({})", showable(presence.name), key);
}

std::string shown_interface(const std::string& netns, const std::string& interface) {
  const std::string name = interface.empty() ? "all interfaces" : showable(interface);
  return netns.empty() ? name : fmt::format("{}/{}", showable(netns), name);
}

std::string shown_addresses(const Presence& presence) {
  std::string text;
  for (const journal::Address& address : presence.addresses)
    text += (text.empty() ? "" : ", then ") + showable(address.endpoint);
  if (presence.more_addresses != 0)
    text += fmt::format(", and {} more changes", presence.more_addresses);
  return text.empty() ? "unknown" : text;
}

std::string shown_end(const Presence& presence) {
  switch (presence.end) {
    case End::expired: return shown(presence.until);
    case End::journal_ends: return "still connected";
    case End::removed: return shown(presence.until) + ", peer removed";
    default: return shown(presence.until) + " or later";
  }
}

std::string_view why_text(const Gap& gap) {
  switch (gap.why) {
    case End::exporter_killed: return "the exporter ended without saying so, and did not run";
    case End::events_lost: return "the exporter lost events";
    case End::unreadable: return "the exporter could not read the interface";
    case End::journal_begins: return "the exporter had not yet listed who was connected";
    default: return "the exporter did not run";
  }
}

std::string gap_line(const Gap& gap) {
  const std::string where = gap.why == End::unreadable
                                ? fmt::format(" ({})", shown_interface(gap.netns, gap.interface))
                                : std::string();
  return fmt::format("Unknown from {} {}: {}{}.\n", shown(gap.from),
                     gap.until ? "to " + shown(*gap.until) : "on", why_text(gap), where);
}

bool overlaps(WallTime from, std::optional<WallTime> until, const JournalQuestion& question) {
  return (!question.until || from <= *question.until) &&
         (!question.since || !until || *until >= *question.since);
}

std::vector<const Presence*> asked_presences(const JournalAnswer& answer) {
  std::vector<const Presence*> asked;
  for (const Presence& presence : answer.answer.presences)
    if (overlaps(presence.from, presence.until, answer.question)) asked.push_back(&presence);
  return asked;
}

std::vector<const Gap*> asked_gaps(const JournalAnswer& answer) {
  std::vector<const Gap*> asked;
  for (const Gap& gap : answer.answer.gaps)
    if (overlaps(gap.from, gap.until, answer.question)) asked.push_back(&gap);
  return asked;
}

struct Row {
  std::string from;
  std::string until;
  std::string interface;
  std::string peer;
  std::string addresses;
};

std::string table(const std::vector<Row>& rows) {
  std::size_t from = 0;
  std::size_t until = 0;
  std::size_t interface = 0;
  std::size_t peer = 0;
  for (const Row& row : rows) {
    from = std::max(from, row.from.size());
    until = std::max(until, row.until.size());
    interface = std::max(interface, row.interface.size());
    peer = std::max(peer, row.peer.size());
  }
  std::string text;
  for (const Row& row : rows)
    text += fmt::format("{:<{}}  {:<{}}  {:<{}}  {:<{}}  {}\n", row.from, from, row.until, until,
                        row.interface, interface, row.peer, peer, row.addresses);
  return text;
}

Row row_of(const Presence& presence) {
  return {(presence.from_at_latest ? "by " : "") + shown(presence.from), shown_end(presence),
          shown_interface(presence.peer.netns, presence.peer.interface), shown_peer(presence),
          shown_addresses(presence)};
}

std::string list_text(const JournalAnswer& answer) {
  std::vector<Row> rows{{"connected from", "until", "interface", "peer", "addresses"}};
  for (const Presence* presence : asked_presences(answer)) rows.push_back(row_of(*presence));
  return rows.size() == 1 ? "No connection is recorded.\n" : table(rows);
}

/// Where the peer was at that time.
std::string address_at(const Presence& presence, WallTime at) {
  std::string endpoint = "unknown";
  for (const journal::Address& address : presence.addresses)
    if (address.from <= at || endpoint == "unknown") endpoint = showable(address.endpoint);
  return endpoint;
}

std::string moment_text(const JournalAnswer& answer) {
  const WallTime at = *answer.question.at;
  const journal::Moment moment = journal::at(answer.answer, at);
  std::vector<Row> rows{{"connected from", "until", "interface", "peer", "address then"}};
  for (const Presence* presence : moment.connected) {
    rows.push_back(row_of(*presence));
    rows.back().addresses = address_at(*presence, at);
  }
  std::string text;
  if (rows.size() > 1) {
    text = fmt::format("Connected at {}:\n{}", shown(at), table(rows));
  } else if (is_known(answer)) {
    text = fmt::format("Nobody was connected at {}.\n", shown(at));
  }
  if (!is_known(answer))
    text += fmt::format("Unknown whether {} connected at {}.\n",
                        rows.size() > 1 ? "others were" : "anybody was", shown(at));
  for (const Presence* presence : moment.unknown)
    text += fmt::format("Connected when last seen, at {}: {} on {}.\n", shown(presence->until),
                        shown_peer(*presence),
                        shown_interface(presence->peer.netns, presence->peer.interface));
  return text;
}

ordered_json gap_json(const Gap& gap) {
  ordered_json made{{"from", journal::write_time(gap.from)},
                    {"until", nullptr},
                    {"reason", journal::to_string(gap.why)}};
  if (gap.until) made["until"] = journal::write_time(*gap.until);
  if (!gap.netns.empty()) made["netns"] = to_valid_utf8(gap.netns);
  if (!gap.interface.empty()) made["interface"] = to_valid_utf8(gap.interface);
  return made;
}

ordered_json presence_json(const Presence& presence) {
  ordered_json addresses = ordered_json::array();
  for (const journal::Address& address : presence.addresses)
    addresses.push_back({{"endpoint", to_valid_utf8(address.endpoint)},
                         {"from", journal::write_time(address.from)}});
  ordered_json made;
  if (!presence.peer.netns.empty()) made["netns"] = to_valid_utf8(presence.peer.netns);
  made["interface"] = to_valid_utf8(presence.peer.interface);
  made["public_key"] = presence.peer.key.base64();
  if (!presence.name.empty()) made["name"] = to_valid_utf8(presence.name);
  made["from"] = journal::write_time(presence.from);
  made["from_at_latest"] = presence.from_at_latest;
  made["until"] = journal::write_time(presence.until);
  made["until_at_earliest"] = journal::is_open_ended(presence.end);
  made["end"] = journal::to_string(presence.end);
  made["addresses"] = std::move(addresses);
  if (presence.more_addresses != 0) made["more_address_changes"] = presence.more_addresses;
  return made;
}

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) quoted.append(c == '"' ? "\"\"" : std::string(1, c));
  return quoted + '"';
}

std::string csv_row(const Presence& presence, std::string_view kind) {
  std::string addresses;
  for (const journal::Address& address : presence.addresses)
    addresses += (addresses.empty() ? "" : " ") + address.endpoint;
  return fmt::format("{},{},{},{},{},{},{},{},{},{}\r\n", kind, csv_field(presence.peer.netns),
                     csv_field(presence.peer.interface), presence.peer.key.base64(),
                     csv_field(presence.name), journal::write_time(presence.from),
                     presence.from_at_latest, journal::write_time(presence.until),
                     journal::to_string(presence.end), csv_field(addresses));
}

ordered_json optional_time(const std::optional<WallTime>& time) {
  return time ? ordered_json(journal::write_time(*time)) : ordered_json(nullptr);
}

}  // namespace

bool is_known(const JournalAnswer& answer) {
  if (answer.question.at) {
    const journal::Moment moment = journal::at(answer.answer, *answer.question.at);
    return moment.covered && moment.gaps.empty();
  }
  const journal::Answer& found = answer.answer;
  if (!found.begins) return false;
  // Without times the question is about what the journal covers.
  const WallTime since = answer.question.since.value_or(*found.begins);
  const WallTime until = answer.question.until.value_or(*found.ends);
  return *found.begins <= since && until <= *found.ends &&
         std::ranges::none_of(found.gaps, [&](const Gap& gap) {
           return gap.from < until && (!gap.until || *gap.until > since);
         });
}

std::string journal_notes(const JournalAnswer& answer) {
  std::string text;
  const journal::Answer& found = answer.answer;
  if (found.begins)
    text += fmt::format("The journal covers {} to {} (UTC).\n", shown(*found.begins),
                        shown(*found.ends));
  for (const Gap* gap : asked_gaps(answer))
    if (!answer.question.at || gap->covers(*answer.question.at)) text += gap_line(*gap);
  if (found.interval && *found.interval > 0)
    text +=
        fmt::format("The exporter looked about every {:g} s, which limits how exact times are. ",
                    *found.interval);
  else
    text += "The exporter looked at each scrape, which limits how exact times are. ";
  text += "A connection counts until 180 s after its last handshake.\n";
  if (found.dropped_events != 0)
    text +=
        fmt::format("The exporter could not write {}.\n", counted(found.dropped_events, "event"));
  if (found.clock_steps != 0)
    text += fmt::format(
        "The host's clock was stepped ({}): times before and after a step do not compare.\n",
        counted(found.clock_steps, "time"));
  if (found.other_events != 0)
    text += fmt::format("This version of wgscope does not know {}, written by a later version.\n",
                        counted(found.other_events, "event"));
  if (answer.read.unreadable != 0)
    text += fmt::format("What {} said is missing, because it is not an event. The first: {}.\n",
                        counted(answer.read.unreadable, "line"), answer.read.first_unreadable);
  for (const std::string& note : answer.read.notes) text += note + ".\n";
  return text;
}

std::string journal_text(const JournalAnswer& answer) {
  return (answer.question.at ? moment_text(answer) : list_text(answer)) + journal_notes(answer);
}

std::string journal_json(const JournalAnswer& answer) {
  const journal::Answer& found = answer.answer;
  ordered_json made{{"schema", "wgscope.journal/1"},
                    {"begins", optional_time(found.begins)},
                    {"ends", optional_time(found.ends)},
                    {"at", optional_time(answer.question.at)},
                    {"known", is_known(answer)},
                    {"interval_seconds", nullptr},
                    {"connections", ordered_json::array()},
                    {"unknown", ordered_json::array()},
                    {"gaps", ordered_json::array()},
                    {"dropped_events", found.dropped_events},
                    {"clock_steps", found.clock_steps},
                    {"other_events", found.other_events},
                    {"unreadable_lines", answer.read.unreadable},
                    {"torn_lines", answer.read.torn}};
  if (found.interval && *found.interval > 0) made["interval_seconds"] = *found.interval;
  if (answer.question.at) {
    const journal::Moment moment = journal::at(found, *answer.question.at);
    for (const Presence* presence : moment.connected)
      made["connections"].push_back(presence_json(*presence));
    for (const Presence* presence : moment.unknown)
      made["unknown"].push_back(presence_json(*presence));
    for (const Gap* gap : moment.gaps) made["gaps"].push_back(gap_json(*gap));
  } else {
    for (const Presence* presence : asked_presences(answer))
      made["connections"].push_back(presence_json(*presence));
    for (const Gap* gap : asked_gaps(answer)) made["gaps"].push_back(gap_json(*gap));
  }
  return made.dump(2) + '\n';
}

std::string journal_csv(const JournalAnswer& answer) {
  std::string text =
      "kind,netns,interface,public_key,name,from,from_at_latest,until,end,addresses\r\n";
  std::vector<const Gap*> gaps = asked_gaps(answer);
  if (answer.question.at) {
    const journal::Moment moment = journal::at(answer.answer, *answer.question.at);
    for (const Presence* presence : moment.connected) text += csv_row(*presence, "connected");
    for (const Presence* presence : moment.unknown) text += csv_row(*presence, "unknown");
    gaps = moment.gaps;
  } else {
    for (const Presence* presence : asked_presences(answer))
      text += csv_row(*presence, "connected");
  }
  for (const Gap* gap : gaps)
    text += fmt::format("gap,{},{},,,{},false,{},{},\r\n", csv_field(gap->netns),
                        csv_field(gap->interface), journal::write_time(gap->from),
                        gap->until ? journal::write_time(*gap->until) : "",
                        journal::to_string(gap->why));
  return text;
}

}  // namespace wgscope::probe
