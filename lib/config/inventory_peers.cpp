// Peers, and what defaults and groups say of them.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/config/inventory.hpp"
#include "wgscope/config/inventory_file.hpp"
#include "wgscope/config/schedule.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/public_key.hpp"

#include "inventory_cursor.hpp"
#include "inventory_entries.hpp"
#include "wg_quick_values.hpp"
#include "yaml_reader.hpp"

namespace wgscope::config {
namespace {

// Each of these reads one setting.

void read_interfaces(InventoryCursor& in, PeerSettings& into) {
  read_interface_refs(in, into.interfaces.emplace());
}

void read_keepalive(InventoryCursor& in, PeerSettings& into) {
  in.scalar("expected seconds from 1 to 65535, off, or any", [&into](std::string_view text) {
    if (text == "any") {
      into.persistent_keepalive.emplace(std::nullopt);
      return true;
    }
    if (text.ends_with('s')) text.remove_suffix(1);
    const auto seconds =
        text == "off" ? std::optional<std::uint32_t>(0) : parse_decimal(text, UINT16_MAX);
    if (!seconds) return false;
    into.persistent_keepalive.emplace(std::chrono::seconds(*seconds));
    return true;
  });
}

void read_preshared_key(InventoryCursor& in, PeerSettings& into) {
  using enum PresharedKeyRule;
  in.scalar(
      "expected required, absent or any: an inventory must not hold private or preshared keys",
      [&into](std::string_view text) {
        for (const PresharedKeyRule rule : {any, required, absent}) {
          if (text != to_string(rule)) continue;
          into.preshared_key = rule;
          return true;
        }
        return false;
      });
}

void read_time_zone(InventoryCursor& in, Schedule& into) {
  std::string complaint;
  const Position at = in.here();
  in.scalar("expected the name of a time zone, such as Europe/Berlin", [&](std::string_view text) {
    complaint = in.zones().complaint(text);
    into.time_zone = text;
    return true;
  });
  if (!complaint.empty()) in.error(at, std::move(complaint));
}

void read_hours(InventoryCursor& in, Schedule& into) {
  in.scalars(R"(expected days and hours, such as "mon-fri 08:00-18:00", of which none are empty)",
             [&into](std::string_view text) {
               const auto spans = parse_hours(text);
               if (!spans) return false;
               into.hours.insert(into.hours.end(), spans->begin(), spans->end());
               return true;
             });
  into.hours = merge(std::move(into.hours));
}

constexpr std::array<InventoryField<Schedule>, 2> kScheduleFields{
    {{"time_zone", read_time_zone}, {"hours", read_hours}}};

void read_expected_online(InventoryCursor& in, PeerSettings& into) {
  constexpr std::string_view kExpected =
      "expected always, roaming, or a schedule, such as {time_zone: Europe/Berlin, hours: "
      "[mon-fri 08:00-18:00]}";
  if (!in.is(YamlEvent::Kind::map)) {
    in.scalar(kExpected, [&into](std::string_view text) {
      if (text != "always" && text != "roaming") return false;
      into.expected_online = text == "always" ? ExpectedOnline::always : ExpectedOnline::roaming;
      return true;
    });
    return;
  }
  const Position at = in.here();
  Schedule schedule;
  const std::size_t errors = in.problems().count(ProblemKind::error);
  read_fields<Schedule>(in, kScheduleFields, schedule, kExpected);
  if (in.problems().count(ProblemKind::error) == errors &&
      (schedule.time_zone.empty() || schedule.hours.empty()))
    in.error(at, "a schedule needs both time_zone and hours");
  into.expected_online = ExpectedOnline::scheduled;
  into.schedule = std::move(schedule);
}

/// "36h", "2d", "12w"
std::optional<std::chrono::hours> parse_span(std::string_view text) {
  constexpr std::uint32_t kMost = 10'000;
  if (text.size() < 2) return std::nullopt;
  const char unit = text.back();
  const auto count = parse_decimal(text.substr(0, text.size() - 1), kMost);
  if (!count || *count == 0) return std::nullopt;
  switch (unit) {
    case 'h': return std::chrono::hours(*count);
    case 'd': return std::chrono::days(*count);
    case 'w': return std::chrono::weeks(*count);
    default: return std::nullopt;
  }
}

void read_grace(InventoryCursor& in, PeerSettings& into) {
  in.scalar("expected a time, such as 36h, 2d or 1w, or none", [&into](std::string_view text) {
    const auto time = parse_span(text);
    if (!time && text != "none") return false;
    into.grace.emplace(time);
    return true;
  });
}

void read_rotation(InventoryCursor& in, PeerSettings& into) {
  in.scalar("expected a time of whole days, such as 90d or 12w, or never",
            [&into](std::string_view text) {
              const auto time = parse_span(text);
              if (text == "never") {
                into.rotation.emplace(std::nullopt);
                return true;
              }
              if (!time || text.ends_with('h')) return false;
              into.rotation.emplace(std::chrono::floor<std::chrono::days>(*time));
              return true;
            });
}

void read_key_created(InventoryCursor& in, PeerSettings& into) { read_day(in, into.key_created); }

void read_setting_labels(InventoryCursor& in, PeerSettings& into) { read_labels(in, into.labels); }

constexpr std::array<InventoryField<PeerSettings>, 8> kSettings{
    {{"interfaces", read_interfaces},
     {"persistent_keepalive", read_keepalive},
     {"preshared_key", read_preshared_key},
     {"expected_online", read_expected_online},
     {"grace", read_grace},
     {"rotation", read_rotation},
     {"key_created", read_key_created},
     {"labels", read_setting_labels}}};

/// The table of settings, for what has settings among other fields.
template <class Into, std::size_t... At>
constexpr std::array<InventoryField<Into>, sizeof...(At)> settings_of(std::index_sequence<At...>) {
  return {InventoryField<Into>{kSettings[At].name, [](InventoryCursor& in, Into& into) {
                                 kSettings[At].read(in, into.settings);
                               }}...};
}

template <class Into, std::size_t Count>
constexpr auto with_settings(const std::array<InventoryField<Into>, Count>& own) {
  constexpr auto kThose = settings_of<Into>(std::make_index_sequence<kSettings.size()>());
  std::array<InventoryField<Into>, Count + kThose.size()> all{};
  for (std::size_t i = 0; i < Count; ++i) all[i] = own[i];
  for (std::size_t i = 0; i < kThose.size(); ++i) all[Count + i] = kThose[i];
  return all;
}

/// A peer while it is read.
struct Reading {
  PeerSettings settings;
  PeerEntry entry;
  std::optional<PublicKey> key, next_key;
  std::optional<std::chrono::sys_days> until;
  Position successor_at;
};

void read_endpoint(InventoryCursor& in, Reading& into) {
  in.scalar(
      R"(expected HOST:PORT in quotes, such as "gw.example.net:51820" or "[2001:db8::1]:51820")",
      [&into](std::string_view text) {
        auto endpoint = EndpointName::parse(text);
        if (!endpoint || looks_like_key(text)) return false;
        into.entry.peer.endpoint = std::move(*endpoint);
        return true;
      });
}

constexpr std::array<InventoryField<Reading>, 2> kSuccessorFields{
    {{"public_key", [](InventoryCursor& in, Reading& into) { read_key(in, into.next_key); }},
     {"until", [](InventoryCursor& in, Reading& into) { read_day(in, into.until); }}}};

void read_successor(InventoryCursor& in, Reading& into) {
  const Position at = into.successor_at = in.here();
  const std::size_t errors = in.problems().count(ProblemKind::error);
  read_fields<Reading>(in, kSuccessorFields, into,
                       "expected the next key and the last day of this one, such as {public_key: "
                       "…, until: 2026-03-31}");
  if (in.problems().count(ProblemKind::error) > errors) return;
  if (!into.next_key || !into.until)
    return in.error(at, "a successor needs both public_key and until");
  into.entry.peer.successor = Successor{*into.next_key, *into.until};
}

void read_group_name(InventoryCursor& in, std::string& into, Position& at) {
  at = in.here();
  read_text(in, into);
}

constexpr auto kPeerFields = with_settings(std::array<InventoryField<Reading>, 6>{
    {{"name", [](InventoryCursor& in, Reading& into) { read_text(in, into.entry.peer.name); }},
     {"public_key", [](InventoryCursor& in, Reading& into) { read_key(in, into.key); }},
     {"allowed_ips",
      [](InventoryCursor& in, Reading& into) { read_prefixes(in, into.entry.peer.allowed_ips); }},
     {"endpoint", read_endpoint},
     {"group", [](InventoryCursor& in,
                  Reading& into) { read_group_name(in, into.entry.group, into.entry.group_at); }},
     {"successor", read_successor}}});

constexpr auto kDefaultsFields = with_settings(std::array<InventoryField<DefaultsEntry>, 1>{
    {{"group", [](InventoryCursor& in, DefaultsEntry& into) {
        read_group_name(in, into.group, into.group_at);
      }}}});

}  // namespace

PeerEntry read_peer(InventoryCursor& in) {
  Reading reading;
  const Position at = in.here();
  const std::size_t errors = in.problems().count(ProblemKind::error);
  read_fields<Reading>(in, kPeerFields, reading,
                       "expected a peer, such as {name: laptop, public_key: …, allowed_ips: "
                       "[10.9.0.7/32]}");
  reading.entry.settings = std::move(reading.settings);
  reading.entry.peer.position = at;
  if (in.problems().count(ProblemKind::error) > errors) return std::move(reading.entry);
  if (reading.entry.peer.name.empty()) in.error(at, "the peer has no name");
  if (!reading.key) {
    in.error(at, "the peer has no public_key");
  } else {
    reading.entry.peer.public_key = *reading.key;
    if (reading.next_key == reading.key)
      in.error(reading.successor_at, "the successor of the peer's key is the same key");
  }
  return std::move(reading.entry);
}

void read_defaults(InventoryCursor& in, DefaultsEntry& defaults) {
  read_fields<DefaultsEntry>(in, kDefaultsFields, defaults,
                             "expected a map of settings, such as {expected_online: roaming}");
}

void read_groups(InventoryCursor& in, std::vector<GroupEntry>& groups) {
  if (!in.enter_map("expected a map of groups, such as {laptops: {expected_online: roaming}}"))
    return;
  while (const auto name = in.field()) {
    GroupEntry group{.name = *name, .settings = {}, .position = in.field_position()};
    if (!is_inventory_text(*name))
      in.error(group.position, "the name of a group must be text, without anything like a key");
    read_fields<PeerSettings>(in, kSettings, group.settings,
                              "expected a map of settings, such as {expected_online: roaming}");
    groups.push_back(std::move(group));
  }
}

}  // namespace wgscope::config
