#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "wgscope/audit/placed.hpp"
#include "wgscope/config/inventory_file.hpp"
#include "wgscope/config/tunnel_file.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/text.hpp"

#include "lint_parts.hpp"

// Lines of files as text: their parts, and the comments that suppress findings.

namespace wgscope::audit {
namespace {

constexpr std::string_view kMark = "wgscope: ignore ";

/// Where the character begins that has this number, from 1. The end of the line is one.
std::optional<std::size_t> byte_of(std::string_view line, std::size_t character) {
  for (std::size_t at = 0; at < line.size(); ++at) {
    const bool begins = (static_cast<unsigned char>(line[at]) & 0xc0) != 0x80;
    if (begins && --character == 0) return at;
  }
  return character == 1 ? std::optional(line.size()) : std::nullopt;
}

bool is_of_id(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-'; }

/// Takes the next ID off a list that commas and blanks separate.
std::string_view take_id(std::string_view& list) {
  list.remove_prefix(std::min(list.find_first_not_of(", \t"), list.size()));
  const auto* const end = std::ranges::find_if_not(list, is_of_id);
  const std::string_view id = list.substr(0, static_cast<std::size_t>(end - list.begin()));
  list.remove_prefix(id.size());
  return id.starts_with("WGS-") ? id : std::string_view();
}

}  // namespace

std::optional<std::string> replaced(std::string_view line, const config::Spot& part,
                                    std::string_view by) {
  const auto begin = byte_of(line, part.column);
  const auto end = byte_of(line, part.column + part.length);
  if (part.column == 0 || !begin || !end) return std::nullopt;
  return std::string(line.substr(0, *begin)).append(by).append(line.substr(*end));
}

Edit replacing(const config::Spot& part, std::string by) {
  return {.line = part.line, .text = std::move(by), .column = part.column, .length = part.length};
}

diagnosis::Text line_of(const Place& place, const Place& seen_from) {
  if (place.file == seen_from.file) return diagnosis::text("line {}", place.line);
  return diagnosis::text("line {} of {}", place.line, diagnosis::Path{place.file});
}

diagnosis::Text name_of(const config::TunnelPeer& peer) {
  // A name that looks like a key may be one.
  if (!config::is_inventory_text(peer.name)) return diagnosis::text("{}", peer.public_key.value);
  return diagnosis::text("{}", diagnosis::Name{peer.name});
}

Suppressions::Suppressions(std::string_view text) {
  // Most files have none, so they need not be cut into lines.
  if (text.find(kMark) == std::string_view::npos) return;
  for (std::uint32_t number = 1; !text.empty(); ++number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const std::size_t first = line.find_first_not_of(" \t\r");
    const bool begins_comment =  // a ';' too, for systemd
        first != std::string_view::npos && (line[first] == '#' || line[first] == ';');
    if (first_section_ == 0 && first != std::string_view::npos && !begins_comment)
      first_section_ = number;
    const std::size_t hash = begins_comment ? first : line.find('#');
    const std::size_t mark = line.find(kMark, std::min(hash, line.size()));
    if (hash == std::string_view::npos || mark == std::string_view::npos) continue;
    std::string_view list = line.substr(mark + kMark.size());
    for (std::string_view id = take_id(list); !id.empty(); id = take_id(list))
      ids_.emplace(number, id);
  }
}

bool Suppressions::covers(const PlacedFinding& finding) const {
  const std::string_view id = diagnosis::kind_of(finding.finding.id).id;
  const auto has = [&](std::uint32_t line) {
    const auto [begin, end] = ids_.equal_range(line);
    return std::any_of(begin, end, [&](const auto& one) { return one.second == id; });
  };
  const std::uint32_t line = finding.place.line;
  if (line != 0) return has(line) || has(line - 1);
  return std::ranges::any_of(
      ids_, [&](const auto& one) { return one.second == id && one.first < first_section_; });
}

}  // namespace wgscope::audit
