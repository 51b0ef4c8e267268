#include "wgscope/diagnosis/report.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/text.hpp"

namespace wgscope::diagnosis {
namespace {

/// The first of that status that says why, or else the first.
const Check* first_of(const Report& report, Status status) {
  const Check* first = nullptr;
  for (const Check& check : report.checks) {
    if (check.status != status || (status == Status::unknown && !check.essential)) continue;
    if (check.finding) return &check;
    if (first == nullptr) first = &check;
  }
  return first;
}

/// Whose words the verdict is in; nullptr: nobody's.
const Check* check_of_verdict(const Report& report) {
  switch (const Status status = overall(report)) {
    case Status::critical:
    case Status::warning: return first_of(report, status);
    case Status::unknown: {
      if (report.interrupted) return nullptr;
      const Check* untold = first_of(report, Status::unknown);
      return untold != nullptr ? untold : first_of(report, Status::warning);
    }
    default: return nullptr;
  }
}

/// Targets inside the tunnel may be many, and a line has room for one of them.
Text count_of_targets(const Report& report, const Check& check) {
  const auto is_target = [](const Check& one) {
    return one.name.starts_with("reach.") && !one.target.empty();
  };
  const auto is_alike = [&](const Check& one) {
    return is_target(one) && one.status == check.status;
  };
  const auto alike = std::ranges::count_if(report.checks, is_alike);
  if (!is_target(check) || alike < 2) return {};
  return text("{} of {} targets inside the tunnel {}, the first: ", alike,
              std::ranges::count_if(report.checks, is_target),
              check.status == Status::unknown
                  ? Words("are unknown")
                  : either(check.status == Status::warning, "are reachable only sometimes",
                           "are not as expected"));
}

}  // namespace

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

std::string_view to_string(FailOn fail_on) {
  switch (fail_on) {
    case FailOn::critical: return "critical";
    case FailOn::warning: return "warning";
    case FailOn::unknown: return "unknown";
  }
  return "";
}

void add_success(const Text& success, Report& report) {
  if (success.empty()) return;
  if (!report.success.empty()) report.success.add("; ");
  report.success.add(success);
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

std::optional<FindingId> worst_finding_id(const Report& report) {
  const Finding* worst = worst_finding(report);
  if (worst == nullptr) return std::nullopt;
  return worst->id;
}

Text verdict(const Report& report) {
  if (overall(report) == Status::ok) return report.success;
  if (const Check* check = check_of_verdict(report))
    return count_of_targets(report, *check)
        .add(check->finding ? check->finding->cause : check->summary);
  return report.interrupted ? Words("interrupted before an answer was known")
                            : Words("nothing could be determined");
}

const Finding* worst_finding(const Report& report) {
  const Check* check = check_of_verdict(report);
  return check != nullptr && check->finding ? &*check->finding : nullptr;
}

}  // namespace wgscope::diagnosis
