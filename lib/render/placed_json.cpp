#include <algorithm>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "wgscope/audit/placed.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/render/findings.hpp"
#include "wgscope/render/placed.hpp"
#include "wgscope/render/redaction.hpp"
#include "wgscope/render/report.hpp"

#include "placed_parts.hpp"

// Placed findings for programs: docs/lint.schema.json, SARIF 2.1.0 and GitLab's Code Quality.

namespace wgscope::render {
namespace {

using audit::PlacedFinding;
using diagnosis::FindingKind;
using diagnosis::Severity;
using diagnosis::Text;
using Json = nlohmann::ordered_json;

Json lines(std::span<const Text> texts, Redaction& redaction) {
  Json all = Json::array();
  for (const Text& text : texts) all.push_back(redaction.show(text));
  return all;
}

/// What is 0 is not known, and absent.
Json place(const audit::Place& at, Redaction& redaction) {
  Json json{{"file", shown_file(at.file, redaction)}};
  if (at.line != 0) json["line"] = at.line;
  if (at.column != 0) json["column"] = at.column;
  return json;
}

Json finding(const PlacedFinding& one, Redaction& redaction) {
  const FindingKind& kind = kind_of(one.finding.id);
  Json json{{"id", kind.id}, {"severity", to_string(kind.severity)}, {"title", kind.title}};
  json.update(place(one.place, redaction));
  json["cause"] = redaction.show(one.finding.cause);
  json["evidence"] = lines(one.finding.evidence, redaction);
  json["fix"] = lines(one.finding.fix, redaction);
  json["related"] = Json::array();
  for (const audit::Place& at : one.related) json["related"].push_back(place(at, redaction));
  json["documentation"] = findings_link(kind.id);
  return json;
}

/// Kinds that occur, each once, in the order of the table.
std::vector<diagnosis::FindingId> kinds_of(const PlacedReport& report) {
  std::vector<diagnosis::FindingId> kinds;
  kinds.reserve(report.findings.size());
  for (const PlacedFinding& one : report.findings) kinds.push_back(one.finding.id);
  std::ranges::sort(kinds);
  const auto rest = std::ranges::unique(kinds);
  kinds.erase(rest.begin(), rest.end());
  return kinds;
}

std::string_view sarif_level(Severity severity) {
  switch (severity) {
    case Severity::critical: return "error";
    case Severity::warning: return "warning";
    case Severity::info: break;
  }
  return "note";
}

Json sarif_location(const audit::Place& at, Redaction& redaction) {
  Json location{{"artifactLocation", {{"uri", uri_of(shown_file(at.file, redaction))}}}};
  if (at.line != 0) {
    location["region"]["startLine"] = at.line;
    if (at.column != 0) location["region"]["startColumn"] = at.column;
  }
  return {{"physicalLocation", std::move(location)}};
}

Json sarif_rule(const FindingKind& kind) {
  return {{"id", kind.id},
          {"shortDescription", {{"text", kind.title}}},
          {"fullDescription", {{"text", kind.meaning}}},
          {"help", {{"text", kind.fix}}},
          {"defaultConfiguration", {{"level", sarif_level(kind.severity)}}}};
}

Json sarif_result(const PlacedFinding& one, std::size_t rule, Redaction& redaction) {
  const FindingKind& kind = kind_of(one.finding.id);
  std::string message = redaction.show(one.finding.cause);
  for (const Text& line : one.finding.fix) message += "\nFix: " + redaction.show(line);
  Json json{{"ruleId", kind.id},
            {"ruleIndex", rule},
            {"level", sarif_level(kind.severity)},
            {"message", {{"text", message}}},
            {"locations", Json::array({sarif_location(one.place, redaction)})},
            {"partialFingerprints", {{"wgscope/v1", fingerprint(one, redaction)}}}};
  for (const audit::Place& at : one.related)
    json["relatedLocations"].push_back(sarif_location(at, redaction));
  return json;
}

std::string_view gitlab_severity(Severity severity) {
  switch (severity) {
    case Severity::critical: return "critical";
    case Severity::warning: return "minor";
    case Severity::info: break;
  }
  return "info";
}

}  // namespace

std::string to_json(const PlacedReport& report, const PlacedStyle& style) {
  Redaction redaction = redaction_of(report, style.redact);
  const diagnosis::Status status = status_of(report, style.fail_on);
  Json json{{"schema", fmt::format("wgscope.{}/1", report.verb)},
            {"status", to_string(status)},
            {"exit_code", exit_code(status)},
            {"verdict", verdict_of(report, style.fail_on)},
            {"redacted", style.redact},
            {"files", Json::array()},
            {"unread", report.unread},
            {"suppressed", report.suppressed},
            {"left_off", report.left_off},
            {"findings", Json::array()}};
  for (const std::string& file : report.files) json["files"].push_back(shown_file(file, redaction));
  for (const PlacedFinding& one : report.findings)
    json["findings"].push_back(finding(one, redaction));
  return json.dump(2) + '\n';
}

std::string to_sarif(const PlacedReport& report, std::string_view version, bool redact) {
  Redaction redaction = redaction_of(report, redact);
  const std::vector<diagnosis::FindingId> kinds = kinds_of(report);
  Json rules = Json::array();
  for (const diagnosis::FindingId id : kinds) rules.push_back(sarif_rule(kind_of(id)));
  Json results = Json::array();
  for (const PlacedFinding& one : report.findings) {
    const auto rule = std::ranges::lower_bound(kinds, one.finding.id) - kinds.begin();
    results.push_back(sarif_result(one, static_cast<std::size_t>(rule), redaction));
  }
  const Json driver{{"name", "wgscope"}, {"version", version}, {"rules", std::move(rules)}};
  const Json run{{"tool", {{"driver", driver}}},
                 {"columnKind", "unicodeCodePoints"},
                 {"invocations", Json::array({{{"executionSuccessful", report.unread == 0}}})},
                 {"results", std::move(results)}};
  const Json sarif{{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
                   {"version", "2.1.0"},
                   {"runs", Json::array({run})}};
  return sarif.dump(2) + '\n';
}

std::string to_gitlab(const PlacedReport& report, bool redact) {
  Redaction redaction = redaction_of(report, redact);
  Json all = Json::array();
  std::map<std::string, std::size_t> seen;  // GitLab shows one finding for each fingerprint
  for (const PlacedFinding& one : report.findings) {
    const FindingKind& kind = kind_of(one.finding.id);
    std::string print = fingerprint(one, redaction);
    if (const std::size_t before = seen[print]++; before > 0) print += fmt::format("-{}", before);
    std::string path = shown_file(one.place.file, redaction);
    while (path.starts_with("./")) path.erase(0, 2);
    all.push_back(
        {{"description", fmt::format("{} ({})", redaction.show(one.finding.cause), kind.id)},
         {"check_name", kind.id},
         {"fingerprint", print},
         {"severity", gitlab_severity(kind.severity)},
         {"location", {{"path", path}, {"lines", {{"begin", std::max(one.place.line, 1U)}}}}}});
  }
  return all.dump(2) + '\n';
}

}  // namespace wgscope::render
