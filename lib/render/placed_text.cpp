#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

#include <fmt/core.h>

#include "wgscope/audit/placed.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/render/placed.hpp"
#include "wgscope/render/redaction.hpp"

#include "placed_parts.hpp"

// Findings as compilers write errors, so that editors find the places:
//
//     wg0.conf:12:14: warning: AllowedIPs 10.9.0.7/24 means 10.9.0.0/24 [WGS-LNT-008]
//         fix:  write 10.9.0.0/24, or 10.9.0.7/32 if one address is meant
//         also: wg0.conf:9:14
//     WARNING: 1 warning in 2 files
//
// And as GitHub Actions reads them from a log.

namespace wgscope::render {
namespace {

using audit::PlacedFinding;
using diagnosis::Severity;

constexpr std::string_view kBold = "\x1b[1m";
constexpr std::string_view kReset = "\x1b[0m";

std::string_view colour_of(Severity severity) {
  switch (severity) {
    case Severity::critical: return "\x1b[31m";
    case Severity::warning: return "\x1b[33m";
    case Severity::info: break;
  }
  return "\x1b[36m";
}

std::string painted(bool colour, std::string_view paint, std::string_view words) {
  if (!colour) return std::string(words);
  return fmt::format("{}{}{}", paint, words, kReset);
}

std::string lines_of(const PlacedFinding& one, const PlacedStyle& style, Redaction& redaction) {
  const diagnosis::FindingKind& kind = kind_of(one.finding.id);
  std::string text = fmt::format(
      "{}: {}: {} [{}]\n", painted(style.colour, kBold, shown_place(one.place, redaction)),
      painted(style.colour, colour_of(kind.severity), to_string(kind.severity)),
      redaction.show(one.finding.cause), kind.id);
  for (const diagnosis::Text& line : one.finding.evidence)
    text += fmt::format("    seen: {}\n", redaction.show(line));
  for (const diagnosis::Text& line : one.finding.fix)
    text += fmt::format("    fix:  {}\n", redaction.show(line));
  for (const audit::Place& place : one.related)
    text += fmt::format("    also: {}\n", shown_place(place, redaction));
  return text;
}

std::string capitals(std::string_view word) {
  std::string made(word);
  std::ranges::transform(made, made.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return made;
}

/// What ends a value in a workflow command is escaped.
std::string github_escaped(std::string_view text, bool is_property) {
  std::string made;
  for (const char c : text) {
    const bool is_special =
        c == '%' || c == '\r' || c == '\n' || (is_property && (c == ':' || c == ','));
    if (is_special)
      made += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    else
      made += c;
  }
  return made;
}

std::string_view github_command(Severity severity) {
  switch (severity) {
    case Severity::critical: return "error";
    case Severity::warning: return "warning";
    case Severity::info: break;
  }
  return "notice";
}

}  // namespace

std::string to_text(const PlacedReport& report, const PlacedStyle& style) {
  Redaction redaction = redaction_of(report, style.redact);
  std::string text;
  for (const PlacedFinding& one : report.findings) text += lines_of(one, style, redaction);
  const diagnosis::Status status = status_of(report, style.fail_on);
  return text + painted(style.colour, kBold, capitals(to_string(status))) + ": " +
         verdict_of(report, style.fail_on) + '\n';
}

std::string to_github(const PlacedReport& report, bool redact) {
  Redaction redaction = redaction_of(report, redact);
  std::string text;
  for (const PlacedFinding& one : report.findings) {
    const diagnosis::FindingKind& kind = kind_of(one.finding.id);
    std::string message = redaction.show(one.finding.cause);
    for (const diagnosis::Text& line : one.finding.fix) message += "\nFix: " + redaction.show(line);
    text += fmt::format("::{} file={}", github_command(kind.severity),
                        github_escaped(shown_file(one.place.file, redaction), true));
    if (one.place.line != 0) text += fmt::format(",line={}", one.place.line);
    if (one.place.column != 0) text += fmt::format(",col={}", one.place.column);
    text += fmt::format(",title={}::{}\n", kind.id, github_escaped(message, false));
  }
  return text;
}

}  // namespace wgscope::render
