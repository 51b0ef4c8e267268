#include "wgscope/render/placed.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include "wgscope/audit/placed.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/render/redaction.hpp"

#include "placed_parts.hpp"

namespace wgscope::render {
namespace {

using audit::PlacedFinding;
using diagnosis::FailOn;
using diagnosis::FindingId;
using diagnosis::Severity;
using diagnosis::Status;

std::size_t count(const PlacedReport& report, Severity severity) {
  return static_cast<std::size_t>(
      std::ranges::count_if(report.findings, [&](const PlacedFinding& one) {
        return kind_of(one.finding.id).severity == severity &&
               one.finding.id != FindingId::lint_file_unread;
      }));
}

std::string counted(std::size_t number, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", number, number == 1 ? one : many);
}

void join(std::string& text, const std::string& part) {
  if (!text.empty()) text += ", ";
  text += part;
}

}  // namespace

Status status_of(const PlacedReport& report, FailOn fail_on) {
  if (count(report, Severity::critical) > 0) return Status::critical;
  if (report.unread > 0) return Status::unknown;
  if (count(report, Severity::warning) > 0 && fail_on != FailOn::critical) return Status::warning;
  return Status::ok;
}

std::string verdict_of(const PlacedReport& report, FailOn fail_on) {
  std::string found;
  const std::size_t critical = count(report, Severity::critical);
  const std::size_t warnings = count(report, Severity::warning);
  const std::size_t remarks = count(report, Severity::info);
  if (critical > 0) join(found, fmt::format("{} critical", critical));
  if (warnings > 0) join(found, counted(warnings, "warning", "warnings"));
  if (remarks > 0) join(found, counted(remarks, "remark", "remarks"));
  if (found.empty()) found = "nothing found";
  const std::size_t read = report.files.size() - std::min(report.files.size(), report.unread);
  std::string text;
  if (report.unread > 0)
    text = fmt::format("{} could not be read; ", counted(report.unread, "file", "files"));
  if (read > 0 || report.unread == 0)
    text += fmt::format("{} in {}", found, counted(read, "file", "files"));
  else
    text += "nothing was looked at";
  if (report.left_off > 0)
    text += fmt::format("; {} not listed", counted(report.left_off, "more error", "more errors"));
  if (report.suppressed > 0)
    text +=
        fmt::format("; comments suppress {}", counted(report.suppressed, "finding", "findings"));
  if (fail_on == FailOn::critical && warnings > 0 && critical == 0)
    text += "; --fail-on critical accepts warnings";
  return text;
}

Redaction redaction_of(const PlacedReport& report, bool wanted) {
  Redaction redaction(wanted);
  if (!wanted) return redaction;
  for (const std::string& file : report.files) shown_file(file, redaction);
  for (const PlacedFinding& one : report.findings) {
    shown_place(one.place, redaction);
    redaction.show(one.finding.cause);
    for (const diagnosis::Text& line : one.finding.evidence) redaction.show(line);
    for (const diagnosis::Text& line : one.finding.fix) redaction.show(line);
    for (const audit::Place& place : one.related) shown_place(place, redaction);
  }
  return redaction;
}

std::string shown_file(const std::string& file, Redaction& redaction) {
  // Standard input is nobody's path.
  if (file == "-") return file;
  return redaction.show(diagnosis::text("{}", diagnosis::Path{file}));
}

std::string shown_place(const audit::Place& place, Redaction& redaction) {
  return to_string(audit::Place{shown_file(place.file, redaction), place.line, place.column});
}

std::string fingerprint(const PlacedFinding& finding, Redaction& redaction) {
  // FNV-1a (draft-eastlake-fnv), twice with different beginnings: two findings must not be one.
  constexpr std::uint64_t kPrime = 0x100000001b3;
  std::uint64_t first = 0xcbf29ce484222325;
  std::uint64_t second = 0x84222325cbf29ce4;
  const std::string text =
      fmt::format("{}\n{}\n{}", kind_of(finding.finding.id).id,
                  shown_file(finding.place.file, redaction), redaction.show(finding.finding.cause));
  for (const char c : text) {
    first = (first ^ static_cast<unsigned char>(c)) * kPrime;
    second = (second ^ static_cast<unsigned char>(c)) * kPrime;
  }
  return fmt::format("{:016x}{:016x}", first, second);
}

std::string uri_of(std::string_view path) {
  std::string uri = path.starts_with('/') ? "file://" : "";
  while (path.starts_with("./")) path.remove_prefix(2);
  constexpr std::string_view kPlain = "/-._~";
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 && (std::isalnum(byte) != 0 || kPlain.find(c) != std::string_view::npos))
      uri += c;
    else
      uri += fmt::format("%{:02X}", byte);
  }
  return uri;
}

}  // namespace wgscope::render
