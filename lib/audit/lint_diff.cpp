#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include "wgscope/audit/lint.hpp"
#include "wgscope/audit/placed.hpp"

#include "lint_parts.hpp"

// The edits of findings as a unified diff, which patch(1) applies.

namespace wgscope::audit {
namespace {

/// What becomes of a line.
struct Change {
  std::vector<std::string> before;                  ///< new lines above it
  std::vector<const Edit*> parts;                   ///< of the line, from the right to the left
  std::optional<std::optional<std::string>> whole;  ///< the new line; nothing inside: removed
};

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

bool is_base64(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '+' || c == '/';
}

/// Whether a line has something in it that may be a key, or a part of one.
bool may_show_key(std::string_view line) {
  constexpr std::size_t kShort = 32;
  std::size_t run = 0;
  for (const char c : line) {
    run = is_base64(c) ? run + 1 : 0;
    if (run >= kShort) return true;
  }
  return false;
}

std::map<std::uint32_t, Change> changes_of(const std::string& name, std::size_t lines,
                                           std::span<const PlacedFinding> findings) {
  std::map<std::uint32_t, Change> changes;
  for (const PlacedFinding& finding : findings) {
    if (finding.place.file != name) continue;
    for (const Edit& edit : finding.edits) {
      if (edit.line == 0 || edit.line > lines) continue;
      Change& change = changes[edit.line];
      if (edit.insert_before && edit.text)
        change.before.push_back(*edit.text);
      else if (edit.column != 0 && edit.text)
        change.parts.push_back(&edit);
      else if (!change.whole)
        change.whole = edit.text;
    }
  }
  for (auto& [line, change] : changes)
    std::ranges::stable_sort(change.parts, std::greater<>(), &Edit::column);
  return changes;
}

/// Replaces parts of a line. Of parts that overlap, the right one is replaced.
std::string with_parts(std::string_view line, const std::vector<const Edit*>& parts) {
  std::string made(line);
  std::uint32_t end = UINT32_MAX;
  for (const Edit* part : parts) {
    if (part->column + part->length > end) continue;
    const auto next = replaced(made, {part->line, part->column, part->length}, *part->text);
    if (!next) continue;
    made = *next;
    end = part->column;
  }
  return made;
}

struct Hunk {
  std::vector<std::string> removed;
  std::vector<std::string> added;
};

Hunk hunk_of(std::string_view line, const Change& change) {
  Hunk hunk{.removed = {std::string(line)}, .added = change.before};
  if (!change.whole)
    hunk.added.push_back(with_parts(line, change.parts));
  else if (*change.whole)
    hunk.added.push_back(**change.whole);
  if (!hunk.added.empty() && hunk.added.back() == line && hunk.added.size() == 1) return {};
  const auto shows = [](const std::string& one) { return may_show_key(one); };
  if (std::ranges::any_of(hunk.removed, shows) || std::ranges::any_of(hunk.added, shows)) return {};
  return hunk;
}

}  // namespace

std::string diff(const std::string& name, std::string_view text,
                 std::span<const PlacedFinding> findings) {
  const std::vector<std::string_view> lines = lines_of(text);
  std::string made;
  std::size_t shift = 0;  // lines that were added so far, modulo what a size can hold
  for (const auto& [number, change] : changes_of(name, lines.size(), findings)) {
    const Hunk hunk = hunk_of(lines[number - 1], change);
    if (hunk.removed.empty()) continue;
    const bool at_end = number == lines.size() && !text.ends_with('\n');
    // Without new lines, the position is that of the line before (diff(1), "Unified Format").
    const std::size_t to = number + shift - (hunk.added.empty() ? 1 : 0);
    made += fmt::format("@@ -{} +{},{} @@\n", number, to, hunk.added.size());
    for (const std::string& line : hunk.removed) made += "-" + line + '\n';
    if (at_end) made += "\\ No newline at end of file\n";
    for (const std::string& line : hunk.added) made += "+" + line + '\n';
    if (at_end && !hunk.added.empty()) made += "\\ No newline at end of file\n";
    shift += hunk.added.size() - 1;
  }
  if (made.empty()) return made;
  return fmt::format("--- {0}\n+++ {0}\n", name) + made;
}

}  // namespace wgscope::audit
