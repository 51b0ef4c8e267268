#include "wgscope/diagnosis/report.hpp"

#include <algorithm>
#include <string_view>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/text.hpp"

namespace wgscope::diagnosis {

std::string_view to_string(Layer layer) {
  switch (layer) {
    case Layer::configuration: return "configuration";
    case Layer::host: return "host";
    case Layer::name: return "name";
    case Layer::path: return "path";
    case Layer::handshake: return "handshake";
    case Layer::tunnel: return "tunnel";
    case Layer::service: return "service";
  }
  return "";
}

std::string_view to_string(Status status) {
  switch (status) {
    case Status::ok: return "ok";
    case Status::warning: return "warning";
    case Status::critical: return "critical";
    case Status::unknown: return "unknown";
    case Status::skipped: return "skipped";
  }
  return "";
}

Status overall(const Report& report, FailOn fail_on) {
  const auto any = [&](auto&& fits) { return std::ranges::any_of(report.checks, fits); };
  if (any([](const Check& check) { return check.status == Status::critical; }))
    return Status::critical;
  const auto untold = [&](const Check& check) {
    return (check.essential || fail_on == FailOn::unknown) &&
           (check.status == Status::unknown || check.status == Status::skipped);
  };
  if (report.interrupted || report.checks.empty() || any(untold)) return Status::unknown;
  if (fail_on != FailOn::critical &&
      any([](const Check& check) { return check.status == Status::warning; }))
    return Status::warning;
  return Status::ok;
}

const Finding* worst_finding(const Report& report) {
  for (const Status status : {Status::critical, Status::warning, Status::unknown}) {
    for (const Check& check : report.checks) {
      if (check.status == status && check.finding && (status != Status::unknown || check.essential))
        return &*check.finding;
    }
  }
  return nullptr;
}

Text verdict(const Report& report) {
  const Status status = overall(report, FailOn::warning);
  const Finding* worst = worst_finding(report);
  if (status == Status::ok) return report.success;
  if (worst != nullptr && (status == Status::critical || !report.interrupted)) return worst->cause;
  if (report.interrupted) return "interrupted before it was known";
  for (const Check& check : report.checks) {
    if (check.essential && check.status == Status::unknown) return check.summary;
  }
  return "it could not be told";
}

}  // namespace wgscope::diagnosis
