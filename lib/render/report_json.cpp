#include <cmath>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/statistics.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/render/findings.hpp"
#include "wgscope/render/layout.hpp"
#include "wgscope/render/redaction.hpp"
#include "wgscope/render/report.hpp"

// docs/report.schema.json says what each property is. What is not known is absent. The number in
// "schema" changes when a property goes or changes its meaning; new ones may come without.

namespace wgscope::render {
namespace {

using Json = nlohmann::ordered_json;
using diagnosis::Text;

constexpr std::string_view kSchema = "wgscope.report/1";

double seconds(Nanoseconds time) { return static_cast<double>(time.count()) / 1e9; }

Json lines(std::span<const Text> texts, Redaction& redaction) {
  Json all = Json::array();
  for (const Text& text : texts) all.push_back(redaction.show(text));
  return all;
}

Json finding(const diagnosis::Check& checked, Redaction& redaction) {
  const diagnosis::Finding& found = *checked.finding;
  const diagnosis::FindingKind& kind = kind_of(found.id);
  Json json{{"id", kind.id},
            {"severity", to_string(severity_of(checked))},
            {"title", kind.title},
            {"cause", redaction.show(found.cause)},
            {"evidence", lines(found.evidence, redaction)},
            {"hypotheses", Json::array()},
            {"fix", lines(found.fix, redaction)},
            {"documentation", findings_link(kind.id)}};
  for (const diagnosis::Hypothesis& hypothesis : found.hypotheses) {
    Json one{{"cause", redaction.show(hypothesis.cause)}};
    if (!hypothesis.check.empty()) one["check"] = redaction.show(hypothesis.check);
    json["hypotheses"].push_back(std::move(one));
  }
  return json;
}

Json check(const diagnosis::Check& checked, Redaction& redaction) {
  Json json{{"name", checked.name},
            {"layer", to_string(checked.layer)},
            {"status", to_string(checked.status)},
            {"essential", checked.essential}};
  if (!checked.target.empty()) json["target"] = redaction.show(checked.target);
  json["summary"] = redaction.show(checked.summary);
  if (checked.finding) json["finding"] = finding(checked, redaction);
  if (checked.skipped_because) json["because"] = kind_of(*checked.skipped_because).id;
  return json;
}

Json labels(std::span<const diagnosis::Label> all, Redaction& redaction) {
  Json json = Json::object();
  for (const diagnosis::Label& label : all)
    json[std::string(label.name)] = redaction.show(label.value);
  return json;
}

Json measurements(const diagnosis::Report& report, Redaction& redaction) {
  Json all = Json::array();
  for (const diagnosis::Measurement& measurement : report.measurements) {
    if (!std::isfinite(measurement.value)) continue;  // JSON has no such numbers
    all.push_back({{"name", measurement.name},
                   {"labels", labels(measurement.labels, redaction)},
                   {"value", measurement.value}});
  }
  return all;
}

Json distributions(const diagnosis::Report& report, Redaction& redaction) {
  Json all = Json::array();
  for (const diagnosis::Distribution& distribution : report.distributions) {
    Json json{{"name", distribution.name},
              {"labels", labels(distribution.labels, redaction)},
              {"count", distribution.samples.size()}};
    if (const auto told = diagnosis::statistics(distribution.samples)) {
      json["min"] = seconds(told->min);
      json["median"] = seconds(told->median);
      json["p95"] = seconds(told->p95);
      json["p99"] = seconds(told->p99);
      json["max"] = seconds(told->max);
      json["mean"] = seconds(told->mean);
    }
    if (const auto jitter = diagnosis::jitter(distribution.samples))
      json["jitter"] = seconds(*jitter);
    json["samples"] = Json::array();
    for (const Nanoseconds sample : distribution.samples)
      json["samples"].push_back(seconds(sample));
    all.push_back(std::move(json));
  }
  return all;
}

Json sent(const diagnosis::Report& report, Redaction& redaction) {
  Json all = Json::array();
  for (const diagnosis::Sent& one : report.sent) {
    Json json{{"to", redaction.show(one.target)}, {"what", one.what}};
    if (one.count) json["count"] = *one.count;
    json["line"] = redaction.show(one.line);
    all.push_back(std::move(json));
  }
  return all;
}

/// Each once, in the order of finding.
Json finding_ids(const diagnosis::Report& report) {
  Json ids = Json::array();
  std::set<std::string_view> seen;
  for (const diagnosis::Check& checked : report.checks) {
    if (!checked.finding) continue;
    const std::string_view id = kind_of(checked.finding->id).id;
    if (seen.insert(id).second) ids.push_back(id);
  }
  return ids;
}

}  // namespace

int exit_code(diagnosis::Status status) {
  switch (status) {
    case diagnosis::Status::ok: return 0;
    case diagnosis::Status::warning: return 1;
    case diagnosis::Status::critical: return 2;
    case diagnosis::Status::unknown:
    case diagnosis::Status::skipped: break;
  }
  return 3;
}

std::string to_json(const diagnosis::Report& report, diagnosis::FailOn fail_on, bool redact) {
  Redaction redaction(redact, report);
  const diagnosis::Status status = overall(report, fail_on);
  Json json{{"schema", kSchema}, {"verb", report.verb}};
  if (!report.target.empty()) json["target"] = redaction.show(report.target);
  json["started"] = timestamp(report.started);
  json["duration_seconds"] = seconds(report.duration);
  json["interrupted"] = report.interrupted;
  json["redacted"] = redact;
  json["fail_on"] = to_string(fail_on);
  json["status"] = to_string(status);
  json["exit_code"] = exit_code(status);
  if (const auto reason = reason_of(report, fail_on)) json["reason"] = to_string(*reason);
  json["verdict"] = redaction.show(verdict(report, fail_on));
  if (const diagnosis::Finding* worst = worst_finding(report, fail_on))
    json["finding"] = kind_of(worst->id).id;
  json["findings"] = finding_ids(report);
  json["checks"] = Json::array();
  for (const diagnosis::Check& checked : report.checks)
    json["checks"].push_back(check(checked, redaction));
  json["measurements"] = measurements(report, redaction);
  json["distributions"] = distributions(report, redaction);
  if (!report.sent.empty()) json["sent"] = sent(report, redaction);
  if (!report.further.empty()) json["further"] = Json::array();
  for (const diagnosis::Further& one : report.further)
    json["further"].push_back(
        {{"about", redaction.show(one.about)}, {"command", redaction.show(one.command)}});
  return json.dump(2) + '\n';
}

}  // namespace wgscope::render
