#include "wgscope/render/findings.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/text.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/render/layout.hpp"

namespace wgscope::render {
namespace {

using diagnosis::finding_kinds;
using diagnosis::FindingKind;

struct Group {
  std::string_view prefix;
  std::string_view title;
};

constexpr Group kGroups[] = {
    {"WGS-CFG", "The configuration"},
    {"WGS-KEY", "Keys"},
    {"WGS-CLK", "The clock"},
    {"WGS-NAM", "Names"},
    {"WGS-LOC", "Leaving this host"},
    {"WGS-HS", "The handshake"},
    {"WGS-DAT", "Data in the tunnel"},
    {"WGS-PNG", "Round trips (wgscope ping)"},
    {"WGS-RCH", "Services (wgscope reach)"},
    {"WGS-NAT", "NATs on the path (wgscope nat)"},
    {"WGS-MTU", "The path's MTU (wgscope mtu)"},
    {"WGS-LNT", "What files say (wgscope lint)"},
    {"WGS-DRF", "What is declared and what is there (wgscope drift)"},
};

constexpr std::string_view kHead = R"(# Findings

<!-- Made from lib/diagnosis/findings_*.hpp: run render_test with WGSCOPE_UPDATE_GOLDEN=1 after changing it. -->

These are the findings of `wgscope`. Text, JSON, JUnit and Prometheus output use the same IDs, and an ID never gets another meaning. `wgscope explain ID` prints an entry of this page.

Severities: `critical` means that the tunnel does not do what was asked for (exit code 2), `warning` that it does, but something is wrong (1), and `info` is only a remark. If the evidence
cannot distinguish causes, a finding lists the possible ones, most likely first, and how to find out.
)";

std::string lower(std::string_view word) {
  std::string made(word);
  std::ranges::transform(made, made.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return made;
}

/// The group a finding belongs to: what stands before its number.
std::string_view prefix_of(const FindingKind& kind) {
  return kind.id.substr(0, kind.id.rfind('-'));
}

std::string_view title_of(std::string_view prefix) {
  const auto group = std::ranges::find(kGroups, prefix, &Group::prefix);
  return group == std::end(kGroups) ? prefix : group->title;
}

/// Those of one subject together, in the order of their first; new ones are at the table's end.
std::vector<const FindingKind*> by_subject() {
  std::vector<std::string_view> prefixes;
  for (const FindingKind& kind : finding_kinds())
    if (std::ranges::find(prefixes, prefix_of(kind)) == prefixes.end())
      prefixes.push_back(prefix_of(kind));
  std::vector<const FindingKind*> ordered;
  for (const std::string_view prefix : prefixes)
    for (const FindingKind& kind : finding_kinds())
      if (prefix_of(kind) == prefix) ordered.push_back(&kind);
  return ordered;
}

/// Our own words, in which < and | and * are meant as such.
std::string markdown(std::string_view text) {
  std::string escaped;
  bool in_code = false;
  for (const char c : text) {
    if (c == '`') in_code = !in_code;
    if (!in_code && (c == '|' || c == '<' || c == '*' || c == '_')) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string overview() {
  std::string text = "\n| ID | severity | finding |\n|---|---|---|\n";
  for (const FindingKind* kind : by_subject())
    text += fmt::format("| [{}](#{}) | {} | {} |\n", kind->id, lower(kind->id),
                        to_string(kind->severity), markdown(kind->title));
  return text;
}

std::string paragraph(std::string_view label, std::string_view text) {
  return text.empty() ? "" : fmt::format("\n{}{}\n", label, markdown(text));
}

/// What looks the same from the probe's side, whatever is measured.
struct Alike {
  std::string_view id;
  std::string_view what;
};
constexpr Alike kAlike[] = {
    {"WGS-HS-001",
     "no WireGuard at the port, a NAT that owns the address and does not forward the port, and a "
     "firewall that rejects with its default answer"},
    {"WGS-HS-005",
     "a gateway that does not know this key, another key at the gateway, a timestamp that is not "
     "later than the last one, and a firewall that drops the port"},
    {"WGS-HS-006", "a host that is down, and a firewall that drops everything"},
    {"WGS-DAT-003",
     "data that is lost on the forward path, data that is lost in both directions, and a gateway "
     "whose implementation sends no empty packets"},
    {"WGS-DAT-006",
     "a target that does not exist or does not answer pings, and a gateway that drops what it "
     "decrypted (AllowedIPs, a firewall, no forwarding)"},
    {"WGS-KEY-005",
     "a session that another device took silently, a gateway whose interface was created again, "
     "and, where that happened once while wgscope nat was silent, a path that came back just then. "
     "Packets for foreign sessions: another device, and somebody on the path who forges them and "
     "drops the gateway's own"},
    {"WGS-NAT-008",
     "one silence that a NAT does not survive, and one during which another device with this key "
     "began a handshake and never finished it: the gateway then sends to that device until this "
     "host sends again. The shortest such silence is tried again where longer and shorter ones "
     "were survived"},
    {"WGS-PNG-002", "pings that the forward path loses, and pings that the target does not answer"},
    {"WGS-RCH-007",
     "over UDP: a service that ignores the request, a filtered port, and a closed port of a host "
     "that limits its ICMP errors"},
    {"WGS-MTU-013",
     "large pings that the path drops, and a host or firewall that drops large pings, where the "
     "host answers no UDP of that size"},
};

std::string what_looks_alike() {
  std::string text =
      "\n## What the probe cannot distinguish\n\nThese causes look the same from the probe's side. "
      "The finding lists all of them, with what distinguishes them on the gateway or on the path.\n"
      "\n";
  for (const Alike& alike : kAlike)
    text += fmt::format("- [{}](#{}): {}.\n", alike.id, lower(alike.id), markdown(alike.what));
  return text;
}

}  // namespace

std::string findings_link(std::string_view id) { return "docs/findings.md#" + lower(id); }

std::string findings_document() {
  std::string text = std::string(kHead) + overview();
  std::string_view before;
  for (const FindingKind* found : by_subject()) {
    const FindingKind& kind = *found;
    const std::string_view prefix = prefix_of(kind);
    if (prefix != before) text += fmt::format("\n## {}: {}\n", prefix, title_of(prefix));
    before = prefix;
    // The ID alone is the heading: its anchor outlives a change of the title.
    text += fmt::format("\n### {}\n\n**{}** ({})\n", kind.id, markdown(kind.title),
                        to_string(kind.severity));
    text += paragraph("", kind.meaning) + paragraph("What to do: ", kind.fix);
  }
  text += what_looks_alike();
  return text;
}

std::string findings_list() {
  std::string text;
  for (const FindingKind* kind : by_subject())
    text += fmt::format("{:<12} {:<9} {}\n", kind->id, to_string(kind->severity), kind->title);
  return text;
}

std::string explain(const FindingKind& kind, std::size_t width) {
  std::string text = fmt::format("{} ({}): {}\n", kind.id, to_string(kind.severity), kind.title);
  if (!kind.meaning.empty()) text += '\n' + fold(kind.meaning, {.width = width}) + '\n';
  if (!kind.fix.empty())
    text += "\nWhat to do: " + fold(kind.fix, {.width = width, .first = 12}) + '\n';
  return text;
}

const FindingKind* find_kind(std::string_view id) {
  constexpr std::string_view kPrefix = "WGS-";
  const auto found = std::ranges::find_if(finding_kinds(), [&](const FindingKind& kind) {
    return iequals(kind.id, id) || iequals(kind.id.substr(kPrefix.size()), id);
  });
  return found == finding_kinds().end() ? nullptr : &*found;
}

}  // namespace wgscope::render
